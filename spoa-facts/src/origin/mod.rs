//! The origin of a sample: who chooses its bytes, where in a request they come from, and what they can be.
//!
//! All of it was seen on the HAProxies of every [`Series`](crate::Series), over HTTP/1 and HTTP/2.

mod converters;
mod fetches;

use crate::expression::Expression;
use crate::{Event, Kind, check};
use std::fmt;
use std::ops::RangeInclusive;

/// The party that chooses the value of a sample.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum Chooser {
    /// A client: any client can send any such value.
    Client,
    /// The server behind HAProxy, with its response.
    Server,
    /// The site: HAProxy, its configuration, or the connection itself, such as `src`.
    Site,
    /// Not known, as for a variable or a fetch in Lua.
    Unknown,
}

/// A place in a request that a sample is cut from.
///
/// Two samples with a place in common carry the same bytes.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum Place {
    /// The path, without the query.
    Path,
    /// The query.
    Query,
    /// One parameter of the query.
    QueryParameter(String),
    /// All headers.
    Headers,
    /// The names of all headers.
    HeaderNames,
    /// The header of this name, in small letters; the value at this position, where the sample names
    /// one, counted as HAProxy does.
    Header(String, Option<i64>),
    /// One cookie of the header `cookie`.
    Cookie(String),
    /// The body.
    Body,
    /// One parameter of the body.
    BodyParameter(String),
    /// The data of a connection without HTTP.
    Payload,
}

impl Place {
    /// Returns whether all of it is part of another place, or is that place.
    ///
    /// ```
    /// use spoa_facts::Place;
    ///
    /// assert!(Place::Header("host".to_owned(), None).is_in(&Place::Headers));
    /// assert!(!Place::Query.is_in(&Place::Path));
    /// ```
    #[must_use]
    pub fn is_in(&self, other: &Place) -> bool {
        use Place::{
            Body, BodyParameter, Cookie, Header, HeaderNames, Headers, Query, QueryParameter,
        };
        self == other
            || match (self, other) {
                (QueryParameter(_), Query) | (BodyParameter(_), Body) => true,
                (HeaderNames | Header(..) | Cookie(_), Headers) => true,
                (Header(name, Some(_)), Header(whole, None)) => name == whole,
                (Cookie(_), Header(name, None)) => name == "cookie",
                _ => false,
            }
    }
}

/// Writes the place in words: `the query`.
impl fmt::Display for Place {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Place::Path => f.write_str("the path"),
            Place::Query => f.write_str("the query"),
            Place::QueryParameter(name) => write!(f, "the parameter `{name}` of the query"),
            Place::Headers => f.write_str("the headers"),
            Place::HeaderNames => f.write_str("the names of the headers"),
            Place::Header(name, _) => write!(f, "the header `{name}`"),
            Place::Cookie(name) => write!(f, "the cookie `{name}`"),
            Place::Body => f.write_str("the body"),
            Place::BodyParameter(name) => write!(f, "the parameter `{name}` of the body"),
            Place::Payload => f.write_str("the data of the connection"),
        }
    }
}

/// The bytes that a text or binary sample can hold.
///
/// These are all sets that HAProxy guarantees for some sample.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Charset {
    /// ASCII only, so that it is UTF-8.
    Ascii,
    /// Any bytes, also such that are not UTF-8.
    Any,
}

/// Where the value of a sample comes from.
///
/// ```
/// use spoa_facts::{Charset, Chooser, Expression, Place};
///
/// let path = Expression::parse("path,lower").unwrap().origin();
/// assert_eq!(path.chooser(), Chooser::Client);
/// assert_eq!(path.places(), [Place::Path]);
/// // Over HTTP/2 a path can hold any byte, and `OPTIONS *` has none.
/// assert_eq!(path.charset(), Charset::Any);
/// assert!(path.is_omittable());
///
/// let source = Expression::parse("src").unwrap().origin();
/// assert_eq!(source.chooser(), Chooser::Site);
/// assert!(!source.is_omittable());
///
/// let cut = Expression::parse("req.body,bytes(0,1024)").unwrap().origin();
/// assert_eq!(cut.most(), Some(1024));
/// ```
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Origin {
    chooser: Chooser,
    places: Vec<Place>,
    omittable: bool,
    charset: Charset,
    integers: (i64, i64),
    /// How many bytes it is for three of those it is cut from.
    growth: u32,
    most: Option<usize>,
}

impl Origin {
    /// Returns the party that chooses its value.
    #[must_use]
    pub fn chooser(&self) -> Chooser {
        self.chooser
    }

    /// Returns the parts of a client's request that its bytes are cut from; none if it holds no such bytes, as
    /// an integer, a hash, or what is not a client's.
    #[must_use]
    pub fn places(&self) -> &[Place] {
        &self.places
    }

    /// Returns whether a client can make HAProxy have no value for it: by a request without that header,
    /// without a query, or with text that a converter does not take.
    #[must_use]
    pub fn is_omittable(&self) -> bool {
        self.omittable
    }

    /// Which bytes it can hold, if it is text or binary.
    #[must_use]
    pub fn charset(&self) -> Charset {
        self.charset
    }

    /// Returns the least and the greatest value, if it is an integer.
    #[must_use]
    pub fn integers(&self) -> RangeInclusive<i64> {
        self.integers.0..=self.integers.1
    }

    /// Returns how many bytes it has at most, where the expression says so, as with `bytes(0,1024)` or a hash;
    /// `None` if a client sizes it, or if the limit is not known.
    #[must_use]
    pub fn most(&self) -> Option<usize> {
        self.most
    }

    /// Returns how many bytes it has at most for these many bytes of the request.
    pub(crate) fn grown(&self, bytes: usize) -> usize {
        let grown = bytes
            .saturating_mul(self.growth as usize)
            .div_ceil(THIRDS as usize);
        self.most.map_or(grown, |most| grown.min(most))
    }

    /// Returns the origin of bytes that a client chooses.
    fn client() -> Self {
        Origin {
            chooser: Chooser::Client,
            places: Vec::new(),
            omittable: true,
            charset: Charset::Any,
            integers: (i64::MIN, i64::MAX),
            growth: THIRDS,
            most: None,
        }
    }

    fn by(chooser: Chooser) -> Self {
        Origin {
            chooser,
            omittable: false,
            ..Self::client()
        }
    }

    fn at(mut self, place: Place) -> Self {
        self.places.push(place);
        self
    }

    fn always(mut self) -> Self {
        self.omittable = false;
        self
    }

    fn missing(mut self) -> Self {
        self.omittable = true;
        self
    }

    fn ascii(mut self) -> Self {
        self.charset = Charset::Ascii;
        self
    }

    fn any_bytes(mut self) -> Self {
        self.charset = Charset::Any;
        self
    }

    /// At most these many bytes.
    fn up_to(mut self, bytes: usize) -> Self {
        self.most = Some(self.most.map_or(bytes, |most| most.min(bytes)));
        self
    }

    /// Of a fixed size, and none of the bytes it was made from.
    fn fixed(mut self, bytes: usize) -> Self {
        self.places.clear();
        self.most = Some(bytes);
        self
    }

    fn integer(self, least: i64, greatest: i64) -> Self {
        let mut integer = self.fixed(10);
        integer.integers = (least, greatest);
        integer
    }

    /// Returns the origin with a length of `thirds` thirds.
    fn times(mut self, thirds: u32) -> Self {
        self.growth = self.growth.saturating_mul(thirds) / THIRDS;
        self.most = self.most.map(|most| {
            most.saturating_mul(thirds as usize)
                .div_ceil(THIRDS as usize)
        });
        self
    }
}

const THIRDS: u32 = 3;

/// Returns whether text of this kind may be something that HAProxy cannot turn into what a converter takes.
fn may_not_read(kind: Kind, takes: Kind) -> bool {
    matches!(kind, Kind::Str | Kind::Bin | Kind::Any)
        && !matches!(takes, Kind::Str | Kind::Bin | Kind::Any | Kind::Meth)
}

impl Expression {
    /// Where its value comes from, for a message that is sent while HAProxy has the request.
    #[must_use]
    pub fn origin(&self) -> Origin {
        self.origin_of(false)
    }

    /// Where its value comes from, for a message sent at an event.
    ///
    /// Names such as `hdr` mean the request at some events, and the response at others.
    #[must_use]
    pub fn origin_at(&self, event: Event) -> Origin {
        self.origin_of(matches!(event, Event::TcpResponse | Event::HttpResponse))
    }

    fn origin_of(&self, response: bool) -> Origin {
        let mut origin = fetches::origin(self.fetch(), response);
        let mut kind = check::fetch_kind(&self.fetch().name);
        for converter in self.converters() {
            let Some((takes, gives)) = check::converter_kinds(&converter.name) else {
                return Origin::by(Chooser::Unknown);
            };
            if origin.chooser == Chooser::Client && may_not_read(kind, takes) {
                origin = origin.missing();
            }
            origin = converters::origin(origin, converter, gives.unwrap_or(kind));
            kind = match gives {
                None | Some(Kind::Any) => kind,
                Some(gives) => gives,
            };
        }
        origin
    }
}

#[cfg(test)]
mod tests;
