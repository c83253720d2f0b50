//! The facts about error values and status codes, as they were seen with HAProxy 2.6, 3.0, 3.2 and 3.4, and read in
//! their sources.
//!
//! `set-on-error` is described in SPOE.txt 2.2, the status codes in 3.5. "up to 3.0" is the old
//! filter with connections of its own, "from 3.1 on" the one on top of HAProxy's multiplexers.

/// The meaning of an error value.
#[derive(Debug)]
pub(super) struct Explanation {
    /// The meaning in a few words.
    pub(super) meaning: &'static str,
    /// Its causes, the commonest first.
    pub(super) causes: &'static [&'static str],
    /// The remedies, in the same order.
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
            causes: &[
                "HAProxy does not set the variable on success: a 0 comes from your own rules.",
            ],
            remedies: &[
                "Test for failure with `-m found`: `http-request deny if { var(txn.PREFIX.NAME) -m found }`.",
            ],
        },
    ),
    (
        1,
        Explanation {
            meaning: "no answer within `timeout processing`",
            causes: &[
                "The agent is slower than `timeout processing` of the spoe-agent section: a slow handler, too few threads, or more requests than it can answer.",
                "The agent did not answer this NOTIFY, as some agents do after an internal error, or answered with ids that HAProxy never sent.",
                "Nothing listens at the agent's address, and no health check has noticed.",
                "The HELLOs of HAProxy and the agent do not match, or the agent sends AGENT-DISCONNECT in place of its HELLO. Up to 3.0 HAProxy reconnects until the timeout, thousands of times a second.",
                "From 3.1 on: the agent sent a frame that HAProxy does not take (an ACK without FIN, one as large as the agreed size or larger, bytes that are not a frame). All streams of the connection wait for their whole timeout.",
            ],
            remedies: &[
                "`spop probe` says whether HAProxy accepts the agent's HELLO; `spop decode` reads captured frames.",
                "`spop call` says how long one message takes, and `spop bench --rate` how long messages take under load. Set `timeout processing` above the 99.9th percentile, and the agent's own timeout for handlers below `timeout processing`.",
                "Health checks (`option spop-check`, and `check` on the `server` line) give an error at once when the agent is down: 2 up to 3.0, 257 from 3.1 on.",
                "Decide what a timeout means: without a rule on the variable, HAProxy lets the request pass.",
            ],
        },
    ),
    (
        2,
        Explanation {
            meaning: "HAProxy cannot send the message",
            causes: &[
                "Up to 3.0: health checks find no server of the agent's backend up, or `maxconnrate` is reached. From 3.1 on a backend without a server gives 257.",
                "HAProxy is out of memory.",
            ],
            remedies: &[
                "Look at the agent's backend in `show servers state`, and ask the agent with `spop probe`.",
                "Raise `maxconnrate` (up to 3.0), or the memory of HAProxy.",
            ],
        },
    ),
    (
        3,
        Explanation {
            meaning: "the messages do not fit in a frame",
            causes: &[
                "HAProxy sends all messages of an event or group in one NOTIFY. A body, the headers or a long URL made it larger than `max-frame-size` (tune.bufsize less 4, unless the spoe-agent section sets less). Up to 3.0 HAProxy sends it in fragments to an agent that announces `fragmentation`.",
            ],
            remedies: &[
                "Send less: single headers in place of `req.hdrs`, `req.body` cut with `bytes(0,8192)`.",
                "Raise `tune.bufsize`, and the agent's own limit on frames with it.",
            ],
        },
    ),
    (
        4,
        Explanation {
            meaning: "aborted half way",
            causes: &[
                "From 3.1 on: HAProxy interrupted the processing. Older versions give 5, and SPOE.txt still lists it as 5.",
                "Up to 3.0: the agent aborted a NOTIFY that came in fragments.",
            ],
            remedies: &[
                "From 3.1 on: run `explain 5`.",
                "Up to 3.0: the agent's log says why it refused the fragments.",
            ],
        },
    ),
    (
        5,
        Explanation {
            meaning: "interrupted by HAProxy",
            causes: &[
                "The client disconnected, or a rule with `send-spoe-group` ran out of time (`tcp-request inspect-delay`) before the agent answered. From 3.1 on the value is 4.",
            ],
            remedies: &[
                "Do nothing if it is rare: clients do disconnect.",
                "Let the rules wait longer than `timeout processing`, or lower that.",
            ],
        },
    ),
    (
        255,
        Explanation {
            meaning: "an unknown error",
            causes: &["HAProxy reserves the value; no version from 2.6 to 3.4 sets it."],
            remedies: &["Look for another rule that sets the variable."],
        },
    ),
];

/// Builds the explanation of a status with which HAProxy refuses a HELLO; they differ in the fault.
macro_rules! hello {
    ($meaning:literal, $rule:literal $(,)?) => {
        &Explanation {
            meaning: $meaning,
            causes: &[
                $rule,
                "HAProxy ends the connection with this status, and waiting streams get 1; up to 3.0 it reconnects again and again meanwhile. Streams get this value only when an agent ends a connection with the status.",
            ],
            remedies: &["`spop probe` shows the agent's HELLO and judges it as HAProxy does."],
        }
    };
}

/// The status codes of SPOE.txt, with its words.
pub(super) const STATUSES: &[(u32, &str)] = &[
    (0, "normal"),
    (1, "I/O error"),
    (2, "a timeout occurred"),
    (3, "frame is too big"),
    (4, "invalid frame received"),
    (5, "version value not found"),
    (6, "max-frame-size value not found"),
    (7, "capabilities value not found"),
    (8, "unsupported version"),
    (9, "max-frame-size too big or too small"),
    (10, "payload fragmentation is not supported"),
    (11, "invalid interlaced frames"),
    (12, "frame-id not found"),
    (13, "resource allocation error"),
    (99, "an unknown error occurred"),
];

/// The explanation of 256 and a status, and what the status says in a frame.
pub(super) fn of_status(status: u32) -> (&'static Explanation, &'static str) {
    match status {
        0 => (
            &Explanation {
                meaning: "the connection ended without the ACK",
                causes: &[
                    "Up to 3.0: the agent takes longer than `timeout idle` of the spoe-agent section.",
                    "Up to 3.0: the agent sent an ACK that HAProxy rejects: one without FIN, or, without pipelining, one for another NOTIFY.",
                    "Up to 3.0: the agent closed the connection gracefully (AGENT-DISCONNECT, status 0), as it does when it stops, with NOTIFYs still in flight. From 3.1 on that gives 257.",
                ],
                remedies: &[
                    "Let `timeout idle` be longer than `timeout processing`.",
                    "`spop bench` counts ACKs without a NOTIFY; `spop decode` reads captured frames.",
                    "The agent has to answer all it has read before it sends AGENT-DISCONNECT, as agents of this framework do. Remove others from their backend (`disable server`) before they stop.",
                ],
            },
            "A normal end: HAProxy stops or does not need the connection, or the agent stops.",
        ),
        1 => (
            &Explanation {
                meaning: "the connection failed, or the agent closed it",
                causes: &[
                    "The agent closed the connection in place of an answer: it crashed, restarted, or (from 3.1 on) sent AGENT-DISCONNECT with NOTIFYs in flight.",
                    "From 3.1 on: health checks find no server of the agent's backend up, or the agent closes the connection in place of its HELLO.",
                    "From 3.2 on: the agent's HELLO came in several segments, and HAProxy closed the connection at the first.",
                    "`timeout server` of the agent's backend is shorter than the agent's response time.",
                ],
                remedies: &[
                    "`spop probe ADDRESS` with the address of the `server` line shows what HAProxy sees there.",
                    "Look at the agent's log, and at the backend's health checks (`option spop-check`).",
                    "Let `timeout server` of the agent's backend be longer than `timeout processing`.",
                ],
            },
            "An I/O error; HAProxy up to 3.0 also sends it when `timeout server` ends a connection.",
        ),
        2 => (
            &Explanation {
                meaning: "the agent reports a timeout",
                causes: &[
                    "The agent ended the connection with this status. HAProxy's own timeouts have other values: `timeout processing` and `timeout hello` as 1, `timeout idle` as 256.",
                ],
                remedies: &["The agent's log says what it waited for."],
            },
            "The sender waited too long. HAProxy up to 3.0 sends it to an agent that was idle for `timeout idle`: that is a normal end.",
        ),
        3 => (
            &Explanation {
                meaning: "a frame is larger than agreed",
                causes: &[
                    "The agent announced a smaller max-frame-size than HAProxy's, and the NOTIFY is larger than that.",
                    "Up to 3.0: the agent's ACK is larger than agreed. From 3.1 on its streams get 1.",
                ],
                remedies: &[
                    "Let the agent announce the size HAProxy offers (tune.bufsize less 4): `spop probe` shows both.",
                    "Send less in one event, or return fewer and shorter variables.",
                ],
            },
            "The peer sent a frame larger than agreed in the HELLOs.",
        ),
        4 => (
            &Explanation {
                meaning: "bytes that are not a frame",
                causes: &[
                    "3.0: the agent sent a frame shorter than its head. Other versions give 1.",
                    "The agent could not read HAProxy's frame: HAProxy sends a message of more than 255 arguments with a wrong count.",
                ],
                remedies: &[
                    "Capture the bytes and let `spop decode` find the first invalid one.",
                    "Send fewer arguments in one message.",
                ],
            },
            "The peer's bytes are not a frame, or one that has no place there; a HELLO with ids, or whose version is `2` or `2.0, 1.0`.",
        ),
        5 => (
            hello!(
                "the HELLO has no `version`",
                "The AGENT-HELLO must have `version` = \"2.0\" (STRING)."
            ),
            "A HELLO without `version` (the agent's) or `supported-versions` (HAProxy's).",
        ),
        6 => (
            hello!(
                "the HELLO has no `max-frame-size`",
                "The AGENT-HELLO must have `max-frame-size`, an integer from 256 to what HAProxy offered. From 3.1 on only health checks ask for it."
            ),
            "A HELLO without `max-frame-size`.",
        ),
        7 => (
            hello!(
                "the HELLO has no `capabilities`",
                "The AGENT-HELLO must have `capabilities` (STRING), even if it is \"\". Only health checks ask for it, from 3.1 on."
            ),
            "A HELLO without `capabilities`.",
        ),
        8 => (
            hello!(
                "the HELLOs have no version in common",
                "The AGENT-HELLO must have `version` = \"2.0\" (STRING): HAProxy does not support another."
            ),
            "The peers have no version in common: HAProxy offers only 2.0.",
        ),
        9 => (
            hello!(
                "the HELLO's `max-frame-size` is out of range",
                "`max-frame-size` must be from 256 to what HAProxy offered, tune.bufsize less 4 (16380 by default)."
            ),
            "`max-frame-size` is below 256 or above what was offered.",
        ),
        10 => (
            &Explanation {
                meaning: "fragments where none are allowed, says the agent",
                causes: &[
                    "The agent ended the connection because a NOTIFY came in fragments. HAProxy up to 3.0 sends fragments to agents that announce `fragmentation`.",
                    "An ACK without FIN gives 256 up to 3.0, and 1 from 3.1 on.",
                ],
                remedies: &[
                    "Let the agent announce the size that HAProxy offers, and `fragmentation` only if it supports that: `spop probe` shows both.",
                ],
            },
            "A frame was sent in fragments, or would have to be, without agreement on `fragmentation`. HAProxy up to 3.0 sends it to an agent whose frame size is smaller than the NOTIFY, then reconnects again and again.",
        ),
        11 => (
            &Explanation {
                meaning: "the agent reports fragments out of order",
                causes: &[
                    "The agent lost track of the fragments of several NOTIFYs (up to 3.0). HAProxy itself never sends this status.",
                ],
                remedies: &[
                    "Set `no option send-frag-payload`, or use an agent that does not announce `fragmentation`.",
                ],
            },
            "Fragments of two frames with the same ids were mixed. Only agents send it.",
        ),
        12 => (
            &Explanation {
                meaning: "the agent reports unknown ids",
                causes: &[
                    "The agent ended the connection with this status.",
                    "If the agent itself answers with ids that HAProxy never sent, or on another connection than the NOTIFY's, streams get 1 (up to 3.0 without pipelining, 256).",
                ],
                remedies: &[
                    "The agent must answer on the NOTIFY's connection, with its stream-id and frame-id; `spop bench` counts other ACKs.",
                    "Up to 3.0 `async` allows ACKs on other connections: an agent for all versions must not announce it.",
                ],
            },
            "An ACK names a stream-id or frame-id that HAProxy did not send.",
        ),
        13 => (
            &Explanation {
                meaning: "the agent is out of resources",
                causes: &[
                    "The agent ended the connection at a limit of its own: connections, memory or frames.",
                ],
                remedies: &[
                    "The agent's log says which limit; raise it, or add agents to the backend.",
                ],
            },
            "Out of memory, buffers, connections or room.",
        ),
        99 => (
            &Explanation {
                meaning: "the agent ended the connection for a reason it does not name",
                causes: &["An error inside the agent."],
                remedies: &[
                    "The agent's log may say more; so may the DISCONNECT's message, which `spop decode` shows.",
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
                remedies: &["Look for the code in the agent's documentation and log."],
            },
            "A code of the peer's own.",
        ),
    }
}
