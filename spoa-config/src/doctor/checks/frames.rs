//! The size of a frame: `max-frame-size` and `tune.bufsize`.

use super::super::engine::Engine;
use super::super::{Case, Code, Finding};
use crate::read::{Span, Word};
use spoa_facts::parse_size;

/// The default of `tune.bufsize`.
const BUFSIZE: u32 = 16384;

pub(super) fn check(case: &Case<'_>, findings: &mut Vec<Finding>) {
    for engine in &case.engines {
        findings.extend(size(case, engine));
    }
}

fn size(case: &Case<'_>, engine: &Engine<'_>) -> Option<Finding> {
    let mut lines = engine.agent.lines.iter();
    let line = lines.rfind(|line| line.begins(&["max-frame-size"]))?;
    let word = line.words.get(1).filter(|word| word.known)?;
    let size: u32 = word.text.parse().ok()?;
    let globals = case.configuration.sections.iter();
    let tunes = globals
        .filter(|section| section.kind() == "global")
        .flat_map(|section| section.all(&["tune.bufsize"]))
        .filter_map(|line| line.words.get(1));
    let tune = tunes.last();
    let bufsize = match tune {
        Some(word) => bytes(word)?,
        None => BUFSIZE,
    };
    let most = bufsize.saturating_sub(4);
    if (256..=most).contains(&size) {
        return None;
    }
    let title = format!("`max-frame-size {size}` is not between 256 and {most}");
    let finding = Finding::new(Code::FrameSize, title, word.span);
    let finding = match tune {
        Some(tune) => finding.context(tune.span, "a frame is at least 4 bytes smaller than this"),
        None => finding.note(format!(
            "a frame is at least 4 bytes smaller than `tune.bufsize`, which is {BUFSIZE} by default"
        )),
    };
    Some(if size > most {
        finding.label("too large").help(format!(
            "remove the line to use {most}, or write `tune.bufsize {}` in `global`",
            size.saturating_add(4)
        ))
    } else {
        finding.label("too small").help("remove the line")
    })
}

/// The limit of a NOTIFY, in bytes.
#[derive(Clone, Copy, Debug)]
pub(super) struct Limits {
    /// The largest frame that both sides agree to.
    pub(super) size: usize,
    /// The largest one that HAProxy would take.
    pub(super) most: usize,
    /// Where a smaller one is asked for.
    pub(super) stated: Option<Span>,
    /// How much of a request HAProxy holds.
    pub(super) request: usize,
    /// How much of a body it holds in a large buffer. `None` without `tune.bufsize.large`.
    pub(super) large_body: Option<usize>,
}

impl Limits {
    /// Those of an engine; `None` if they are not certain.
    pub(super) fn of(case: &Case<'_>, engine: &Engine<'_>) -> Option<Self> {
        let line_of = |keyword: &str| {
            let globals = case.configuration.sections.iter();
            let globals = globals.filter(|section| section.kind() == "global");
            let mut lines = globals.flat_map(|section| &section.lines);
            lines.rfind(|line| line.begins(&[keyword]))
        };
        let tuned = |keyword: &str, default: u32| {
            let line = line_of(keyword);
            line.map_or(Some(default), |line| bytes(line.words.get(1)?))
        };
        let bufsize = tuned("tune.bufsize", BUFSIZE)?;
        let rewrite = tuned("tune.maxrewrite", 1024)?.min(bufsize / 2);
        let large = line_of("tune.bufsize.large").and_then(|line| bytes(line.words.get(1)?));
        let large_body = large.map(|large| large.saturating_sub(rewrite) as usize);
        let mut lines = engine.agent.lines.iter();
        let line = lines.rfind(|line| line.begins(&["max-frame-size"]));
        let stated = match line {
            Some(line) => bytes(line.words.get(1)?)?,
            None => u32::MAX,
        };
        let most = match case.agent.max_frame_size {
            agreed if engine.ours && agreed > 0 => agreed.min(bufsize.saturating_sub(4)),
            _ => bufsize.saturating_sub(4),
        };
        let word = line.and_then(|line| line.words.get(1));
        Some(Limits {
            size: usize::try_from(most.min(stated)).ok()?,
            most: usize::try_from(most).ok()?,
            stated: word.map(|word| word.span).filter(|_| stated < most),
            request: usize::try_from(bufsize - rewrite).ok()?,
            large_body,
        })
    }
}

fn bytes(word: &Word) -> Option<u32> {
    let size = parse_size(&word.text).ok().filter(|_| word.known)?;
    u32::try_from(size).ok()
}
