//! Which of some names was meant by one that is none of them.

/// The known name that takes the fewest keystrokes to reach, unless it takes too many to be what
/// was meant.
pub(super) fn nearest<'k>(name: &str, known: impl IntoIterator<Item = &'k str>) -> Option<&'k str> {
    let (distance, known) = closest(name, known)?;
    let near = distance <= 1 + known.chars().count() / 3;
    // What is changed more than once begins alike, or it is another word.
    let alike = distance <= 1 || first(name) == first(known);
    (near && alike).then_some(known)
}

/// The same, unless it takes more than so many keystrokes.
pub(super) fn within<'k>(
    most: usize,
    name: &str,
    known: impl IntoIterator<Item = &'k str>,
) -> Option<&'k str> {
    let (distance, known) = closest(name, known)?;
    (distance <= most).then_some(known)
}

fn first(name: &str) -> Option<char> {
    name.chars().next().map(|first| first.to_ascii_lowercase())
}

fn closest<'k>(name: &str, known: impl IntoIterator<Item = &'k str>) -> Option<(usize, &'k str)> {
    let distance =
        |known: &str| strsim::osa_distance(&name.to_ascii_lowercase(), &known.to_ascii_lowercase());
    let distances = known.into_iter().map(|known| (distance(known), known));
    distances.min_by_key(|(distance, _)| *distance)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_a_near_name_is_the_nearest() {
        let known = ["get-ip", "check-request"];
        assert_eq!(nearest("get_ip", known), Some("get-ip"));
        assert_eq!(nearest("CHEK-request", known), Some("check-request"));
        assert_eq!(nearest("check", known), None);
        assert_eq!(nearest("x", []), None);
        assert_eq!(nearest("bind", ["ring"]), None);
        assert_eq!(nearest("ginr", ["ring"]), None);
        assert_eq!(nearest("rnig", ["ring"]), Some("ring"));
        assert_eq!(within(2, "fronted", ["frontend"]), Some("frontend"));
        assert_eq!(within(2, "frnted", ["frontend"]), Some("frontend"));
        assert_eq!(within(2, "front", ["frontend"]), None);
    }
}
