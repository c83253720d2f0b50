//! Spans of messages, and the unique id in the lines about them.

#![cfg(feature = "testing")]
#![allow(clippy::unwrap_used, reason = "a test fails by panicking")]

use spoa::agent::Agent;
use spoa::client::Client;
use spoa::handler::Peer;
use spoa::http::{TraceParent, UniqueId};
use spoa::prelude::*;
use spoa::spop::Value;
use std::collections::BTreeMap;
use std::fmt::Debug;
use std::sync::{Mutex, Once, PoisonError};
use std::time::Duration;
use tracing::field::{Field, Visit};
use tracing::{Event, Id, Subscriber, span};
use tracing_subscriber::layer::{Context, Layer, SubscriberExt};
use tracing_subscriber::registry::LookupSpan;
use tracing_subscriber::util::SubscriberInitExt;

type Fields = BTreeMap<&'static str, String>;

#[derive(Clone, Default)]
struct Read(Fields);

impl Visit for Read {
    fn record_str(&mut self, field: &Field, value: &str) {
        self.0.insert(field.name(), value.to_owned());
    }

    fn record_debug(&mut self, field: &Field, value: &dyn Debug) {
        self.0.insert(field.name(), format!("{value:?}"));
    }
}

/// A line of the log, with the fields of the spans around it, or a span that was closed.
#[derive(Clone, Debug)]
struct Seen {
    text: String,
    fields: Fields,
    spans: Vec<Fields>,
}

static SEEN: Mutex<Vec<Seen>> = Mutex::new(Vec::new());

fn seen() -> std::sync::MutexGuard<'static, Vec<Seen>> {
    SEEN.lock().unwrap_or_else(PoisonError::into_inner)
}

struct Watch;

impl<S: Subscriber + for<'a> LookupSpan<'a>> Layer<S> for Watch {
    fn on_new_span(&self, attributes: &span::Attributes<'_>, id: &Id, context: Context<'_, S>) {
        let mut read = Read::default();
        attributes.record(&mut read);
        context.span(id).unwrap().extensions_mut().insert(read);
    }

    fn on_record(&self, id: &Id, values: &span::Record<'_>, context: Context<'_, S>) {
        let span = context.span(id).unwrap();
        values.record(span.extensions_mut().get_mut::<Read>().unwrap());
    }

    fn on_event(&self, event: &Event<'_>, context: Context<'_, S>) {
        let mut read = Read::default();
        event.record(&mut read);
        let spans = context.event_scope(event).into_iter().flatten();
        let spans = spans.map(|span| span.extensions().get::<Read>().unwrap().0.clone());
        let spans = spans.collect();
        let text = read.0.remove("message").unwrap_or_default();
        seen().push(Seen {
            text,
            fields: read.0,
            spans,
        });
    }

    fn on_close(&self, id: Id, context: Context<'_, S>) {
        let span = context.span(&id).unwrap();
        let fields = span.extensions().get::<Read>().unwrap().0.clone();
        let text = format!("closed {}", span.name());
        seen().push(Seen {
            text,
            fields,
            spans: Vec::new(),
        });
    }
}

#[spoe_message("in-place")]
fn in_place(id: UniqueId<'_>, parent: Result<TraceParent, Mismatch>) {
    let _ = parent;
    tracing::info!("in-place {id}");
}

#[spoe_message("waits")]
async fn waits(id: UniqueId<'_>) {
    tokio::time::sleep(Duration::from_millis(1)).await;
    tracing::info!("waits {id}");
}

#[spoe_message("blocks", blocking, timeout = "60s")]
fn blocks(id: UniqueId<'_>) {
    tracing::info!("blocks {id}");
}

#[spoe_message("fails-late")]
async fn fails_late(id: UniqueId<'_>) -> Result<(), HandlerError> {
    tokio::time::sleep(Duration::from_millis(1)).await;
    Err(format!("fails-late {id}").into())
}

#[spoe_message("fails")]
fn fails(id: UniqueId<'_>) -> Result<(), HandlerError> {
    Err(format!("fails {id}").into())
}

/// Fills more than half of an ACK.
#[spoe_message("half")]
async fn half(id: UniqueId<'_>) -> SetVar<String> {
    let _ = id;
    tokio::time::sleep(Duration::from_millis(1)).await;
    SetVar::transaction("half", "x".repeat(10_000))
}

/// Fills more than half of an ACK without waiting.
#[spoe_message("half-at-once")]
async fn half_at_once(id: UniqueId<'_>) -> SetVar<String> {
    let _ = id;
    SetVar::transaction("half", "x".repeat(10_000))
}

#[spoe_message("logs-in")]
fn logs_in(user: Text<'_>, #[arg(secret)] password: Text<'_>) {
    let _ = (user, password);
}

/// The parents that spans were given.
static PARENTS: Mutex<Vec<String>> = Mutex::new(Vec::new());

/// Watches all lines and spans of the process.
fn watch() {
    static WATCH: Once = Once::new();
    WATCH.call_once(|| tracing_subscriber::registry().with(Watch).init());
}

/// Sends each message with this id; returns what was seen of it.
async fn send(spans: bool, id: &str) -> Vec<Seen> {
    watch();
    let handlers = handlers![in_place, waits, blocks, fails_late, fails];
    let mut builder = Agent::builder().handlers(handlers);
    if spans {
        builder = builder.spans_with_parent(|_, parent| {
            let mut parents = PARENTS.lock().unwrap_or_else(PoisonError::into_inner);
            parents.push(parent.to_owned());
        });
    }
    let (ours, theirs) = tokio::io::duplex(1 << 16);
    let agent = builder.build().unwrap();
    tokio::spawn(agent.serve_connection(theirs, Peer::Memory, std::future::pending()));
    let client = Client::over(ours).await.unwrap();
    for message in ["in-place", "waits", "blocks", "fails-late", "fails"] {
        let parent = format!("parent of {id}");
        let args = [
            ("id", Value::String(id.as_bytes())),
            ("parent", Value::String(parent.as_bytes())),
        ];
        client.send(message, &args).await.unwrap();
    }
    let all = seen();
    let about = all.iter().filter(|seen| format!("{seen:?}").contains(id));
    about.cloned().collect()
}

#[tokio::test]
async fn lines_of_a_handler_and_about_it_have_the_unique_id() {
    let all = send(true, "id-with-spans").await;
    for message in ["in-place", "waits", "blocks"] {
        let text = format!("{message} id-with-spans");
        let line = all.iter().find(|seen| seen.text == text).expect(message);
        let [span] = line.spans.as_slice() else {
            panic!("not in one span: {line:?}")
        };
        assert_eq!(span["req_id"], "id-with-spans");
        assert_eq!(span["otel.name"], message);
        assert!(!span.contains_key("otel.status_code"));
    }
    for message in ["fails-late", "fails"] {
        let text = format!("failed: {message} id-with-spans");
        let line = all
            .iter()
            .find(|seen| seen.text.ends_with(&text))
            .expect(message);
        assert_eq!(line.fields["req_id"], "id-with-spans");
        assert_eq!(line.spans[0]["otel.name"], message);
        let mut closed = all.iter().filter(|seen| seen.text == "closed spoe_message");
        let closed = closed
            .find(|seen| seen.fields["otel.name"] == message)
            .expect(message);
        assert_eq!(closed.fields["otel.status_code"], "ERROR");
        let description = &closed.fields["otel.status_description"];
        assert!(description.starts_with(message), "{description}");
    }
    let parents = PARENTS.lock().unwrap_or_else(PoisonError::into_inner);
    assert_eq!(*parents, ["parent of id-with-spans"]);
}

#[tokio::test]
async fn without_spans_lines_about_a_message_still_have_its_unique_id() {
    let all = send(false, "id-without-spans").await;
    for message in ["fails-late", "fails"] {
        let text = format!("failed: {message} id-without-spans");
        let line = all
            .iter()
            .find(|seen| seen.text.ends_with(&text))
            .expect(message);
        assert_eq!(line.fields["req_id"], "id-without-spans");
    }
    assert!(all.iter().all(|seen| seen.spans.is_empty()), "{all:#?}");
    assert!(
        !all.iter().any(|seen| seen.text.starts_with("closed")),
        "{all:#?}"
    );
}

/// Answers NOTIFYs of these messages, whose argument of this name is the id. Returns what was seen of the id.
async fn notify(messages: &[&str], argument: &str, id: &str) -> Vec<Seen> {
    watch();
    let (ours, theirs) = tokio::io::duplex(1 << 16);
    let agent = Agent::builder()
        .handlers(handlers![half, half_at_once, fails])
        .build();
    let agent = agent.unwrap();
    tokio::spawn(agent.serve_connection(theirs, Peer::Memory, std::future::pending()));
    let client = Client::over(ours).await.unwrap();
    let args = [(argument, Value::String(id.as_bytes()))];
    let notify = client.notify(|notify| {
        for (index, message) in messages.iter().enumerate() {
            // More would not fit into a frame.
            let args = if index < 2 { &args[..] } else { &[] };
            notify.message(message, args);
        }
    });
    notify.await.unwrap();
    let all = seen();
    let about = all.iter().filter(|seen| format!("{seen:?}").contains(id));
    about.cloned().collect()
}

#[tokio::test]
async fn a_line_about_an_unknown_message_has_the_unique_id_of_the_message_that_was_meant() {
    for (message, argument, id) in [
        ("halve", "id", "id-of-halve"),
        ("quite-another", "unique-id", "id-of-another"),
    ] {
        let all = notify(&[message], argument, id).await;
        let start = format!("no handler for message `{message}`");
        let line = all.iter().find(|seen| seen.text.starts_with(&start));
        assert_eq!(line.expect(message).fields["req_id"], id);
    }
    // An argument that only happens to be called so is a value, which no line above TRACE shows.
    notify(&["quite-unknown"], "id", "not-an-id").await;
    let all = seen();
    let line = all
        .iter()
        .find(|seen| seen.text.contains("message `quite-unknown`"));
    let line = line.expect("a line about the message");
    assert!(!line.fields.contains_key("req_id"), "{line:?}");
}

#[tokio::test]
async fn lines_about_a_whole_notify_have_the_unique_id() {
    for (half, id) in [("half", "id-of-halves"), ("half-at-once", "id-at-once")] {
        let all = notify(&[half, half], "id", id).await;
        let line = all.iter().find(|seen| seen.text.starts_with("ACK of "));
        assert_eq!(line.expect("a cut ACK").fields["req_id"], id);
    }
    let many = vec!["fails"; 1100];
    let all = notify(&many, "id", "id-of-many").await;
    let line = all.iter().find(|seen| {
        seen.text
            .starts_with("a NOTIFY was answered without actions")
    });
    assert_eq!(
        line.expect("a line about the NOTIFY").fields["req_id"],
        "id-of-many"
    );
}

#[spoe_message("by-place")]
fn by_place(#[arg(index = 0)] user: Text<'_>, #[arg(index = 1, secret)] password: Text<'_>) {
    let _ = (user, password);
}

/// HAProxy asks for a sign of success with an argument before those of the handler.
#[tokio::test]
async fn no_line_shows_a_secret_argument_by_its_place_even_if_haproxy_asks_for_success() {
    let (ours, theirs) = tokio::io::duplex(1 << 16);
    let agent = Agent::builder().handlers(handlers![by_place]).build();
    let agent = agent.unwrap();
    watch();
    tokio::spawn(agent.serve_connection(theirs, Peer::Memory, std::future::pending()));
    let client = Client::over(ours).await.unwrap();
    for asks in [false, true] {
        let asking = ("spoa-answered", Value::String(b"txn.answered"));
        let own = [
            ("", Value::String(b"user-by-place")),
            ("", Value::String(b"hunter3")),
        ];
        let args: Vec<_> = [asking].into_iter().filter(|_| asks).chain(own).collect();
        client.send("by-place", &args).await.unwrap();
    }
    let all = seen();
    let lines = all.iter().filter(|seen| {
        seen.text.starts_with("NOTIFY by-place ") && seen.text.contains("user-by-place")
    });
    assert_eq!(lines.count(), 2);
    assert!(!format!("{all:?}").contains("hunter3"));
}

#[tokio::test]
async fn no_line_shows_a_secret_argument_even_if_its_message_is_misspelt() {
    let (ours, theirs) = tokio::io::duplex(1 << 16);
    let agent = Agent::builder().handlers(handlers![logs_in]).build();
    let agent = agent.unwrap();
    watch();
    tokio::spawn(agent.serve_connection(theirs, Peer::Memory, std::future::pending()));
    let client = Client::over(ours).await.unwrap();
    for message in ["logs-in", "log-in"] {
        let args = [
            ("user", Value::String(b"user-of-a-secret")),
            ("password", Value::String(b"hunter2")),
        ];
        client.send(message, &args).await.unwrap();
    }
    let all = seen();
    for message in ["logs-in", "log-in"] {
        let start = format!("NOTIFY {message} user=");
        let line = all.iter().find(|seen| {
            seen.text.starts_with(&start)
                && seen.text.contains("user-of-a-secret")
                && seen.text.contains(" password=(secret)")
        });
        assert!(line.is_some(), "{message}");
    }
    assert!(!format!("{all:?}").contains("hunter2"));
}
