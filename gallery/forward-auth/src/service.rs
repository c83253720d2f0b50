//! The service that decides.

use crate::{Access, Options};
use http_body_util::{BodyExt, LengthLimitError, Limited};
use hyper::{HeaderMap, Request, Response, header::HeaderName};
use hyper_util::client::legacy::{Client, connect::HttpConnector};
use hyper_util::rt::TokioExecutor;
use spoa::HandlerError;
use spoa::agent::{Cache, Dependency};

/// The largest body of an answer. Only its end matters: a connection is used again after it.
const MAX_BODY: usize = 64 << 10;

/// The longest key in the cache. With the default of `--cache-entries`, all keys have at most 82 MB.
const MAX_KEY: usize = 8 << 10;

/// The service, with a pool of connections, and the verdicts of its last answers.
pub struct Service {
    client: Client<HttpConnector, String>,
    pub dependency: Dependency,
    pub cache: Cache<Box<[u8]>, spoa::http::Verdict<Access>>,
}

impl Service {
    /// Makes the client. It connects when the first request comes, so that an agent starts without the service.
    pub fn new(options: &Options) -> Result<Self, &'static str> {
        if options.service_timeout > std::time::Duration::from_secs(2) {
            return Err("option `--service-timeout`: at most 2s, since the handler has 3s");
        }
        if options.service.scheme_str() != Some("http") {
            return Err("option `--service`: expected an address that begins with `http://`");
        }
        let forged = |name: &HeaderName| name.as_str().starts_with("x-forwarded-");
        if options.pass.iter().any(forged) {
            return Err("option `--pass`: the agent sets the headers `x-forwarded-…` itself");
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
        let read = Limited::new(body, MAX_BODY).collect().await.map(drop);
        // The head decides. After a longer body, the connection is closed.
        read.or_else(|error| error.downcast::<LengthLimitError>().map(drop))?;
        Ok(Response::from_parts(head, ()))
    }
}

/// Returns the headers of a question as bytes. Different headers have different keys, since values have no line ends.
pub fn cache_key(headers: &HeaderMap) -> Box<[u8]> {
    let mut key = Vec::new();
    for (name, value) in headers {
        key.extend([name.as_str().as_bytes(), b":", value.as_bytes(), b"\n"].concat());
    }
    key.into()
}

/// Returns whether an answer may be used for equal requests. It must be a decision, must not be for one client or one
/// moment, and must have a short key.
pub fn may_be_kept(key: &[u8], answer: &Response<()>) -> bool {
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
            may_be_kept(b"cookie:a\n", &answer.body(()).unwrap())
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
        assert!(may_be_kept(&[0; MAX_KEY], &answer));
        assert!(!may_be_kept(&[0; MAX_KEY + 1], &answer));
    }
}
