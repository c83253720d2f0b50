//! The facts behind `spop explain`: what was read in HAProxy's sources and seen on the wire.
//!
//! `set-on-error` is described in SPOE.txt 2.2, the status codes in 3.5. "up to 3.0" is the old
//! filter with connections of its own, "from 3.1 on" the one on top of HAProxy's multiplexers.

use spoa::spop::Status;

/// What an error value means to who reads it.
#[derive(Debug)]
pub(super) struct Explanation {
    /// In a few words.
    pub(super) meaning: &'static str,
    /// What leads to it, the commonest first.
    pub(super) causes: &'static [&'static str],
    /// What helps, in the same order.
    pub(super) remedies: &'static [&'static str],
}

/// The explanation of a value below 256.
pub(super) fn of_value(code: u32) -> Option<&'static Explanation> {
    let found = VALUES.iter().find(|(known, _)| *known == code);
    found.map(|(_, explanation)| explanation)
}

/// HAProxy's own values.
pub(super) const VALUES: &[(u32, Explanation)] = &[
    (
        0,
        Explanation {
            meaning: "no error",
            causes: &["HAProxy does not set the variable when all went well: who sees a 0 set it."],
            remedies: &[
                "Ask for failure with `-m found`: `http-request deny if { var(txn.PREFIX.NAME) -m found }`.",
            ],
        },
    ),
    (
        1,
        Explanation {
            meaning: "no answer within `timeout processing`",
            causes: &[
                "The agent is slower than `timeout processing` of the spoe-agent section: a slow handler, too few threads, more requests than it can answer.",
                "The agent did not answer this NOTIFY at all, as some do after an error of their own.",
                "From 3.1 on, an agent that says AGENT-DISCONNECT in place of AGENT-HELLO, that closes at once behind an AGENT-DISCONNECT, that acknowledges a stream-id or frame-id HAProxy never sent, or that sends a frame as large as the agreed size, costs the streams on that connection their whole timeout.",
            ],
            remedies: &[
                "`spop call` says how long one message takes, `spop bench --rate` how long they take under load; give `timeout processing` room above the 99.9th percentile.",
                "Keep the agent's own deadline for handlers below `timeout processing`.",
                "`spop probe` finds an agent that HAProxy cannot agree with; `spop decode` reads what was captured.",
                "Decide what a timeout means: with no rule on the variable, the request goes on unjudged.",
            ],
        },
    ),
    (
        2,
        Explanation {
            meaning: "HAProxy lacks something to send the message with",
            causes: &[
                "Up to 3.0: no server of the agent's backend is up, or `maxconnrate` is reached, and no connection is left.",
                "HAProxy is out of memory, connections or streams.",
            ],
            remedies: &[
                "Look at the agent's backend in `show servers state`, and ask the agent with `spop probe`.",
                "Raise `maxconnrate` (up to 3.0), `maxconn`, or the memory of HAProxy.",
            ],
        },
    ),
    (
        3,
        Explanation {
            meaning: "the messages do not fit in a frame",
            causes: &[
                "All messages of one event or group travel in one NOTIFY, and a body, the headers or a long URL made it larger than `max-frame-size`: tune.bufsize less 4, unless the spoe-agent section says less.",
            ],
            remedies: &[
                "Send less: single headers in place of `req.hdrs`, `req.body` cut with `bytes(0,8192)`.",
                "Raise `tune.bufsize`, and the largest frame the agent takes with it.",
            ],
        },
    ),
    (
        4,
        Explanation {
            meaning: "given up half way",
            causes: &[
                "From 3.1 on: HAProxy interrupted the processing, as 5 was before; SPOE.txt still lists it as 5.",
                "Up to 3.0: the agent aborted a NOTIFY that came in fragments.",
            ],
            remedies: &[
                "From 3.1 on: see 5.",
                "Up to 3.0: the agent's log says why it does not want the fragments.",
            ],
        },
    ),
    (
        5,
        Explanation {
            meaning: "interrupted by HAProxy",
            causes: &[
                "The client went away, or a rule with `send-spoe-group` had to end (`tcp-request inspect-delay`) before the agent answered. From 3.1 on the value is 4.",
            ],
            remedies: &[
                "Nothing, if it is rare: clients do go away.",
                "Give the rules more time than `timeout processing`, or the agent less.",
            ],
        },
    ),
    (
        255,
        Explanation {
            meaning: "an unknown error",
            causes: &["HAProxy reserves the value; no version from 2.6 to 3.4 sets it."],
            remedies: &["Look at what else sets the variable."],
        },
    ),
];

/// The explanation of a status with which HAProxy refuses a HELLO: they differ in what is wrong.
macro_rules! hello {
    ($meaning:literal, $rule:literal $(,)?) => {
        &Explanation {
            meaning: $meaning,
            causes: &[
                $rule,
                "HAProxy ends the connection with this status; from 3.1 on, a stream that waited may see 1 in its place.",
            ],
            remedies: &["`spop probe` shows the agent's HELLO and judges it as HAProxy does."],
        }
    };
}

/// The explanation of 256 and a status, and what the status says in a frame.
pub(super) fn of_status(status: Status) -> (&'static Explanation, &'static str) {
    match status {
        Status::Normal => (
            &Explanation {
                meaning: "the connection ended in order, without the ACK",
                causes: &[
                    "The agent said goodbye (AGENT-DISCONNECT, status 0), as it does when it stops, with NOTIFYs still unanswered.",
                ],
                remedies: &[
                    "The agent has to answer all it has read before it says goodbye; an agent of this framework does.",
                    "Take the agent out of its backend (`disable server`) before it stops.",
                ],
            },
            "A normal end: HAProxy stops or has no use for the connection; an agent stops.",
        ),
        Status::Io => (
            &Explanation {
                meaning: "the connection failed, or the agent closed it",
                causes: &[
                    "The agent does not run, listens elsewhere, or all servers of its backend are down.",
                    "The agent closed the connection without an answer: it crashed, restarted, or did not like the HELLO.",
                    "The agent's HELLO came in several segments: HAProxy 3.2 and later may close at the first.",
                    "`timeout server` of the agent's backend is shorter than the agent's pauses (up to 3.0: HAProxy says status 1 to an idle agent then, and nobody is harmed).",
                ],
                remedies: &[
                    "`spop probe ADDRESS` with the address of the `server` line says what HAProxy finds there.",
                    "Look at the agent's log, and at the backend's health checks (`option spop-check`).",
                ],
            },
            "An I/O error; HAProxy up to 3.0 also says it when `timeout server` ends an idle connection.",
        ),
        Status::Timeout => (
            &Explanation {
                meaning: "the connection timed out",
                causes: &[
                    "Up to 3.0: no AGENT-HELLO within `timeout hello`.",
                    "The agent ended the connection with this status: it was waiting for something too.",
                ],
                remedies: &[
                    "`spop probe` measures how long the HELLO takes.",
                    "Raise `timeout hello` in the spoe-agent section (up to 3.0).",
                ],
            },
            "Something did not come in time. HAProxy up to 3.0 says it to an agent that was idle for `timeout idle`: that is a normal end.",
        ),
        Status::FrameTooBig => (
            &Explanation {
                meaning: "a frame is larger than agreed",
                causes: &[
                    "The agent announced a smaller max-frame-size than HAProxy's, and the NOTIFY is larger than that.",
                    "Up to 3.0: the agent's ACK is larger than agreed. From 3.1 on that wedges the connection, and its streams see 1.",
                ],
                remedies: &[
                    "Let the agent announce the size HAProxy offers (tune.bufsize less 4): `spop probe` shows both.",
                    "Send less in one event, or return fewer and shorter variables.",
                ],
            },
            "The peer sent a frame larger than agreed in the HELLOs.",
        ),
        Status::InvalidFrame => (
            &Explanation {
                meaning: "HAProxy could not read what the agent sent, or the other way round",
                causes: &[
                    "The agent sent a frame that is none, of no bytes, of a type that has no place there, or a HELLO with ids, keys or types that are not as specified (`2` and `2.0, 1.0` are no version).",
                    "From 3.1 on: an ACK with stream-id 0.",
                    "The agent could not read HAProxy's frame: a message of more than 255 arguments is sent with a count that is wrong.",
                ],
                remedies: &[
                    "Capture the bytes and let `spop decode` say where they stop making sense.",
                    "`spop probe` judges the HELLO as HAProxy does.",
                ],
            },
            "The peer's bytes are no frame, or one that has no place there.",
        ),
        Status::NoVersion => (
            hello!(
                "the agent's HELLO has no `version`",
                "The AGENT-HELLO must say `version` = \"2.0\" (STRING).",
            ),
            "A HELLO without `version` (the agent's) or `supported-versions` (HAProxy's).",
        ),
        Status::NoMaxFrameSize => (
            hello!(
                "the agent's HELLO has no `max-frame-size`",
                "The AGENT-HELLO must say `max-frame-size` (an integer from 256 to HAProxy's).",
            ),
            "A HELLO without `max-frame-size`.",
        ),
        Status::NoCapabilities => (
            hello!(
                "the agent's HELLO has no `capabilities`",
                "The AGENT-HELLO must say `capabilities` (STRING), if only \"\": from 3.1 on, health checks fail without it.",
            ),
            "A HELLO without `capabilities`.",
        ),
        Status::BadVersion => (
            hello!(
                "the agent speaks another version",
                "The AGENT-HELLO must say `version` = \"2.0\" (STRING): HAProxy speaks no other.",
            ),
            "No version that both ends speak: HAProxy offers 2.0 only.",
        ),
        Status::BadMaxFrameSize => (
            hello!(
                "the agent's `max-frame-size` is out of bounds",
                "`max-frame-size` must be from 256 to what HAProxy offered, tune.bufsize less 4 (16380 by default).",
            ),
            "`max-frame-size` is below 256 or above what was offered; from 3.1 on HAProxy says it of any frame whose length is above.",
        ),
        Status::NoFragmentation => (
            &Explanation {
                meaning: "fragments where there may be none",
                causes: &[
                    "Up to 3.0: the NOTIFY is larger than the max-frame-size the agent announced, and it does not announce `fragmentation`. HAProxy then connects again and again.",
                    "The agent sent an ACK or HELLO without the FIN flag.",
                ],
                remedies: &[
                    "Let the agent announce the size HAProxy offers: `spop probe` shows both.",
                    "Every frame of an agent has FIN set.",
                ],
            },
            "A frame came in fragments, or would have to be sent in fragments, and that was not agreed on.",
        ),
        Status::InterlacedFrames => (
            &Explanation {
                meaning: "fragments out of order, says the agent",
                causes: &[
                    "The agent lost track of the fragments of several NOTIFYs (up to 3.0). HAProxy itself never says it.",
                ],
                remedies: &[
                    "`no option send-frag-payload`, or an agent that does not announce `fragmentation`.",
                ],
            },
            "Fragments of one frame came between those of another of the same ids. Only agents say it.",
        ),
        Status::FrameIdNotFound => (
            &Explanation {
                meaning: "an ACK for a NOTIFY that was never sent",
                causes: &[
                    "The agent answered with other ids than the NOTIFY's, or on another connection than the one it came on.",
                    "From 3.1 on the whole connection fails, and most of its streams see 1.",
                ],
                remedies: &[
                    "The agent must repeat stream-id and frame-id of the NOTIFY, on its connection; `spop bench` counts ACKs that do not fit.",
                    "Up to 3.0 `async` allows ACKs on other connections: an agent for all versions does not announce it.",
                ],
            },
            "An ACK names a stream-id or frame-id that HAProxy did not send.",
        ),
        Status::Resource => (
            &Explanation {
                meaning: "an end ran out of something",
                causes: &["The agent reached a bound of its own: connections, memory, frames."],
                remedies: &["The agent's log says which; raise it, or add agents to the backend."],
            },
            "Out of memory, buffers, connections or room.",
        ),
        Status::Unknown => (
            &Explanation {
                meaning: "the agent ended the connection for a reason it does not name",
                causes: &["An error inside the agent."],
                remedies: &[
                    "Its log may say more, and so may the DISCONNECT's message: `spop decode`.",
                ],
            },
            "An error that no other code stands for.",
        ),
        _ => (
            &Explanation {
                meaning: "the agent ended the connection with a code of its own",
                causes: &[
                    "SPOE.txt lists 0 to 13 and 99; agents may use others for errors of their own.",
                ],
                remedies: &[
                    "The agent's documents and its log say what the agent's own code means.",
                ],
            },
            "A code of the peer's own.",
        ),
    }
}
