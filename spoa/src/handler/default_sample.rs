//! The sample that a type declares for its argument, used unless the attribute names another one.
//!
//! A test compares the expressions of this crate with the tables of `spoa-facts`.

use super::sample_check::Events;
use super::{Accepts, MessageSubject};

/// Events with a request: from `on-frontend-tcp-request` to `on-server-session`.
pub(crate) const REQUEST: Events = 0b0011_1110;

/// Events with a response: `on-tcp-response` and `on-http-response`.
pub(crate) const RESPONSE: Events = 0b1100_0000;

/// The sample of an argument, as its type declares it.
///
/// A type with [`FromValue::SAMPLE`](super::FromValue::SAMPLE) needs no `#[arg(sample = "…")]`: `config` writes
/// this sample, and the macros refuse the type at events without it. A sample in `#[arg(sample = "…")]` takes
/// precedence.
///
/// ```
/// use spoa::handler::{Accepts, DefaultSample, Expected, FromValue, Mismatch};
/// use spoa::prelude::*;
/// use spoa::spop::Value;
///
/// /// The `Accept-Language` of a request, empty without one.
/// struct Languages<'a>(&'a [u8]);
///
/// impl<'a> FromValue<'a> for Languages<'a> {
///     const EXPECTED: Expected = Expected::Bytes;
///     const ACCEPTS: Accepts = Accepts::BYTES.or_null();
///     const SAMPLE: DefaultSample = DefaultSample::request("req.fhdr(accept-language)");
///
///     fn from_value(value: Value<'a>) -> Result<Self, Mismatch> {
///         Option::<&[u8]>::from_value(value).map(|bytes| Languages(bytes.unwrap_or_default()))
///     }
/// }
///
/// #[spoe_message("language", event = "on-frontend-http-request")]
/// fn language(languages: Languages<'_>) -> SetVar<bool> {
///     SetVar::transaction("german", languages.0.starts_with(b"de"))
/// }
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct DefaultSample {
    request: Option<&'static str>,
    response: Option<&'static str>,
    events: Events,
    chosen: Chosen,
    missing: bool,
}

/// The party that chooses the bytes of a sample.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Chosen {
    /// The site.
    Site,
    /// A client chooses the headers, and HAProxy writes them as a block.
    Headers,
    /// A client, which can send ASCII only.
    Ascii,
    /// A client, without limits.
    Client,
}

impl DefaultSample {
    /// No sample. The name of the argument or `#[arg(sample = "…")]` decides.
    pub const NONE: DefaultSample = DefaultSample {
        request: None,
        response: None,
        events: Events::MAX,
        chosen: Chosen::Site,
        missing: false,
    };

    /// Names a sample of the request. A client chooses its bytes, and can leave it out.
    #[must_use]
    pub const fn request(expression: &'static str) -> Self {
        DefaultSample {
            request: Some(expression),
            response: None,
            events: REQUEST,
            chosen: Chosen::Client,
            missing: true,
        }
    }

    /// Names a sample of the response.
    #[must_use]
    pub const fn response(expression: &'static str) -> Self {
        DefaultSample {
            request: None,
            response: Some(expression),
            events: RESPONSE,
            chosen: Chosen::Site,
            missing: true,
        }
    }

    /// Names a sample that HAProxy has at every event, and that no client chooses, such as `src`.
    #[must_use]
    pub const fn anywhere(expression: &'static str) -> Self {
        DefaultSample {
            request: Some(expression),
            response: Some(expression),
            events: Events::MAX,
            chosen: Chosen::Site,
            missing: true,
        }
    }

    /// Names the sample for messages about a response.
    ///
    /// ```
    /// use spoa::handler::DefaultSample;
    ///
    /// const BODY: DefaultSample = DefaultSample::request("req.body").or_response("res.body");
    /// ```
    #[must_use]
    pub const fn or_response(self, expression: &'static str) -> Self {
        DefaultSample {
            response: Some(expression),
            events: self.events | RESPONSE,
            ..self
        }
    }

    /// States that HAProxy always has a value: no client can leave it out.
    #[must_use]
    pub const fn always(self) -> Self {
        DefaultSample {
            missing: false,
            ..self
        }
    }

    /// States that a client can send ASCII only, as in a method.
    #[cfg_attr(not(feature = "http"), allow(dead_code))]
    pub(crate) const fn ascii(self) -> Self {
        DefaultSample {
            chosen: Chosen::Ascii,
            ..self
        }
    }

    /// States that the sample is a whole block of headers.
    #[cfg_attr(not(feature = "http"), allow(dead_code))]
    pub(crate) const fn block(self) -> Self {
        DefaultSample {
            chosen: Chosen::Headers,
            missing: false,
            ..self
        }
    }

    /// Returns whether there is a sample.
    #[must_use]
    pub const fn is_some(self) -> bool {
        self.request.is_some() || self.response.is_some()
    }

    /// Returns the events at which HAProxy has the sample, a bit for each.
    #[doc(hidden)]
    #[must_use]
    pub const fn events(self) -> Events {
        self.events
    }

    /// Returns whether HAProxy may have no value for the sample.
    pub(crate) const fn may_be_missing(self) -> bool {
        self.missing
    }

    /// Returns the expression for a message with this subject.
    pub(crate) fn at(self, subject: MessageSubject) -> Option<&'static str> {
        match subject {
            MessageSubject::Response => self.response.or(self.request),
            MessageSubject::Connection | MessageSubject::Request => self.request.or(self.response),
        }
    }

    /// Returns the expressions for a request and for a response.
    #[must_use]
    pub const fn expressions(self) -> (Option<&'static str>, Option<&'static str>) {
        (self.request, self.response)
    }

    /// Returns whether a type takes everything that a client can put in the sample.
    #[doc(hidden)]
    #[must_use]
    pub const fn converts(self, accepts: Accepts) -> bool {
        match self.chosen {
            Chosen::Site => true,
            Chosen::Headers => accepts.headers(),
            Chosen::Ascii => accepts.bytes(true),
            Chosen::Client => accepts.bytes(false),
        }
    }

    /// Returns whether a type takes NULL, if a client can leave the sample out.
    #[doc(hidden)]
    #[must_use]
    pub const fn is_taken_if_missing(self, accepts: Accepts) -> bool {
        !self.missing || matches!(self.chosen, Chosen::Site) || accepts.null()
    }
}
