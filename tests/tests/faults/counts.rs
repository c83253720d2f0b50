//! Counts the results of requests.

use std::collections::BTreeMap;

use spoa_tests::{Exchange, Figures, Haproxy};

/// The requests by what came of them.
#[derive(Debug, Default)]
pub(crate) struct Counts {
    pub(crate) requests: usize,
    pub(crate) verdicts: usize,
    /// Those with the variable of a handler that failed, by what it says.
    pub(crate) failed: BTreeMap<String, usize>,
    /// Those with the value of `option set-on-error`, by that value.
    pub(crate) errors: BTreeMap<String, usize>,
}

impl Counts {
    /// Counts them, and panics if one has no answer from HAProxy, another's verdict, or nothing that
    /// says why it has none.
    pub(crate) fn of(exchanges: &[Exchange]) -> Counts {
        let mut counts = Counts::default();
        for exchange in exchanges {
            let reply = exchange.reply.as_ref();
            let status = reply.map(|reply| reply.status).map_err(ToString::to_string);
            assert_eq!(status, Ok(200), "{}", exchange.path);
            let [echo, failed, error] =
                ["echo", "failed", "error"].map(|name| exchange.var(&format!("txn.iprep.{name}")));
            counts.requests += 1;
            match (echo, failed, error) {
                (Some(token), None, None) => {
                    assert_eq!(token, exchange.path, "another's verdict");
                    counts.verdicts += 1;
                }
                (None, Some(why), None) => *counts.failed.entry(why.to_owned()).or_default() += 1,
                (None, None, Some(code)) => *counts.errors.entry(code.to_owned()).or_default() += 1,
                _ => panic!("neither a verdict nor one reason why not: {exchange:?}"),
            }
        }
        counts
    }

    /// How many have an error.
    pub(crate) fn lost(&self) -> usize {
        self.errors.values().sum()
    }

    /// Panics unless each has its verdict.
    pub(crate) fn assert_none_lost(&self) {
        assert_eq!(self.verdicts, self.requests, "{self:?}");
    }
}

/// The table of faults and the requests that they failed.
pub(crate) struct Table {
    fault: &'static str,
    figures: Figures,
}

impl Table {
    pub(crate) fn of(fault: &'static str) -> Table {
        const COLUMNS: &[&str] = &[
            "fault",
            "HAProxy",
            "requests",
            "verdicts",
            "handler failed",
            "`set-on-error`",
        ];
        let figures = Figures::of("faults", COLUMNS);
        Table { fault, figures }
    }

    pub(crate) fn row(&self, haproxy: &Haproxy, counts: &Counts) {
        let by_value = |counts: &BTreeMap<String, usize>| {
            let each = counts
                .iter()
                .map(|(value, count)| format!("{value}: {count}"));
            let each: Vec<_> = each.collect();
            if each.is_empty() {
                "0".to_owned()
            } else {
                each.join(", ")
            }
        };
        let (major, minor) = haproxy.series();
        self.figures.row(&[
            self.fault.to_owned(),
            format!("{major}.{minor}"),
            counts.requests.to_string(),
            counts.verdicts.to_string(),
            by_value(&counts.failed),
            by_value(&counts.errors),
        ]);
    }
}
