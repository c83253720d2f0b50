//! The sample that a well-known name of an argument means.

/// Returns the sample of an argument with the name of a fetch, or of a well-known header, that clients choose.
/// `-` and `_` are the same, as are capitals.
///
/// Only names that leave no doubt are known: another sample under one of them would mislead.
///
/// ```
/// use spoa_facts::usual;
///
/// assert_eq!(usual("path"), Some("path"));
/// assert_eq!(usual("user_agent"), Some("req.fhdr(user-agent)"));
/// assert_eq!(usual("user"), None);
/// ```
#[must_use]
pub fn usual(argument: &str) -> Option<&'static str> {
    let name = argument.to_ascii_lowercase().replace('_', "-");
    Some(match name.as_str() {
        "method" => "method",
        "path" => "path",
        "pathq" => "pathq",
        "url" | "uri" => "url",
        "query" => "query",
        "host" => "req.hdr(host)",
        // Not `req.hdr`, which splits a header at its commas and gives the last part.
        "user-agent" | "ua" => "req.fhdr(user-agent)",
        "content-type" => "req.fhdr(content-type)",
        "referer" => "req.fhdr(referer)",
        "cookie" | "cookies" => "req.fhdr(cookie)",
        "headers" => "req.hdrs",
        "body" => "req.body",
        _ => return None,
    })
}

/// Returns the sample of a response that an argument with this name means in a message about a response.
///
/// ```
/// assert_eq!(spoa_facts::usual_of_response("status"), Some("status"));
/// assert_eq!(spoa_facts::usual_of_response("path"), None);
/// ```
#[must_use]
pub fn usual_of_response(argument: &str) -> Option<&'static str> {
    argument.eq_ignore_ascii_case("status").then_some("status")
}
