//! How HAProxy would treat an agent that gave these answers.
//!
//! It judges observations, by what HAProxy was seen to do, and needs no connection.

use super::conversation::{DisconnectReaction, Hello, Problem};
use spoa::client::Negotiated;
use spoa::spop::session::Refusal;
use spoa::spop::{Capabilities, Status};

/// A finding about an agent.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Finding {
    pub(super) weight: Weight,
    pub(super) text: String,
}

/// The weight of a finding.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Weight {
    /// HAProxy cannot use the agent.
    Bad,
    /// HAProxy can use the agent, but not as well as it could.
    Worse,
    /// All is well, or it is a matter of taste.
    Fine,
}

impl Weight {
    pub(super) fn key(self) -> &'static str {
        match self {
            Weight::Bad => "error",
            Weight::Worse => "warning",
            Weight::Fine => "note",
        }
    }
}

/// The fate of streams while there is no agreement.
const WAIT: &str = "Streams wait for the whole of `timeout processing` and get error 1, and up to \
                    3.0 HAProxy reconnects again and again.";

/// Returns the findings about the observed facts.
pub(super) fn findings(
    offered: u32,
    hello: &Hello,
    disconnect: Option<&DisconnectReaction>,
    check: &Hello,
) -> Vec<Finding> {
    let mut found = Findings(Vec::new());
    match &hello.outcome {
        Ok(agreed) => found.agreed(offered, agreed),
        Err(problem) => found.refused(problem),
    }
    if hello.pieces > 1 {
        found.add(
            Weight::Worse,
            format!(
                "The HELLO came in {} pieces: HAProxy 3.2 and later may close the connection at \
                 the first. It should leave the agent in one write.",
                hello.pieces
            ),
        );
    }
    match &check.outcome {
        // The remark on the HELLO says it all.
        Err(Problem::Tls) => {}
        Ok(_) => found.add(
            Weight::Fine,
            "Health checks (`option spop-check`) find the agent up.",
        ),
        Err(problem) => found.add(
            Weight::Bad,
            format!("Health checks (`option spop-check`) find the agent down: {problem}."),
        ),
    }
    if disconnect == Some(&DisconnectReaction::Ignored) {
        found.add(
            Weight::Worse,
            "The agent neither answers HAPROXY-DISCONNECT nor closes: HAProxy up to 3.0 delays \
             its soft stop until the agent does.",
        );
    }
    found.0
}

struct Findings(Vec<Finding>);

impl Findings {
    fn add(&mut self, weight: Weight, text: impl Into<String>) {
        self.0.push(Finding {
            weight,
            text: text.into(),
        });
    }

    fn agreed(&mut self, offered: u32, agreed: &Negotiated) {
        let (size, can) = (agreed.max_frame_size, agreed.capabilities);
        if size < offered {
            let larger = if can.contains(Capabilities::FRAGMENTATION) {
                "come in fragments up to 3.0 and fail with error 259 from 3.1 on"
            } else {
                "fail with error 259, and up to 3.0 HAProxy may connect again and again"
            };
            self.add(
                Weight::Worse,
                format!(
                    "The agent takes frames of {size} bytes where {offered} are offered. Larger \
                     NOTIFYs {larger}. Let it announce what HAProxy offers."
                ),
            );
        }
        if can.contains(Capabilities::PIPELINING) {
            self.add(
                Weight::Fine,
                "`pipelining`: up to 20 NOTIFYs are in flight on each connection.",
            )
        } else {
            self.add(
                Weight::Worse,
                "Without `pipelining` each connection has one NOTIFY in flight, and each \
                 waiting request needs its own connection.",
            )
        }
        if can.contains(Capabilities::ASYNC) {
            self.add(
                Weight::Fine,
                "`async`: up to 3.0 an ACK may come on any connection of the engine; from 3.1 on \
                 it must come on the NOTIFY's connection, or HAProxy may give it to another stream.",
            );
        }
        if can.contains(Capabilities::FRAGMENTATION) && size >= offered {
            self.add(
                Weight::Fine,
                "`fragmentation`: up to 3.0 a NOTIFY larger than a frame comes in several; from \
                 3.1 on it fails with error 3.",
            );
        }
    }

    fn refused(&mut self, problem: &Problem) {
        let text = match problem {
            Problem::Text(line) => format!(
                "The program that listens there is not a SPOE agent: it answered with text, `{line}`. Is the \
                 address that of the agent?"
            ),
            Problem::Refused(Refusal::Foreign(foreign)) => {
                format!("The peer speaks {foreign}. Check the agent's address.")
            }
            Problem::Refused(Refusal::Hello(Status::NO_CAPABILITIES)) => {
                "The HELLO has no `capabilities`: HAProxy assumes an empty list, but from 3.1 on \
                 health checks fail. Send it, even if it is \"\"."
                    .to_owned()
            }
            Problem::Refused(Refusal::Hello(Status::NO_MAX_FRAME_SIZE)) => {
                "The HELLO has no `max-frame-size`: up to 3.0 HAProxy refuses it, and later \
                 versions' health checks fail. Send what HAProxy offers."
                    .to_owned()
            }
            Problem::Refused(refusal) => format!(
                "HAProxy ends the connection with status {0}: {refusal}. {WAIT} `spop explain {0}` \
                 says more.",
                refusal.status().code(),
            ),
            Problem::Disconnected(status, _) => format!(
                "The agent refuses HAProxy's HELLO. {WAIT} `spop explain {}` says more.",
                status.code()
            ),
            Problem::Tls => {
                "The agent takes only TLS: HAProxy needs `ssl verify required ca-file …` on its `server` line, \
                 and its health checks use TLS then, too. `spop probe --tls --ca FILE` says more."
                    .to_owned()
            }
            Problem::Closed => "The agent closes the connection in place of an AGENT-HELLO. From \
                                3.1 on streams get error 257; up to 3.0 HAProxy connects again and \
                                again, and they get error 1. The agent's log may say why."
                .to_owned(),
            Problem::Silent(_) => format!(
                "The peer sends no AGENT-HELLO. {WAIT} Check that it is an SPOE agent, and that it is \
                 not blocked."
            ),
            Problem::Broken(error) => {
                format!("The connection broke ({error}). {WAIT}")
            }
        };
        self.add(Weight::Bad, text);
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use spoa::spop::AgentHello;
    use spoa::spop::Capabilities;
    use std::time::Duration;

    fn hello(max_frame_size: u32, capabilities: &str) -> Hello {
        let agent = AgentHello {
            version: "2.0",
            max_frame_size,
            capabilities: Capabilities::parse(capabilities),
        };
        outcome(Ok(agent.into()))
    }

    fn outcome(outcome: Result<Negotiated, Problem>) -> Hello {
        Hello {
            connected: Duration::ZERO,
            answered: Duration::ZERO,
            pieces: 1,
            bytes: Vec::new(),
            outcome,
        }
    }

    /// The findings that are not fine.
    fn faults(hello: &Hello, disconnect: Option<&DisconnectReaction>) -> Vec<(Weight, String)> {
        let check = self::hello(16380, "");
        let found = findings(16380, hello, disconnect, &check).into_iter();
        found
            .filter(|found| found.weight != Weight::Fine)
            .map(|found| (found.weight, found.text))
            .collect()
    }

    #[test]
    fn an_agent_that_haproxy_accepts_has_no_fault() {
        let disconnect = DisconnectReaction::Answered(Status::NORMAL, Duration::ZERO);
        assert_eq!(faults(&hello(16380, "pipelining"), Some(&disconnect)), []);
    }

    #[test]
    fn faults_that_haproxy_tolerates_are_remarks() {
        let ignored = DisconnectReaction::Ignored;
        let mut slow = hello(1024, "");
        slow.pieces = 3;
        let faults = faults(&slow, Some(&ignored));
        let parts = [
            "takes frames of 1024 bytes where 16380 are offered",
            "Without `pipelining`",
            "came in 3 pieces",
            "neither answers HAPROXY-DISCONNECT nor closes",
        ];
        assert_eq!(faults.len(), parts.len(), "{faults:#?}");
        for ((weight, text), part) in faults.iter().zip(parts) {
            assert_eq!(*weight, Weight::Worse);
            assert!(text.contains(part), "{part}: {text}");
        }
    }

    #[test]
    fn every_failure_says_which_error_streams_get() {
        for (problem, part) in [
            (Problem::Closed, "error 257"),
            (Problem::Silent(Duration::from_secs(5)), "get error 1"),
            (
                Problem::Refused(Refusal::Hello(Status::BAD_VERSION)),
                "`spop explain 8`",
            ),
            (
                Problem::Refused(Refusal::Hello(Status::NO_CAPABILITIES)),
                "has no `capabilities`",
            ),
            (
                Problem::Disconnected(Status::RESOURCE, String::new()),
                "`spop explain 13`",
            ),
        ] {
            let faults = faults(&outcome(Err(problem)), None);
            let [(Weight::Bad, text)] = faults.as_slice() else {
                panic!("one fault is all: {faults:#?}");
            };
            assert!(text.contains(part), "{part}: {text}");
        }
    }
}
