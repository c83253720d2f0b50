//! The lines of an agent's log, and what to do about each. `docs/operations/README.md` has them as tables.

/// A line of an agent's log.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct LogLine {
    /// The beginnings of the line, with `…` for what differs from line to line.
    pub(super) patterns: &'static [&'static str],
    pub(super) level: &'static str,
    pub(super) remedy: &'static str,
}

/// Returns the line that a text contains.
pub(super) fn find(text: &str) -> Option<&'static LogLine> {
    let fits = |line: &&LogLine| line.patterns.iter().any(|pattern| contains(text, pattern));
    LINES.iter().find(fits)
}

/// Returns whether a text has all parts of a pattern, in their order.
fn contains(text: &str, pattern: &str) -> bool {
    let mut parts = pattern.split('…');
    let rest = parts.try_fold(text, |rest, part| {
        let (_, rest) = rest.split_once(part)?;
        Some(rest)
    });
    rest.is_some()
}

/// All lines, the special ones before the general ones.
const LINES: &[LogLine] = &[
    LogLine {
        patterns: &[
            "handler `…` failed: timed out: not done within the … that the agent waits when it stops",
        ],
        level: "WARN",
        remedy: "make it faster or raise `--drain-timeout`",
    },
    LogLine {
        patterns: &["handler `…` failed: timed out: not done within …"],
        level: "WARN",
        remedy: "make it faster or raise `timeout = …` or `--handler-timeout`; keep it below `timeout processing`",
    },
    LogLine {
        patterns: &["handler `…` failed: overloaded: …"],
        level: "WARN",
        remedy: "raise the limit that the line names, or add agents; docs/operations/limits.md says more of overload",
    },
    LogLine {
        patterns: &["handler `…` failed: panicked: …"],
        level: "WARN",
        remedy: "fix the handler; the line ends with file, line and column",
    },
    LogLine {
        patterns: &["handler `…` failed: an error whose text cannot be shown: …"],
        level: "WARN",
        remedy: "fix the `Display` of that error: it panicked or failed",
    },
    LogLine {
        patterns: &["handler `…` failed: …"],
        level: "WARN",
        remedy: "read the text after `failed:`. If it is about an argument, it says what to change in spoe.conf or in \
                 the handler; otherwise it is the error that the handler returned, with its sources",
    },
    LogLine {
        patterns: &["handlers are failing; in the last …s: …"],
        level: "WARN",
        remedy: "failures go on: find out what the handlers wait for; the line counts them, and ends with the last failure",
    },
    LogLine {
        patterns: &["`on_failure` failed: …"],
        level: "ERROR",
        remedy: "fix `on_failure`: a message whose handler failed was answered without actions",
    },
    LogLine {
        patterns: &["observer panicked: …"],
        level: "ERROR",
        remedy: "fix the observer: it has missed a part of a message",
    },
    LogLine {
        patterns: &["thread `…` panicked: …"],
        level: "ERROR",
        remedy: "fix the code that panicked: a task or thread of the program, or the `Drop` of a value that a handler left",
    },
    LogLine {
        patterns: &["no handler for message …"],
        level: "WARN",
        remedy: "correct the message's name in spoe.conf, or write a handler for it",
    },
    LogLine {
        patterns: &["message … has no argument …"],
        level: "WARN",
        remedy: "correct the argument's name in spoe.conf or in the handler, or add it to `args`",
    },
    LogLine {
        patterns: &["handler `…`: … into the frame that HAProxy takes, left out: …"],
        level: "WARN",
        remedy: "set fewer or shorter variables, or raise `tune.bufsize`; the line names the variables",
    },
    LogLine {
        patterns: &["ACK of … bytes: …, left out: …"],
        level: "WARN",
        remedy: "set fewer or shorter variables in the handlers of the NOTIFY, which together made the ACK too large, or \
                 raise `tune.bufsize`",
    },
    LogLine {
        patterns: &["handler `…` has kept its worker thread for …"],
        level: "WARN",
        remedy: "the handler blocks: mark it `blocking`, or make it an `async fn` that awaits",
    },
    LogLine {
        patterns: &["handlers that run one after another have kept a worker thread for …"],
        level: "WARN",
        remedy: "each handler is fast enough, but many came at once: mark them `blocking`, or make them `async fn`s that \
                 await",
    },
    LogLine {
        patterns: &["connection refused: …"],
        level: "WARN",
        remedy: "the peer does not speak HAProxy's protocol, or asks for something impossible; the line says what it looks \
                 like",
    },
    LogLine {
        patterns: &["a NOTIFY was answered without actions: …"],
        level: "WARN",
        remedy: "the NOTIFY was malformed, or had too many fragments: the line says which",
    },
    LogLine {
        patterns: &["connection lost with all its answers: its task panicked: …"],
        level: "ERROR",
        remedy: "report it: this is a fault of the agent, or of the program's `tracing` subscriber",
    },
    LogLine {
        patterns: &[
            "connection closed by the peer with … answers outstanding",
            "connection lost with …",
            "connection closed inside a frame",
        ],
        level: "WARN",
        remedy: "HAProxy was stopped or gave up: see its log, its `timeout processing` in spoe.conf, and `timeout server` of \
                 the agents' backend",
    },
    LogLine {
        patterns: &["connection closed: the peer did not …"],
        level: "WARN",
        remedy: "find out what the peer is. It did not send its HELLO, send the rest of a frame, or read its answers; a healthy \
                 HAProxy does all of these",
    },
    LogLine {
        patterns: &["connection closed: … are open"],
        level: "WARN",
        remedy: "raise `--max-connections` if these are HAProxy's",
    },
    LogLine {
        patterns: &["cannot accept connections: …"],
        level: "WARN",
        remedy: "raise `LimitNOFILE`",
    },
];

#[cfg(test)]
mod tests {
    use super::*;

    /// Returns the text of a cell of Markdown, without links and code.
    fn plain(cell: &str) -> String {
        let mut text = String::new();
        let mut rest = cell;
        while let Some((before, link)) = rest.split_once('[') {
            let (label, after) = link.split_once("](").unwrap();
            let (_, after) = after.split_once(')').unwrap();
            text.push_str(before);
            text.push_str(label);
            rest = after;
        }
        text.push_str(rest);
        text
    }

    /// Returns the codes of a cell of Markdown, with one backtick around them or two.
    fn codes(cell: &str) -> Vec<&str> {
        let mut codes = Vec::new();
        let mut rest = cell;
        while let Some((_, begun)) = rest.split_once('`') {
            let (end, begun) = match begun.strip_prefix('`') {
                Some(begun) => ("``", begun),
                None => ("`", begun),
            };
            let (code, after) = begun.split_once(end).unwrap();
            codes.push(code.trim());
            rest = after;
        }
        codes
    }

    #[test]
    fn each_line_of_the_guide_is_known_with_its_level_and_remedy() {
        let path = concat!(env!("CARGO_MANIFEST_DIR"), "/../docs/operations/README.md");
        let guide = std::fs::read_to_string(path).unwrap();
        let mut known = Vec::new();
        for row in guide.lines().filter(|row| row.starts_with("| `")) {
            let cells: Vec<_> = row.trim_matches('|').split(" | ").map(str::trim).collect();
            let &[lines, level @ ("WARN" | "ERROR"), remedy] = cells.as_slice() else {
                continue;
            };
            for line in codes(lines) {
                let found = find(line).unwrap_or_else(|| panic!("`{line}` is not known"));
                assert_eq!(found.level, level, "{line}");
                assert_eq!(found.remedy, plain(remedy), "{line}");
                known.push(found);
            }
        }
        for line in LINES {
            assert!(known.contains(&line), "the guide does not have {line:?}");
        }
    }

    #[test]
    fn the_parts_of_a_pattern_come_in_their_order() {
        assert!(contains("a 1 b 2 c", "a … b … c"));
        assert!(!contains("c 1 b 2 a", "a … b … c"));
        assert!(find("anything else").is_none());
    }
}
