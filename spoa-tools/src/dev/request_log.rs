//! The messages and the answers of each request, printed as one line.

use super::decision::{Decision, Response, decisions};
use crate::terminal::print;
use spoa_config::write::RequestLogging;
use spoa_config::{Agent, Verdict};
use std::collections::HashMap;
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

/// A NOTIFY: its connection, and its ids on that connection.
///
/// ```
/// use spoa_tools::dev::NotifyId;
///
/// let id = NotifyId { connection: 7, stream: 1, frame: 1 };
/// assert_ne!(id, NotifyId { connection: 8, ..id });
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct NotifyId {
    /// The number of the connection.
    pub connection: u64,
    /// The stream-id.
    pub stream: u64,
    /// The frame-id.
    pub frame: u64,
}

/// The NOTIFYs that passed so far.
///
/// ```
/// use spoa_tools::dev::{NotifyId, RequestLog};
///
/// let log = RequestLog::default();
/// let id = NotifyId { connection: 7, stream: 1, frame: 1 };
/// log.notify(id, None, vec!["check ip=192.0.2.7".to_owned()]);
/// // It prints `check ip=192.0.2.7 -> set-var sess.score = 20 (0.1ms)`.
/// log.ack(id, vec!["set-var sess.score = 20".to_owned()]);
/// ```
#[derive(Debug, Default)]
pub struct RequestLog {
    /// The verdicts of each message.
    verdicts: HashMap<String, Vec<Verdict>>,
    state: Mutex<RequestLogState>,
}

#[derive(Debug, Default)]
struct RequestLogState {
    /// NOTIFYs without an ACK.
    open: HashMap<NotifyId, Exchange>,
    /// NOTIFYs with an ACK, by their requests.
    done: HashMap<String, Vec<Exchange>>,
    /// Whether HAProxy is being stopped: its lines about that are not shown.
    closed: bool,
}

/// A NOTIFY and its ACK.
#[derive(Debug)]
struct Exchange {
    begun: Instant,
    /// The request; `None` if HAProxy does not send it.
    request: Option<String>,
    messages: Vec<String>,
    /// The verdicts in the ACK.
    decisions: Vec<Decision>,
    /// The other actions.
    actions: Vec<String>,
    took: Option<Duration>,
}

impl RequestLog {
    /// Makes a log that knows the verdicts of an agent.
    ///
    /// ```
    /// use spoa_config::{Agent, Message, Verdict};
    /// use spoa_tools::dev::{NotifyId, RequestLog};
    ///
    /// let check = Message {
    ///     name: "check".to_owned(),
    ///     verdicts: vec![Verdict::default()],
    ///     ..Message::default()
    /// };
    /// let log = RequestLog::of(&Agent { messages: vec![check], ..Agent::default() });
    /// let id = NotifyId { connection: 7, stream: 1, frame: 1 };
    /// log.notify(id, None, vec!["check".to_owned()]);
    /// // It prints `check -> deny 403 (0.1ms)`.
    /// let actions = ["set-var txn.action = \"deny\"", "set-var txn.status = 403"];
    /// log.ack(id, actions.map(str::to_owned).to_vec());
    /// ```
    #[must_use]
    pub fn of(agent: &Agent) -> Self {
        let messages = agent.messages.iter();
        let verdicts = messages.map(|message| (message.name.clone(), message.verdicts.clone()));
        RequestLog {
            verdicts: verdicts.collect(),
            state: Mutex::default(),
        }
    }

    /// The name of the argument that has the id of the request.
    pub const ARGUMENT: &'static str = RequestLogging::ARGUMENT;

    /// Notes a NOTIFY: the id of its request, and its messages as text.
    pub fn notify(&self, id: NotifyId, request: Option<String>, messages: Vec<String>) {
        let exchange = Exchange {
            begun: Instant::now(),
            request,
            messages,
            decisions: Vec::new(),
            actions: Vec::new(),
            took: None,
        };
        self.state().open.insert(id, exchange);
    }

    /// Notes the actions of an ACK, as text.
    pub fn ack(&self, id: NotifyId, actions: Vec<String>) {
        let mut state = self.state();
        let Some(mut exchange) = state.open.remove(&id) else {
            return;
        };
        exchange.took = Some(exchange.begun.elapsed());
        let names = exchange.messages.iter();
        let names = names.filter_map(|message| message.split(' ').next());
        let verdicts = names.filter_map(|name| self.verdicts.get(name)).flatten();
        (exchange.decisions, exchange.actions) = decisions(verdicts, actions);
        match exchange.request.clone() {
            Some(request) => state.done.entry(request).or_default().push(exchange),
            None => show(&format!("{}\n", exchange.text(None))),
        }
    }

    /// Reads a line that HAProxy printed: a request that is over, or anything else, which is shown.
    pub(super) fn printed(&self, line: &str) {
        if let Some(request) = Request::read(line) {
            let exchanges = self.take(&request.id);
            return show(&format!("{}\n", request.text(&exchanges)));
        }
        // HAProxy prints these lines at every start: nothing has to be done about them.
        let usual = line.contains("[NOTICE]") || line.contains("HAProxy was started as");
        if !usual && !line.is_empty() && !self.state().closed {
            show(&format!("haproxy: {line}\n"));
        }
    }

    /// Notes that HAProxy is being stopped: its lines are not shown from here on.
    pub(super) fn close(&self) {
        self.state().closed = true;
    }

    /// Takes all exchanges of a request that is over.
    fn take(&self, request: &str) -> Vec<Exchange> {
        let mut state = self.state();
        let mut exchanges = state.done.remove(request).unwrap_or_default();
        let open = state.open.iter();
        let late = open.filter(|(_, exchange)| exchange.request.as_deref() == Some(request));
        let late: Vec<_> = late.map(|(key, _)| *key).collect();
        exchanges.extend(late.iter().filter_map(|key| state.open.remove(key)));
        exchanges.sort_by_key(|exchange| exchange.begun);
        exchanges
    }

    fn state(&self) -> MutexGuard<'_, RequestLogState> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Exchange {
    fn text(&self, response: Option<Response>) -> String {
        let messages = self.messages.join(", ");
        let Some(took) = self.took else {
            return format!("{messages} -> no answer");
        };
        let decisions = self.decisions.iter();
        let decisions = decisions.map(|decision| decision.text(response));
        let actions: Vec<_> = decisions.chain(self.actions.iter().cloned()).collect();
        let actions = match actions.as_slice() {
            [] => "nothing".to_owned(),
            actions => actions.join(", "),
        };
        let millis = took.as_secs_f64() * 1000.0;
        format!("{messages} -> {actions} ({millis:.1}ms)")
    }
}

/// A request, as HAProxy logs it in [`RequestLogging::LOG_FORMAT`].
#[derive(Debug, PartialEq, Eq)]
struct Request {
    id: String,
    status: String,
    ended: String,
    millis: String,
    error: String,
    method: String,
    uri: String,
}

impl Request {
    fn read(line: &str) -> Option<Self> {
        let rest = line.strip_prefix(RequestLogging::LOG_FORMAT.split(' ').next()?)?;
        let mut words = rest.strip_prefix(' ')?.splitn(7, ' ').map(str::to_owned);
        Some(Request {
            id: words.next()?,
            status: words.next()?,
            ended: words.next()?,
            millis: words.next()?,
            error: words.next()?,
            method: words.next()?,
            uri: words.next()?,
        })
    }

    fn text(&self, exchanges: &[Exchange]) -> String {
        let Request {
            status,
            ended,
            millis,
            method,
            uri,
            ..
        } = self;
        // The first of the two letters says who ended the request (HAProxy's manual, "Session state").
        let by = match ended.get(..1) {
            Some("P" | "L") => " by HAProxy",
            Some("C" | "c") => " as the client left",
            _ => "",
        };
        let response = Response {
            status: status.parse().unwrap_or(0),
            by_haproxy: by == " by HAProxy",
        };
        let mut text = format!("{method} {uri} {status}{by} {millis}ms");
        if exchanges.is_empty() {
            text.push_str(" | nothing was sent");
        }
        for exchange in exchanges {
            text.push_str(&format!(" | {}", exchange.text(Some(response))));
        }
        match self.error.as_str() {
            "-" => {}
            "1" => text.push_str(" | HAProxy got no answer in time (1)"),
            error => text.push_str(&format!(
                " | HAProxy got no answer ({error}: `explain {error}` says why)"
            )),
        }
        text
    }
}

/// Prints a line. The program goes on where nobody reads it.
fn show(text: &str) {
    let _ = print(text);
}

#[cfg(test)]
mod tests {
    use super::*;

    const ID: NotifyId = NotifyId {
        connection: 7,
        stream: 1,
        frame: 1,
    };

    fn asked(log: &RequestLog, request: &str, message: &str) {
        log.notify(ID, Some(request.to_owned()), vec![message.to_owned()]);
    }

    #[test]
    fn a_request_and_its_exchanges_are_one_line() {
        let log = RequestLog::default();
        asked(&log, "5", "check ip=\"192.0.2.7\"");
        log.ack(ID, vec!["set-var sess.score = 20".to_owned()]);
        let request = Request::read("spoa-dev 5 403 PR 3 - GET /a b?c").unwrap();
        let mut exchanges = log.take(&request.id);
        exchanges[0].took = Some(Duration::from_micros(1234));
        assert_eq!(
            request.text(&exchanges),
            "GET /a b?c 403 by HAProxy 3ms | check ip=\"192.0.2.7\" -> set-var sess.score = 20 (1.2ms)"
        );
        assert!(log.take(&request.id).is_empty());
    }

    #[test]
    fn a_notify_without_an_answer_is_shown() {
        let log = RequestLog::default();
        asked(&log, "6", "check");
        let request = Request::read("spoa-dev 6 200 -- 500 1 GET /").unwrap();
        assert_eq!(
            request.text(&log.take("6")),
            "GET / 200 500ms | check -> no answer | HAProxy got no answer in time (1)"
        );
        assert_eq!(
            request.text(&log.take("6")),
            "GET / 200 500ms | nothing was sent | HAProxy got no answer in time (1)"
        );
    }

    #[test]
    fn other_log_lines_are_not_taken_for_requests() {
        assert_eq!(Request::read("SPOE: [agent] st=1"), None);
        assert_eq!(Request::read("spoa-dev 5 403"), None);
    }
}
