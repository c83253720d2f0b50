//! A connection to the agent that plays a recorded engine.

use super::differences::{Differences, Missing};
use crate::failure::Failure;
use crate::recording::{Change, Exchange};
use crate::transport::{Connected, Target};
use spoa::client::{self, OwnedValue};
use spoa::spop::session::{EngineEvent, EngineSession, EngineSettings, NotifyError};
use spoa::spop::{Action, ActionIter, FrameIds, NotifyWriter, Status, Value};
use std::collections::HashMap;
use std::time::Duration;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::time::timeout;

/// The options for sending.
#[derive(Clone, Debug)]
pub(super) struct Settings {
    pub(super) target: Target,
    pub(super) patience: Duration,
    /// The limit on NOTIFYs in flight.
    pub(super) in_flight: usize,
}

#[derive(Debug)]
pub(super) struct Engine {
    settings: Settings,
    stream: Connected,
    session: EngineSession,
    input: Vec<u8>,
    in_flight: HashMap<FrameIds, Exchange>,
    /// Whether the connection ended.
    over: bool,
}

impl Engine {
    pub(super) async fn connect(
        name: &str,
        frame: u32,
        settings: Settings,
    ) -> Result<Self, Failure> {
        let mut stream = settings.target.connect(settings.patience).await?;
        let mut engine = EngineSettings::default();
        engine.max_frame_size = frame.max(spoa::spop::MIN_MAX_FRAME_SIZE);
        engine.engine_id = Some(name.to_owned());
        let mut session = EngineSession::new(engine);
        let mut input = Vec::new();
        let hello = client::hello(&mut stream, &mut session, &mut input);
        timeout(settings.patience, hello)
            .await
            .unwrap_or(Err(client::Error::HelloTimeout(settings.patience)))
            .map_err(|error| {
                let remedy = crate::transport::remedy(&error.to_string());
                Failure::failed(format!("{error}{remedy}"))
            })?;
        Ok(Engine {
            settings,
            stream,
            session,
            input,
            in_flight: HashMap::new(),
            over: false,
        })
    }

    /// Returns whether the connection ended: another is needed for what follows.
    pub(super) fn is_over(&self) -> bool {
        self.over
    }

    /// Sends the NOTIFY of an exchange as soon as it may be in flight; waits for no more answers than
    /// that takes.
    pub(super) async fn send(&mut self, exchange: Exchange, differences: &mut Differences) {
        let mut payload = Vec::new();
        let mut writer = NotifyWriter::new(&mut payload);
        for message in &exchange.messages {
            let args: Vec<(&str, Value<'_>)> = message
                .args
                .iter()
                .map(|(name, value)| (name.as_str(), value.as_value()))
                .collect();
            writer.message(&message.name, &args);
        }
        let mut out = Vec::new();
        loop {
            if self.over {
                return differences.missing(&exchange, Missing::Closed);
            }
            if self.in_flight.len() >= self.settings.in_flight {
                self.receive(differences).await;
                continue;
            }
            match self.session.notify_as(exchange.ids, &payload, &mut out) {
                Ok(()) => break,
                Err(NotifyError::NoPipelining | NotifyError::IdsInFlight(_)) => {
                    self.receive(differences).await;
                }
                Err(NotifyError::TooBig { .. }) => {
                    return differences.missing(&exchange, Missing::TooBig);
                }
                Err(_) => self.over = true,
            }
        }
        self.in_flight.insert(exchange.ids, exchange);
        match timeout(self.settings.patience, self.stream.write_all(&out)).await {
            Ok(Ok(())) => {}
            _ => self.end(differences),
        }
        if self.in_flight.len() >= self.settings.in_flight {
            self.receive(differences).await;
        }
    }

    /// Waits for all answers.
    pub(super) async fn drain(&mut self, differences: &mut Differences) {
        while !self.in_flight.is_empty() && !self.over {
            self.receive(differences).await;
        }
    }

    /// Closes the connection as HAProxy does.
    pub(super) async fn close(&mut self) {
        let mut out = Vec::new();
        self.session.disconnect(Status::NORMAL.into(), &mut out);
        let _ = timeout(Duration::from_secs(1), async {
            self.stream.write_all(&out).await?;
            self.stream.read_buf(&mut self.input).await
        })
        .await;
    }

    /// Waits until at least one NOTIFY is answered, or is not answered in time.
    async fn receive(&mut self, differences: &mut Differences) {
        loop {
            let before = self.in_flight.len();
            let mut done = 0;
            let mut out = Vec::new();
            loop {
                let rest = self.input.get(done..).unwrap_or_default();
                let received = self.session.receive(rest, &mut out);
                done += received.used;
                match received.event {
                    None => break,
                    Some(EngineEvent::Ack { ids, actions }) => {
                        if let Some(exchange) = self.in_flight.remove(&ids) {
                            differences.compare(&exchange, &changes(actions));
                        }
                    }
                    Some(EngineEvent::Late { .. } | EngineEvent::AgentHello(_)) => {}
                    Some(_) => {
                        self.over = true;
                        break;
                    }
                }
            }
            self.input.drain(..done.min(self.input.len()));
            if self.over {
                return self.end(differences);
            }
            if self.in_flight.len() < before || self.in_flight.is_empty() {
                return;
            }
            match timeout(
                self.settings.patience,
                self.stream.read_buf(&mut self.input),
            )
            .await
            {
                Ok(Ok(1..)) => {}
                Ok(_) => return self.end(differences),
                Err(_) => {
                    for (ids, exchange) in self.in_flight.drain() {
                        self.session.give_up(ids);
                        differences.missing(&exchange, Missing::Late);
                    }
                    return;
                }
            }
        }
    }

    fn end(&mut self, differences: &mut Differences) {
        self.over = true;
        for (_, exchange) in self.in_flight.drain() {
            differences.missing(&exchange, Missing::Closed);
        }
    }
}

fn changes(actions: ActionIter<'_>) -> Vec<Change> {
    let changes = actions.map_while(Result::ok).map(|action| Change {
        variable: format!(
            "{}.{}",
            action.scope(),
            String::from_utf8_lossy(action.name().as_bytes())
        ),
        value: match action {
            Action::SetVar { value, .. } => Some(OwnedValue::from(value)),
            Action::UnsetVar { .. } => None,
        },
    });
    changes.collect()
}
