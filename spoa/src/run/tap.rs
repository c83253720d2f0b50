//! The tap of `dev`: it passes bytes between HAProxy and the agent, and tells a log about the frames.

use crate::agent::SecretArguments;
#[cfg(feature = "http")]
use crate::http::Headers;
use crate::spop::{ActionIter, Frame, FrameIds, FrameType, Message, Messages, Value};
use spoa_tools::dev::{NotifyId, RequestLog};
use std::collections::HashMap;
use std::io;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering::Relaxed};
use std::time::Duration;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::tcp::{OwnedReadHalf, OwnedWriteHalf};
use tokio::net::{TcpListener, TcpStream};

/// The largest frame that is decoded; larger ones pass undecoded.
const LIMIT: u32 = 1 << 24;

/// The longest value that is shown, in characters.
const LONGEST: usize = 60;

/// Takes connections for the agent until the runtime ends.
pub(super) fn spawn(
    listener: TcpListener,
    agent: String,
    log: Arc<RequestLog>,
    secrets: Arc<SecretArguments>,
) {
    tokio::spawn(serve(listener, agent, log, secrets));
}

async fn serve(
    listener: TcpListener,
    agent: String,
    log: Arc<RequestLog>,
    secrets: Arc<SecretArguments>,
) {
    static CONNECTIONS: AtomicU64 = AtomicU64::new(0);
    loop {
        let Ok((stream, _)) = listener.accept().await else {
            tokio::time::sleep(Duration::from_millis(100)).await;
            continue;
        };
        let (agent, log) = (agent.clone(), Arc::clone(&log));
        let secrets = Arc::clone(&secrets);
        let connection = CONNECTIONS.fetch_add(1, Relaxed);
        tokio::spawn(async move {
            let Ok(to_agent) = TcpStream::connect(&agent).await else {
                return;
            };
            let _ = (stream.set_nodelay(true), to_agent.set_nodelay(true));
            let (from_haproxy, to_haproxy) = stream.into_split();
            let (from_agent, to_agent) = to_agent.into_split();
            let asked = Direction {
                log: Arc::clone(&log),
                secrets: Arc::clone(&secrets),
                connection,
                fragments: HashMap::new(),
            };
            let answered = Direction {
                log,
                secrets,
                connection,
                fragments: HashMap::new(),
            };
            // Either end may close first: the last frames of the other one still pass.
            let _ = tokio::join!(
                pass(from_haproxy, to_agent, asked),
                pass(from_agent, to_haproxy, answered)
            );
        });
    }
}

/// Passes bytes on, and decodes the frames among them.
async fn pass(
    mut from: OwnedReadHalf,
    mut to: OwnedWriteHalf,
    mut direction: Direction,
) -> io::Result<()> {
    let (mut bytes, mut buffer) = (Vec::new(), vec![0; 64 << 10]);
    let mut readable = true;
    loop {
        let length = from.read(&mut buffer).await?;
        let came = buffer.get(..length).unwrap_or_default();
        if came.is_empty() {
            return to.shutdown().await;
        }
        if readable {
            bytes.extend_from_slice(came);
            let mut rest = bytes.as_slice();
            loop {
                match Frame::split(&mut rest, LIMIT) {
                    Ok(Some(frame)) => direction.frame(&frame),
                    Ok(None) => break,
                    // The bytes pass all the same: the ends judge them.
                    Err(_) => {
                        readable = false;
                        break;
                    }
                }
            }
            let used = bytes.len() - rest.len();
            bytes.drain(..used);
        }
        to.write_all(came).await?;
    }
}

/// One direction of a connection.
struct Direction {
    log: Arc<RequestLog>,
    secrets: Arc<SecretArguments>,
    connection: u64,
    /// NOTIFYs of which more fragments have to come.
    fragments: HashMap<FrameIds, Vec<u8>>,
}

impl Direction {
    fn frame(&mut self, frame: &Frame<'_>) {
        let id = NotifyId {
            connection: self.connection,
            stream: frame.ids.stream_id,
            frame: frame.ids.frame_id,
        };
        match frame.frame_type {
            FrameType::NOTIFY | FrameType::UNSET => {
                let begun = self.fragments.remove(&frame.ids);
                let mut payload = begun.unwrap_or_default();
                payload.extend_from_slice(frame.payload);
                if frame.flags.fin() {
                    if let Some((request, messages)) = notify(&payload, &self.secrets) {
                        self.log.notify(id, request, messages);
                    }
                } else {
                    self.fragments.insert(frame.ids, payload);
                }
            }
            FrameType::ACK => self.log.ack(id, actions(frame.payload)),
            _ => {}
        }
    }
}

/// Decodes a NOTIFY: the id of its request, and its messages.
fn notify(payload: &[u8], secrets: &SecretArguments) -> Option<(Option<String>, Vec<String>)> {
    let mut request = None;
    let messages = Messages::parse(payload).ok()?;
    let messages = messages.iter().map(|message| {
        if let Some(Value::String(id)) = message.get(RequestLog::ARGUMENT) {
            request = Some(String::from_utf8_lossy(id).into_owned());
        }
        text(&message, secrets)
    });
    let messages = messages.collect();
    Some((request, messages))
}

fn text(message: &Message<'_>, secrets: &SecretArguments) -> String {
    let args = message
        .args()
        .iter()
        .enumerate()
        .filter(|(_, arg)| arg.name.as_bytes() != RequestLog::ARGUMENT.as_bytes());
    let args = args.map(|(index, arg)| {
        let value = if secrets.contain(message, index, arg.name.as_bytes()) {
            "(secret)".to_owned()
        } else {
            short(&value_text(&arg.value))
        };
        if arg.name.is_empty() {
            format!(" {value}")
        } else {
            format!(" {}={value}", arg.name)
        }
    });
    format!("{}{}", message.name(), args.collect::<String>())
}

/// Returns a value as a person reads it: a block of headers as lines, not as bytes.
#[cfg(feature = "http")]
fn value_text(value: &Value<'_>) -> String {
    let block = match value {
        Value::Binary(bytes) => Headers::from_block(bytes).ok(),
        Value::String(bytes) => Headers::from_text(bytes).ok(),
        _ => None,
    };
    let Some(block) = block.filter(|block| !block.is_empty()) else {
        return value.to_string();
    };
    let lines = block.iter().map(|(name, value)| {
        let (name, value) = (name.escape_ascii(), value.escape_ascii());
        format!("{name}: {value}")
    });
    format!("{{{}}}", lines.collect::<Vec<_>>().join(", "))
}

#[cfg(not(feature = "http"))]
fn value_text(value: &Value<'_>) -> String {
    value.to_string()
}

fn actions(payload: &[u8]) -> Vec<String> {
    let actions = ActionIter::new(payload).map_while(Result::ok);
    actions.map(|action| short(&action.to_string())).collect()
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
    use crate::handler::Definition;
    use crate::spop::{Action, Name, NotifyWriter, Scope};

    /// Returns the secret arguments of `log-in`: `password`, and the one at place 1.
    fn secrets() -> SecretArguments {
        static LOG_IN: Definition = Definition {
            message: Some("log-in"),
            describe: |description| {
                description.secrets(|description| {
                    description.argument::<&str>("password");
                    let second = description.argument::<&str>("");
                    (second.name, second.index) = (None, Some(1));
                });
            },
            ..Definition::EMPTY
        };
        SecretArguments::of(&[&LOG_IN])
    }

    #[test]
    fn a_secret_argument_is_not_shown() {
        for (message, asks) in [("log-in", false), ("log-in", true), ("login", false)] {
            let mut payload = Vec::new();
            let own = [
                ("user", Value::from("alice")),
                ("pin", Value::from("1234")),
                ("password", Value::from("hunter2")),
            ];
            let asking = ("spoa-answered", Value::from("txn.answered"));
            let args: Vec<_> = [asking].into_iter().filter(|_| asks).chain(own).collect();
            NotifyWriter::new(&mut payload).message(message, &args);
            let (_, messages) = notify(&payload, &secrets()).unwrap();
            let text = &messages[0];
            let end = "user=\"alice\" pin=(secret) password=(secret)";
            assert!(text.ends_with(end), "{text}");
        }
    }

    #[test]
    fn a_notify_is_its_messages_without_the_id_of_the_request() {
        let mut payload = Vec::new();
        let args = [
            ("ip", Value::from("192.0.2.7")),
            (RequestLog::ARGUMENT, Value::from("5")),
            ("", Value::Int64(7)),
        ];
        NotifyWriter::new(&mut payload).message("check", &args);
        let (request, messages) = notify(&payload, &secrets()).unwrap();
        assert_eq!(request.as_deref(), Some("5"));
        assert_eq!(messages, ["check ip=\"192.0.2.7\" 7"]);
        assert_eq!(notify(&payload[1..], &secrets()), None);
    }

    #[test]
    fn a_block_of_headers_is_shown_as_headers() {
        let block = b"\x04host\x01a\x01x\x01\xff\x00\x00";
        assert_eq!(value_text(&Value::Binary(block)), "{host: a, x: \\xff}");
        let lines = Value::String(b"host: a\r\n\r\n");
        assert_eq!(value_text(&lines), "{host: a}");
        assert_eq!(value_text(&Value::Binary(b"\x00\x00")), "0x0000");
        assert_eq!(value_text(&Value::from("a")), "\"a\"");
    }

    #[test]
    fn an_ack_is_its_actions() {
        let mut payload = Vec::new();
        let action = Action::SetVar {
            scope: Scope::Session,
            name: Name::from("score"),
            value: Value::Int64(20),
        };
        action.encode(&mut payload);
        assert_eq!(actions(&payload), ["set-var sess.score = 20"]);
    }

    #[test]
    fn a_long_value_is_cut() {
        assert_eq!(short(&"x".repeat(61)).chars().count(), 61);
        assert_eq!(short("xy"), "xy");
    }
}
