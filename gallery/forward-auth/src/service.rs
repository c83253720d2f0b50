//! The service that decides.

use crate::{Access, Options};
use http_body_util::{BodyExt, Limited};
use hyper::{HeaderMap, Request, Response};
use hyper_util::client::legacy::{Client, connect::HttpConnector};
use hyper_util::rt::TokioExecutor;
use spoa::HandlerError;
use spoa::agent::{Cache, Dependency};
use spoa::http::Verdict;
use std::time::Duration;

/// The largest body of an answer. Only its end matters: a connection is used again after it.
const MAX_BODY: usize = 64 << 10;

/// The longest key in the cache. With the default of `--cache-entries`, all keys have at most 80 MB.
const MAX_KEY: usize = 8 << 10;

/// The service, with a pool of connections, and the verdicts of its last answers.
pub struct Service {
    client: Client<HttpConnector, String>,
    pub dependency: Dependency,
    pub cache: Cache<Box<[u8]>, Verdict<Access>>,
}

impl Service {
    /// Makes the client. It connects when the first request comes, so that an agent starts without the service.
    pub fn new(options: &Options) -> Result<Self, &'static str> {
        if options.service_timeout > Duration::from_secs(2) {
            return Err("option `--service-timeout`: at most 2s, since the handler has 3s");
        }
        if options.service.scheme_str() != Some("http") {
            return Err("option `--service`: expected an address that begins with `http://`");
        }
        let (timeout, pause) = (options.service_timeout, options.service_retry);
        Ok(Service {
            client: Client::builder(TokioExecutor::new()).build_http(),
            dependency: Dependency::new("the service", timeout, pause),
            cache: Cache::new(options.cache_entries, options.cache),
        })
    }

    /// Sends a question, and returns the answer without its body.
    pub async fn send(&self, question: Request<String>) -> Result<Response<()>, HandlerError> {
        let response = match self.client.request(question.clone()).await {
            // The service may have closed an unused connection at this moment.
            Err(error) if !error.is_connect() => self.client.request(question).await?,
            sent => sent?,
        };
        let (head, body) = response.into_parts();
        Limited::new(body, MAX_BODY).collect().await?;
        Ok(Response::from_parts(head, ()))
    }
}

/// Returns the headers of a question as bytes. Values have no line ends, so other headers have another key.
pub fn cache_key(headers: &HeaderMap) -> Box<[u8]> {
    let mut key = Vec::new();
    for (name, value) in headers {
        key.extend([name.as_str().as_bytes(), b":", value.as_bytes(), b"\n"].concat());
    }
    key.into()
}

/// Returns whether an answer is kept for equal requests: it decides, is not for one client or one moment, and its
/// key is short.
pub fn counts_again(key: &[u8], answer: &Response<()>) -> bool {
    let decides = matches!(answer.status().as_u16(), 200..300 | 401 | 403);
    let has = |name| answer.headers().contains_key(name);
    decides && !has("set-cookie") && !has("cache-control") && key.len() <= MAX_KEY
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn different_questions_have_different_keys() {
        let key = |lines: &[(&str, &str)]| {
            let mut question = Request::get("/");
            for (name, value) in lines {
                question = question.header(*name, *value);
            }
            cache_key(question.body(()).unwrap().headers())
        };
        let keys = [
            key(&[]),
            key(&[("cookie", "a:b")]),
            key(&[("cookie", "a"), ("cookie", "b")]),
            key(&[("cookie", "b"), ("cookie", "a")]),
            key(&[("cookie", "a"), ("b", "")]),
            key(&[("cookie", "acookie:b")]),
        ];
        for (at, one) in keys.iter().enumerate() {
            assert!(!keys[at + 1..].contains(one), "{at}");
        }
    }

    #[test]
    fn decisions_about_a_single_request_are_not_reused() {
        let counts = |status: u16, name, value| {
            let answer = Response::builder().status(status).header(name, value);
            counts_again(b"cookie:a\n", &answer.body(()).unwrap())
        };
        for status in [200, 204, 401, 403] {
            assert!(counts(status, "server", "nginx"), "{status}");
            assert!(!counts(status, "set-cookie", "a=b"), "{status}");
            assert!(!counts(status, "cache-control", "no-store"), "{status}");
        }
        for status in [302, 404, 500, 503] {
            assert!(!counts(status, "server", "nginx"), "{status}");
        }
        let answer = Response::new(());
        assert!(counts_again(&[0; MAX_KEY], &answer));
        assert!(!counts_again(&[0; MAX_KEY + 1], &answer));
    }
}
