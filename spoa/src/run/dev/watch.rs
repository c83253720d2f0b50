//! What was asked and answered for each request, put together and printed as a line.
//!
//! It must not know where it comes from: frames are the tap's, lines of HAProxy's log the proxy's.

use crate::run::show;
use crate::spop::{ActionIter, FrameIds, Message, Messages, Value};
use spoa_config::write::Watch as Watched;
use std::collections::HashMap;
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

/// The longest value that is shown, in characters.
const LONGEST: usize = 60;

/// A NOTIFY: its connection and its ids there.
type Key = (u64, FrameIds);

/// What was seen so far.
#[derive(Debug, Default)]
pub(super) struct Watch(Mutex<State>);

#[derive(Debug, Default)]
struct State {
    /// NOTIFYs without an answer.
    open: HashMap<Key, Exchange>,
    /// Those answered, by the request they are about.
    done: HashMap<String, Vec<Exchange>>,
    /// HAProxy is being stopped: what it says of that is no news.
    closed: bool,
}

/// A NOTIFY and its answer.
#[derive(Debug)]
struct Exchange {
    begun: Instant,
    /// The request it is about; `None` if HAProxy was not told to say so.
    request: Option<String>,
    messages: Vec<String>,
    actions: Vec<String>,
    took: Option<Duration>,
}

impl Watch {
    /// HAProxy sent a NOTIFY.
    pub(super) fn asked(&self, key: Key, payload: &[u8]) {
        let Ok(messages) = Messages::parse(payload) else {
            return;
        };
        let mut request = None;
        let messages = messages.iter().map(|message| {
            if let Some(Value::String(id)) = message.get(Watched::ARGUMENT) {
                request = Some(String::from_utf8_lossy(id).into_owned());
            }
            shown(&message)
        });
        let messages = messages.collect();
        let exchange = Exchange {
            begun: Instant::now(),
            request,
            messages,
            actions: Vec::new(),
            took: None,
        };
        self.state().open.insert(key, exchange);
    }

    /// The agent answered one.
    pub(super) fn answered(&self, key: Key, payload: &[u8]) {
        let mut state = self.state();
        let Some(mut exchange) = state.open.remove(&key) else {
            return;
        };
        exchange.took = Some(exchange.begun.elapsed());
        let actions = ActionIter::new(payload).map_while(Result::ok);
        exchange.actions = actions.map(|action| short(&action.to_string())).collect();
        match exchange.request.clone() {
            Some(request) => state.done.entry(request).or_default().push(exchange),
            None => show(&format!("{}\n", exchange.text())),
        }
    }

    /// HAProxy printed a line.
    pub(super) fn said(&self, line: &str) {
        if let Some(request) = Request::read(line) {
            let exchanges = self.take(&request.id);
            return show(&format!("{}\n", request.text(&exchanges)));
        }
        // What it says at every start is nothing to act upon.
        let usual = line.contains("[NOTICE]") || line.contains("HAProxy was started as");
        if !usual && !line.is_empty() && !self.state().closed {
            show(&format!("haproxy: {line}\n"));
        }
    }

    /// From here on HAProxy is being stopped.
    pub(super) fn close(&self) {
        self.state().closed = true;
    }

    /// All about a request, which is over.
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

    fn state(&self) -> MutexGuard<'_, State> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Exchange {
    fn text(&self) -> String {
        let messages = self.messages.join(", ");
        let Some(took) = self.took else {
            return format!("{messages} -> no answer");
        };
        let actions = match self.actions.as_slice() {
            [] => "nothing".to_owned(),
            actions => actions.join(", "),
        };
        let millis = took.as_secs_f64() * 1000.0;
        format!("{messages} -> {actions} ({millis:.1}ms)")
    }
}

/// A request, as HAProxy logs it in [`Watched::LOG_FORMAT`].
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
        let rest = line.strip_prefix(Watched::LOG_FORMAT.split(' ').next()?)?;
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
        // The first letter of the two is who ended it (HAProxy's manual, "Session state").
        let by = match ended.get(..1) {
            Some("P") => " by HAProxy",
            Some("C" | "c") => " as the client left",
            _ => "",
        };
        let mut text = format!("{method} {uri} {status}{by} {millis}ms");
        if exchanges.is_empty() {
            text.push_str(" | nothing was sent");
        }
        for exchange in exchanges {
            text.push_str(&format!(" | {}", exchange.text()));
        }
        match self.error.as_str() {
            "-" => {}
            "1" => text.push_str(" | HAProxy got no answer in time (1)"),
            error => text.push_str(&format!(
                " | HAProxy got no answer ({error}: `spop explain {error}`)"
            )),
        }
        text
    }
}

fn shown(message: &Message<'_>) -> String {
    let args = message
        .args()
        .iter()
        .filter(|arg| arg.name.as_bytes() != Watched::ARGUMENT.as_bytes());
    let args = args.map(|arg| {
        let value = short(&arg.value.to_string());
        match arg.name.is_empty() {
            true => format!(" {value}"),
            false => format!(" {}={value}", arg.name),
        }
    });
    format!("{}{}", message.name(), args.collect::<String>())
}

fn short(text: &str) -> String {
    match text.char_indices().nth(LONGEST) {
        Some((end, _)) => format!("{}…", text.get(..end).unwrap_or_default()),
        None => text.to_owned(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::spop::{Action, Name, NotifyWriter, Scope};

    const KEY: Key = (
        7,
        FrameIds {
            stream_id: 1,
            frame_id: 1,
        },
    );

    fn asked(watch: &Watch, args: &[(&str, Value<'_>)]) {
        let mut payload = Vec::new();
        NotifyWriter::new(&mut payload).message("check", args);
        watch.asked(KEY, &payload);
    }

    #[test]
    fn a_request_and_what_was_said_about_it_are_one_line() {
        let watch = Watch::default();
        let id = (Watched::ARGUMENT, Value::from("5"));
        asked(&watch, &[("ip", Value::from("192.0.2.7")), id]);
        let mut payload = Vec::new();
        let action = Action::SetVar {
            scope: Scope::Session,
            name: Name::from("score"),
            value: Value::Int64(20),
        };
        action.encode(&mut payload);
        watch.answered(KEY, &payload);
        let request = Request::read("spoa-dev 5 403 PR 3 - GET /a b?c").unwrap();
        let mut exchanges = watch.take(&request.id);
        exchanges[0].took = Some(Duration::from_micros(1234));
        assert_eq!(
            request.text(&exchanges),
            "GET /a b?c 403 by HAProxy 3ms | check ip=\"192.0.2.7\" -> set-var sess.score = 20 (1.2ms)"
        );
        assert!(watch.take(&request.id).is_empty());
    }

    #[test]
    fn what_nobody_answered_is_said() {
        let watch = Watch::default();
        asked(&watch, &[(Watched::ARGUMENT, Value::from("6"))]);
        let request = Request::read("spoa-dev 6 200 -- 500 1 GET /").unwrap();
        assert_eq!(
            request.text(&watch.take("6")),
            "GET / 200 500ms | check -> no answer | HAProxy got no answer in time (1)"
        );
        assert_eq!(
            request.text(&watch.take("6")),
            "GET / 200 500ms | nothing was sent | HAProxy got no answer in time (1)"
        );
    }

    #[test]
    fn other_lines_are_no_requests_and_long_values_are_cut() {
        assert_eq!(Request::read("SPOE: [agent] st=1"), None);
        assert_eq!(Request::read("spoa-dev 5 403"), None);
        assert_eq!(short(&"x".repeat(61)).chars().count(), 61);
        assert_eq!(short("xy"), "xy");
    }
}
