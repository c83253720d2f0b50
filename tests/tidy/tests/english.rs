//! Checks the rules of docs/style.md that a machine can check.
//!
//! `tests/tidy/english.txt` has the number of hits that each part of the tree may still have. A part that is not
//! in that table may have none. Two variables help:
//!
//! ```console
//! $ ENGLISH=list cargo test -p spoa-tidy --test english -- --nocapture   # prints every hit, and totals
//! $ ENGLISH=overwrite cargo test -p spoa-tidy --test english             # writes the table
//! ```

use std::collections::BTreeMap;
use std::fmt::Write as _;
use std::fs;
use std::path::{Path, PathBuf};

use spoa_tidy::{files, workspace};

/// Files that quote what they forbid, or that are not ours.
const EXCEPT: [&str; 5] = [
    "tests/tidy/tests/english.rs",
    "tests/tidy/english.txt",
    "Cargo.lock",
    "LICENSE-APACHE",
    "LICENSE-MIT",
];

/// Returns the part of the tree that a file is counted for: a crate, a folder of `spoa/src`, or a
/// file at the top.
fn part(path: &Path) -> String {
    let parts: Vec<_> = path.iter().map(|part| part.to_string_lossy()).collect();
    let depth = match parts.first().map(AsRef::as_ref) {
        Some("spoa") if parts.get(1).is_some_and(|second| second == "src") => 3,
        Some("spoa") => 2,
        Some("docs") => 2,
        _ => 1,
    };
    let depth = if parts.len() > depth || depth < 3 {
        depth
    } else {
        2
    };
    parts
        .iter()
        .take(depth)
        .map(AsRef::as_ref)
        .collect::<Vec<_>>()
        .join("/")
}

/// A word of a text.
struct Word {
    /// The word in lower case; a piece of code between backticks is one "`".
    text: String,
    line: usize,
    /// Opens a sentence and is written as such.
    opens: bool,
    /// Follows the word before it with nothing but white space between them.
    joined: bool,
    /// The mark that ends the sentence with this word.
    end: Option<char>,
}

/// Splits a text into words. A name of four parts or more, such as a test has, is read as a sentence.
fn words(text: &str, markdown: bool) -> Vec<Word> {
    let mut words: Vec<Word> = Vec::new();
    let mut start = true;
    let mut joined = false;
    let mut comment_before = false;
    let mut word = String::new();
    for (at, line) in text.lines().enumerate() {
        let at = at + 1;
        let bare = line.trim_start();
        let body = ["///", "//!", "//", "#", ">", "- ", "* "]
            .iter()
            .find_map(|mark| bare.strip_prefix(mark))
            .unwrap_or(bare);
        let comment = body.len() < bare.len();
        let list = bare.starts_with("- ") || body.trim_start().starts_with("- ");
        if body.trim().is_empty() || list || comment != comment_before {
            end(&mut words, '.');
            (start, joined) = (true, false);
        }
        comment_before = comment;
        let heading = markdown && bare.starts_with('#');
        let mut code = false;
        let mut characters = body.chars().peekable();
        loop {
            let next = characters.next();
            let inside = next.is_some_and(|c| c.is_alphanumeric() || c == '_' || c == '\'');
            if inside && !code {
                word.extend(next);
                continue;
            }
            if !word.is_empty() {
                push(&mut words, &word, at, start && !heading, joined);
                word.clear();
                (start, joined) = (false, true);
            }
            match next {
                None => break,
                Some('`') => {
                    code = !code;
                    if !code {
                        push(&mut words, "`", at, false, joined);
                        (start, joined) = (false, true);
                    }
                }
                Some(_) if code => {}
                Some(c) if c.is_whitespace() => {}
                Some('\\') => {
                    // A line that goes on in the next one leaves its words joined.
                    if characters.next().is_some() {
                        (start, joined) = (true, false);
                    }
                }
                Some(mark @ ('.' | '!' | '?' | ':')) => {
                    if characters
                        .peek()
                        .is_none_or(|c| c.is_whitespace() || "\"*)".contains(*c))
                    {
                        end(&mut words, mark);
                        start = true;
                    }
                    joined = false;
                }
                Some('"') => {
                    end(&mut words, '.');
                    (start, joined) = (true, false);
                }
                Some('-') if joined && characters.peek().is_some_and(|c| c.is_alphanumeric()) => {}
                Some(_) => joined = false,
            }
        }
        if heading {
            end(&mut words, '.');
            (start, joined) = (true, false);
        }
    }
    words
}

/// Notes that a sentence ends with the last word.
fn end(words: &mut [Word], mark: char) {
    if let Some(last) = words.last_mut() {
        last.end.get_or_insert(mark);
    }
}

fn push(words: &mut Vec<Word>, word: &str, line: usize, start: bool, joined: bool) {
    let parts: Vec<_> = word.split('_').filter(|part| !part.is_empty()).collect();
    let one = |text: &str, opens, joined, end| Word {
        // Python's `is None` is code.
        text: if text == "None" {
            text.to_owned()
        } else {
            text.to_lowercase()
        },
        line,
        opens,
        joined,
        end,
    };
    if parts.len() < 4 || word.chars().any(char::is_uppercase) {
        let opens = start && word.starts_with(char::is_uppercase);
        words.push(one(word, opens, joined, None));
        return;
    }
    end(words, '.');
    for (at, part) in parts.iter().enumerate() {
        let last = (at + 1 == parts.len()).then_some('.');
        words.push(one(part, at == 0, at > 0, last));
    }
}

const BE: [&str; 6] = ["is", "are", "was", "were", "be", "been"];

/// Words after "no" with which it compares: "is no longer", "is no more than".
const COMPARED: [&str; 14] = [
    "longer",
    "more",
    "fewer",
    "larger",
    "higher",
    "lower",
    "later",
    "earlier",
    "worse",
    "better",
    "slower",
    "faster",
    "smaller",
    "different",
];

/// Words soon after "behind" that make it a place: "behind HAProxy", "behind a feature".
const PLACES: [&str; 8] = [
    "haproxy", "haproxys", "proxy", "proxies", "balancer", "feature", "firewall", "nat",
];

const PRONOUNS: [&str; 14] = [
    "it", "its", "them", "this", "that", "these", "those", "so", "both", "one", "all", "of",
    "either", "neither",
];

/// Returns the name of the rule that the text breaks at a word.
fn broken(words: &[Word], at: usize) -> Option<&'static str> {
    let joined = |ahead: usize| -> Option<&str> {
        let run = words.get(at + 1..=at + ahead)?;
        run.iter()
            .all(|word| word.joined)
            .then(|| words[at + ahead].text.as_str())
    };
    let next = joined(1).unwrap_or_default();
    let before = |count: usize, one: &str| {
        words[at.saturating_sub(count)..at]
            .iter()
            .any(|word| word.text == one)
    };
    let soon = |count: usize, some: &[&str]| {
        (1..=count).any(|ahead| joined(ahead).is_some_and(|word| some.contains(&word)))
    };
    let sentence_asks = || {
        let marks = words[at..].iter().take(60).find_map(|word| word.end);
        marks == Some('?')
    };
    let word = &words[at];
    match word.text.as_str() {
        be if BE.contains(&be) && next == "none" => Some("is none"),
        be if BE.contains(&be) && next == "no" => {
            let true_use = before(4, "there") || soon(2, &COMPARED) || joined(2).is_none();
            (!true_use).then_some("is no x")
        }
        "behind" => {
            let left = [
                "left", "leave", "leaves", "fall", "falls", "fell", "lag", "lags",
            ];
            let true_use = soon(4, &PLACES) || left.iter().any(|verb| before(2, verb));
            (!true_use).then_some("behind")
        }
        "mend" | "mends" | "mended" | "mending" => Some("mend"),
        "anew" => Some("anew"),
        "take" | "takes" | "took" | "taken" | "taking" if soon(4, &["out"]) => Some("take out"),
        "stand" | "stands" | "stood" if !["for", "alone"].contains(&next) => Some("stands"),
        "so" if next == "many" || next == "much" => Some("so many"),
        "at" if next == "work" => Some("at work"),
        "go" | "goes" | "going" | "went" if next == "by" && joined(2) != Some("value") => {
            Some("goes by")
        }
        "no" if next == "less" && joined(2) == Some("than") => Some("no less than"),
        "must" if next == "not" && joined(2) == Some("know") => Some("must not know"),
        "whoever" if next != "you" => Some("whoever"),
        "who" | "what" if word.opens && !sentence_asks() => Some("Who …, What …"),
        _ => None,
    }
}

/// A place where a text breaks a rule.
struct Hit {
    line: usize,
    rule: &'static str,
}

fn hits(text: &str, markdown: bool) -> Vec<Hit> {
    let words = words(text, markdown);
    let mut hits: Vec<_> = (0..words.len())
        .filter_map(|at| {
            broken(&words, at).map(|rule| Hit {
                line: words[at].line,
                rule,
            })
        })
        .collect();
    let doc = |line: &str| -> Option<String> {
        let line = line.trim_start();
        let body = line
            .strip_prefix("///")
            .or_else(|| line.strip_prefix("//!"))?;
        Some(body.trim().to_owned())
    };
    let lines: Vec<_> = text.lines().collect();
    for (at, line) in lines.iter().enumerate() {
        let Some(body) = doc(line) else { continue };
        if at > 0 && doc(lines[at - 1]).is_some() {
            continue;
        }
        let alone = lines
            .get(at + 1)
            .and_then(|next| doc(next))
            .is_none_or(|next| next.is_empty());
        let lower = body.trim_end_matches('.').to_lowercase();
        let said: Vec<_> = lower.split(' ').collect();
        let pronoun = |word: &&str| PRONOUNS.contains(word);
        let empty = said.iter().all(pronoun) || said.len() == 2 && said.last().is_some_and(pronoun);
        if alone && !body.is_empty() && empty {
            hits.push(Hit {
                line: at + 1,
                rule: "pronoun-only doc",
            });
        }
        if body.starts_with("The same") {
            hits.push(Hit {
                line: at + 1,
                rule: "The same …",
            });
        }
    }
    hits.sort_by_key(|hit| hit.line);
    hits
}

fn table_file() -> PathBuf {
    workspace().join("tests/tidy/english.txt")
}

const HEAD: &str = "\
# The hits that each part of the tree may still have against the rules of docs/style.md. The table
# only shrinks: a part with fewer hits needs a lower number here, one without hits leaves the table. After
# a merge conflict, or after your change, write it with
#
#   ENGLISH=overwrite cargo test -p spoa-tidy --test english
";

fn table() -> BTreeMap<String, usize> {
    let text = fs::read_to_string(table_file()).expect("the table is there");
    let lines = text
        .lines()
        .filter(|line| !line.is_empty() && !line.starts_with('#'));
    let entry = |line: &str| {
        let (count, part) = line.split_once(' ').expect("a line is `COUNT PART`");
        (part.to_owned(), count.parse().expect("a count is a number"))
    };
    lines.map(entry).collect()
}

#[test]
fn texts_follow_the_rules_of_style() {
    let mut found: BTreeMap<String, (usize, String)> = BTreeMap::new();
    let mut totals: BTreeMap<&str, usize> = BTreeMap::new();
    let ours = |path: &PathBuf| !EXCEPT.iter().any(|except| path.ends_with(except));
    for path in files().into_iter().filter(ours) {
        // A file that is not text has no sentences.
        let Ok(text) = fs::read_to_string(workspace().join(&path)) else {
            continue;
        };
        let markdown = path.extension().is_some_and(|extension| extension == "md");
        let lines: Vec<_> = text.lines().collect();
        for hit in hits(&text, markdown) {
            let (count, list) = found.entry(part(&path)).or_default();
            *count += 1;
            *totals.entry(hit.rule).or_default() += 1;
            let line = lines[hit.line - 1].trim();
            let _ = writeln!(
                list,
                "{}:{}: {}: {line}",
                path.display(),
                hit.line,
                hit.rule
            );
        }
    }
    match std::env::var("ENGLISH").as_deref() {
        Ok("list") => {
            found.values().for_each(|(_, list)| print!("{list}"));
            println!("\n{totals:#?}\n{} in all", totals.values().sum::<usize>());
        }
        Ok("overwrite") => {
            // Blank lines let two changes to neighbours merge.
            let lines = found
                .iter()
                .map(|(part, (count, _))| format!("\n{count} {part}\n"));
            fs::write(table_file(), HEAD.to_owned() + &lines.collect::<String>())
                .expect("writable");
        }
        _ => {}
    }
    let mut wrong = String::new();
    let allowed = table();
    for (part, (count, list)) in &found {
        let most = allowed.get(part).copied().unwrap_or(0);
        if *count > most {
            let _ = writeln!(
                wrong,
                "{part}: {count} hits, {most} are allowed. docs/style.md says what to write instead.\n{list}"
            );
        }
    }
    for (part, most) in &allowed {
        let count = found.get(part).map_or(0, |(count, _)| *count);
        if count < *most {
            let _ = writeln!(
                wrong,
                "{part}: {count} hits: lower its number in tests/tidy/english.txt from {most}."
            );
        }
    }
    assert!(
        wrong.is_empty(),
        "\n{wrong}\n`ENGLISH=overwrite cargo test -p spoa-tidy --test english` writes the table."
    );
}

/// Returns the rules that a text breaks.
fn rules(text: &str) -> Vec<&'static str> {
    hits(text, false).iter().map(|hit| hit.rule).collect()
}

#[test]
fn each_rule_is_found_and_true_uses_are_not() {
    for (text, rule) in [
        ("// `f64` is no value\n", "is no x"),
        ("/// that is\n/// no value\n", "is no x"),
        ("\"an address that is none\"", "is none"),
        ("// the bytes behind the head", "behind"),
        ("fix or mend it", "mend"),
        ("fn what_is_sent_is_read() {}", "Who …, What …"),
        ("fn a_handler_that_is_no_function() {}", "is no x"),
        ("/// Who waits gets an answer.", "Who …, What …"),
        ("/// Takes the frame out.", "take out"),
        ("// it stands in the head", "stands"),
        ("// so many bytes", "so many"),
        ("// handlers at work", "at work"),
        ("// goes by the name", "goes by"),
        ("// no less than 5", "no less than"),
        ("// whoever asks", "whoever"),
        ("//! It must not know sockets.", "must not know"),
        ("// reads it anew", "anew"),
        ("    /// It.\n    fn it() {}", "pronoun-only doc"),
        ("    /// Does it.\n    fn it() {}", "pronoun-only doc"),
        (
            "    /// The same, with a name.\n    fn it() {}",
            "The same …",
        ),
    ] {
        assert_eq!(rules(text), [rule], "{text}");
    }
    for text in [
        "// an agent behind HAProxy, behind the feature `tls`",
        "// there is no handler, and it is no longer there",
        "if name.is_none() { names.behind_it }",
        "// `mend` is code",
        "// What is it? Who asks?",
        "/// Returns its name.",
        "// MSRV stands for it",
        "\"hello, whoever you are\"",
        "run behind-haproxy, and if x is None",
        "**What if it fails?** Then it ends.",
    ] {
        assert_eq!(rules(text), [""; 0], "{text}");
    }
}
