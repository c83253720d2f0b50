//! Reads a recording.

use super::{Change, Entry, Exchange, FORMAT, RecordedConnection, RecordedMessage, value};
use serde_json::{Map, Value as Json};
use spoa::spop::FrameIds;
use std::fmt;
use std::io::BufRead;

/// The entries of a recording, in the order of the file.
#[derive(Debug)]
pub(crate) struct Reader<R> {
    lines: R,
    /// The number of the last line.
    line: usize,
    text: String,
}

/// Why a recording cannot be read.
#[derive(Debug)]
pub(crate) struct UnreadableRecording {
    line: usize,
    problem: String,
}

impl fmt::Display for UnreadableRecording {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "line {}: {}", self.line, self.problem)
    }
}

impl<R: BufRead> Reader<R> {
    /// Reads the first line.
    pub(crate) fn new(lines: R) -> Result<Self, UnreadableRecording> {
        let mut reader = Reader {
            lines,
            line: 0,
            text: String::new(),
        };
        let head = reader.object().unwrap_or(None);
        let format = head.as_ref().and_then(|head| head.get("spop_recording"));
        match format.and_then(Json::as_u64) {
            Some(FORMAT) => Ok(reader),
            Some(later) => Err(reader.problem(format!(
                "the recording has format {later}, and this `spop` reads {FORMAT}: use a later `spop`"
            ))),
            None => Err(reader.problem("the file is not a recording of `spop record`")),
        }
    }

    /// Returns the next entry; `None` after the last.
    pub(crate) fn next(&mut self) -> Result<Option<Entry>, UnreadableRecording> {
        loop {
            let Some(object) = self.object()? else {
                return Ok(None);
            };
            let entry = if object.contains_key("exchange") {
                exchange(&object, self.line).map(Entry::Exchange)
            } else if object.contains_key("connection") {
                connection(&object).map(Entry::Connection)
            } else {
                // A later version may write more about a recording.
                continue;
            };
            return match entry {
                Some(entry) => Ok(Some(entry)),
                None => Err(self.problem("a key is missing, or its value has another type")),
            };
        }
    }

    /// Reads the next line; `None` after the last whole one.
    fn object(&mut self) -> Result<Option<Map<String, Json>>, UnreadableRecording> {
        self.text.clear();
        self.line += 1;
        let read = self.lines.read_line(&mut self.text);
        read.map_err(|error| self.problem(error.to_string()))?;
        // The program that wrote the file may have been killed in the middle of a line.
        if !self.text.ends_with('\n') {
            return Ok(None);
        }
        let parsed = serde_json::from_str(&self.text);
        let object = parsed.map_err(|error| self.problem(error.to_string()))?;
        Ok(Some(object))
    }

    fn problem(&self, problem: impl Into<String>) -> UnreadableRecording {
        UnreadableRecording {
            line: self.line,
            problem: problem.into(),
        }
    }
}

fn connection(object: &Map<String, Json>) -> Option<RecordedConnection> {
    let size = object.get("max_frame_size").and_then(Json::as_u64);
    Some(RecordedConnection {
        number: object.get("connection")?.as_u64()?,
        engine: object
            .get("engine")
            .and_then(Json::as_str)
            .map(str::to_owned),
        max_frame_size: size.and_then(|size| u32::try_from(size).ok()),
    })
}

fn exchange(object: &Map<String, Json>, line: usize) -> Option<Exchange> {
    let number = |key| object.get(key)?.as_u64();
    let messages = object.get("messages")?.as_array()?;
    let answer = match object.get("actions")? {
        Json::Null => None,
        actions => Some(
            actions
                .as_array()?
                .iter()
                .map(change)
                .collect::<Option<_>>()?,
        ),
    };
    Some(Exchange {
        line,
        connection: number("exchange")?,
        ids: FrameIds {
            stream_id: number("stream")?,
            frame_id: number("frame")?,
        },
        messages: messages.iter().map(message).collect::<Option<_>>()?,
        answer,
    })
}

fn message(message: &Json) -> Option<RecordedMessage> {
    let args = message.get("args")?.as_array()?.iter().map(|arg| {
        let arg = arg.as_object()?;
        Some((arg.get("name")?.as_str()?.to_owned(), value::read(arg)?))
    });
    Some(RecordedMessage {
        name: message.get("message")?.as_str()?.to_owned(),
        args: args.collect::<Option<_>>()?,
    })
}

fn change(action: &Json) -> Option<Change> {
    let action = action.as_object()?;
    let text = |key| action.get(key)?.as_str();
    Some(Change {
        variable: format!("{}.{}", text("scope")?, text("name")?),
        value: match text("action")? {
            "set-var" => Some(value::read(action)?),
            "unset-var" => None,
            _ => return None,
        },
    })
}

#[cfg(test)]
mod tests {
    use super::super::{Hashes, RecordingLine};
    use super::*;
    use spoa::client::OwnedValue;
    use spoa::spop::{Action, NotifyWriter, Scope, Value};
    use std::time::Duration;

    const IDS: FrameIds = FrameIds {
        stream_id: 7,
        frame_id: 1,
    };

    fn written(hashed: &[&str]) -> String {
        let (mut notify, mut ack) = (Vec::new(), Vec::new());
        let user = Value::String(b"alice");
        let ip = Value::Ipv4([192, 0, 2, 7].into());
        NotifyWriter::new(&mut notify).message("login", &[("ip", ip), ("user", user)]);
        let scope = Scope::Transaction;
        let name = "user".into();
        Action::SetVar {
            scope,
            name,
            value: user,
        }
        .encode(&mut ack);
        Action::UnsetVar {
            scope,
            name: "old".into(),
        }
        .encode(&mut ack);
        let names = hashed.iter().map(|name| (*name).to_owned());
        let mut hashes = Hashes::new(names).unwrap();
        let ack = Some((Duration::from_micros(250), ack.as_slice()));
        let exchange =
            RecordingLine::exchange(1, IDS, Duration::from_millis(5), &notify, ack, &mut hashes);
        [
            RecordingLine::head("127.0.0.1:12345", &hashes).0,
            RecordingLine::connection(1, Some("engine"), Some(16380), "pipelining").0,
            "{\"later\":1}\n".to_owned(),
            exchange.unwrap().0,
            RecordingLine::exchange(1, IDS, Duration::ZERO, &notify, None, &mut hashes)
                .unwrap()
                .0,
            "{\"exchange\":1,\"str".to_owned(),
        ]
        .concat()
    }

    fn entries(text: &str) -> Vec<Entry> {
        let mut reader = Reader::new(text.as_bytes()).unwrap();
        std::iter::from_fn(|| reader.next().unwrap()).collect()
    }

    #[test]
    fn a_recording_is_read_as_it_was_written() {
        let exchange = |line, answer| {
            let ip = OwnedValue::Ipv4([192, 0, 2, 7].into());
            let user = OwnedValue::String("alice".into());
            let args = [("ip", ip), ("user", user)];
            Entry::Exchange(Exchange {
                line,
                connection: 1,
                ids: IDS,
                messages: vec![RecordedMessage {
                    name: "login".to_owned(),
                    args: args.map(|(name, value)| (name.to_owned(), value)).to_vec(),
                }],
                answer,
            })
        };
        let change = |variable: &str, value| Change {
            variable: variable.to_owned(),
            value,
        };
        let answer = vec![
            change("txn.user", Some(OwnedValue::String("alice".into()))),
            change("txn.old", None),
        ];
        let expected = [
            Entry::Connection(RecordedConnection {
                number: 1,
                engine: Some("engine".to_owned()),
                max_frame_size: Some(16380),
            }),
            exchange(4, Some(answer)),
            exchange(5, None),
        ];
        assert_eq!(entries(&written(&[])), expected);
    }

    #[test]
    fn a_hashed_value_does_not_appear_in_the_file() {
        let text = written(&["user"]);
        assert!(!text.contains("alice"), "{text}");
        let entries = entries(&text);
        let [_, Entry::Exchange(exchange), _] = entries.as_slice() else {
            panic!("a connection and two exchanges, not {entries:?}");
        };
        let sent = &exchange.messages[0].args[1].1;
        let answered = exchange.answer.as_ref().unwrap()[0].value.as_ref();
        assert_eq!(
            Some(sent),
            answered,
            "the answer still names the question's value"
        );
    }

    #[test]
    fn other_files_are_refused() {
        for (text, problem) in [
            ("", "line 1: the file is not a recording of `spop record`"),
            (
                "frontend web\n",
                "line 1: the file is not a recording of `spop record`",
            ),
            (
                "{\"spop_recording\":2}\n",
                "line 1: the recording has format 2, and this `spop` reads 1: use a later `spop`",
            ),
        ] {
            assert_eq!(
                Reader::new(text.as_bytes()).unwrap_err().to_string(),
                problem
            );
        }
        let mut reader = Reader::new(&b"{\"spop_recording\":1}\n{\"exchange\":1}\n"[..]).unwrap();
        let problem = reader.next().unwrap_err().to_string();
        assert_eq!(
            problem,
            "line 2: a key is missing, or its value has another type"
        );
    }
}
