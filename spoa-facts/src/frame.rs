//! How large a client can make a NOTIFY, and how much of it a frame holds.
//!
//! Its input is the messages of one NOTIFY, and the limits.

use crate::expression::Expression;
use crate::{Origin, Place};
use std::fmt;

/// A message that HAProxy sends, with the names and samples of its arguments.
///
/// A caller sets all of its fields. A new one is a breaking change.
#[derive(Clone, Debug)]
pub struct Sent<'e> {
    /// The name of the message.
    pub name: &'e str,
    /// The name of each argument, which may be empty, and its sample; `None` for one that is not known.
    pub args: Vec<(&'e str, Option<&'e Expression>)>,
}

/// The limits of a NOTIFY: the size of a frame, and how much of a request HAProxy holds.
///
/// HAProxy from 3.1 on sends nothing, and reports error 3, where the messages of one event or group do
/// not fit a frame. Up to 3.0 it sends them in fragments.
///
/// A request has one place in HAProxy's buffer, so one copy of all of it fits. Two copies of
/// what a client can make large do not:
///
/// ```
/// use spoa_facts::{Expression, Frame, Sent};
///
/// let [url, query, body] = ["url", "query", "req.body"].map(|text| Expression::parse(text).unwrap());
/// let frame = Frame::default();
///
/// let twice = Sent { name: "check", args: vec![("url", Some(&url)), ("query", Some(&query))] };
/// let excess = frame.excess(&[twice]).unwrap();
/// assert_eq!(excess.to_string(), "`url` and `query` both carry the query");
///
/// let once = Sent { name: "check", args: vec![("url", Some(&url)), ("body", Some(&body))] };
/// assert!(frame.excess(&[once]).is_none());
/// ```
///
/// A caller sets all of its fields. A new one is a breaking change.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Frame {
    /// `max-frame-size` of the agent: 16380 unless spoe.conf says otherwise, as `tune.bufsize - 4`.
    pub size: usize,
    /// How many bytes of a request HAProxy holds: `tune.bufsize - tune.maxrewrite`, 15360 unless
    /// haproxy.cfg says otherwise.
    pub request: usize,
    /// How many bytes of a body HAProxy holds beside the head, if a rule waits for it with
    /// `use-large-buffer`: `tune.bufsize.large - tune.maxrewrite`. `None` without such a rule.
    pub large_body: Option<usize>,
}

impl Default for Frame {
    fn default() -> Self {
        Frame {
            size: 16_380,
            request: 15_360,
            large_body: None,
        }
    }
}

/// The messages that a client can make larger than a frame.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct Excess {
    /// How many bytes a client can make the messages; there may be more that is not known.
    pub bytes: usize,
    /// How many bytes a frame has for messages.
    pub room: usize,
    /// Where a client has to put its bytes.
    pub place: Place,
    /// The samples that carry that place: the message and the argument, each by its position.
    pub carriers: Vec<(usize, usize)>,
    /// The expressions of these samples.
    samples: Vec<String>,
}

/// Says which samples carry the same bytes.
impl fmt::Display for Excess {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let place = &self.place;
        match self.samples.as_slice() {
            [one] => write!(f, "`{one}` makes {place} longer"),
            [one, two] if one == two => write!(f, "two arguments are `{one}`, which is {place}"),
            [one, two] => write!(f, "`{one}` and `{two}` both carry {place}"),
            samples => {
                let quoted: Vec<_> = samples.iter().map(|text| format!("`{text}`")).collect();
                let (last, before) = quoted.split_last().expect("some sample carries the place");
                write!(f, "{} and {last} all carry {place}", before.join(", "))
            }
        }
    }
}

/// The size of a frame's head: `SPOP_FRAME_HDR_SIZE` in HAProxy, and the type of the frame.
const HEAD: usize = 33;

/// The most a converter gives: HAProxy's buffer.
const BUFFER: usize = 16_384;

/// The digits of the largest `Content-Length`.
const DIGITS: usize = 20;

/// The bytes to keep for a sample whose length is not known, such as a variable.
const RESERVE: usize = 64;

/// A sample that carries bytes of a request.
struct Carrier<'e> {
    at: (usize, usize),
    expression: &'e Expression,
    origin: Origin,
}

impl Carrier<'_> {
    fn carries(&self, place: &Place) -> bool {
        self.origin.places().iter().any(|own| place.is_in(own))
    }

    /// Returns the most bytes that HAProxy gives. From 2.8 on, it writes a `Content-Length` again, without
    /// leading zeros.
    fn most(&self, large_body: Option<usize>) -> usize {
        let is_length =
            |place: &Place| matches!(place, Place::Header(name, _) if name == "content-length");
        if self.origin.places().iter().all(is_length) {
            DIGITS
        } else if self.carries(&Place::Body) {
            large_body.unwrap_or_default().max(BUFFER)
        } else {
            BUFFER
        }
    }

    /// Returns how long it is if the client puts these many bytes in each of these places.
    fn length(&self, filled: &[(&Place, usize)], large_body: Option<usize>) -> usize {
        let bytes = filled
            .iter()
            .filter(|(place, _)| self.carries(place))
            .map(|(_, bytes)| bytes)
            .sum();
        self.origin.grown(bytes).min(self.most(large_body))
    }
}

impl Frame {
    /// Returns how many bytes a frame has for samples that a client can make large, after the names and all
    /// other samples.
    ///
    /// ```
    /// use spoa_facts::{Expression, Frame, Sent};
    ///
    /// let body = Expression::parse("req.body").unwrap();
    /// let sent = Sent { name: "check", args: vec![("body", Some(&body))] };
    /// assert_eq!(Frame::default().left(&[sent]), 16_331);
    /// ```
    #[must_use]
    pub fn left(&self, messages: &[Sent<'_>]) -> usize {
        let of_argument = |(name, expression): &(&str, Option<&Expression>)| {
            let value = match expression.map(Expression::origin) {
                Some(origin) if !origin.places().is_empty() => 3,
                Some(origin) => origin.most().map_or(text(RESERVE), text),
                None => text(RESERVE),
            };
            text(name.len()) + 1 + value
        };
        let of_message = |message: &Sent<'_>| {
            let args: usize = message.args.iter().map(of_argument).sum();
            text(message.name.len()) + 1 + args
        };
        let taken: usize = messages.iter().map(of_message).sum();
        self.size.saturating_sub(HEAD + taken)
    }

    /// Looks for a request with which messages that HAProxy sends together, in one NOTIFY, do not fit a
    /// frame. `None` if a client cannot, as far as the samples are known.
    #[must_use]
    pub fn excess(&self, messages: &[Sent<'_>]) -> Option<Excess> {
        let room = self.size.saturating_sub(HEAD);
        let mut fixed = 0;
        let mut carriers = Vec::new();
        for (m, message) in messages.iter().enumerate() {
            fixed += text(message.name.len()) + 1;
            for (a, (name, expression)) in message.args.iter().enumerate() {
                // A byte for the type, and three for the length of what is long.
                fixed += text(name.len()) + 1;
                let Some(expression) = expression else {
                    continue;
                };
                let origin = expression.origin();
                if origin.places().is_empty() {
                    fixed += origin.most().map_or(0, text);
                } else {
                    fixed += 3;
                    let at = (m, a);
                    carriers.push(Carrier {
                        at,
                        expression,
                        origin,
                    });
                }
            }
        }
        let filled = self.filled(&carriers);
        let total = total(&carriers, &filled, self.large_body);
        let bytes = fixed + total;
        if bytes <= room {
            return None;
        }
        let (place, _) = filled.iter().max_by_key(|(_, bytes)| *bytes)?;
        let carrying = carriers.iter().filter(|carrier| carrier.carries(place));
        Some(Excess {
            bytes,
            room,
            place: (*place).clone(),
            carriers: carrying.clone().map(|carrier| carrier.at).collect(),
            samples: carrying
                .map(|carrier| carrier.expression.to_string())
                .collect(),
        })
    }

    /// Returns how a client fills a request to make these samples as large as it can.
    fn filled<'c>(&self, carriers: &'c [Carrier<'_>]) -> Vec<(&'c Place, usize)> {
        let places: Vec<&Place> = carriers
            .iter()
            .flat_map(|carrier| carrier.origin.places())
            .collect();
        let Some(body) = self.large_body else {
            return self.fill(carriers, &places, self.request);
        };
        let (of_body, of_head): (Vec<&Place>, Vec<&Place>) =
            places.iter().partition(|place| place.is_in(&Place::Body));
        let mut filled = self.fill(carriers, &of_head, self.request);
        filled.extend(self.fill(carriers, &of_body, body));
        filled
    }

    /// Puts bytes where most samples carry them, and once those are cut, elsewhere.
    fn fill<'c>(
        &self,
        carriers: &[Carrier<'_>],
        places: &[&'c Place],
        mut left: usize,
    ) -> Vec<(&'c Place, usize)> {
        let mut filled: Vec<(&Place, usize)> = Vec::new();
        while left > 0 {
            let now = total(carriers, &filled, self.large_body);
            let step = left.min(STEP);
            let with = |place| {
                let mut more = filled.clone();
                more.push((place, step));
                more
            };
            let best = places
                .iter()
                .map(|place| {
                    let then = total(carriers, &with(place), self.large_body);
                    (then - now, *place)
                })
                .max_by_key(|(gain, _)| *gain)
                .filter(|(gain, _)| *gain > 0);
            let Some((_, place)) = best else { break };
            match filled.iter_mut().find(|(before, _)| *before == place) {
                Some((_, bytes)) => *bytes += step,
                None => filled.push((place, step)),
            }
            left -= step;
        }
        filled
    }
}

/// Returns the bytes of all samples if the client puts these many bytes in each of these places.
fn total(carriers: &[Carrier<'_>], filled: &[(&Place, usize)], large_body: Option<usize>) -> usize {
    carriers
        .iter()
        .map(|carrier| carrier.length(filled, large_body))
        .sum()
}

/// The number of bytes by which a place is filled at once.
const STEP: usize = 128;

/// Returns how many bytes a text of this length takes: SPOE.txt 3.1.
fn text(length: usize) -> usize {
    let head = match length {
        0..240 => 1,
        240..2288 => 2,
        _ => 3,
    };
    head + length
}

#[cfg(test)]
mod tests {
    use super::*;

    fn excess(frame: Frame, samples: &[&str]) -> Option<Excess> {
        let parsed: Vec<_> = samples
            .iter()
            .map(|text| Expression::parse(text).unwrap())
            .collect();
        let args = parsed.iter().map(|sample| ("name", Some(sample))).collect();
        frame.excess(&[Sent {
            name: "check",
            args,
        }])
    }

    #[test]
    fn samples_that_are_sent_twice_can_be_too_large() {
        for (samples, says) in [
            (
                &["url", "query"][..],
                "`url` and `query` both carry the query",
            ),
            (
                &["req.fhdr(authorization)", "req.hdrs_bin"],
                "`req.fhdr(authorization)` and `req.hdrs_bin` both carry the header `authorization`",
            ),
            (
                &["url", "path", "query"],
                "`url` and `query` both carry the query",
            ),
            (
                &["path", "req.body", "req.body"],
                "two arguments are `req.body`, which is the body",
            ),
            (
                &["req.hdrs", "req.hdrs_bin", "req.cook(a)"],
                "`req.hdrs`, `req.hdrs_bin` and `req.cook(a)` all carry the cookie `a`",
            ),
            (
                &["base", "req.hdr(Host)"],
                "`base` and `req.hdr(Host)` both carry the header `host`",
            ),
            (&["req.body,hex"], "`req.body,hex` makes the body longer"),
            (
                &["req.hdr(a,1)", "req.hdr(a)"],
                "`req.hdr(a,1)` and `req.hdr(a)` both carry the header `a`",
            ),
        ] {
            let found = excess(Frame::default(), samples).expect("too large");
            assert_eq!(found.to_string(), says);
            assert!(found.bytes > found.room);
        }
    }

    #[test]
    fn one_copy_of_everything_fits() {
        for samples in [
            &["src", "method", "url", "req.hdrs_bin", "req.body"][..],
            &[
                "path",
                "query",
                "req.fhdr(host)",
                "req.fhdr(a)",
                "req.fhdr(b)",
                "req.body",
            ],
            &["url_param(a)", "url_param(b)", "path"],
            &[
                "req.hdrs",
                "req.hdrs,sha1",
                "req.body,length",
                "req.body_size",
            ],
            &["url", "query,bytes(0,500)"],
            &["var(txn.a)", "var(txn.a)", "lua.all", "lua.all"],
            &["req.hdr(a,1)", "req.hdr(a,2)"],
            &["method", "method", "res.body", "res.body"],
            &[],
        ] {
            assert_eq!(excess(Frame::default(), samples), None, "{samples:?}");
        }
    }

    #[test]
    fn the_bytes_of_cut_samples_add_up() {
        let samples = [
            "req.body",
            "req.body,bytes(0,500)",
            "req.body,bytes(100,500)",
        ];
        let found = excess(Frame::default(), &samples).expect("500 and 500 are too much");
        assert_eq!(found.carriers, [(0, 0), (0, 1), (0, 2)]);
        assert!((found.room + 1..found.room + 200).contains(&found.bytes));
        // Cut elsewhere, a client fills both.
        let samples = ["req.body", "path,bytes(0,3000)", "url,bytes(0,3000)"];
        assert!(excess(Frame::default(), &samples).is_some());
    }

    #[test]
    fn larger_frames_and_smaller_requests_help() {
        let twice = ["url", "query"];
        let large = Frame {
            size: 65_532,
            ..Frame::default()
        };
        assert_eq!(excess(large, &twice), None);
        let small = Frame {
            request: 8_000,
            ..Frame::default()
        };
        assert_eq!(excess(small, &twice), None);
    }

    #[test]
    fn a_body_in_a_large_buffer_has_to_be_cut() {
        let large = Frame {
            large_body: Some(64_512),
            ..Frame::default()
        };
        for (samples, fits) in [
            (&["req.body"][..], false),
            (&["path", "req.body,bytes(0,20000)"], false),
            (&["req.body,bytes(0,12000)"], true),
            // The head has room of its own.
            (&["url", "req.body,bytes(0,12000)"], false),
            (&["url,bytes(0,1000)", "req.body,bytes(0,12000)"], true),
            (&["url"], true),
        ] {
            assert_eq!(excess(large, samples).is_none(), fits, "{samples:?}");
        }
        let found = excess(large, &["req.body"]).unwrap();
        assert!((64_000..65_000).contains(&found.bytes), "{}", found.bytes);
    }

    #[test]
    fn messages_of_one_event_share_a_frame() {
        let url = Expression::parse("url").unwrap();
        let sent = |name| Sent {
            name,
            args: vec![("url", Some(&url))],
        };
        let found = Frame::default().excess(&[sent("a"), sent("b")]).unwrap();
        assert_eq!(found.carriers, [(0, 0), (1, 0)]);
        assert_eq!(Frame::default().excess(&[sent("a")]), None);
    }
}
