//! HAProxy's sample fetches and converters: what each gives, where it can be used, and since when.
//!
//! ```
//! use spoa_facts::{Event, Expression, Kind, Series};
//!
//! let expression = Expression::parse("req.hdr(user-agent),lower").unwrap();
//! let sample = expression.check(Series::V2_6).unwrap();
//! assert_eq!(sample.kind(), Kind::Str);
//! assert!(sample.at(Event::FrontendHttpRequest));
//! assert!(!sample.at(Event::ClientSession));
//!
//! let problem = Expression::parse("req.hdrr(host)").unwrap().check(Series::V3_4).unwrap_err();
//! assert_eq!(
//!     problem.to_string(),
//!     "HAProxy has no sample fetch `req.hdrr`: did you mean `req.hdr`?"
//! );
//! assert_eq!(problem.range(), 0..8);
//! ```
//!
//! The samples are those that HAProxy lists itself, with `-dKsmp` and `-dKcnv`; `data/` holds these lists
//! for each [`Series`], and `src/table.rs` is made of them. For a new HAProxy:
//!
//! ```console
//! $ cargo run -p haproxy-spoa-facts --example generate -- 3.4=/usr/sbin/haproxy
//! ```
//!
//! A table cannot know all that HAProxy checks: files it would have to read, names of variables, tables and
//! backends, regular expressions.

mod acl;
mod address;
mod check;
mod entry;
mod event;
mod expression;
mod frame;
mod kind;
mod listing;
mod moment;
mod name;
mod nearest;
mod origin;
mod problem;
mod quantity;
mod series;
mod signature;
mod table;
mod text;
mod units;
mod usual;

pub use acl::{PREDEFINED_ACLS, is_predefined_acl};
pub use address::{Address, is_unix, server_address};
pub use check::{Keyword, Sample, converters, fetches};
pub use event::{Event, Proxy, UnknownEvent};
pub use expression::{Argument, Call, Expression};
pub use frame::{Excess, Frame, Sent};
pub use kind::{Expected, Kind};
pub use listing::{all_of, one_of};
pub use name::{
    MAX_MESSAGE, MAX_VARIABLE, Scope, is_in_name, is_in_variable, is_name, is_variable,
};
pub use nearest::nearest;
pub use origin::{Charset, Chooser, Origin, Place};
pub use problem::{Problem, ProblemKind};
pub use quantity::{QuantityError, haproxy_time, parse_size, parse_time, show_size, show_time};
pub use series::{Series, UnknownSeries};
pub use units::{duration, size};
pub use usual::{usual, usual_of_response};
