//! Compares the output of a command with what a page shows.

/// Returns whether printed lines are those that a page shows.
///
/// A line `…` is any number of lines, and `…` in a line is any text. Without `numbers`, every number is like any other.
pub(crate) fn fits(shown: &[String], printed: &[String], numbers: bool) -> bool {
    let Some((line, shown)) = shown.split_first() else {
        return printed.is_empty();
    };
    if line.trim() == "…" {
        return (0..=printed.len()).any(|skipped| fits(shown, &printed[skipped..], numbers));
    }
    let Some((first, printed)) = printed.split_first() else {
        return false;
    };
    let alike = match numbers {
        true => line_fits(line, first),
        false => line_fits(&without_numbers(line), &without_numbers(first)),
    };
    alike && fits(shown, printed, numbers)
}

fn line_fits(shown: &str, printed: &str) -> bool {
    match shown.split_once('…') {
        None => shown == printed,
        Some((before, after)) => printed.strip_prefix(before).is_some_and(|rest| {
            let ends = rest.char_indices().map(|(at, _)| at).chain([rest.len()]);
            ends.into_iter().any(|at| line_fits(after, &rest[at..]))
        }),
    }
}

/// The hexadecimal digits from which on a word is a number, such as the id of a span.
const HEX: usize = 16;

/// Returns a line with `0` for each number, and with one space for several, since columns move with them.
fn without_numbers(line: &str) -> String {
    let words = line.split_inclusive(|c: char| !c.is_ascii_hexdigit());
    let words = words.map(|word| {
        let digits = word.trim_end_matches(|c: char| !c.is_ascii_hexdigit());
        match digits.len() {
            HEX.. => word.replace(digits, "0"),
            _ => word.to_owned(),
        }
    });
    let mut kept = String::new();
    for c in words.collect::<String>().chars() {
        match c {
            '0'..='9' | '.' if kept.ends_with('0') => {}
            '0'..='9' => kept.push('0'),
            ' ' if kept.ends_with(' ') => {}
            c => kept.push(c),
        }
    }
    kept
}

#[test]
fn dots_stand_for_any_text() {
    let fits = |shown: &str, printed: &str, numbers| {
        let lines = |text: &str| text.lines().map(str::to_owned).collect::<Vec<_>>();
        fits(&lines(shown), &lines(printed), numbers)
    };
    assert!(fits("a\n…\nb", "a\nx\ny\nb", true));
    assert!(fits("a\n…", "a", true));
    assert!(!fits("a\n…\nb", "a\nx", true));
    assert!(!fits("a", "a\nb", true));
    assert!(fits("a …c", "a b c", true));
    assert!(fits("a 1.5 ms", "a  23 ms", false));
    assert!(!fits("a 1 ms", "a 2 ms", true));
    assert!(fits(
        "00-1b66bd5a5cbb3a6f-01",
        "00-d59a01c84ab5bd3e-01",
        false
    ));
    assert!(!fits("a cafe", "a decade", false));
}
