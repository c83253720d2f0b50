//! A client and an agent's session at the two ends of a pipe.
//!
//! Time is paused: a wait that nothing ends runs into its limit at once.

mod connecting;
mod ending;
mod sending;

use super::*;
use crate::spop::session::{AgentEvent, AgentSession, AgentSettings};
use crate::spop::{
    AckWriter, Action, DecodeError, Flags, Frame, FrameIds, FrameType, FrameWriter, Scope,
};
use tokio::io::{AsyncReadExt, AsyncWriteExt, DuplexStream};
use tokio::sync::Notify;
use tokio::task::JoinHandle;

/// An agent that answers each NOTIFY as it is told to; it returns what HAProxy's end said last.
struct Agent {
    stream: DuplexStream,
    session: AgentSession,
    input: Vec<u8>,
    out: Vec<u8>,
}

/// A message that an [`Agent`] was sent, owned.
#[derive(Clone, Debug, PartialEq)]
enum Heard {
    Hello {
        healthcheck: bool,
        engine_id: Option<String>,
    },
    Notify {
        ids: FrameIds,
        messages: Vec<String>,
    },
    Disconnect(Status),
    Refused(String),
    Eof,
}

impl Agent {
    fn new(settings: AgentSettings) -> (DuplexStream, Self) {
        let (ours, stream) = tokio::io::duplex(1 << 16);
        let agent = Agent {
            stream,
            session: AgentSession::new(settings),
            input: Vec::new(),
            out: Vec::new(),
        };
        (ours, agent)
    }

    /// The next event; what the session answers has been sent.
    async fn hear(&mut self) -> Heard {
        loop {
            let received = self.session.receive(&self.input, &mut self.out);
            let used = received.used;
            let heard = received.event.map(|event| match event {
                AgentEvent::Hello(hello) => Heard::Hello {
                    healthcheck: hello.healthcheck,
                    engine_id: hello.engine_id.map(str::to_owned),
                },
                AgentEvent::Notify { ids, messages } => Heard::Notify {
                    ids,
                    messages: messages
                        .iter()
                        .map(|message| {
                            let args: Vec<_> = message
                                .args()
                                .iter()
                                .map(|arg| format!("{}={}", arg.name, arg.value))
                                .collect();
                            format!("{}({})", message.name(), args.join(","))
                        })
                        .collect(),
                },
                AgentEvent::Disconnect(disconnect) => Heard::Disconnect(disconnect.status),
                other => Heard::Refused(format!("{other:?}")),
            });
            self.input.drain(..used);
            self.say().await;
            if let Some(heard) = heard {
                return heard;
            }
            match self.stream.read_buf(&mut self.input).await {
                Ok(0) | Err(_) => return Heard::Eof,
                Ok(_) => {}
            }
        }
    }

    async fn hear_notify(&mut self) -> FrameIds {
        match self.hear().await {
            Heard::Notify { ids, .. } => ids,
            other => panic!("not a NOTIFY: {other:?}"),
        }
    }

    async fn say(&mut self) {
        let out = std::mem::take(&mut self.out);
        let _ = self.stream.write_all(&out).await;
    }

    async fn ack(&mut self, ids: FrameIds, actions: &[Action<'_>]) {
        let mut ack = AckWriter::begin(ids, &mut self.out);
        for action in actions {
            ack.action(action);
        }
        ack.finish();
        self.say().await;
    }

    /// Says hello, then runs `rest`.
    fn spawn<R: Send + 'static, F: Future<Output = R> + Send>(
        mut self,
        rest: impl FnOnce(Agent) -> F + Send + 'static,
    ) -> JoinHandle<R> {
        tokio::spawn(async move {
            assert!(matches!(self.hear().await, Heard::Hello { .. }));
            rest(self).await
        })
    }
}

fn set(name: &'static str, value: Value<'static>) -> Action<'static> {
    Action::SetVar {
        scope: Scope::Session,
        name: name.into(),
        value,
    }
}

/// Answers every NOTIFY with a variable of its stream-id.
async fn echo(mut agent: Agent) -> Heard {
    loop {
        match agent.hear().await {
            Heard::Notify { ids, .. } => {
                let id = Value::Uint64(ids.stream_id);
                agent.ack(ids, &[set("id", id)]).await;
            }
            last => return last,
        }
    }
}

fn id(ack: &Ack) -> Option<i128> {
    ack.get("sess.id").and_then(OwnedValue::as_integer)
}
