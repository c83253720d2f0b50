//! The payload of a frame in words: keys, messages, actions.

use super::cursor::{Cursor, Datum, Nonsense};
use spoa::handler::BadVariable;
use spoa::spop::{AgentHello, DataType, FrameType, HaproxyHello, Name, Scope, Status, Value};

/// The number of bytes shown of a long value.
const SHOWN: usize = 256;

/// A line about a payload: how deep it is indented, and what it says.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum PayloadLine {
    /// The text of the line, indented by `depth` steps.
    Item { depth: usize, text: String },
    /// A remark on it.
    Note(String),
}

/// The lines of a payload, and the position of its first invalid byte, if there is one.
#[derive(Debug, Default)]
pub(super) struct Described {
    pub(super) lines: Vec<PayloadLine>,
    pub(super) nonsense: Option<(Nonsense, Vec<u8>)>,
    full: bool,
}

/// Puts the payload of a frame in words; `offset` is where it begins in the frame.
pub(super) fn describe(
    frame_type: FrameType,
    payload: &[u8],
    offset: usize,
    full: bool,
) -> Described {
    let mut described = Described {
        full,
        ..Described::default()
    };
    let mut cursor = Cursor::new(payload, offset);
    let read = match frame_type {
        FrameType::HAPROXY_HELLO
        | FrameType::HAPROXY_DISCONNECT
        | FrameType::AGENT_HELLO
        | FrameType::AGENT_DISCONNECT => described.pairs(&mut cursor),
        FrameType::NOTIFY => described.messages(&mut cursor),
        FrameType::ACK => described.actions(&mut cursor),
        // A fragment alone says nothing, and a type that is not known can mean anything.
        _ => Ok(()),
    };
    match read {
        Ok(()) => described.judge(frame_type, payload),
        Err(nonsense) => {
            let rest = payload.get(nonsense.at - offset..).unwrap_or_default();
            described.nonsense = Some((nonsense, rest.to_vec()));
        }
    }
    described
}

impl Described {
    fn item(&mut self, depth: usize, text: String) {
        self.lines.push(PayloadLine::Item { depth, text });
    }

    fn note(&mut self, text: impl Into<String>) {
        self.lines.push(PayloadLine::Note(text.into()));
    }

    /// The keys and values of a HELLO or a DISCONNECT.
    fn pairs(&mut self, cursor: &mut Cursor<'_>) -> Result<(), Nonsense> {
        while !cursor.is_empty() {
            let key = cursor.name("a key")?;
            let datum = cursor.datum(&format!("the value of `{key}`"))?;
            self.value(1, &key.to_string(), &datum);
            if let (true, Some(code)) = (key == "status-code", datum.value.as_integer()) {
                let status = Status::from_code(u32::try_from(code).unwrap_or(u32::MAX));
                self.note(format!("{status}; `spop explain {code}` says more"));
            }
        }
        Ok(())
    }

    /// The messages of a NOTIFY.
    fn messages(&mut self, cursor: &mut Cursor<'_>) -> Result<(), Nonsense> {
        if cursor.is_empty() {
            self.note("no message");
        }
        while !cursor.is_empty() {
            let name = cursor.name("the name of a message")?;
            self.item(1, name.to_string());
            let count = cursor.byte(&format!("the number of arguments of `{name}`"))?;
            for number in 1..=count {
                let what = format!("the name of argument {number} of {count} of `{name}`");
                let name = cursor.name(&what)?;
                let what = if name.is_empty() {
                    format!("argument {number}")
                } else {
                    format!("`{name}`")
                };
                let datum = cursor.datum(&what)?;
                self.value(2, &named(name), &datum);
            }
        }
        Ok(())
    }

    /// The actions of an ACK.
    fn actions(&mut self, cursor: &mut Cursor<'_>) -> Result<(), Nonsense> {
        while !cursor.is_empty() {
            let start = cursor.clone();
            let code = cursor.byte("an action")?;
            let (verb, args) = match code {
                1 => ("set-var", 3),
                2 => ("unset-var", 2),
                _ => {
                    let problem = format!("there is no action of code {code}, only 1 and 2");
                    return Err(start.nonsense(problem));
                }
            };
            let start = cursor.clone();
            let count = cursor.byte("the number of arguments of an action")?;
            if count != args {
                let problem = format!("`{verb}` has {args} arguments, not {count}");
                return Err(start.nonsense(problem));
            }
            let start = cursor.clone();
            let code = cursor.byte("the scope of a variable")?;
            let scope = Scope::from_code(code).ok_or_else(|| {
                start.nonsense(format!("{code} is not a scope: 0 to 4 are proc to res"))
            })?;
            let name = cursor.name("the name of a variable")?;
            let action = format!("{verb} {scope}.{name}");
            if verb == "set-var" {
                let datum = cursor.datum(&format!("the value of `{scope}.{name}`"))?;
                self.value(1, &action, &datum);
            } else {
                self.item(1, action);
            }
            let bytes = String::from_utf8_lossy(name.as_bytes());
            if let Err(bad) = BadVariable::check(scope, &bytes) {
                self.note(bad.to_string());
            }
        }
        Ok(())
    }

    fn value(&mut self, depth: usize, name: &str, datum: &Datum<'_>) {
        let Datum {
            data_type,
            flags,
            value,
        } = datum;
        self.item(
            depth,
            format!("{name} = {} ({data_type})", self.shown(value)),
        );
        match (data_type, flags) {
            (DataType::Bool, 0 | 1) => {}
            (DataType::Bool, flags) => self.note(format!(
                "HAProxy takes the flags {flags:#x} of a BOOL for false: true is exactly 1"
            )),
            (_, 0) => {}
            (_, flags) => self.note(format!("the flags {flags:#x} of a {data_type} are unknown")),
        }
        // The decoded part is longer than the announced one.
        if value.data_type() != *data_type {
            let meant = match (data_type, value) {
                (DataType::Int32, Value::Int64(wide @ 0x8000_0000..=0xffff_ffff)) => format!(
                    "; a negative INT32 is sign-extended to 64 bits before it is encoded: if {} is \
                     meant, HAProxy reads {wide}",
                    *wide as i32
                ),
                _ => String::new(),
            };
            self.note(format!("the number does not fit a {data_type}{meant}"));
        }
    }

    fn shown(&self, value: &Value<'_>) -> String {
        let cut = |bytes: &[u8]| bytes.len() > SHOWN && !self.full;
        match value {
            Value::String(bytes) if cut(bytes) => {
                let front = Value::String(bytes.get(..SHOWN).unwrap_or_default());
                format!("{front}… {} bytes", bytes.len())
            }
            Value::Binary(bytes) if cut(bytes) => {
                let front = Value::Binary(bytes.get(..SHOWN).unwrap_or_default());
                format!("{front}… {} bytes", bytes.len())
            }
            Value::Binary([]) => "no bytes".to_owned(),
            value => value.to_string(),
        }
    }

    /// Faults that the peer would refuse in a payload that can be read.
    fn judge(&mut self, frame_type: FrameType, payload: &[u8]) {
        let refused =
            |who: &str, status: Status| format!("{who} it with status {}: {status}", status.code());
        match frame_type {
            FrameType::HAPROXY_HELLO => {
                if let Err(status) = HaproxyHello::decode(payload) {
                    self.note(refused("an agent refuses", status));
                }
            }
            FrameType::AGENT_HELLO => {
                if let Err(status) = AgentHello::decode(payload) {
                    self.note(refused("HAProxy refuses", status));
                }
            }
            _ => {}
        }
    }
}

fn named(name: Name<'_>) -> String {
    if name.is_empty() {
        "(no name)".to_owned()
    } else {
        name.to_string()
    }
}
