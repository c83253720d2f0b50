//! The argument `headers`, which several types read.

use super::Headers;
use crate::handler::__macros::{ArgCursor, ArgSpec, ByValue, Param};
use crate::handler::{Failure, IncomingMessage};

/// The argument with the block of headers, which several types read.
pub(super) const HEADERS: ArgSpec = ArgSpec {
    name: Some("headers"),
    index: None,
    rust_type: "Headers<'_>",
    default: false,
    sample: None,
    may_be_missing: false,
    attribute: "",
};

/// Takes the argument `headers`.
pub(super) fn headers<'a>(incoming: &IncomingMessage<'a>) -> Result<Headers<'a>, Failure> {
    let mut arguments = ArgCursor::of(incoming);
    <Headers<'a> as Param<'a, ByValue>>::take(&mut arguments, incoming, &HEADERS)
}
