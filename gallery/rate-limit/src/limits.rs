//! The file of limits.

use spoa::run::{duration, read_lines};
use std::collections::HashMap;
use std::fmt;
use std::path::Path;
use std::time::Duration;

/// At most `count` requests in a time.
#[derive(Clone, Copy, Debug)]
pub struct Limit {
    count: u32,
    time: Duration,
}

impl Limit {
    /// Returns the time after which one request is forgotten, and that for all of them, for one of `agents`.
    pub fn costs(self, agents: u32) -> [Duration; 2] {
        let cost = (self.time * agents / self.count).max(Duration::from_micros(1));
        [cost, self.time.max(cost)]
    }
}

/// Writes `100/10s`.
impl fmt::Display for Limit {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}/{:?}", self.count, self.time)
    }
}

/// Limits by what they limit: `address`, or `address 192.0.2.7`.
#[derive(Debug)]
pub struct Limits(HashMap<String, Limit>);

impl Limits {
    /// Reads a file.
    pub fn load(path: &Path) -> Result<Self, String> {
        read_lines(path, entry).map(Limits)
    }

    /// Returns the limit for one user, address or key: its own, or that of all.
    pub fn get(&self, kind: &str, name: &str) -> Option<Limit> {
        let own = self.0.get(&format!("{kind} {name}"));
        own.or_else(|| self.0.get(kind)).copied()
    }
}

fn entry(line: &str) -> Result<(String, Limit), &'static str> {
    parse(line).ok_or("expected `address 100/10s`")
}

fn parse(line: &str) -> Option<(String, Limit)> {
    let (what, limit) = line.rsplit_once(' ')?;
    let (count, time) = limit.split_once('/')?;
    let (count, time) = (count.parse().ok()?, duration(time).ok()?);
    let kind = what.split(' ').next()?;
    let valid = ["address", "user", "key"].contains(&kind) && count > 0 && !time.is_zero();
    valid.then(|| (what.to_owned(), Limit { count, time }))
}

#[cfg(test)]
mod tests {
    use super::*;
    use spoa::run::parse_lines;

    impl Limits {
        pub(crate) fn parse(text: &str) -> Result<Self, String> {
            parse_lines(text, entry).map(Limits)
        }
    }

    #[test]
    fn a_name_can_have_its_own_limit_and_others_have_the_common_one() {
        let limits = Limits::parse("# all\nuser 50/1s\n\nuser batch 500/1s\n").unwrap();
        let cost = |name| {
            limits
                .get("user", name)
                .map(|limit| limit.costs(1)[0].as_millis())
        };
        assert_eq!((cost("alice"), cost("batch")), (Some(20), Some(2)));
        assert!(limits.get("address", "192.0.2.7").is_none());
    }

    #[test]
    fn one_of_several_agents_has_its_share_and_at_least_one_request() {
        let limit = Limits::parse("user 2/1s").unwrap().get("user", "").unwrap();
        let seconds = Duration::from_secs;
        assert_eq!(limit.costs(2), [seconds(1), seconds(1)]);
        assert_eq!(limit.costs(10), [seconds(5), seconds(5)]);
    }

    #[test]
    fn a_mistake_is_named() {
        for line in [
            "address",
            "adress 1/1s",
            "user 0/1s",
            "user 1/0s",
            "key 1",
            "1/1s",
            "key 1/1",
        ] {
            let error = Limits::parse(&format!("user 1/1s\n{line}")).unwrap_err();
            assert_eq!(error, "line 2: expected `address 100/10s`", "{line}");
        }
    }

    #[test]
    fn the_file_beside_the_agent_is_read() {
        Limits::load(Path::new("limits.txt")).unwrap();
    }
}
