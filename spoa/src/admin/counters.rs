//! Counters of the program's own, told apart by labels.

use super::register;
use prometheus_client::metrics::counter::Counter;
use prometheus_client::metrics::family::Family;
use std::fmt;
use std::sync::OnceLock;

/// Counters of the program's own, one for each combination of label values: `/metrics` shows them with the others.
///
/// ```
/// use spoa::admin::Counters;
/// use spoa::prelude::*;
///
/// static LOOKUPS: Counters<2> = Counters::new("my_lookups", "Lookups by store and result", ["store", "result"]);
///
/// #[spoe_message("look-up", set = "txn.known")]
/// fn look_up(user: Text<'_>) -> bool {
///     let known = user == "alice";
///     LOOKUPS.inc(["local", if known { "found" } else { "unknown" }]);
///     known
/// }
/// ```
///
/// This is `my_lookups_total{store="local",result="found"} 1` in `/metrics`. The counters are there from the first call
/// of [`inc`](Counters::inc) on. Use [`register`] for other kinds of metrics.
pub struct Counters<const N: usize> {
    name: &'static str,
    help: &'static str,
    labels: [&'static str; N],
    family: OnceLock<Family<[(&'static str, &'static str); N], Counter>>,
}

impl<const N: usize> Counters<N> {
    /// Makes counters. `/metrics` adds `_total` to the name.
    ///
    /// # Panics
    /// If the name or a label is empty, has other characters than ASCII letters, digits and `_`, or begins with a digit; if
    /// the name ends with `_total`; or if the help has a line end. Most of these would keep Prometheus from reading
    /// `/metrics`. In a `static`, this is a compile error:
    ///
    /// ```compile_fail
    /// use spoa::admin::Counters;
    ///
    /// static LOOKUPS: Counters<1> = Counters::new("my-lookups", "Lookups by result", ["result"]);
    /// ```
    #[must_use]
    #[track_caller]
    pub const fn new(name: &'static str, help: &'static str, labels: [&'static str; N]) -> Self {
        assert!(
            is_name(name),
            "the name of a metric has letters, digits and `_`, and does not begin with a digit"
        );
        assert!(
            !ends_with_total(name.as_bytes()),
            "write the name without `_total`, which `/metrics` adds"
        );
        assert!(is_one_line(help), "the help of a metric is one line");
        let mut rest: &[&str] = &labels;
        while let [label, others @ ..] = rest {
            assert!(
                is_name(label),
                "the name of a label has letters, digits and `_`, and does not begin with a digit"
            );
            rest = others;
        }
        Counters {
            name,
            help,
            labels,
            family: OnceLock::new(),
        }
    }

    /// Adds one to the counter with these values of the labels. The values of a label must come from a small set.
    pub fn inc(&self, values: [&'static str; N]) {
        let family = self.family.get_or_init(|| {
            let family = Family::default();
            register(|registry| registry.register(self.name, self.help, family.clone()));
            family
        });
        let mut values = values.into_iter();
        let labels = self
            .labels
            .map(|label| (label, values.next().unwrap_or_default()));
        family.get_or_create(&labels).inc();
    }
}

/// Returns whether Prometheus takes a name.
const fn is_name(name: &str) -> bool {
    let mut rest = name.as_bytes();
    if !matches!(rest.first(), Some(b'a'..=b'z' | b'A'..=b'Z' | b'_')) {
        return false;
    }
    while let [byte, others @ ..] = rest {
        if !(byte.is_ascii_alphanumeric() || *byte == b'_') {
            return false;
        }
        rest = others;
    }
    true
}

const fn ends_with_total(name: &[u8]) -> bool {
    matches!(name, [.., b'_', b't', b'o', b't', b'a', b'l'])
}

const fn is_one_line(text: &str) -> bool {
    let mut rest = text.as_bytes();
    while let [byte, others @ ..] = rest {
        if matches!(byte, b'\n' | b'\r') {
            return false;
        }
        rest = others;
    }
    true
}

impl<const N: usize> fmt::Debug for Counters<N> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut debug = f.debug_struct("Counters");
        debug
            .field("name", &self.name)
            .field("labels", &self.labels)
            .finish_non_exhaustive()
    }
}

#[cfg(test)]
mod tests {
    use super::super::metrics::{Format, write};
    use super::*;

    #[test]
    fn each_combination_of_values_has_a_counter() {
        static COUNTERS: Counters<2> =
            Counters::new("counters_test", "For a test", ["store", "result"]);
        for result in ["found", "found", "unknown"] {
            COUNTERS.inc(["local", result]);
        }
        let text = write(Vec::new(), Format::Prometheus).unwrap();
        for (name, help, label) in [
            ("a b", "", "l"),
            ("", "", "l"),
            ("1a", "", "l"),
            ("a_total", "", "l"),
            ("a\n", "", "l"),
            ("a", "b\nc", "l"),
            ("a", "", "l-m"),
            ("a", "", "l=\"\",m"),
        ] {
            let made = std::panic::catch_unwind(|| Counters::new(name, help, [label]));
            assert!(made.is_err(), "{name:?} {help:?} {label:?}");
        }
        for line in [
            "counters_test_total{store=\"local\",result=\"found\"} 2",
            "counters_test_total{store=\"local\",result=\"unknown\"} 1",
        ] {
            assert!(text.contains(line), "{line} is not in {text}");
        }
    }
}
