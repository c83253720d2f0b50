//! The ACLs that HAProxy defines itself.

use crate::Series;

/// Returns whether HAProxy of a series, or of any that is known, defines an ACL of this name itself.
///
/// Its documentation lists them under "Pre-defined ACLs". Names are compared as HAProxy does, with upper and
/// lower case.
///
/// ```
/// use spoa_facts::{Series, is_predefined_acl};
///
/// assert!(is_predefined_acl("METH_PUT", None));
/// assert!(!is_predefined_acl("METH_PATCH", None));
/// assert!(!is_predefined_acl("HTTP_3.0", Some(Series::V2_6)));
/// ```
#[must_use]
pub fn is_predefined_acl(name: &str, series: Option<Series>) -> bool {
    let known = PREDEFINED_ACLS
        .iter()
        .find(|(predefined, _)| *predefined == name);
    known.is_some_and(|(_, since)| series.is_none_or(|series| series >= *since))
}

/// The names of the ACLs that HAProxy defines itself, and the first known series that has each.
///
/// ```
/// assert!(spoa_facts::PREDEFINED_ACLS.iter().any(|(name, _)| *name == "METH_PUT"));
/// ```
pub const PREDEFINED_ACLS: [(&str, Series); 23] = [
    ("FALSE", Series::V2_6),
    ("HTTP", Series::V2_6),
    ("HTTP_1.0", Series::V2_6),
    ("HTTP_1.1", Series::V2_6),
    ("HTTP_2.0", Series::V2_6),
    ("HTTP_3.0", Series::V3_0),
    ("HTTP_CONTENT", Series::V2_6),
    ("HTTP_URL_ABS", Series::V2_6),
    ("HTTP_URL_SLASH", Series::V2_6),
    ("HTTP_URL_STAR", Series::V2_6),
    ("LOCALHOST", Series::V2_6),
    ("METH_CONNECT", Series::V2_6),
    ("METH_DELETE", Series::V2_6),
    ("METH_GET", Series::V2_6),
    ("METH_HEAD", Series::V2_6),
    ("METH_OPTIONS", Series::V2_6),
    ("METH_POST", Series::V2_6),
    ("METH_PUT", Series::V2_6),
    ("METH_TRACE", Series::V2_6),
    ("RDP_COOKIE", Series::V2_6),
    ("REQ_CONTENT", Series::V2_6),
    ("TRUE", Series::V2_6),
    ("WAIT_END", Series::V2_6),
];
