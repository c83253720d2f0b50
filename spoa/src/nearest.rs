//! Which of some names was meant by one that is none of them.
//!
//! It must not know what the names are for.

/// The known name that takes the fewest keystrokes to reach, unless it takes too many to be what was
/// meant.
pub(crate) fn nearest<'k>(name: &str, known: impl IntoIterator<Item = &'k str>) -> Option<&'k str> {
    let distances = known
        .into_iter()
        .map(|known| (distance(name, known), known));
    let (distance, known) = distances.min_by_key(|(distance, _)| *distance)?;
    (distance <= 1 + known.chars().count() / 3).then_some(known)
}

/// How many characters have to be inserted, deleted, replaced, or swapped with the next.
fn distance(a: &str, b: &str) -> usize {
    let a: Vec<char> = a.chars().map(|c| c.to_ascii_lowercase()).collect();
    let b: Vec<char> = b.chars().map(|c| c.to_ascii_lowercase()).collect();
    // Row i holds the distances of the first i characters of `a` from every beginning of `b`.
    let mut before = vec![0; b.len() + 1];
    let mut row: Vec<usize> = (0..=b.len()).collect();
    let mut last = None;
    for x in a {
        let mut next = vec![row.first().map_or(0, |first| first + 1)];
        let mut left = None;
        for (((y, diagonal), above), swap) in b
            .iter()
            .zip(&row)
            .zip(row.iter().skip(1))
            .zip(swaps(&before))
        {
            let mut best = diagonal + usize::from(x != *y);
            best = best.min(above + 1);
            best = best.min(next.last().map_or(usize::MAX, |left| left + 1));
            if last == Some(*y) && left == Some(x) {
                best = best.min(swap + 1);
            }
            next.push(best);
            left = Some(*y);
        }
        last = Some(x);
        before = std::mem::replace(&mut row, next);
    }
    row.last().copied().unwrap_or_default()
}

/// For each column, what a swap that ends there starts from: the row before last, two to the left.
fn swaps(before: &[usize]) -> impl Iterator<Item = usize> + '_ {
    std::iter::once(0).chain(before.iter().copied())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_distance_counts_keystrokes() {
        for (a, b, expected) in [
            ("", "", 0),
            ("", "abc", 3),
            ("abc", "", 3),
            ("kitten", "sitting", 3),
            ("check", "chekc", 1),
            ("ab", "ba", 1),
            ("get-ip", "get_ip", 1),
            ("GET-IP", "get-ip", 0),
            ("abcdef", "badcfe", 3),
        ] {
            assert_eq!(distance(a, b), expected, "{a} {b}");
            assert_eq!(distance(b, a), expected, "{b} {a}");
        }
    }

    #[test]
    fn only_a_near_name_is_the_nearest() {
        let known = ["get-ip-reputation", "check-request"];
        assert_eq!(
            nearest("get_ip_reputation", known),
            Some("get-ip-reputation")
        );
        assert_eq!(nearest("check", known), None);
        assert_eq!(nearest("chek-request", known), Some("check-request"));
        assert_eq!(nearest("x", []), None);
    }
}
