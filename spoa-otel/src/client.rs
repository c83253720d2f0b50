//! Sends the requests of the exporter, on the exporter's own thread.

use crate::counts::Counts;
use http_body_util::{BodyExt, Full, Limited};
use hyper_util::client::legacy::Client as Pool;
use hyper_util::client::legacy::connect::HttpConnector;
use hyper_util::rt::TokioExecutor;
use opentelemetry_http::{Bytes, HttpClient, HttpError, Request, Response};
use opentelemetry_proto::tonic::collector::trace::v1::ExportTraceServiceResponse;
use prost::Message;
use std::error::Error;
use std::sync::Arc;
use std::time::Duration;
use tokio::runtime::Runtime;

/// The largest number of characters of a receiver's text in the log.
const MAX_TEXT: usize = 200;

/// The largest answer that is read, in bytes. An answer has a number and a text.
const MAX_ANSWER: usize = 1 << 16;

#[cfg(not(feature = "tls"))]
type Connector = HttpConnector;
#[cfg(feature = "tls")]
type Connector = hyper_rustls::HttpsConnector<HttpConnector>;

#[cfg(not(feature = "tls"))]
#[allow(clippy::unnecessary_wraps, reason = "it fails with the feature `tls`")]
fn connector() -> std::io::Result<Connector> {
    Ok(HttpConnector::new())
}

#[cfg(feature = "tls")]
fn connector() -> std::io::Result<Connector> {
    let https = hyper_rustls::HttpsConnectorBuilder::new().with_native_roots()?;
    Ok(https.https_or_http().enable_http1().build())
}

/// A client whose requests take no longer than a timeout.
#[derive(Debug)]
pub(crate) struct Client {
    /// The runtime of the requests. It runs only while one is sent, since the exporter's thread has no runtime.
    runtime: Runtime,
    http: Pool<Connector, Full<Bytes>>,
    timeout: Duration,
    counts: Arc<Counts>,
}

impl Client {
    pub(crate) fn new(timeout: Duration, counts: Arc<Counts>) -> std::io::Result<Self> {
        let mut runtime = tokio::runtime::Builder::new_current_thread();
        let mut http = Pool::builder(TokioExecutor::new());
        // Nothing polls between two requests, so a pooled connection would not notice that its peer has closed it.
        http.pool_max_idle_per_host(0);
        Ok(Client {
            runtime: runtime.enable_all().build()?,
            http: http.build(connector()?),
            timeout,
            counts,
        })
    }

    async fn send(&self, request: Request<Bytes>) -> Result<Response<Bytes>, HttpError> {
        let response = self.http.request(request.map(Full::new)).await?;
        let (head, body) = response.into_parts();
        let body = Limited::new(body, MAX_ANSWER).collect().await?.to_bytes();
        Ok(Response::from_parts(head, body))
    }
}

#[async_trait::async_trait]
impl HttpClient for Client {
    async fn send_bytes(&self, request: Request<Bytes>) -> Result<Response<Bytes>, HttpError> {
        let host = request.uri().host().unwrap_or_default().to_owned();
        let host = match request.uri().port_u16() {
            Some(port) => format!("{host}:{port}"),
            None => host,
        };
        let sent = self
            .runtime
            .block_on(async { tokio::time::timeout(self.timeout, self.send(request)).await });
        let all = u64::MAX;
        match &sent {
            Err(_) => {
                let timeout = self.timeout;
                self.counts
                    .problem(format!("{host} did not answer within {timeout:?}"), all);
            }
            Ok(Err(error)) => self
                .counts
                .problem(format!("{host}: {}", text(&**error)), all),
            Ok(Ok(response)) if !response.status().is_success() => {
                self.counts
                    .problem(format!("{host} answered {}", response.status()), all);
            }
            Ok(Ok(response)) => match ExportTraceServiceResponse::decode(response.body().clone()) {
                Ok(answer) => match answer.partial_success {
                    Some(partial) if partial.rejected_spans > 0 => {
                        let rejected = partial.rejected_spans.unsigned_abs();
                        // The receiver can send any text, so the log gets it escaped and cut.
                        let why: String = partial
                            .error_message
                            .escape_debug()
                            .take(MAX_TEXT)
                            .collect();
                        self.counts
                            .problem(format!("{host} rejected them: {why}"), rejected);
                    }
                    _ => self.counts.no_problem(),
                },
                Err(_) => {
                    let problem = format!(
                        "{host} does not answer as a receiver of OTLP does; check the endpoint"
                    );
                    self.counts.problem(problem, all);
                }
            },
        }
        sent?
    }
}

/// Returns the texts of an error and its causes. They do not contain values of a request.
fn text(error: &(dyn Error + 'static)) -> String {
    let causes = std::iter::successors(Some(error), |&error| error.source());
    let texts: Vec<_> = causes.map(ToString::to_string).collect();
    texts.join(": ")
}
