//! `src/table.rs` from HAProxy's own lists in `data/`.

use std::collections::BTreeMap;
use std::fmt::Write;

/// The series whose lists are in `data/`, oldest first, as the bits of the table.
pub(crate) const SERIES: [&str; 6] = ["2.6", "2.8", "3.0", "3.2", "3.4", "3.5"];

/// The output of `haproxy -c -dKsmp -f /dev/null` and `-dKcnv`, for each series.
pub(crate) struct Lists {
    pub(crate) samples: String,
    pub(crate) converters: String,
}

/// The source of the table.
pub(crate) fn table(lists: &[Lists]) -> String {
    // A row for each way to describe a name, with the series in which it is described so.
    let mut fetches: BTreeMap<Vec<String>, u8> = BTreeMap::new();
    let mut converters: BTreeMap<Vec<String>, u8> = BTreeMap::new();
    for (place, lists) in lists.iter().enumerate() {
        for line in lists.samples.lines() {
            if let Some(row) = fetch(line) {
                *fetches.entry(row).or_default() |= 1 << place;
            }
        }
        for line in lists.converters.lines() {
            if let Some(row) = converter(line) {
                *converters.entry(row).or_default() |= 1 << place;
            }
        }
    }
    let mut out = String::from(
        "//! The samples that HAProxy lists, made by `examples/generate.rs` from `data/`: not to be \
         edited.\n\nuse crate::entry::{Converter as C, Fetch as F};\nuse crate::kind::Kind::*;\n\n\
         #[rustfmt::skip]\npub(crate) static FETCHES: &[F] = &[\n",
    );
    for (row, series) in fetches {
        if let [name, kind, uses, arguments] = row.as_slice() {
            let _ = writeln!(
                out,
                "    F({name:?}, {series}, {kind}, {uses}, {arguments:?}),"
            );
        }
    }
    out.push_str("];\n\n#[rustfmt::skip]\npub(crate) static CONVERTERS: &[C] = &[\n");
    for (row, series) in converters {
        if let [name, takes, gives, arguments] = row.as_slice() {
            let _ = writeln!(
                out,
                "    C({name:?}, {series}, {takes}, {gives}, {arguments:?}),"
            );
        }
    }
    out.push_str("];\n");
    out
}

/// `[ Y . … ] req.hdr([string,integer]): str`
fn fetch(line: &str) -> Option<Vec<String>> {
    let (uses, rest) = line.strip_prefix('[')?.split_once(']')?;
    let uses = uses.split_whitespace().enumerate();
    let uses = uses.fold(0u32, |bits, (place, mark)| {
        bits | u32::from(mark == "Y") << place
    });
    let (name, arguments, kind) = call(rest)?;
    Some(vec![name, variant(kind), format!("{uses:#x}"), arguments])
}

/// `field(integer,string[,integer]): str => str`: first what it gives, then what it takes.
fn converter(line: &str) -> Option<Vec<String>> {
    let (name, arguments, kinds) = call(line)?;
    let (gives, takes) = kinds.split_once(" => ")?;
    let gives = match gives {
        "same" => "None".to_owned(),
        kind => format!("Some({})", variant(kind)),
    };
    Some(vec![name, variant(takes), gives, arguments])
}

fn call(line: &str) -> Option<(String, String, &str)> {
    let (call, kind) = line.trim().rsplit_once(": ")?;
    let (name, arguments) = match call.split_once('(') {
        Some((name, arguments)) => (name, arguments.strip_suffix(')')?),
        None => (call, ""),
    };
    let is_name = !name.is_empty() && !name.contains(' ');
    is_name.then(|| (name.to_owned(), arguments.to_owned(), kind.trim()))
}

/// `sint` as `Sint`.
fn variant(kind: &str) -> String {
    let mut letters = kind.trim().chars();
    let first = letters.next().map(|first| first.to_ascii_uppercase());
    first.into_iter().chain(letters).collect()
}
