//! Which of some names was meant by one that is none of them.
//!
//! It must not know what the names are for.

/// The name among `known` that takes the fewest keystrokes, unless it takes too many to be what was
/// meant.
///
/// ```
/// assert_eq!(spoa_facts::nearest("req.hrd", ["src", "req.hdr"]), Some("req.hdr"));
/// assert_eq!(spoa_facts::nearest("something", ["src", "req.hdr"]), None);
/// ```
pub fn nearest<'k>(text: &str, known: impl IntoIterator<Item = &'k str>) -> Option<&'k str> {
    let distances = known.into_iter().map(|name| (distance(text, name), name));
    let (distance, name) = distances.min_by_key(|(distance, _)| *distance)?;
    // What is changed more than once begins alike, or it is another name.
    let alike = distance <= 1 || text.chars().next() == name.chars().next();
    (alike && distance <= 1 + name.len() / 4 && distance < name.len()).then_some(name)
}

/// How many letters must be put in, taken out, changed or swapped with their neighbour.
fn distance(a: &str, b: &str) -> usize {
    let (a, b): (Vec<char>, Vec<char>) = (a.chars().collect(), b.chars().collect());
    let mut before_last: Vec<usize> = Vec::new();
    let mut last: Vec<usize> = (0..=b.len()).collect();
    for (i, x) in a.iter().enumerate() {
        let mut row = vec![i + 1];
        for (j, y) in b.iter().enumerate() {
            let at = |row: &[usize], j: usize| row.get(j).copied().unwrap_or(usize::MAX / 2);
            let mut best = (at(&last, j) + usize::from(x != y))
                .min(at(&last, j + 1) + 1)
                .min(at(&row, j) + 1);
            let swapped = i > 0 && j > 0 && a.get(i - 1) == Some(y) && b.get(j - 1) == Some(x);
            if swapped {
                best = best.min(at(&before_last, j - 1) + 1);
            }
            row.push(best);
        }
        before_last = std::mem::replace(&mut last, row);
    }
    last.last().copied().unwrap_or(0)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_slip_is_near_and_another_word_is_not() {
        let known = ["src", "req.hdr", "path"];
        assert_eq!(nearest("req.hrd", known), Some("req.hdr"));
        assert_eq!(nearest("pth", known), Some("path"));
        assert_eq!(nearest("something", known), None);
        assert_eq!(nearest("lat", ["date"]), None);
        let known = ["set", "timeout", "blocking", "crate"];
        assert_eq!(nearest("tiemout", known), Some("timeout"));
        assert_eq!(nearest("sett", known), Some("set"));
        assert_eq!(nearest("x", known), None);
        assert_eq!(nearest("x", known), None);
    }
}
