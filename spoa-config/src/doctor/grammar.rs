//! The keywords of the sections of SPOE files and of the rules of proxies, and which one a misspelt word means.

use crate::read::Line;
use spoa_facts::nearest;

/// The keywords of `spoe-message`; HAProxy ignores all others.
pub(super) const OF_MESSAGES: [&str; 3] = ["args", "acl", "event"];

/// The keywords of `spoe-group`.
pub(super) const OF_GROUPS: [&str; 1] = ["messages"];

/// The keywords of `spoe-agent` (SPOE.txt 2.2).
pub(super) const OF_AGENTS: [&str; 11] = [
    "groups",
    "log",
    "max-frame-size",
    "max-waiting-frames",
    "maxconnrate",
    "maxerrrate",
    "messages",
    "option",
    "register-var-names",
    "timeout",
    "use-backend",
];

/// The words that may follow `option` in a section `spoe-agent`.
pub(super) const OPTIONS: [&str; 10] = [
    "async",
    "continue-on-error",
    "dontlog-normal",
    "force-set-var",
    "pipelining",
    "send-frag-payload",
    "set-on-error",
    "set-process-time",
    "set-total-time",
    "var-prefix",
];

/// The options that may follow `no`.
pub(super) const SWITCHES: [&str; 4] =
    ["async", "dontlog-normal", "pipelining", "send-frag-payload"];

/// The options that take a name.
pub(super) const NAMING: [&str; 4] = [
    "set-on-error",
    "set-process-time",
    "set-total-time",
    "var-prefix",
];

/// The words that may follow `timeout` in a section `spoe-agent`.
pub(super) const TIMEOUTS: [&str; 3] = ["hello", "idle", "processing"];

/// Returns the keywords of a kind of section.
pub(super) fn keywords(kind: &str) -> &'static [&'static str] {
    match kind {
        "spoe-agent" => &OF_AGENTS,
        "spoe-group" => &OF_GROUPS,
        _ => &OF_MESSAGES,
    }
}

/// Returns the keyword that a line of a kind of section begins with, or that it seems to mean.
pub(super) fn keyword<'a>(kind: &str, line: &'a Line) -> &'a str {
    meant(line.word(0), keywords(kind))
}

/// Returns the word itself if it is known, else the known one that it seems to mean.
pub(super) fn meant<'a>(word: &'a str, known: &[&'static str]) -> &'a str {
    if known.contains(&word) {
        word
    } else {
        nearest(word, known.iter().copied()).unwrap_or(word)
    }
}

/// Returns whether a line of `spoe-agent` begins with these words, or seems to mean them.
pub(super) fn means(line: &Line, words: &[&str]) -> bool {
    let Some(text) = line.words.first().filter(|word| word.known) else {
        return false;
    };
    // A section of haproxy.cfg is not a misspelt keyword.
    let first = match text.text.as_str() {
        "no" => "no",
        text if crate::read::SECTIONS.contains(&text) => text,
        text => meant(text, &OF_AGENTS),
    };
    let at = usize::from(first == "no");
    let option = at == 1 && line.word(1) == "option" || first == "option";
    words.iter().enumerate().all(|(index, wanted)| {
        let word = line.word(index);
        let word = match index {
            0 => first,
            index if index == at + 1 && option => meant(word, &OPTIONS),
            1 if first == "timeout" => meant(word, &TIMEOUTS),
            _ => word,
        };
        word == *wanted && line.words.get(index).is_some_and(|word| word.known)
    })
}

/// The keywords that begin a rule of a proxy.
pub(super) const RULES: [&str; 5] = [
    "http-request",
    "http-response",
    "http-after-response",
    "tcp-request",
    "tcp-response",
];

/// The action that sends a group.
pub(super) const ACTION: &str = "send-spoe-group";

/// Where the action of a rule that sends a group is in its line, or of one that seems to.
pub(super) fn sends(line: &Line) -> Option<usize> {
    if let Some(at) = line.words.iter().position(|word| word.is(ACTION)) {
        return Some(at);
    }
    let at = match line.word(0) {
        "http-request" | "http-response" | "http-after-response" => 1,
        "tcp-request" | "tcp-response" if line.word(1) == "content" => 2,
        "tcp-request" | "tcp-response" => 1,
        _ => return None,
    };
    let word = line.words.get(at).filter(|word| word.known)?;
    let swapped = word.text.contains("spoe") && word.text.contains("group");
    (swapped || nearest(&word.text, [ACTION]).is_some()).then_some(at)
}

/// Returns whether a line ends in a backslash, as if the next one belonged to it. HAProxy joins no lines.
pub(super) fn continued(line: &Line) -> bool {
    let last = line.words.last();
    last.is_some_and(|word| word.known && word.text.ends_with('\\'))
}

/// Returns the lines of a section that begin with a keyword or seem to, and those that continue them.
pub(super) fn of_keyword<'a>(
    kind: &'static str,
    lines: &'a [Line],
    wanted: &'static str,
) -> impl Iterator<Item = (&'a Line, bool)> {
    let mut holds = false;
    let mut before = false;
    lines.iter().filter_map(move |line| {
        let continues = before;
        if !continues {
            holds = keyword(kind, line) == wanted;
        }
        before = continued(line);
        holds.then_some((line, continues))
    })
}
