//! Two texts, line by line: what would change.

/// How many lines that stay are shown around one that does not.
const AROUND: usize = 3;

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Line<'t> {
    Stays(&'t str),
    Goes(&'t str),
    Comes(&'t str),
}

/// The difference as `diff -u` shows it, for a file of this name; empty if the texts are equal.
pub(super) fn unified(name: &str, old: &str, new: &str) -> String {
    let old: Vec<_> = old.lines().collect();
    let new: Vec<_> = new.lines().collect();
    let lines = compare(&old, &new);
    let changes = |line: &Line<'_>| !matches!(line, Line::Stays(_));
    let mut text = String::new();
    let (mut from, mut to, mut shown) = (1, 1, false);
    for (index, line) in lines.iter().enumerate() {
        let near = index.saturating_sub(AROUND)..=(index + AROUND).min(lines.len() - 1);
        let shows = lines.get(near).is_some_and(|near| near.iter().any(changes));
        if shows && !shown {
            if text.is_empty() {
                text.push_str(&format!("--- {name}\n+++ {name}\n"));
            }
            text.push_str(&format!("@@ -{from} +{to} @@\n"));
        }
        shown = shows;
        let (sign, words) = match line {
            Line::Stays(words) => (' ', words),
            Line::Goes(words) => ('-', words),
            Line::Comes(words) => ('+', words),
        };
        if shows {
            text.push_str(&format!("{sign}{words}\n"));
        }
        from += usize::from(sign != '+');
        to += usize::from(sign != '-');
    }
    text
}

/// Returns how many lines come, and how many go.
pub(super) fn count(old: &str, new: &str) -> (usize, usize) {
    let old: Vec<_> = old.lines().collect();
    let new: Vec<_> = new.lines().collect();
    let lines = compare(&old, &new);
    let count = |is: fn(&Line<'_>) -> bool| lines.iter().filter(|line| is(line)).count();
    (
        count(|line| matches!(line, Line::Comes(_))),
        count(|line| matches!(line, Line::Goes(_))),
    )
}

/// The longest common run of lines stays.
fn compare<'t>(old: &[&'t str], new: &[&'t str]) -> Vec<Line<'t>> {
    // `common[i][j]` is how many lines the ends from `i` and `j` on have in common.
    let mut common = vec![vec![0_u32; new.len() + 1]; old.len() + 1];
    let at = |common: &[Vec<u32>], i: usize, j: usize| {
        common
            .get(i)
            .and_then(|row| row.get(j))
            .copied()
            .unwrap_or_default()
    };
    for (i, gone) in old.iter().enumerate().rev() {
        for (j, came) in new.iter().enumerate().rev() {
            let most = if gone == came {
                at(&common, i + 1, j + 1) + 1
            } else {
                at(&common, i + 1, j).max(at(&common, i, j + 1))
            };
            if let Some(cell) = common.get_mut(i).and_then(|row| row.get_mut(j)) {
                *cell = most;
            }
        }
    }
    let (mut i, mut j) = (0, 0);
    let mut lines = Vec::new();
    loop {
        match (old.get(i), new.get(j)) {
            (Some(gone), Some(came)) if gone == came => {
                lines.push(Line::Stays(gone));
                (i, j) = (i + 1, j + 1);
            }
            (Some(gone), came)
                if came.is_none() || at(&common, i + 1, j) >= at(&common, i, j + 1) =>
            {
                lines.push(Line::Goes(gone));
                i += 1;
            }
            (_, Some(came)) => {
                lines.push(Line::Comes(came));
                j += 1;
            }
            _ => return lines,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_what_changes_is_shown_with_the_lines_around_it() {
        let old = "1\n2\n3\n4\n5\n6\n7\n8\n9\n";
        let new = "1\n2\n3\n4\nfive\n6\n7\n8\n9\nten\n";
        assert_eq!(
            unified("a", old, new),
            "--- a\n+++ a\n@@ -2 +2 @@\n 2\n 3\n 4\n-5\n+five\n 6\n 7\n 8\n 9\n+ten\n"
        );
        assert_eq!(super::count(old, new), (2, 1));
        assert_eq!(unified("a", old, old), "");
        assert_eq!(unified("a", "", "x\n"), "--- a\n+++ a\n@@ -1 +1 @@\n+x\n");
        assert_eq!(unified("a", "x\n", ""), "--- a\n+++ a\n@@ -1 +1 @@\n-x\n");
    }
}
