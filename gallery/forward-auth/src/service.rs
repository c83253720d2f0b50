//! The service that decides.

use crate::Options;
use http_body_util::{BodyExt, Empty, Limited};
use hyper::body::Bytes;
use hyper::header::{HeaderMap, HeaderName, HeaderValue};
use hyper::{Request, StatusCode, Uri};
use hyper_util::client::legacy::{Client, connect::HttpConnector};
use hyper_util::rt::TokioExecutor;
use spoa::agent::{Cache, Dependency};
use std::error::Error;
use std::hash::{BuildHasher, RandomState};
use std::time::Duration;

/// The largest body of an answer. Only its end matters: a connection is used again after it.
const MAX_BODY: usize = 64 << 10;

/// The headers that tell the service about a request.
pub type Question = [(HeaderName, HeaderValue)];

/// An answer of the service.
#[derive(Clone)]
pub struct Answer {
    pub status: StatusCode,
    pub headers: HeaderMap,
}

impl Answer {
    /// Returns whether the answer is valid for equal requests too: it decides, and is not for one client or one moment.
    fn counts_again(&self) -> bool {
        let control = self.headers.get("cache-control");
        let no_store = control.is_some_and(|value| value.as_bytes().starts_with(b"no-store"));
        let decides = matches!(self.status.as_u16(), 200..300 | 401 | 403);
        decides && !no_store && !self.headers.contains_key("set-cookie")
    }
}

/// The service, with a pool of connections, and its last answers.
pub struct Service {
    client: Client<HttpConnector, Empty<Bytes>>,
    address: Uri,
    dependency: Dependency,
    /// Two hashes with secret keys, so that a client cannot find a question with the key of another one.
    hashers: [RandomState; 2],
    cache: Cache<[u64; 2], Answer>,
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
            address: options.service.clone(),
            dependency: Dependency::new("the service", timeout, pause),
            hashers: Default::default(),
            cache: Cache::new(options.cache_entries, options.cache),
        })
    }

    /// Returns the answer about a request, and where it came from. There is no answer if the service is away.
    pub async fn ask(&self, question: &Question) -> (&'static str, Option<Answer>) {
        let key = self
            .hashers
            .each_ref()
            .map(|hasher| hasher.hash_one(question));
        if let Some(answer) = self.cache.get(&key) {
            return ("cache", Some(answer));
        }
        let Some(answer) = self.dependency.ask(self.send(question)).await else {
            return ("none", None);
        };
        if answer.counts_again() {
            self.cache.put(key, answer.clone());
        }
        ("service", Some(answer))
    }

    async fn send(&self, question: &Question) -> Result<Answer, Box<dyn Error + Send + Sync>> {
        let mut request = Request::get(self.address.clone()).body(Empty::new())?;
        request.headers_mut().extend(question.iter().cloned());
        let response = match self.client.request(request.clone()).await {
            // The service may have closed an unused connection at this moment.
            Err(error) if !error.is_connect() => self.client.request(request).await?,
            sent => sent?,
        };
        let (head, body) = response.into_parts();
        Limited::new(body, MAX_BODY).collect().await?;
        Ok(Answer {
            status: head.status,
            headers: head.headers,
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn decisions_about_a_single_request_are_not_reused() {
        let answer = |status: u16, name, value| Answer {
            status: status.try_into().unwrap(),
            headers: [(
                HeaderName::from_static(name),
                HeaderValue::from_static(value),
            )]
            .into_iter()
            .collect(),
        };
        for status in [200, 204, 401, 403] {
            assert!(answer(status, "server", "nginx").counts_again(), "{status}");
            assert!(
                !answer(status, "set-cookie", "a=b").counts_again(),
                "{status}"
            );
            assert!(
                !answer(status, "cache-control", "no-store").counts_again(),
                "{status}"
            );
        }
        for status in [302, 404, 500] {
            assert!(
                !answer(status, "server", "nginx").counts_again(),
                "{status}"
            );
        }
    }
}
