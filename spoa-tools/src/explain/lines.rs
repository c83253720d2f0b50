//! The lines of an agent's log, and what to do about each. The pages of `docs/operations` have them as tables.

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
        patterns: &["observer …; fix it: …"],
        level: "ERROR",
        remedy: "fix the observer: it has missed a part of a message",
    },
    LogLine {
        patterns: &["work of `After` was dropped: …"],
        level: "WARN",
        remedy: "see what the futures wait for, or raise `--max-after-work`: that many were kept, and a further one was \
                 dropped",
    },
    LogLine {
        patterns: &["work of `After`: … not done within … cancelled"],
        level: "WARN",
        remedy: "see what takes so long, or raise `--drain-timeout`: the agent stopped before the futures were done",
    },
    LogLine {
        patterns: &["work of `After` panicked: …"],
        level: "ERROR",
        remedy: "fix the future that the handler gave to `After`; HAProxy had its answer before",
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
        patterns: &["message… a client can have HAProxy from 3.1 on send nothing, …"],
        level: "WARN",
        remedy: "take these bytes in one argument only, or cut a copy with `bytes(0,N)`; `my-agent doctor` says more as \
                 SPOA062",
    },
    LogLine {
        patterns: &["… is unavailable, handlers run without it: …"],
        level: "ERROR",
        remedy: "bring the service of that `Dependency` back; the line `… answers again` says when it is",
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
        patterns: &["connection closed: the peer is in no network that `--allow` names"],
        level: "WARN",
        remedy: "add the peer's address to `--allow` if it is a HAProxy of yours",
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
    LogLine {
        patterns: &["the certificate is not used: …"],
        level: "WARN",
        remedy: "remove the certificate, or listen on a TCP address: unix sockets have no TLS",
    },
    LogLine {
        patterns: &["environment variable `…` is not an option and is ignored: …"],
        level: "WARN",
        remedy: "correct the variable's name, or remove it",
    },
    LogLine {
        patterns: &["… not done within … closed; …"],
        level: "WARN",
        remedy: "find the handler that takes so long (`timed out: not done within the 10s that the agent waits …` names it), or raise `--drain-timeout`",
    },
    LogLine {
        patterns: &["…: exiting at once"],
        level: "WARN",
        remedy: "a second signal came: messages in flight are lost",
    },
    LogLine {
        patterns: &["SIGHUP: nothing was reloaded, all old values are kept: …"],
        level: "ERROR",
        remedy: "fix what it says and send SIGHUP again; the agent serves on with the old values",
    },
    LogLine {
        patterns: &["reload failed, the old value is kept: …"],
        level: "ERROR",
        remedy: "fix the file, or wait for the service that the value comes from",
    },
    LogLine {
        patterns: &["reload has not ended after …"],
        level: "WARN",
        remedy: "give the load a timeout: until it ends, the old value is in use, and a SIGHUP reloads nothing",
    },
    LogLine {
        patterns: &["cannot watch directory `…`: …"],
        level: "WARN",
        remedy: "let the agent read the directory, or raise `fs.inotify.max_user_watches`; until then the agent looks at the files every 2 s",
    },
    LogLine {
        patterns: &["cannot use inotify: …"],
        level: "WARN",
        remedy: "raise `fs.inotify.max_user_instances`",
    },
    LogLine {
        patterns: &["service `…` failed, it starts again in …"],
        level: "ERROR",
        remedy: "fix what the end of the line says: it is the service's error",
    },
    LogLine {
        patterns: &["service `…` failed: …"],
        level: "WARN",
        remedy: "the agent was stopping; fix what the end of the line says if the service should have ended well",
    },
    LogLine {
        patterns: &["a service did not end within …"],
        level: "WARN",
        remedy: "let the service end when `serving.stopping()` is done",
    },
    LogLine {
        patterns: &["cannot reach systemd by $NOTIFY_SOCKET: …"],
        level: "WARN",
        remedy: "allow AF_UNIX, and `NotifyAccess=main`",
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
        let pages = ["README.md", "lifecycle.md"].map(|page| {
            let path = concat!(env!("CARGO_MANIFEST_DIR"), "/../docs/operations/");
            std::fs::read_to_string(format!("{path}{page}")).unwrap()
        });
        let mut known = Vec::new();
        let rows = pages.iter().flat_map(|page| page.lines());
        for row in rows.filter(|row| row.starts_with("| `")) {
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

    /// Returns the text of the string that Rust's source begins with, with `7` for each value that is filled in.
    fn filled_in(literal: &str) -> String {
        let mut text = String::new();
        let mut chars = literal.chars().peekable();
        while let Some(char) = chars.next() {
            match char {
                '"' => break,
                // A line that goes on below.
                '\\' if chars.next_if_eq(&'\n').is_some() => {
                    while chars.next_if_eq(&' ').is_some() {}
                }
                '{' => {
                    while chars.next().is_some_and(|char| char != '}') {}
                    text.push('7');
                }
                char => text.push(char),
            }
        }
        text
    }

    /// Returns the warnings and errors that a source logs, with their levels.
    fn logged(source: &str) -> Vec<(&'static str, String)> {
        let (source, _) = source.split_once("\nmod tests {").unwrap_or((source, ""));
        let calls = [
            ("WARN", "tracing::warn!("),
            ("WARN", "warn(target:"),
            ("ERROR", "tracing::error!("),
            ("ERROR", "error(target:"),
        ];
        let mut found = Vec::new();
        for (level, call) in calls {
            for (begin, _) in source.match_indices(call) {
                let after = &source[begin..];
                let (_, literal) = after.split_once('"').unwrap();
                found.push((level, filled_in(literal)));
            }
        }
        found
    }

    /// Calls a function with each source file below a directory.
    fn for_each_source(dir: &std::path::Path, look: &mut impl FnMut(&str, &str)) {
        for entry in std::fs::read_dir(dir).unwrap() {
            let path = entry.unwrap().path();
            if path.is_dir() {
                for_each_source(&path, look);
            } else if path.extension().is_some_and(|extension| extension == "rs") {
                look(
                    &path.display().to_string(),
                    &std::fs::read_to_string(&path).unwrap(),
                );
            }
        }
    }

    #[test]
    fn each_warning_and_error_that_an_agent_logs_is_known() {
        let sources = concat!(env!("CARGO_MANIFEST_DIR"), "/../spoa/src");
        let mut count = 0;
        for_each_source(sources.as_ref(), &mut |path, source| {
            for (level, text) in logged(source) {
                count += 1;
                // Warnings whose text is written elsewhere.
                if text == "7" {
                    continue;
                }
                // A failure that is filled in last begins with what happened.
                let panicked = text.replacen('7', "panicked: 7", 1);
                let line = find(&text).or_else(|| find(&panicked));
                let known = line.map(|line| line.level);
                assert_eq!(known, Some(level), "{path}: {text}");
            }
        });
        assert!(count > 30, "only {count} lines were found");
    }

    #[test]
    fn the_parts_of_a_pattern_come_in_their_order() {
        assert!(contains("a 1 b 2 c", "a … b … c"));
        assert!(!contains("c 1 b 2 a", "a … b … c"));
        assert!(find("anything else").is_none());
    }
}
