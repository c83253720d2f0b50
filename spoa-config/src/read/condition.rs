//! `.if`, `.elif`, `.else` and `.endif`: which lines hold.
//!
//! Only what asks for HAProxy's version is decided. It must not know what is in the lines.

use crate::Series;

/// Whether a line holds.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Holds {
    /// It does not.
    No,
    /// That depends on what is not known here.
    Perhaps,
    /// It does.
    Yes,
}

/// The conditions that a line stands under, from the outermost on.
#[derive(Debug)]
pub(super) struct Conditions {
    series: Option<Series>,
    levels: Vec<Level>,
}

#[derive(Debug)]
struct Level {
    /// Whether this branch is taken.
    branch: Holds,
    /// Whether the branches after it can still be: not if one before them was.
    rest: Holds,
}

impl Conditions {
    pub(super) fn new(series: Option<Series>) -> Self {
        Conditions {
            series,
            levels: Vec::new(),
        }
    }

    /// Whether the lines here hold.
    pub(super) fn hold(&self) -> Holds {
        let branches = self.levels.iter().map(|level| level.branch);
        branches.min().unwrap_or(Holds::Yes)
    }

    /// Takes a line of words in if it is a directive, and says whether it was.
    pub(super) fn take(&mut self, words: &[&str]) -> bool {
        let Some((&directive, rest)) = words.split_first() else {
            return false;
        };
        match directive {
            ".if" => {
                let branch = self.decide(&rest.join(" "));
                self.levels.push(Level {
                    branch,
                    rest: not(branch),
                });
            }
            ".elif" => {
                let branch = self.decide(&rest.join(" "));
                if let Some(level) = self.levels.last_mut() {
                    level.branch = branch.min(level.rest);
                    level.rest = not(branch).min(level.rest);
                }
            }
            ".else" => {
                if let Some(level) = self.levels.last_mut() {
                    level.branch = level.rest;
                }
            }
            ".endif" => drop(self.levels.pop()),
            other => return other.starts_with('.'),
        }
        true
    }

    fn decide(&self, condition: &str) -> Holds {
        let condition = condition.trim();
        if let Some(negated) = condition.strip_prefix('!') {
            return not(self.decide(negated));
        }
        if let Ok(number) = condition.parse::<i64>() {
            return if number == 0 { Holds::No } else { Holds::Yes };
        }
        let argument = |predicate: &str| {
            let rest = condition.strip_prefix(predicate)?;
            rest.strip_prefix('(')?.strip_suffix(')')
        };
        if let Some(version) = argument("version_atleast") {
            return self.at_least(version);
        }
        if let Some(version) = argument("version_before") {
            return not(self.at_least(version));
        }
        Holds::Perhaps
    }

    /// Whether HAProxy is of this version or a later one.
    fn at_least(&self, version: &str) -> Holds {
        let Some(series) = self.series else {
            return Holds::Perhaps;
        };
        let mut numbers = version.split(['.', '-']);
        let mut number = || numbers.next().map(str::parse::<u16>);
        let (Some(Ok(major)), Some(Ok(minor))) = (number(), number().or(Some(Ok(0)))) else {
            return Holds::Perhaps;
        };
        let bare = number().is_none();
        let next = Series::ALL.into_iter().find(|later| *later > series);
        // A series stands for those up to the next one as well: 3.2 for 3.3.
        match (major, minor).cmp(&series.numbers()) {
            std::cmp::Ordering::Less => Holds::Yes,
            std::cmp::Ordering::Equal if bare => Holds::Yes,
            _ if next.is_some_and(|next| (major, minor) >= next.numbers()) => Holds::No,
            _ => Holds::Perhaps,
        }
    }
}

fn not(holds: Holds) -> Holds {
    match holds {
        Holds::No => Holds::Yes,
        Holds::Perhaps => Holds::Perhaps,
        Holds::Yes => Holds::No,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// What holds after each of these lines, with HAProxy 3.0.
    fn held(lines: &[&str]) -> Vec<Holds> {
        let mut conditions = Conditions::new(Some(Series::V3_0));
        let take = |line: &&str| {
            let words: Vec<_> = line.split(' ').collect();
            assert!(conditions.take(&words), "{line}");
            conditions.hold()
        };
        lines.iter().map(take).collect()
    }

    #[test]
    fn branches_by_version_are_decided() {
        use Holds::{No, Yes};
        let lines = [
            ".if version_atleast(3.2)",
            ".elif !version_before(3.0)",
            ".if 0",
            ".else",
            ".endif",
            ".else",
            ".endif",
        ];
        assert_eq!(held(&lines), [No, Yes, No, Yes, Yes, No, Yes]);
    }

    #[test]
    fn of_other_conditions_any_branch_may_hold() {
        use Holds::{No, Perhaps, Yes};
        let lines = [
            ".if defined(X)",
            ".elif 1",
            ".else",
            ".if 0",
            ".endif",
            ".endif",
            ".endif",
        ];
        assert_eq!(held(&lines), [Perhaps, Perhaps, No, No, No, Yes, Yes]);
        assert_eq!(held(&[".if version_atleast(3.0.5)"]), [Perhaps]);
        assert_eq!(held(&[".if version_atleast(3.1)"]), [Perhaps]);
        assert_eq!(held(&[".notice x"]), [Yes]);
    }
}
