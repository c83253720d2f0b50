//! When a message can be sent, by the samples it takes.
//!
//! It must not know messages.

/// When all the samples of a message are there, the earliest first.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Moment {
    /// Nothing but the connection is needed.
    Session,
    /// The first bytes of the client are.
    Content,
    /// A request of HTTP is.
    Request,
    /// An answer is.
    Response,
}

impl Moment {
    /// The moment for these sample expressions.
    pub(super) fn of<'a>(samples: impl Iterator<Item = &'a str>) -> Self {
        samples.map(Self::of_one).max().unwrap_or(Moment::Session)
    }

    /// The event it is.
    pub(super) fn event(self) -> &'static str {
        match self {
            Moment::Session => "on-client-session",
            Moment::Content => "on-frontend-tcp-request",
            Moment::Request => "on-frontend-http-request",
            Moment::Response => "on-http-response",
        }
    }

    /// Why it is this one, to complete "because".
    pub(super) fn reason(self) -> &'static str {
        match self {
            Moment::Session => "no argument needs more than the connection",
            Moment::Content => "an argument needs what the client sends first",
            Moment::Request => "an argument needs the request",
            Moment::Response => "an argument needs the answer",
        }
    }

    fn of_one(sample: &str) -> Self {
        let end = sample.find(['(', ',']).unwrap_or(sample.len());
        let fetch = sample.get(..end).unwrap_or(sample).trim();
        let is = |names: &[&str]| names.contains(&fetch);
        let begins = |names: &[&str]| names.iter().any(|name| fetch.starts_with(name));
        if is(&["status", "bytes_out", "wait_end"])
            || begins(&["res.", "rep_", "shdr", "scook", "srv_id", "srv_name", "bc_"])
            || begins(&[
                "capture.res",
                "txn.status",
                "http_status",
                "be_name",
                "be_id",
            ])
            || begins(&["fc_http_major_res"])
        {
            Moment::Response
        } else if is(&["req.len", "req_len", "payload", "payload_lv", "distcc_body"])
            || begins(&[
                "req.payload",
                "req.ssl_",
                "req_ssl_",
                "req.rdp",
                "req_rdp",
                "mqtt.",
            ])
        {
            Moment::Content
        } else if is(&["path", "pathq", "method", "query", "url", "http_first_req"])
            || begins(&[
                "req.",
                "req_",
                "hdr",
                "cook",
                "url_",
                "url32",
                "urlp",
                "base",
                "http_auth",
            ])
            || begins(&["path_", "http_version", "capture.req", "set-cookie"])
        {
            Moment::Request
        } else {
            Moment::Session
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_latest_sample_decides() {
        for (samples, moment) in [
            (&["src", "ssl_fc_sni"][..], Moment::Session),
            (&[], Moment::Session),
            (&["src", "path,lower"], Moment::Request),
            (&["req.fhdr(user-agent)"], Moment::Request),
            (&["req.ssl_sni"], Moment::Content),
            (&["path", "status"], Moment::Response),
            (&["var(sess.a.b)"], Moment::Session),
        ] {
            assert_eq!(Moment::of(samples.iter().copied()), moment, "{samples:?}");
        }
    }
}
