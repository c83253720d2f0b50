//! Requests and responses of HTTP as types.
//!
//! It must not know connections, sockets or tasks.

mod header_set;
mod outcomes;
mod set_cookie;
mod verdict;

pub use header_set::{BadHeader, HeaderSet};
pub use outcomes::{
    DeclaresChallenge, DeclaresDeny, DeclaresDrop, DeclaresRedirect, DeclaresRespond,
    DeclaresTarpit, Outcomes, Usual,
};
pub use set_cookie::{BadCookie, SameSite, SetCookie};
pub use verdict::{Outcome, Undeclared, Verdict};

#[doc(hidden)]
pub mod __macros {
    //! What `outcomes!` names beyond the public API.
    pub use super::outcomes::{header_name, outcome, text, variable_name};
}
