//! `.if`, `.elif`, `.else` and `.endif`: which lines hold.
//!
//! Conditions about HAProxy's version, about the environment, and comparisons of texts are decided. Those about
//! how HAProxy was built, such as `feature(OPENSSL)`, are not.
//!
//! A HAProxy that is newer than the newest known series counts as that one. For that series
//! `version_before(9.0)` is therefore not decided: it holds for one HAProxy and not for another.

use super::environment::Environment;
use super::environment_value::EnvironmentValue;
use super::words::Word;
use crate::Series;

/// How deep a condition may be nested for it to be decided.
const MAX_DEPTH: usize = 100;

/// Whether HAProxy reads a line.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Holds {
    /// The line is not read.
    No,
    /// The line may be read: that depends on facts that are not known here.
    Perhaps,
    /// The line is read.
    Yes,
}

/// The conditions around a line, from the outermost on.
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

    /// Returns whether the lines here hold.
    pub(super) fn hold(&self) -> Holds {
        let branches = self.levels.iter().map(|level| level.branch);
        branches.min().unwrap_or(Holds::Yes)
    }

    /// Takes a line of words in if it is a directive, and says whether it was.
    pub(super) fn take(&mut self, words: &[Word], environment: &Environment<'_>) -> bool {
        let Some((directive, rest)) = words.split_first() else {
            return false;
        };
        let decide = || {
            // HAProxy joins the words again, with one space between two.
            let texts: Vec<_> = rest.iter().map(|word| word.text.as_str()).collect();
            if rest.iter().all(|word| word.known) {
                self.decide(&texts.join(" "), environment, MAX_DEPTH)
            } else {
                Holds::Perhaps
            }
        };
        match directive.text.as_str() {
            ".if" => {
                let branch = decide();
                self.levels.push(Level {
                    branch,
                    rest: not(branch),
                });
            }
            ".elif" => {
                let branch = decide();
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

    /// Returns whether a condition holds: predicates with `!`, `&&`, `||` and parentheses, at most this deep.
    fn decide(&self, condition: &str, environment: &Environment<'_>, depth: usize) -> Holds {
        let Some(depth) = depth.checked_sub(1) else {
            return Holds::Perhaps;
        };
        let condition = condition.trim();
        if let Some((one, others)) = split(condition, "||") {
            let others = self.decide(others, environment, depth);
            return self.decide(one, environment, depth).max(others);
        }
        if let Some((one, others)) = split(condition, "&&") {
            let others = self.decide(others, environment, depth);
            return self.decide(one, environment, depth).min(others);
        }
        if let Some(negated) = condition.strip_prefix('!') {
            return not(self.decide(negated, environment, depth));
        }
        if condition.is_empty() {
            return Holds::No;
        }
        if let Ok(number) = condition.parse::<i64>() {
            return if number == 0 { Holds::No } else { Holds::Yes };
        }
        let Some((predicate, arguments)) = condition
            .strip_suffix(')')
            .and_then(|it| it.split_once('('))
        else {
            return Holds::Perhaps;
        };
        // Quotes and backslashes have a meaning of their own in arguments.
        if arguments.contains(['"', '\'', '\\']) {
            return Holds::Perhaps;
        }
        let pair = || {
            arguments
                .split_once(',')
                .filter(|(_, other)| !other.contains(','))
        };
        let equal = |(one, other): (&str, &str)| is(one == other);
        match predicate {
            "" => self.decide(arguments, environment, depth),
            "version_atleast" => self.at_least(arguments),
            "version_before" => not(self.at_least(arguments)),
            "defined" => match environment.get(arguments) {
                EnvironmentValue::Text(_) => Holds::Yes,
                EnvironmentValue::Unset => Holds::No,
                EnvironmentValue::Missing | EnvironmentValue::Unknown => Holds::Perhaps,
            },
            "streq" => pair().map_or(Holds::Perhaps, equal),
            "strneq" => not(pair().map_or(Holds::Perhaps, equal)),
            "strstr" => pair().map_or(Holds::Perhaps, |(one, other)| is(one.contains(other))),
            _ => Holds::Perhaps,
        }
    }

    /// Returns whether HAProxy is of this version or a later one.
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

/// Splits a condition at the first of these operators that is not in parentheses.
fn split<'c>(condition: &'c str, operator: &str) -> Option<(&'c str, &'c str)> {
    let mut depth = 0_usize;
    for (at, next) in condition.char_indices() {
        match next {
            '(' => depth += 1,
            ')' => depth = depth.saturating_sub(1),
            _ => {}
        }
        let rest = condition.get(at..)?;
        if depth == 0 && rest.starts_with(operator) {
            return Some((condition.get(..at)?, rest.get(operator.len()..)?));
        }
    }
    None
}

fn is(holds: bool) -> Holds {
    if holds { Holds::Yes } else { Holds::No }
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
    use super::super::words::words;
    use super::*;

    /// Returns whether lines hold after each of these, with HAProxy 3.0.
    fn held(lines: &[&str]) -> Vec<Holds> {
        let outside = |name: &str| (name == "HOME").then(|| "/root".to_owned());
        let environment = Environment::new(&outside);
        let mut conditions = Conditions::new(Some(Series::V3_0));
        let take = |line: &&str| {
            let words = words(line, 0, 0, &|name| environment.get(name));
            assert!(conditions.take(&words, &environment), "{line}");
            conditions.hold()
        };
        lines.iter().map(take).collect()
    }

    #[test]
    fn conditions_about_texts_and_the_environment_are_decided() {
        use Holds::{No, Perhaps, Yes};
        for (condition, expected) in [
            ("defined(HOME)", Yes),
            ("!defined(HOME)", No),
            ("defined(NONE)", Perhaps),
            (r#"streq("$HOME",/root)"#, Yes),
            (r#"streq("$HOME", /root)"#, No),
            (r#"streq("$NONE",/root)"#, Perhaps),
            (r#"streq("${NONE-a}",a)"#, Yes),
            ("strneq(a,b)", Yes),
            ("strstr(abc,bc)", Yes),
            ("strstr(abc,x)", No),
            ("feature(OPENSSL)", Perhaps),
            ("0 || defined(HOME)", Yes),
            ("1 && (0 || defined(NONE))", Perhaps),
            ("0 && defined(NONE) || 1", Yes),
            ("!(1 && 0)", Yes),
            ("!1 && 0", No),
            ("", No),
        ] {
            assert_eq!(
                held(&[&format!(".if {condition}")]),
                [expected],
                "{condition}"
            );
        }
    }

    #[test]
    fn conditions_that_are_nested_too_deeply_are_not_decided() {
        let (open, close) = ("(".repeat(20_000), ")".repeat(20_000));
        for condition in [
            "!".repeat(20_000) + "1",
            "0||".repeat(20_000) + "1",
            format!("{open}1{close}"),
        ] {
            assert_eq!(held(&[&format!(".if {condition}")]), [Holds::Perhaps]);
        }
        let many = "0 || ".repeat(50) + "1";
        assert_eq!(held(&[&format!(".if {many}")]), [Holds::Yes]);
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
    fn any_branch_of_an_undecided_condition_may_hold() {
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
