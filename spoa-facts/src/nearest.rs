//! Finds the known name closest to a misspelt one.

/// Returns the known name that the fewest keystrokes turn a misspelt one into, unless it takes too many
/// for it to be the name that was meant. Upper and lower case are the same.
///
/// ```
/// use spoa_facts::nearest;
///
/// assert_eq!(nearest("req.hrd", ["src", "req.hdr"]), Some("req.hdr"));
/// assert_eq!(nearest("something", ["src", "req.hdr"]), None);
/// ```
pub fn nearest<'k>(name: &str, known: impl IntoIterator<Item = &'k str>) -> Option<&'k str> {
    let name = lower(name);
    let distances = known
        .into_iter()
        .map(|known| (distance(&name, &lower(known)), known));
    let (distance, known) = distances.min_by_key(|(distance, _)| *distance)?;
    let length = known.chars().count();
    let first = known.chars().next().map(|first| first.to_ascii_lowercase());
    // A word that more than one keystroke changes begins the same way, or it is another word.
    let begins_alike = distance <= 1 || name.first().copied() == first;
    (begins_alike && distance <= 1 + length / 3 && distance < length).then_some(known)
}

fn lower(name: &str) -> Vec<char> {
    name.chars().map(|c| c.to_ascii_lowercase()).collect()
}

/// Returns how many characters have to be inserted, deleted, replaced, or swapped with the next.
fn distance(a: &[char], b: &[char]) -> usize {
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
    fn the_distance_counts_keystrokes() {
        for (a, b, expected) in [
            ("", "", 0),
            ("", "abc", 3),
            ("kitten", "sitting", 3),
            ("check", "chekc", 1),
            ("ab", "ba", 1),
            ("get-ip", "get_ip", 1),
            ("GET-IP", "get-ip", 0),
            ("abcdef", "badcfe", 3),
        ] {
            assert_eq!(distance(&lower(a), &lower(b)), expected, "{a} {b}");
            assert_eq!(distance(&lower(b), &lower(a)), expected, "{b} {a}");
        }
    }

    #[test]
    fn a_typo_is_near_and_another_word_is_not() {
        for (name, known, expected) in [
            ("req.hrd", &["src", "req.hdr", "path"][..], Some("req.hdr")),
            ("pth", &["src", "path"], Some("path")),
            ("something", &["src", "path"], None),
            ("lat", &["date"], None),
            ("tiemout", &["set", "timeout"], Some("timeout")),
            ("sett", &["set", "timeout"], Some("set")),
            ("x", &["set", "timeout"], None),
            ("x", &["y"], None),
            ("x", &[], None),
            ("get_ip", &["get-ip", "check-request"], Some("get-ip")),
            (
                "CHEK-request",
                &["get-ip", "check-request"],
                Some("check-request"),
            ),
            ("check", &["get-ip", "check-request"], None),
            ("bind", &["ring"], None),
            ("rnig", &["ring"], Some("ring")),
        ] {
            assert_eq!(nearest(name, known.iter().copied()), expected, "{name}");
        }
    }
}
