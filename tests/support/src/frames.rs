//! The frames that HAProxy sends.

use spoa::spop::{
    Capabilities, Flags, Frame, FrameIds, FrameType, HaproxyHello, NotifyWriter, Value,
};

/// Returns the HAPROXY-HELLO of a HAProxy that takes frames up to this size.
#[must_use]
pub fn hello(max_frame_size: u32) -> Vec<u8> {
    let mut bytes = Vec::new();
    HaproxyHello {
        supported_versions: "2.0",
        max_frame_size,
        capabilities: Capabilities::parse("pipelining"),
        healthcheck: false,
        engine_id: Some("engine-1"),
    }
    .encode(&mut bytes);
    bytes
}

/// Returns the HAPROXY-HELLO of a health check.
#[must_use]
pub fn health_check() -> Vec<u8> {
    let mut bytes = Vec::new();
    HaproxyHello {
        supported_versions: "2.0",
        max_frame_size: 16380,
        capabilities: Capabilities::parse(""),
        healthcheck: true,
        engine_id: None,
    }
    .encode(&mut bytes);
    bytes
}

/// Returns any frame, with the frame-id 1.
#[must_use]
pub fn frame(frame_type: FrameType, flags: Flags, stream_id: u64, payload: &[u8]) -> Vec<u8> {
    let mut bytes = Vec::new();
    let ids = FrameIds {
        stream_id,
        frame_id: 1,
    };
    Frame {
        frame_type,
        flags,
        ids,
        payload,
    }
    .encode(&mut bytes);
    bytes
}

/// Returns a NOTIFY, with the frame-id 1, of messages with their names and arguments.
#[must_use]
pub fn notify(stream_id: u64, messages: &[(&str, &[(&str, Value<'_>)])]) -> Vec<u8> {
    let mut payload = Vec::new();
    let mut writer = NotifyWriter::new(&mut payload);
    for (name, arguments) in messages {
        writer.message(name, arguments);
    }
    frame(FrameType::NOTIFY, Flags::FIN, stream_id, &payload)
}

#[cfg(test)]
mod tests {
    use super::{health_check, hello, notify};
    use spoa::spop::{Frame, FrameType, HaproxyHello, Messages, Value};

    #[test]
    fn frames_decode_to_their_parts() {
        for (bytes, size, healthcheck) in [(hello(256), 256, false), (health_check(), 16380, true)]
        {
            let mut rest = &bytes[..];
            let frame = Frame::split(&mut rest, 1 << 20)
                .expect("a frame")
                .expect("all of it");
            let hello = HaproxyHello::decode(frame.payload).expect("a HELLO");
            assert_eq!(
                (hello.max_frame_size, hello.healthcheck),
                (size, healthcheck)
            );
        }
        let bytes = notify(7, &[("m", &[("n", Value::Int64(1))])]);
        let mut rest = &bytes[..];
        let frame = Frame::split(&mut rest, 1 << 20)
            .expect("a frame")
            .expect("all of it");
        assert_eq!(
            (frame.frame_type, frame.ids.stream_id),
            (FrameType::NOTIFY, 7)
        );
        assert_eq!(Messages::parse(frame.payload).expect("messages").len(), 1);
    }
}
