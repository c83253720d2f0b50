//! Checks an expression against the table of a series.

use crate::entry::{Converter, Fetch};
use crate::expression::{Call, Expression};
use crate::nearest::nearest;
use crate::problem::{Problem, ProblemKind};
use crate::table::{CONVERTERS, FETCHES};
use crate::{Event, Kind, Proxy, Series, signature};

trait Row: 'static {
    fn name(&self) -> &'static str;
    fn series(&self) -> u8;
}

impl Row for Fetch {
    fn name(&self) -> &'static str {
        self.0
    }

    fn series(&self) -> u8 {
        self.1
    }
}

impl Row for Converter {
    fn name(&self) -> &'static str {
        self.0
    }

    fn series(&self) -> u8 {
        self.1
    }
}

/// Returns the rows of one name, for different series.
fn rows<R: Row>(table: &'static [R], name: &str) -> &'static [R] {
    let start = table.partition_point(|row| row.name() < name);
    let end = table.partition_point(|row| row.name() <= name);
    table.get(start..end).unwrap_or_default()
}

fn names<R: Row>(table: &'static [R]) -> impl Iterator<Item = &'static str> {
    table.iter().map(R::name)
}

/// A fetch or a converter that a series has.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct Keyword {
    /// The name.
    pub name: &'static str,
    /// The arguments, as HAProxy's list writes them: `string[,integer]`, or nothing.
    pub signature: &'static str,
}

/// Returns the fetches of a series, by their names.
///
/// ```
/// use spoa_facts::{Series, fetches};
///
/// let header = fetches(Series::V3_2).find(|fetch| fetch.name == "req.hdr").unwrap();
/// assert_eq!(header.signature, "[string,integer]");
/// ```
pub fn fetches(series: Series) -> impl Iterator<Item = Keyword> {
    let rows = FETCHES.iter().filter(move |row| row.1 & series.bit() != 0);
    rows.map(|row| Keyword {
        name: row.0,
        signature: row.4,
    })
}

/// Returns the converters of a series, by their names.
///
/// ```
/// use spoa_facts::{Series, converters};
///
/// assert!(converters(Series::V2_6).any(|converter| converter.name == "lower"));
/// ```
pub fn converters(series: Series) -> impl Iterator<Item = Keyword> {
    let rows = CONVERTERS
        .iter()
        .filter(move |row| row.1 & series.bit() != 0);
    rows.map(|row| Keyword {
        name: row.0,
        signature: row.4,
    })
}

/// Returns the kind that a fetch gives, in the newest series that has it.
pub(crate) fn fetch_kind(name: &str) -> Kind {
    rows(FETCHES, name).last().map_or(Kind::Any, |row| row.2)
}

/// Returns whether any series has a fetch.
pub(crate) fn has_fetch(name: &str) -> bool {
    !rows(FETCHES, name).is_empty()
}

/// Returns the kinds that a converter takes and gives, in the newest series that has it.
pub(crate) fn converter_kinds(name: &str) -> Option<(Kind, Option<Kind>)> {
    rows(CONVERTERS, name).last().map(|row| (row.2, row.3))
}

enum Absent {
    /// These series have it.
    Elsewhere(Vec<Series>),
    Nowhere,
}

fn find<R: Row>(table: &'static [R], name: &str, series: Series) -> Result<&'static R, Absent> {
    let rows = rows(table, name);
    let of = |series: Series| rows.iter().find(|row| row.series() & series.bit() != 0);
    of(series).ok_or_else(|| match rows {
        [] => Absent::Nowhere,
        _ => Absent::Elsewhere(
            Series::ALL
                .into_iter()
                .filter(|series| of(*series).is_some())
                .collect(),
        ),
    })
}

/// A checked expression: what it gives in a series of HAProxy.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Sample {
    fetch: Call,
    kind: Kind,
    uses: u32,
    always: bool,
}

impl Expression {
    /// Looks the expression up in a series.
    ///
    /// # Errors
    /// A fetch or converter that the series does not have, arguments it does not take, or a converter
    /// after something it does not take.
    pub fn check(&self, series: Series) -> Result<Sample, Problem> {
        let call = self.fetch();
        let fetch = find(FETCHES, &call.name, series).map_err(|absent| {
            absent.problem(call, series, || ProblemKind::UnknownFetch {
                name: call.name.clone(),
                nearest: nearest(&call.name, names(FETCHES)),
                converter: !rows(CONVERTERS, &call.name).is_empty(),
            })
        })?;
        signature::check(call, fetch.4)?;
        let mut kind = fetch.2;
        for call in self.converters() {
            let converter = find(CONVERTERS, &call.name, series).map_err(|absent| {
                absent.problem(call, series, || ProblemKind::UnknownConverter {
                    name: call.name.clone(),
                    nearest: nearest(&call.name, names(CONVERTERS)),
                    fetch: !rows(FETCHES, &call.name).is_empty(),
                })
            })?;
            if !kind.converts_to(converter.2) {
                let problem = ProblemKind::CannotConvert {
                    converter: call.name.clone(),
                    takes: converter.2,
                    gets: kind,
                };
                return Err(Problem::new(call.range.clone(), problem));
            }
            signature::check(call, converter.4)?;
            kind = converter.3.unwrap_or(kind);
        }
        Ok(Sample {
            fetch: call.clone(),
            kind,
            uses: fetch.3,
            always: ALWAYS.contains(&call.name.as_str()) && self.converters().is_empty(),
        })
    }

    /// Looks the expression up in the newest series that takes it.
    ///
    /// # Errors
    /// What is wrong with it in the newest one that has the fetch and its converters, if none takes
    /// it.
    pub fn check_any(&self) -> Result<Sample, Problem> {
        let mut problem: Option<Problem> = None;
        for series in Series::ALL.into_iter().rev() {
            let found = match self.check(series) {
                Ok(sample) => return Ok(sample),
                Err(found) => found,
            };
            let absent =
                |problem: &Problem| matches!(problem.kind(), ProblemKind::NotInSeries { .. });
            if problem
                .as_ref()
                .is_none_or(|before| absent(before) && !absent(&found))
            {
                problem = Some(found);
            }
        }
        Err(problem.expect("there are series"))
    }

    /// Returns the series that take it, oldest first.
    pub fn series(&self) -> impl Iterator<Item = Series> + '_ {
        let mut all = Series::ALL.into_iter();
        std::iter::from_fn(move || all.find(|series| self.check(*series).is_ok()))
    }
}

impl Absent {
    fn problem(
        self,
        call: &Call,
        series: Series,
        unknown: impl FnOnce() -> ProblemKind,
    ) -> Problem {
        let kind = match self {
            Absent::Nowhere => unknown(),
            Absent::Elsewhere(others) => ProblemKind::NotInSeries {
                name: call.name.clone(),
                series,
                others,
            },
        };
        Problem::new(call.range.clone(), kind)
    }
}

/// Fetches that give a value whenever they can be used, in ordinary traffic over TCP: HAProxy's lists
/// do not tell. Of all others a value may be missing.
const ALWAYS: &[&str] = &[
    "act_conn",
    "always_false",
    "always_true",
    "base",
    "base32",
    "base32+src",
    "baseq",
    "be_conn",
    "be_id",
    "be_name",
    "bin",
    "bool",
    "date",
    "dst",
    "dst_conn",
    "dst_is_local",
    "dst_port",
    "fc_http_major",
    "fe_conn",
    "fe_defbe",
    "fe_id",
    "fe_name",
    "fe_req_rate",
    "fe_sess_rate",
    "hostname",
    "http_first_req",
    "int",
    "ipv4",
    "ipv6",
    "method",
    "meth",
    "nbproc",
    "nbthread",
    "path",
    "pathq",
    "pid",
    "prio_class",
    "prio_offset",
    "proc",
    "rand",
    "req.body_len",
    "req.body_size",
    "req.hdr_cnt",
    "req.fhdr_cnt",
    "req.hdrs",
    "req.hdrs_bin",
    "req.ver",
    "res.hdr_cnt",
    "res.fhdr_cnt",
    "res.hdrs",
    "res.hdrs_bin",
    "res.ver",
    "so_id",
    "so_name",
    "src",
    "src_is_local",
    "src_port",
    "ssl_fc",
    "status",
    "str",
    "thread",
    "txn.status",
    "url",
    "url32",
    "url32+src",
    "uuid",
];

impl Sample {
    /// Returns where HAProxy takes the fetch: its check points, a bit for each.
    pub(crate) fn uses(&self) -> u32 {
        self.uses
    }

    /// Returns the kind of the value.
    #[must_use]
    pub fn kind(&self) -> Kind {
        self.kind
    }

    /// Returns whether it is available at an event, in any section that the filter may be in.
    #[must_use]
    pub fn at(&self, event: Event) -> bool {
        let proxies = [Proxy::Frontend, Proxy::Backend, Proxy::Listen];
        proxies.into_iter().any(|proxy| self.at_in(event, proxy))
    }

    /// Returns whether it can be had at an event where the filter is in a section of this kind. HAProxy
    /// refuses a configuration in which it cannot.
    #[must_use]
    pub fn at_in(&self, event: Event, proxy: Proxy) -> bool {
        event
            .points(proxy)
            .is_some_and(|points| self.uses & points != 0)
    }

    /// Returns the events at which it can be had.
    pub fn events(&self) -> impl Iterator<Item = Event> + '_ {
        Event::ALL.into_iter().filter(|event| self.at(*event))
    }

    /// Says what is wrong with an event for it.
    ///
    /// # Errors
    /// [`ProblemKind::NotAtEvent`] unless it can be had [`at`](Self::at) the event.
    pub fn check_event(&self, event: Event) -> Result<(), Problem> {
        if self.at(event) {
            return Ok(());
        }
        let kind = ProblemKind::NotAtEvent {
            fetch: self.fetch.name.clone(),
            event,
            others: self.events().collect(),
        };
        Err(Problem::new(self.fetch.range.clone(), kind))
    }

    /// Returns whether HAProxy may have no value, and sends NULL: a header that is not there, a variable that
    /// is not set. Few expressions certainly have a value.
    #[must_use]
    pub fn may_be_missing(&self) -> bool {
        !self.always
    }
}
