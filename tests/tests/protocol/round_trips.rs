//! Everything written is read back, over the whole range of every type.
//!
//! It knows the frames as values; what reads do to them is not its affair.

use crate::strategies::*;
use proptest::collection::vec;
use proptest::prelude::*;
use spoa::client::OwnedValue;
use spoa::spop::session::{AgentEvent, AgentSession, AgentSettings, EngineSession, EngineSettings};
use spoa::spop::{
    AckWriter, ActionIter, AgentHello, Disconnect, Flags, Frame, FrameType, HaproxyHello, Messages,
    Status, VERSION, Value, varint,
};

proptest! {
    #[test]
    fn a_number_is_read_as_it_was_written(number in number(), after in vec(any::<u8>(), 0..3)) {
        let mut bytes = encoded(|out| varint::encode(number, out));
        prop_assert!(bytes.len() <= varint::MAX_LEN);
        bytes.extend(&after);
        prop_assert_eq!(varint::decode(&bytes), Ok((number, &after[..])));
    }

    #[test]
    fn a_value_is_read_as_it_was_written(value in value(), after in vec(any::<u8>(), 0..3)) {
        let mut bytes = encoded(|out| value.as_value().encode(out));
        bytes.extend(&after);
        prop_assert_eq!(Value::decode(&bytes), Ok((value.as_value(), &after[..])));
        prop_assert_eq!(&OwnedValue::from(value.as_value()), &value);
    }

    #[test]
    fn a_frame_is_read_as_it_was_written(
        frame_type in frame_type(),
        flags in any::<u32>(),
        ids in ids(),
        payload in vec(any::<u8>(), 0..300),
    ) {
        let frame = Frame { frame_type, flags: Flags::from_bits(flags), ids, payload: &payload };
        let bytes = encoded(|out| frame.encode(out));
        prop_assert_eq!(only_frame(&bytes), frame);
        let size = bytes.len() as u32 - 4;
        let split = |limit| Frame::split(&mut &bytes[..], limit);
        prop_assert!(split(size).is_ok());
        prop_assert!(split(size - 1).is_err());
        for len in 0..bytes.len() {
            prop_assert_eq!(Frame::split(&mut &bytes[..len], size), Ok(None));
        }
    }

    #[test]
    fn the_hellos_are_read_as_they_were_written(
        max_frame_size in 256_u32..,
        capabilities in capabilities(),
        healthcheck in any::<bool>(),
        engine_id in proptest::option::of(".{0,40}"),
    ) {
        let hello = HaproxyHello {
            supported_versions: VERSION,
            max_frame_size,
            capabilities,
            healthcheck,
            engine_id: engine_id.as_deref(),
        };
        let bytes = encoded(|out| hello.encode(out));
        prop_assert_eq!(HaproxyHello::decode(only_frame(&bytes).payload), Ok(hello));
        let hello = AgentHello { version: VERSION, max_frame_size, capabilities };
        let bytes = encoded(|out| hello.encode(out));
        prop_assert_eq!(AgentHello::decode(only_frame(&bytes).payload), Ok(hello));
    }

    #[test]
    fn a_disconnect_is_read_as_it_was_written(code in any::<u32>(), message in ".{0,60}") {
        let disconnect = Disconnect { status: Status::from_code(code), message: &message };
        for frame_type in [FrameType::HAPROXY_DISCONNECT, FrameType::AGENT_DISCONNECT] {
            let bytes = encoded(|out| disconnect.encode(frame_type, out));
            let frame = only_frame(&bytes);
            prop_assert_eq!(frame.frame_type, frame_type);
            prop_assert_eq!(Disconnect::decode(frame.payload), Ok(disconnect));
        }
        prop_assert_eq!(disconnect.status.code(), code);
    }

    #[test]
    fn messages_are_read_as_they_were_written(messages in messages(4)) {
        let payload = payload(&messages);
        let mut parsed = Messages::parse(&payload).unwrap().iter();
        prop_assert_eq!(parsed.len(), messages.len());
        for (name, args) in &messages {
            let message = parsed.next().unwrap();
            prop_assert!(message.name() == name.as_str());
            prop_assert_eq!(message.len(), args.len());
            let read: Vec<_> = message
                .args()
                .iter()
                .map(|arg| (arg.name.to_str().unwrap().to_owned(), OwnedValue::from(arg.value)))
                .collect();
            prop_assert_eq!(&read, args);
            for (index, (name, value)) in args.iter().enumerate() {
                prop_assert_eq!(message.at(index), Some(value.as_value()));
                let first = args.iter().find(|(other, _)| other == name).unwrap();
                prop_assert_eq!(message.get(name), Some(first.1.as_value()));
            }
            prop_assert_eq!(message.at(args.len()), None);
        }
        prop_assert!(parsed.next().is_none());
    }

    #[test]
    fn actions_are_read_as_they_were_written(ids in ids(), actions in vec(action(), 0..6)) {
        let bytes = encoded(|out| {
            let mut ack = AckWriter::begin(ids, out);
            for action in &actions {
                ack.action(&as_action(action));
            }
            let size = ack.size();
            ack.finish();
            assert_eq!(size, out.len() - 4);
        });
        let frame = only_frame(&bytes);
        prop_assert_eq!((frame.frame_type, frame.flags, frame.ids), (FrameType::ACK, Flags::FIN, ids));
        let read: Result<Vec<_>, _> = ActionIter::new(frame.payload).collect();
        prop_assert_eq!(read.unwrap(), actions.iter().map(as_action).collect::<Vec<_>>());
    }

    #[test]
    fn a_notify_arrives_whole_whatever_the_frame_size(
        messages in messages(3),
        max_frame_size in 256_u32..2000,
        given in proptest::option::of(ids()),
    ) {
        let mut settings = EngineSettings::default();
        settings.max_frame_size = max_frame_size;
        let mut engine = EngineSession::new(settings);
        let mut agent = AgentSession::new(AgentSettings::default());
        let (mut to_agent, mut to_engine) = (Vec::new(), Vec::new());
        engine.hello(&mut to_agent);
        agent.receive(&to_agent, &mut to_engine);
        engine.receive(&to_engine, &mut to_agent);
        to_agent.clear();

        let payload = payload(&messages);
        let asked = match given {
            Some(ids) => {
                engine.notify_as(ids, &payload, &mut to_agent).unwrap();
                ids
            }
            None => engine.notify(&payload, &mut to_agent).unwrap(),
        };
        let mut frames = &to_agent[..];
        while let Some(frame) = Frame::split(&mut frames, max_frame_size).unwrap() {
            prop_assert_eq!(frame.ids, asked);
        }
        let received = agent.receive(&to_agent, &mut to_engine);
        prop_assert_eq!(received.used, to_agent.len());
        match received.event {
            Some(AgentEvent::Notify { ids, messages }) => {
                prop_assert_eq!(ids, asked);
                prop_assert_eq!(format!("{messages:?}"), format!("{:?}", Messages::parse(&payload).unwrap()));
            }
            other => prop_assert!(false, "{:?}", other),
        }
    }
}
