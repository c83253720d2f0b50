//! `call`: one message to the handlers in this process, through the whole of the protocol.
//!
//! It must not know how messages are encoded or handlers run: it is a test of the agent by hand.

use super::json::action;
use crate::agent::AgentBuilder;
use crate::client::Argument;
use crate::handler::AsValue;
use crate::testing::{Answer, TestAgent};
use serde_json::{Value, json};
use std::ffi::OsString;

/// How large HAProxy's frames are if nobody says otherwise: `tune.bufsize` less 4.
const FRAME: u32 = 16380;

/// A message to send.
#[derive(Debug)]
pub(super) struct Call {
    message: String,
    args: Vec<Argument>,
}

impl Call {
    /// Reads the arguments.
    pub(super) fn new(message: String, args: &[OsString]) -> Result<Self, String> {
        let args: Result<_, _> = args.iter().map(Argument::parse).collect();
        let args = args.map_err(|error| error.to_string())?;
        Ok(Call { message, args })
    }

    /// Sends it to an agent, in frames of this size or HAProxy's default.
    pub(super) async fn send(
        &self,
        builder: AgentBuilder,
        frame: Option<u32>,
    ) -> Result<Answer, super::StartError> {
        let agent = TestAgent::build(builder)?.max_frame_size(frame.unwrap_or(FRAME));
        let args: Vec<(&str, &dyn AsValue)> = self
            .args
            .iter()
            .map(|argument| (argument.name.as_str(), &argument.value as _))
            .collect();
        Ok(agent.call(&self.message, &args).await?)
    }

    /// The answer as a person reads it: its actions, one a line.
    pub(super) fn lines(answer: &Answer) -> String {
        let actions = answer.actions().iter();
        actions.map(|action| format!("{action}\n")).collect()
    }

    /// The answer as JSON.
    pub(super) fn json(&self, answer: &Answer) -> Value {
        let actions = answer.actions().iter().map(action);
        let failures = answer
            .failures()
            .iter()
            .map(|failed| failed.failure.to_string());
        json!({
            "message": self.message,
            "actions": actions.collect::<Vec<_>>(),
            "failure": failures.collect::<Vec<_>>().first(),
        })
    }
}
