//! HAProxy's own frames, of five generations: each is read as its index says, and written back to the
//! same bytes.
//!
//! Nothing here knows more of the protocol than its public items; the index was made by another decoder.

use serde_json::Value as Json;
use spoa::spop::session::{
    AgentEvent, AgentSession, AgentSettings, EngineSession, EngineSettings, Unreadable,
};
use spoa::spop::{
    DecodeError, Disconnect, Frame, FrameType, HaproxyHello, Messages, NotifyWriter, Value, varint,
};
use std::collections::BTreeSet;
use std::fs;
use std::path::{Path, PathBuf};

const GENERATIONS: [&str; 5] = ["2.6", "2.8", "3.0", "3.2", "3.4"];

fn folder(generation: &str) -> PathBuf {
    let golden = Path::new(env!("CARGO_MANIFEST_DIR")).join("golden");
    golden.join(generation)
}

/// One line of an index and the frame it describes.
struct Golden {
    path: PathBuf,
    bytes: Vec<u8>,
    line: Json,
}

impl Golden {
    fn frame(&self) -> Frame<'_> {
        let mut rest = &self.bytes[..];
        let frame = Frame::split(&mut rest, 1 << 20)
            .unwrap_or_else(|error| panic!("{}: {error}", self.path.display()))
            .unwrap_or_else(|| panic!("{}: cut short", self.path.display()));
        assert!(
            rest.is_empty(),
            "{}: more than one frame",
            self.path.display()
        );
        frame
    }

    fn is(&self, frame_type: &str) -> bool {
        self.line["type"] == frame_type
    }

    /// Whether the frame is the beginning of a NOTIFY.
    fn is_fragment(&self) -> bool {
        self.line["flags"] == 0
    }
}

/// Every frame that has a line.
fn goldens() -> Vec<Golden> {
    let mut goldens = Vec::new();
    for generation in GENERATIONS {
        let folder = folder(generation);
        let index = fs::read_to_string(folder.join("golden.jsonl")).unwrap();
        for line in index.lines() {
            let line: Json = serde_json::from_str(line).unwrap();
            let path = folder.join(line["file"].as_str().unwrap());
            let bytes = fs::read(&path).unwrap();
            goldens.push(Golden { path, bytes, line });
        }
    }
    goldens
}

/// A value in the words of the index: its type and what it is.
fn described(value: Value<'_>) -> (&'static str, Json) {
    let hex = |bytes: &[u8]| -> String { bytes.iter().map(|byte| format!("{byte:02x}")).collect() };
    let json = match value {
        Value::Null => Json::Null,
        Value::Bool(value) => value.into(),
        Value::Int32(value) => value.into(),
        Value::Uint32(value) => value.into(),
        Value::Int64(value) => value.into(),
        Value::Uint64(value) => value.into(),
        Value::Ipv4(address) => address.to_string().into(),
        Value::Ipv6(address) => address.to_string().into(),
        Value::String(text) => std::str::from_utf8(text).unwrap().into(),
        Value::Binary(bytes) => hex(bytes).into(),
    };
    (value.data_type().name(), json)
}

fn item(name: &[u8], value: Value<'_>) -> Json {
    let (data_type, value) = described(value);
    serde_json::json!([std::str::from_utf8(name).unwrap(), data_type, value])
}

/// Takes a length and that many bytes.
fn string<'a>(rest: &mut &'a [u8]) -> Option<&'a [u8]> {
    let (len, after) = varint::decode(rest).ok()?;
    let (bytes, after) = after.split_at_checked(usize::try_from(len).ok()?)?;
    *rest = after;
    Some(bytes)
}

/// Takes a name and a value.
fn pair(rest: &mut &[u8]) -> Option<Json> {
    let name = string(rest)?;
    let (value, after) = Value::decode(rest).ok()?;
    *rest = after;
    Some(item(name, value))
}

fn messages(messages: Messages<'_>) -> Json {
    messages
        .iter()
        .map(|message| {
            let args: Vec<_> = message
                .args()
                .iter()
                .map(|arg| item(arg.name.as_bytes(), arg.value))
                .collect();
            serde_json::json!({
                "name": message.name().to_str(),
                "nargs": message.len(),
                "args": args,
            })
        })
        .collect()
}

/// The payload our writer makes of the same messages.
fn written_back(messages: Messages<'_>) -> Vec<u8> {
    let mut payload = Vec::new();
    let mut writer = NotifyWriter::new(&mut payload);
    for message in messages {
        let args: Vec<_> = message
            .args()
            .iter()
            .map(|arg| (arg.name.to_str().unwrap(), arg.value))
            .collect();
        writer.message(message.name().to_str().unwrap(), &args);
    }
    payload
}

/// The messages of a fragment as far as they go.
fn beginning(mut rest: &[u8]) -> Option<Json> {
    let name = string(&mut rest)?;
    let (&nargs, mut rest) = rest.split_first()?;
    let args: Vec<_> = std::iter::from_fn(|| pair(&mut rest)).collect();
    let name = std::str::from_utf8(name).ok()?;
    Some(serde_json::json!([{ "name": name, "nargs": nargs, "args": args }]))
}

#[test]
fn every_file_is_in_the_index_and_every_index_line_has_a_file() {
    let mut files = BTreeSet::new();
    for generation in GENERATIONS {
        for entry in fs::read_dir(folder(generation)).unwrap() {
            let path = entry.unwrap().path();
            if path.extension().is_some_and(|extension| extension == "bin") {
                files.insert(path);
            }
        }
    }
    let goldens = goldens();
    let mut described: BTreeSet<_> = goldens.iter().map(|golden| golden.path.clone()).collect();
    assert_eq!(described.len(), goldens.len(), "a frame has two lines");
    described.extend(fragmented().into_iter().map(|notify| notify.path));
    assert_eq!(files, described);
    assert_eq!(files.len(), 157);
}

#[test]
fn every_frame_head_decodes_as_its_index_line_says() {
    for golden in goldens() {
        let (frame, line) = (golden.frame(), &golden.line);
        let head = serde_json::json!({
            "type": frame.frame_type.to_string(),
            "flags": frame.flags.bits(),
            "sid": frame.ids.stream_id,
            "fid": frame.ids.frame_id,
            "len": golden.bytes.len(),
            "payload_len": frame.payload.len(),
        });
        for (key, value) in head.as_object().unwrap() {
            assert_eq!(value, &line[key], "{key} of {}", golden.path.display());
        }
        let mut bytes = Vec::new();
        frame.encode(&mut bytes);
        assert_eq!(bytes, golden.bytes, "{}", golden.path.display());
    }
}

#[test]
fn every_notify_decodes_as_its_index_line_says() {
    let mut count = 0;
    for golden in goldens().iter().filter(|golden| golden.is("NOTIFY")) {
        let (frame, path) = (golden.frame(), golden.path.display());
        count += 1;
        if golden.is_fragment() {
            let error = Messages::parse(frame.payload).unwrap_err();
            assert_eq!(error, DecodeError::Truncated, "{path}");
            let messages = beginning(frame.payload).unwrap();
            assert_eq!(messages, golden.line["messages"], "{path}");
            continue;
        }
        let parsed = Messages::parse(frame.payload).unwrap();
        assert_eq!(messages(parsed), golden.line["messages"], "{path}");

        assert_eq!(written_back(parsed), frame.payload, "{path}");
    }
    assert_eq!(count, 89);
}

#[test]
fn every_hello_decodes_as_its_index_line_says() {
    let mut count = 0;
    for golden in goldens().iter().filter(|golden| golden.is("HAPROXY-HELLO")) {
        let (payload, path) = (golden.frame().payload, golden.path.display());
        count += 1;
        let mut rest = payload;
        let pairs: Vec<_> = std::iter::from_fn(|| pair(&mut rest)).collect();
        assert_eq!(
            (Json::from(pairs), rest),
            (golden.line["kv"].clone(), &[][..]),
            "{path}"
        );

        let hello = HaproxyHello::decode(payload).unwrap();
        let value = |key: &str| {
            let pairs = golden.line["kv"].as_array().unwrap();
            let pair = pairs.iter().find(|pair| pair[0] == key);
            pair.map_or(Json::Null, |pair| pair[2].clone())
        };
        assert_eq!(
            value("supported-versions"),
            hello.supported_versions,
            "{path}"
        );
        assert_eq!(value("max-frame-size"), hello.max_frame_size, "{path}");
        assert_eq!(
            value("capabilities"),
            hello.capabilities.to_string(),
            "{path}"
        );
        assert_eq!(value("engine-id"), Json::from(hello.engine_id), "{path}");
        assert_eq!(value("healthcheck") == true, hello.healthcheck, "{path}");

        let mut bytes = Vec::new();
        hello.encode(&mut bytes);
        assert_eq!(bytes, golden.bytes, "{path}");
        // Our engine says the same as HAProxy.
        let mut bytes = Vec::new();
        let mut settings = EngineSettings::default();
        settings.max_frame_size = hello.max_frame_size;
        settings.capabilities = hello.capabilities;
        settings.engine_id = hello.engine_id.map(str::to_owned);
        settings.healthcheck = hello.healthcheck;
        EngineSession::new(settings).hello(&mut bytes);
        assert_eq!(bytes, golden.bytes, "{path}");
    }
    assert_eq!(count, 18);
}

#[test]
fn every_disconnect_decodes_as_its_index_line_says() {
    let mut count = 0;
    let frame_type = "HAPROXY-DISCONNECT";
    for golden in goldens().iter().filter(|golden| golden.is(frame_type)) {
        let (payload, path) = (golden.frame().payload, golden.path.display());
        count += 1;
        let disconnect = Disconnect::decode(payload).unwrap();
        let status = Value::Uint32(disconnect.status.code());
        let kv = [
            item(b"status-code", status),
            item(b"message", disconnect.message.into()),
        ];
        assert_eq!(Json::from(kv.to_vec()), golden.line["kv"], "{path}");
        let mut bytes = Vec::new();
        disconnect.encode(FrameType::HAPROXY_DISCONNECT, &mut bytes);
        assert_eq!(bytes, golden.bytes, "{path}");
    }
    assert_eq!(count, 38);
}

#[test]
fn every_type_of_frame_is_covered() {
    let kinds = ["NOTIFY", "HAPROXY-HELLO", "HAPROXY-DISCONNECT", "UNSET"];
    let counts = kinds.map(|kind| goldens().iter().filter(|golden| golden.is(kind)).count());
    assert_eq!(counts, [89, 18, 38, 9]);
    assert_eq!(counts.iter().sum::<usize>(), goldens().len());
}

/// A session that has had HAProxy's HELLO, with the buffer it answers to.
fn running(generation: &str) -> (AgentSession, Vec<u8>) {
    let hello = goldens()
        .into_iter()
        .find(|golden| golden.is("HAPROXY-HELLO") && golden.line["haproxy"] == generation)
        .unwrap();
    let (mut session, mut out) = (AgentSession::new(AgentSettings::default()), Vec::new());
    let event = session.receive(&hello.bytes, &mut out).event;
    assert!(matches!(event, Some(AgentEvent::Hello(_))), "{event:?}");
    out.clear();
    (session, out)
}

#[test]
fn the_agents_session_recognises_every_frame() {
    for golden in goldens() {
        let path = golden.path.display();
        if golden.is("UNSET") {
            continue;
        }
        let generation = golden.line["haproxy"].as_str().unwrap();
        let (mut session, mut out) = if golden.is("HAPROXY-HELLO") {
            (AgentSession::new(AgentSettings::default()), Vec::new())
        } else {
            running(generation)
        };
        let received = session.receive(&golden.bytes, &mut out);
        assert_eq!(received.used, golden.bytes.len(), "{path}");
        match received.event {
            Some(AgentEvent::Hello(_)) => assert!(golden.is("HAPROXY-HELLO"), "{path}"),
            Some(AgentEvent::Disconnect(_)) => assert!(golden.is("HAPROXY-DISCONNECT"), "{path}"),
            Some(AgentEvent::Notify {
                messages: parsed, ..
            }) => {
                assert_eq!(messages(parsed), golden.line["messages"], "{path}");
                assert!(out.is_empty(), "{path}");
            }
            None => assert!(golden.is("NOTIFY") && golden.is_fragment(), "{path}"),
            other => panic!("{path}: {other:?}"),
        }
    }
}

/// All frames of one NOTIFY in fragments.
struct Fragmented {
    generation: &'static str,
    path: PathBuf,
    bytes: Vec<u8>,
    heads: Vec<Json>,
}

impl Fragmented {
    /// The payload put together.
    fn payload(&self) -> Vec<u8> {
        let mut rest = &self.bytes[..];
        let mut payload = Vec::new();
        while let Some(frame) = Frame::split(&mut rest, 256).unwrap() {
            payload.extend_from_slice(frame.payload);
        }
        assert!(rest.is_empty());
        payload
    }
}

fn fragmented() -> Vec<Fragmented> {
    // HAProxy sends no fragments from 3.1 on.
    ["2.6", "2.8", "3.0"]
        .into_iter()
        .map(|generation| {
            let path = folder(generation).join("fragmented-notify-mfs256.bin");
            let index = fs::read_to_string(path.with_extension("json")).unwrap();
            Fragmented {
                generation,
                bytes: fs::read(&path).unwrap(),
                heads: serde_json::from_str(&index).unwrap(),
                path,
            }
        })
        .collect()
}

#[test]
fn the_fragments_of_a_notify_are_what_their_index_says() {
    for notify in fragmented() {
        let mut rest = &notify.bytes[..];
        for head in &notify.heads {
            let before = rest;
            let frame = Frame::split(&mut rest, 256).unwrap().unwrap();
            let read = serde_json::json!({
                "type": frame.frame_type.to_string(),
                "flags": frame.flags.bits(),
                "sid": frame.ids.stream_id,
                "fid": frame.ids.frame_id,
                "payload_len": frame.payload.len(),
            });
            assert_eq!(&read, head);
            let mut bytes = Vec::new();
            frame.encode(&mut bytes);
            assert_eq!(bytes, before[..before.len() - rest.len()]);
        }
        assert_eq!((notify.heads.len(), rest), (14, &[][..]));
    }
}

#[test]
fn a_notify_in_fragments_is_put_together() {
    for notify in fragmented() {
        let payload = notify.payload();
        let (mut session, mut out) = running(notify.generation);
        let received = session.receive(&notify.bytes, &mut out);
        assert_eq!(received.used, notify.bytes.len());
        let Some(AgentEvent::Notify { ids, messages }) = received.event else {
            panic!("{:?}", received.event);
        };
        assert_eq!((ids.stream_id, ids.frame_id), (2, 1));
        assert_eq!(written_back(messages), payload);
        let names: Vec<_> = messages
            .iter()
            .map(|message| message.name().to_string())
            .collect();
        assert_eq!(names, ["m", "m2"]);
        let message = Messages::parse(&payload).unwrap().iter().next().unwrap();
        let header = message.get("hdr").and_then(|value| value.as_bytes());
        assert_eq!(header, Some(&[b'H'; 3000][..]));
        assert!(out.is_empty());
    }
}

#[test]
fn a_notify_in_fragments_past_the_limit_is_answered() {
    for notify in fragmented() {
        let mut settings = AgentSettings::default();
        settings.max_reassembled = 3000;
        let (mut session, mut out) = (AgentSession::new(settings), Vec::new());
        let hello = fs::read(folder(notify.generation).join("02-haproxy-hello-iprep.bin")).unwrap();
        session.receive(&hello, &mut out);
        out.clear();
        let event = session.receive(&notify.bytes, &mut out).event;
        let Some(AgentEvent::Unreadable { ids, reason }) = event else {
            panic!("{event:?}");
        };
        assert_eq!((ids.stream_id, ids.frame_id), (2, 1));
        assert_eq!(reason, Unreadable::TooLarge(3000));
        let ack = Frame::split(&mut &out[..], 256).unwrap().unwrap();
        assert_eq!((ack.frame_type, ack.ids), (FrameType::ACK, ids));
    }
}
