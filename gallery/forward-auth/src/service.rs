//! The service that decides.

use crate::Options;
use crate::cache::Cache;
use http_body_util::{BodyExt, Empty, Limited};
use hyper::body::Bytes;
use hyper::header::{HeaderMap, HeaderName, HeaderValue};
use hyper::{Request, StatusCode, Uri};
use hyper_util::client::legacy::{Client, connect::HttpConnector};
use hyper_util::rt::TokioExecutor;
use spoa::agent::Dependency;
use std::error::Error;
use std::time::{Duration, Instant};

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

/// The service, with a pool of connections, and its last answers.
pub struct Service {
    client: Client<HttpConnector, Empty<Bytes>>,
    address: Uri,
    dependency: Dependency,
    cache: Cache,
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
            cache: Cache::new(options.cache, options.cache_entries),
        })
    }

    /// Returns the answer about a request, and where it came from. There is no answer if the service is away.
    pub async fn ask(&self, question: &Question) -> (&'static str, Option<Answer>) {
        if let Some(answer) = self.cache.get(question, Instant::now()) {
            return ("cache", Some(answer));
        }
        let Some(answer) = self.dependency.ask(self.send(question)).await else {
            return ("none", None);
        };
        self.cache.put(question, &answer, Instant::now());
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
