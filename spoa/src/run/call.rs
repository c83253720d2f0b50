//! `call`: sends one message to the handlers in this process, through the whole protocol.

use super::StartError;
use crate::agent::AgentBuilder;
use crate::client::{self, Ack, Argument, Client, Stream};
use crate::handler::Peer;
use crate::json::{JsonValue, object};
use crate::spop::Value;
use crate::task;
use crate::text::one_line;
use crate::unanswered::{Unanswered, others};
use std::ffi::OsString;
use std::future::pending;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;
use tokio::net::UnixStream;
use tokio::time::timeout;

/// The default frame size of HAProxy: `tune.bufsize` less 4.
const FRAME: u32 = 16380;

/// A message to send.
#[derive(Debug)]
pub(super) struct Call {
    message: String,
    args: Vec<Argument>,
}

/// The answer of the agent.
#[derive(Debug)]
pub(super) struct CallAnswer {
    ack: Ack,
    /// Why the handler failed, if it did.
    failure: Option<String>,
}

impl Call {
    /// Reads the arguments.
    pub(super) fn new(message: String, args: &[OsString]) -> Result<Self, String> {
        let args: Result<_, _> = args.iter().map(Argument::read).collect();
        let args = args.map_err(|error| error.to_string())?;
        Ok(Call { message, args })
    }

    /// Sends the message to an agent, in frames of this size, or of HAProxy's default size.
    pub(super) async fn send(
        &self,
        builder: AgentBuilder,
        frame: Option<u32>,
    ) -> Result<CallAnswer, StartError> {
        let failures = Arc::new(Mutex::new(Vec::new()));
        let seen = Arc::clone(&failures);
        let observe = move |failure: String| {
            let mut seen = seen.lock().unwrap_or_else(PoisonError::into_inner);
            seen.push(failure);
        };
        let agent = builder
            .observe(move |failed| observe(failed.failure().to_string()))
            .build()?;
        if let Some(known) = others(&self.message, agent.handlers()) {
            let (message, known) = (self.message.as_str(), known.as_slice());
            return Err(StartError::Argument(
                Unanswered { message, known }.to_string(),
            ));
        }
        // Over sockets, since the program has the code for them already.
        let (ours, theirs) = UnixStream::pair().map_err(StartError::Connect)?;
        let serving = task::spawn(agent.serve_connection(theirs, Peer::Memory, pending()));
        let ack = self.ask(Stream::Unix(ours), frame.unwrap_or(FRAME)).await;
        let limit = agent.limits().drain_timeout;
        let _ = timeout(limit, agent.monitor().after_work_done()).await;
        // The task has the program's values, which are dropped while the runtime still runs: a drop may need it.
        serving.abort();
        let _ = timeout(task::CANCELLED, serving).await;
        let mut failures = failures.lock().unwrap_or_else(PoisonError::into_inner);
        Ok(CallAnswer {
            ack: ack?,
            failure: failures.drain(..).next(),
        })
    }

    async fn ask(&self, agent: Stream, frame: u32) -> Result<Ack, client::Error> {
        let client = Client::options()
            .engine_id("call")
            .max_frame_size(frame)
            .ack_timeout(Duration::MAX);
        let client = client.over(agent).await?;
        let args: Vec<(&str, Value<'_>)> = self
            .args
            .iter()
            .map(|argument| (argument.name.as_str(), argument.value.as_value()))
            .collect();
        client.send(&self.message, &args).await
    }

    /// Returns the answer as JSON.
    pub(super) fn json(&self, answer: &CallAnswer) -> JsonValue {
        let actions = answer.ack.actions.iter();
        object! {
            "message": self.message.as_str(),
            "actions": actions.map(|action| action.json()).collect::<JsonValue>(),
            "failure": answer.failure.as_deref(),
        }
    }
}

impl CallAnswer {
    /// Returns the actions, one on each line.
    pub(super) fn lines(&self) -> String {
        let actions = self.ack.actions.iter();
        actions.map(|action| format!("{action}\n")).collect()
    }

    /// Returns why the handler failed, on one line.
    pub(super) fn failure(&self) -> Option<String> {
        let failure = self.failure.as_deref()?;
        Some(one_line(failure).into_owned())
    }
}
