//! How much fits into a frame, and whether the body is there to be sent.

use super::super::engine::{Engine, Moment};
use super::super::{Case, Code, Finding};
use super::arguments::Given;
use crate::read::{Section, Word};

/// `tune.bufsize` if nobody says otherwise.
const BUFSIZE: u32 = 16384;

pub(super) fn check(case: &Case<'_>, findings: &mut Vec<Finding>) {
    for engine in &case.engines {
        findings.extend(size(case, engine));
        for message in engine.messages() {
            findings.extend(body(case, engine, message));
        }
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
        Some(tune) => finding.context(tune.span, "a frame is 4 bytes smaller than this at most"),
        None => finding.note(format!(
            "a frame is 4 bytes smaller than `tune.bufsize` at most, which is {BUFSIZE} by default"
        )),
    };
    Some(match size > most {
        true => finding.label("too large").help(format!(
            "leave the line out, which means {most}, or write `tune.bufsize {}` in `global`",
            size.saturating_add(4)
        )),
        false => finding.label("too small").help("leave the line out"),
    })
}

fn bytes(word: &Word) -> Option<u32> {
    let text = word.text.as_str();
    let (digits, unit) = match text.strip_suffix(['k', 'K']) {
        Some(digits) => (digits, 1024),
        None => match text.strip_suffix(['m', 'M']) {
            Some(digits) => (digits, 1024 * 1024),
            None => (text, 1),
        },
    };
    let number: u32 = digits.parse().ok().filter(|_| word.known)?;
    number.checked_mul(unit)
}

fn body(case: &Case<'_>, engine: &Engine<'_>, message: &Section) -> Option<Finding> {
    let given = Given::all(message);
    let takes_body = |given: &&Given<'_>| {
        let sample = given.sample();
        let fetch = sample.split(['(', ',']).next().unwrap_or_default();
        ["req.body", "req.body_len", "req.body_param"].contains(&fetch)
    };
    let body = given.iter().find(takes_body)?;
    let waits = |rule: &str, proxy: usize, before: Option<usize>| {
        let section = case.configuration.sections.get(proxy);
        let lines = section.map_or(&[][..], |section| section.lines.as_slice());
        let mut lines = lines
            .iter()
            .take_while(|line| before.is_none_or(|before| line.span().start < before));
        lines.any(|line| line.begins(&[rule, "wait-for-body"]))
    };
    let option = |proxy| case.option(proxy, "http-buffer-request");
    let proxy = engine.filter.proxy;
    let moments = engine.moments(message, case.rules);
    let missing = moments.iter().find_map(|moment| match moment {
        // The event comes before the rules of the frontend: only the option is in time.
        Moment::Event(event) if event.text == "on-frontend-http-request" => {
            (!option(proxy)).then_some((event.span, proxy))
        }
        Moment::Event(event) if event.text == "on-backend-http-request" => {
            (!option(proxy) && !waits("http-request", proxy, None)).then_some((event.span, proxy))
        }
        Moment::Rule(rule) if rule.line.begins(&["http-request"]) => {
            let start = rule.line.span().start;
            (!option(rule.proxy) && !waits("http-request", rule.proxy, Some(start)))
                .then_some((rule.line.span(), rule.proxy))
        }
        _ => None,
    });
    let (moment, proxy) = missing?;
    let section = case.configuration.sections.get(proxy)?;
    let title = format!(
        "nothing waits for the body that `{}` sends",
        message.title()
    );
    Some(
        Finding::new(Code::BodyUnbuffered, title, body.word.span)
            .label("as much as happens to be there")
            .context(moment, "sent as soon as the headers are there")
            .help(format!(
                "write `option http-buffer-request` in `{} {}`",
                section.kind(),
                section.title()
            )),
    )
}
