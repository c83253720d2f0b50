//! Requests and responses of HTTP as types.

mod authorization;
mod body;
mod checked_header;
mod client_hello;
mod client_ip;
mod cookies;
#[cfg(feature = "form")]
mod fields;
mod header_block;
mod header_iter;
mod header_parts;
mod header_set;
mod headers;
mod headers_argument;
mod host;
#[cfg(feature = "json")]
mod json;
mod method;
mod outcome;
mod outcomes;
mod pairs;
mod path;
mod percent;
mod set_cookie;
mod split;
mod token;
mod trace;
mod undeclared;
mod verdict;
mod verdict_variables;

pub use authorization::{BasicAuth, BearerToken};
pub use body::{Body, Completeness};
pub use checked_header::BadHeader;
pub use client_hello::ClientHello;
pub use client_ip::{BadNetwork, ClientIp, TrustedProxies};
pub use cookies::{CookieIter, Cookies};
#[cfg(feature = "form")]
pub use fields::{FormFields, QueryFields};
pub use header_iter::HeaderIter;
pub use header_set::HeaderSet;
pub use headers::Headers;
pub use host::Host;
#[cfg(feature = "json")]
pub use json::Json;
pub use method::Method;
pub use outcome::Outcome;
pub use outcomes::{
    DeclaresChallenge, DeclaresDeny, DeclaresDrop, DeclaresRedirect, DeclaresRespond,
    DeclaresTarpit, Outcomes, Usual,
};
pub use pairs::{Form, PairIter, Query};
pub use path::Path;
pub use set_cookie::{BadCookie, SameSite, SetCookie};
pub use trace::{TraceParent, UniqueId};
pub use undeclared::Undeclared;
pub use verdict::Verdict;

#[doc(hidden)]
pub mod __macros {
    //! The names in the expansion of `outcomes!` that are not in the public API.
    pub use super::outcomes::{header_name, outcome, text, variable_name};
}
