//! The HTTP server: the answer to each request, and the time that a client may take.

use super::history::History;
use super::{metrics, page, stats_json};
use crate::agent::{Accepted, Address, Error, Listener, Monitor, Phase, Stats};
use http_body_util::Full;
use hyper::body::{Bytes, Incoming};
use hyper::header::{
    ACCEPT, ALLOW, CACHE_CONTROL, CONTENT_TYPE, HeaderValue, X_CONTENT_TYPE_OPTIONS,
};
use hyper::server::conn::http1;
use hyper::service::service_fn;
use hyper::{Method, Request, Response, StatusCode};
use hyper_util::rt::{TokioIo, TokioTimer};
use std::collections::VecDeque;
use std::convert::Infallible;
use std::future::{pending, poll_fn};
use std::pin::pin;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::sync::Semaphore;
use tokio::task::{AbortHandle, JoinSet, yield_now};
use tokio::time::{sleep, timeout};

/// The limit on connections. One more closes the oldest, so that idle clients do not keep a health check out.
const MAX_CONNECTIONS: usize = 32;

/// The time in which a client must send the head of a request.
const HEAD_TIMEOUT: Duration = Duration::from_secs(5);

/// The time after which a connection is closed: a client that reads slowly does not keep it.
const CONNECTION_TIMEOUT: Duration = Duration::from_secs(60);

/// The pause after an accept that failed.
const PAUSE: Duration = Duration::from_millis(100);

/// The limit on the bytes of a request's head.
const HEAD_SIZE: usize = 16 << 10;

const TEXT: &str = "text/plain; charset=utf-8";

/// An HTTP server for metrics, health and a page about agents: see the [module](crate::admin).
///
/// At most 32 connections are open, each for at most a minute, and a client has five seconds for the head of a
/// request. One more connection closes the oldest.
#[derive(Debug)]
pub struct Admin {
    listener: Listener,
    handlers: Option<String>,
    ready_needs_fresh_values: bool,
}

impl Admin {
    /// Binds an address, in the notation of [`Address`]. It must be called within a tokio runtime.
    ///
    /// # Errors
    /// An [`Error`] that says what to do.
    pub fn bind(address: impl AsRef<str>) -> Result<Self, Error> {
        let address: Address = address.as_ref().parse()?;
        Ok(Admin {
            listener: Listener::bind(&address)?,
            handlers: None,
            ready_needs_fresh_values: false,
        })
    }

    /// Sets the text of `/handlers`.
    #[must_use]
    pub fn handlers_page(mut self, text: impl Into<String>) -> Self {
        self.handlers = Some(text.into());
        self
    }

    /// Makes `/readyz` answer 503 also while a value is old because its last reload failed. By default such an agent is
    /// ready: it answers with the old value.
    #[must_use]
    pub fn ready_needs_fresh_values(mut self, needs: bool) -> Self {
        self.ready_needs_fresh_values = needs;
        self
    }

    /// Returns the address that the server listens on, with the port that the system chose if 0 was given.
    #[must_use]
    pub fn address(&self) -> &str {
        self.listener.address()
    }

    /// Serves until it is dropped. The connections end with it.
    pub async fn serve(self, agents: impl IntoIterator<Item = Monitor>) {
        self.serve_until(agents, pending()).await;
    }

    /// Serves until `end` is done, and waits for the end of the connections.
    pub(crate) async fn serve_until(
        self,
        agents: impl IntoIterator<Item = Monitor>,
        end: impl Future<Output = ()>,
    ) {
        let site = Arc::new(AdminContent {
            agents: agents.into_iter().collect(),
            handlers: self.handlers,
            ready_needs_fresh_values: self.ready_needs_fresh_values,
            history: Mutex::default(),
            turn: Semaphore::new(1),
        });
        let mut connections = JoinSet::new();
        let mut open = VecDeque::<AbortHandle>::with_capacity(MAX_CONNECTIONS);
        let mut end = pin!(end);
        loop {
            let accepted = tokio::select! {
                () = &mut end => break,
                accepted = poll_fn(|cx| self.listener.poll_accept(cx)) => accepted,
                Some(_) = connections.join_next() => continue,
            };
            let Ok(accepted) = accepted else {
                sleep(PAUSE).await;
                continue;
            };
            open.retain(|connection| !connection.is_finished());
            if open.len() == MAX_CONNECTIONS {
                if let Some(oldest) = open.pop_front() {
                    oldest.abort();
                }
            }
            let site = site.clone();
            open.push_back(connections.spawn(async move {
                match accepted {
                    Accepted::Tcp(stream, _) => converse(stream, site).await,
                    Accepted::Unix(stream, _) => converse(stream, site).await,
                }
            }));
        }
        connections.shutdown().await;
    }
}

/// Answers the requests of one connection.
async fn converse<S>(stream: S, site: Arc<AdminContent>)
where
    S: AsyncRead + AsyncWrite + Unpin + 'static,
{
    let answer = service_fn(move |request| {
        let site = site.clone();
        async move {
            // A client may send many requests at once, whose answers would come one after the other without a pause.
            yield_now().await;
            let _turn = site.turn.acquire().await;
            Ok::<_, Infallible>(site.answer(&request))
        }
    });
    let connection = http1::Builder::new()
        .timer(TokioTimer::new())
        .header_read_timeout(HEAD_TIMEOUT)
        .max_buf_size(HEAD_SIZE)
        .serve_connection(TokioIo::new(stream), answer);
    // The client is gone, or was too slow: there is nobody to tell.
    let _ = timeout(CONNECTION_TIMEOUT, connection).await;
}

/// The content of the server.
#[derive(Debug)]
struct AdminContent {
    agents: Vec<Monitor>,
    handlers: Option<String>,
    ready_needs_fresh_values: bool,
    history: Mutex<History>,
    /// The lock that is held while an answer is made. So all clients together keep at most one worker thread from messages.
    turn: Semaphore,
}

impl AdminContent {
    fn answer(&self, request: &Request<Incoming>) -> Response<Full<Bytes>> {
        let method = request.method();
        if method != Method::GET && method != Method::HEAD {
            let status = StatusCode::METHOD_NOT_ALLOWED;
            let mut response = text(status, "only GET and HEAD\n");
            let allowed = HeaderValue::from_static("GET, HEAD");
            response.headers_mut().insert(ALLOW, allowed);
            return response;
        }
        match request.uri().path() {
            "/" => respond(StatusCode::OK, "text/html; charset=utf-8", self.page()),
            "/metrics" => self.metrics(request),
            "/healthz" | "/livez" => text(StatusCode::OK, "ok\n"),
            "/readyz" => self.ready(),
            "/stats.json" => {
                let written = stats_json::write(&self.stats());
                respond(StatusCode::OK, "application/json", written)
            }
            "/handlers" => match &self.handlers {
                Some(handlers) => text(StatusCode::OK, handlers),
                None => text(
                    StatusCode::NOT_FOUND,
                    "this program has no page about its handlers\n",
                ),
            },
            _ => text(
                StatusCode::NOT_FOUND,
                "there are /, /metrics, /healthz, /readyz, /stats.json and /handlers\n",
            ),
        }
    }

    /// The numbers of all agents, also for the sparklines.
    fn stats(&self) -> Vec<Stats> {
        let all: Vec<_> = self.agents.iter().map(Monitor::stats).collect();
        self.history().take(&all, Instant::now());
        all
    }

    fn metrics(&self, request: &Request<Incoming>) -> Response<Full<Bytes>> {
        let accept = request.headers().get_all(ACCEPT).iter();
        let accept: Vec<_> = accept.filter_map(|value| value.to_str().ok()).collect();
        let format = metrics::Format::asked_for(&accept.join(","));
        match metrics::write(self.stats(), format) {
            Ok(written) => respond(StatusCode::OK, format.media_type(), written),
            Err(_) => text(
                StatusCode::INTERNAL_SERVER_ERROR,
                "a metric cannot be shown\n",
            ),
        }
    }

    fn page(&self) -> String {
        let all = self.stats();
        page::write(&all, &self.history(), self.handlers.is_some())
    }

    fn history(&self) -> std::sync::MutexGuard<'_, History> {
        self.history.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn ready(&self) -> Response<Full<Bytes>> {
        let all: Vec<_> = self.agents.iter().map(Monitor::stats).collect();
        let problem = |stats: &Stats| match stats.stale_values {
            _ if stats.phase != Phase::Serving => {
                Some(format!("agent {} is {}\n", stats.agent, stats.phase))
            }
            1.. if self.ready_needs_fresh_values => Some(format!(
                "agent {} uses old values: a reload failed, and its log says why\n",
                stats.agent
            )),
            _ => None,
        };
        match all.iter().find_map(problem) {
            None => text(StatusCode::OK, "ready\n"),
            Some(said) => text(StatusCode::SERVICE_UNAVAILABLE, said),
        }
    }
}

fn text(status: StatusCode, text: impl Into<String>) -> Response<Full<Bytes>> {
    respond(status, TEXT, text.into())
}

fn respond(status: StatusCode, media_type: &'static str, text: String) -> Response<Full<Bytes>> {
    let mut response = Response::new(Full::new(Bytes::from(text)));
    *response.status_mut() = status;
    let headers = response.headers_mut();
    headers.insert(CONTENT_TYPE, HeaderValue::from_static(media_type));
    headers.insert(CACHE_CONTROL, HeaderValue::from_static("no-store"));
    headers.insert(X_CONTENT_TYPE_OPTIONS, HeaderValue::from_static("nosniff"));
    response
}
