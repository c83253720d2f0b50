//! An agent that says what the library never says, to see what HAProxy makes of it.
//!
//! It knows the protocol, and no handlers.

use std::io;
use std::sync::Arc;
use std::time::Duration;

use spoa::spop::session::{AgentEvent, AgentSession, AgentSettings};
use spoa::spop::{AckWriter, Action, FrameIds, Messages, Scope, Value};
use spoa_tests::Background;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;

/// Appends the answer of a NOTIFY to the output.
pub(crate) trait Answer:
    Fn(FrameIds, Messages<'_>, &mut Vec<u8>) + Send + Sync + 'static
{
}

impl<F: Fn(FrameIds, Messages<'_>, &mut Vec<u8>) + Send + Sync + 'static> Answer for F {}

/// Turns the bytes of an AGENT-HELLO into the parts that are written instead.
pub(crate) type Greeting = fn(Vec<u8>) -> Vec<Vec<u8>>;

/// An agent that shakes hands as the library does.
pub(crate) fn answering(answer: impl Answer) -> Background {
    greeting(|hello| vec![hello], answer)
}

/// An agent that shakes hands in its own way.
pub(crate) fn greeting(greeting: Greeting, answer: impl Answer) -> Background {
    let answer = Arc::new(answer);
    Background::serve(move |listener, shutdown| async move {
        let accept = async {
            loop {
                let (stream, _) = listener.accept().await?;
                stream.set_nodelay(true)?;
                // It ends with an error when HAProxy has enough.
                tokio::spawn(serve(stream, greeting, answer.clone()));
            }
        };
        tokio::select! {
            failed = accept => failed,
            () = shutdown => Ok::<(), io::Error>(()),
        }
    })
}

async fn serve(
    mut stream: TcpStream,
    greeting: Greeting,
    answer: Arc<impl Answer>,
) -> io::Result<()> {
    let mut session = AgentSession::new(AgentSettings::default());
    let mut input = Vec::new();
    while stream.read_buf(&mut input).await? > 0 {
        let mut out = Vec::new();
        let mut hello = false;
        loop {
            let received = session.receive(&input, &mut out);
            let used = received.used;
            match received.event {
                Some(AgentEvent::Notify { ids, messages }) => answer(ids, messages, &mut out),
                Some(AgentEvent::Hello(_)) => hello = true,
                Some(_) => {}
                None => {
                    input.drain(..used);
                    break;
                }
            }
            input.drain(..used);
        }
        let parts = if hello { greeting(out) } else { vec![out] };
        for (number, part) in parts.iter().enumerate() {
            if number > 0 {
                // So that they are not read as one.
                tokio::time::sleep(Duration::from_millis(20)).await;
            }
            stream.write_all(part).await?;
        }
    }
    Ok(())
}

/// An ACK that sets `txn.<name>`.
pub(crate) fn ack(ids: FrameIds, name: &str, value: Value<'_>, out: &mut Vec<u8>) {
    let mut ack = AckWriter::begin(ids, out);
    ack.action(&Action::SetVar {
        scope: Scope::Transaction,
        name: name.into(),
        value,
    });
    ack.finish();
}
