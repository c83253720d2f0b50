//! An agent that keeps what its handlers see, behind a HAProxy that takes both versions of HTTP.

use spoa::handler::{Definition, State};
use spoa::http::{Body, Completeness, Cookies, Headers, Host, Method, Path, Query};
use spoa::prelude::*;
use spoa_tests::{Background, Config, Haproxy, Message, Port, Proxy};
use std::net::SocketAddr;
use std::sync::{Arc, Mutex};

pub(crate) type Pairs = Vec<(Vec<u8>, Vec<u8>)>;

/// A request as a handler saw it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Seen {
    pub(crate) method: String,
    pub(crate) path: Option<Vec<u8>>,
    pub(crate) query: Option<Vec<u8>>,
    pub(crate) headers: Pairs,
    pub(crate) cookies: Pairs,
    pub(crate) host: Option<String>,
    pub(crate) body: Vec<u8>,
    pub(crate) completeness: Completeness,
}

pub(crate) type Log = Arc<Mutex<(Vec<Seen>, Vec<Pairs>)>>;

#[spoe_message("request", event = "on-frontend-http-request")]
#[allow(clippy::too_many_arguments)]
pub(crate) fn request(
    method: Method<'_>,
    path: Option<Path<'_>>,
    query: Option<Query<'_>>,
    headers: Headers<'_>,
    cookies: Cookies<'_>,
    host: Option<Host<'_>>,
    body: Body<'_>,
    log: State<'_, Log>,
) {
    log.lock().unwrap().0.push(Seen {
        method: method.to_string(),
        path: path.map(|path| path.as_bytes().to_vec()),
        query: query.map(|query| query.as_bytes().to_vec()),
        headers: pairs(headers),
        cookies: cookies
            .iter()
            .map(|(n, v)| (n.to_vec(), v.to_vec()))
            .collect(),
        host: host.map(|host| host.to_string()),
        body: body.bytes().to_vec(),
        completeness: body.completeness(),
    });
}

/// The other encoding, in a message of its own: both would not fit.
#[spoe_message("text", event = "on-backend-http-request")]
fn text(#[arg(sample = "req.hdrs")] headers: Headers<'_>, log: State<'_, Log>) {
    log.lock().unwrap().1.push(pairs(headers));
}

pub(crate) fn pairs(headers: Headers<'_>) -> Pairs {
    headers
        .iter()
        .map(|(n, v)| (n.to_vec(), v.to_vec()))
        .collect()
}

/// A message as the handler describes itself.
pub(crate) fn message(definition: &Definition) -> Message {
    let description = definition.description();
    let args = description.arguments.iter().map(|argument| {
        let name = argument.name.expect("it is taken by its name");
        let sample = argument.sample.expect("its type names a sample");
        format!("{name}={sample}")
    });
    let args = args.collect::<Vec<_>>().join(" ");
    let name = definition.message_name().expect("it is not the fallback");
    Message::new(name)
        .args(&args)
        .event(definition.event().expect("it has an event"))
}

/// A HAProxy with the agent.
pub(crate) struct Stage {
    pub(crate) proxy: Proxy,
    pub(crate) h2: SocketAddr,
    pub(crate) log: Log,
    _agent: Background,
    _port: Port,
}

impl Stage {
    pub(crate) fn new(haproxy: &Haproxy) -> Stage {
        let log = Log::default();
        let state = Arc::clone(&log);
        let agent =
            Background::agent(|agent| agent.handlers(handlers![request, text]).state(state));
        let port = Port::free();
        let h2 = port.addr();
        let mut config = Config::new(agent.addr())
            .global("tune.http.maxhdr 300")
            .defaults("option http-buffer-request")
            .defaults("timeout http-request 5s")
            .frontend(&format!("bind {h2} proto h2"));
        for [handler] in [handlers![request], handlers![text]] {
            config = config.message(message(handler));
        }
        Stage {
            proxy: config.start(haproxy),
            h2,
            log,
            _agent: agent,
            _port: port,
        }
    }

    /// Returns the requests that were seen since the last call: each request once by each message.
    pub(crate) fn take(&self, what: &str) -> (Seen, Pairs) {
        let (mut seen, mut texts) = std::mem::take(&mut *self.log.lock().unwrap());
        let found = (seen.len(), texts.len());
        match (seen.pop(), texts.pop()) {
            (Some(seen), Some(text)) if found == (1, 1) => (seen, text),
            _ => panic!(
                "{what}: the messages came {found:?} times\n{:?}",
                self.proxy.logs()
            ),
        }
    }
}
