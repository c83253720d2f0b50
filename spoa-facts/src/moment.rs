//! When the value of an expression is there: the event at which a frontend's filter can send it.
//!
//! HAProxy's own table decides. It does not say one thing: that the bytes of a connection are there
//! before they are a request of HTTP, so the few fetches of these bytes are listed here.

use crate::check::Sample;
use crate::event::{FE_CON_ACC, FE_HRQ_HDR, FE_HRS_HDR, FE_REQ_CNT, FE_SES_ACC};
use crate::{Event, Expression, Series};

/// The fetches of bytes that are not HTTP: those of HAProxy's payload.c that are about requests.
const RAW: &[&str] = &[
    "distcc_body",
    "distcc_param",
    "payload",
    "payload_lv",
    "rdp_cookie",
    "rdp_cookie_cnt",
    "req.len",
    "req.payload",
    "req.payload_lv",
    "req.rdp_cookie",
    "req.rdp_cookie_cnt",
    "req.ssl_alpn",
    "req.ssl_cipherlist",
    "req.ssl_ec_ext",
    "req.ssl_hello_type",
    "req.ssl_keyshare_groups",
    "req.ssl_sigalgs",
    "req.ssl_sni",
    "req.ssl_st_ext",
    "req.ssl_supported_groups",
    "req.ssl_ver",
    "req_len",
    "req_ssl_hello_type",
    "req_ssl_sni",
    "req_ssl_ver",
];

/// The beginnings of fetches that need a response, but do not read it: of the connection to the server, the
/// counters of bytes, and the bytes of the response before they are HTTP.
const NOT_OF_RESPONSES: &[&str] = &[
    "bc.",
    "bc_",
    "be_",
    "bs.",
    "bytes_",
    "res.len",
    "res.payload",
    "res.ssl_",
    "rep_ssl_",
    "srv_",
    "ssl_bc",
    "ssl_s_",
];

impl Expression {
    /// Returns whether the value is read from a request or a response of HTTP, so that it is missing where a connection
    /// stays TCP.
    ///
    /// ```
    /// use spoa_facts::Expression;
    ///
    /// let reads_http = |text: &str| Expression::parse(text).unwrap().reads_http();
    /// assert!(reads_http("path"));
    /// assert!(!reads_http("src"));
    /// ```
    #[must_use]
    pub fn reads_http(&self) -> bool {
        let name = self.fetch().name.as_str();
        let Ok(sample) = self.check_any() else {
            return false;
        };
        let at = |points: u32| sample.uses() & points != 0;
        // A value that is there when a session begins is not read from its contents.
        let of_contents = !RAW.contains(&name) && !at(FE_CON_ACC | FE_SES_ACC);
        let other = NOT_OF_RESPONSES.iter().any(|it| name.starts_with(it));
        of_contents && !other && at(FE_HRQ_HDR | FE_HRS_HDR)
    }

    /// Returns the earliest event at which the filter of an HTTP frontend has the value, on every
    /// HAProxy from `since` on that takes the expression.
    ///
    /// The result is [`Event::ClientSession`], [`Event::FrontendTcpRequest`],
    /// [`Event::FrontendHttpRequest`] or [`Event::HttpResponse`]. It is `None` if no HAProxy takes the
    /// expression, or takes it at no event.
    ///
    /// ```
    /// use spoa_facts::{Event, Expression, Series};
    ///
    /// let event = |text: &str| Expression::parse(text).unwrap().earliest(Series::V2_6);
    /// assert_eq!(event("src"), Some(Event::ClientSession));
    /// // The handshake is over when a request arrives, not when the connection does.
    /// assert_eq!(event("ssl_fc_sni"), Some(Event::FrontendHttpRequest));
    /// assert_eq!(event("status"), Some(Event::HttpResponse));
    /// assert_eq!(event("lua.mine"), None);
    /// ```
    #[must_use]
    pub fn earliest(&self, since: Series) -> Option<Event> {
        let raw = RAW.contains(&self.fetch().name.as_str());
        let later = Series::ALL.into_iter().filter(|series| *series >= since);
        let samples = later.filter_map(|series| self.check(series).ok());
        let mut samples: Vec<_> = samples.collect();
        if samples.is_empty() {
            samples.extend(self.check_any());
        }
        let events = samples.iter().map(|sample| earliest(sample, raw));
        events.collect::<Option<Vec<_>>>()?.into_iter().max()
    }
}

fn earliest(sample: &Sample, raw: bool) -> Option<Event> {
    let at = |point: u32| sample.uses() & point != 0;
    if raw && at(FE_REQ_CNT) {
        Some(Event::FrontendTcpRequest)
    } else if at(FE_CON_ACC) {
        Some(Event::ClientSession)
    } else if at(FE_HRQ_HDR) {
        Some(Event::FrontendHttpRequest)
    } else if at(FE_HRS_HDR) {
        Some(Event::HttpResponse)
    } else {
        None
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{Proxy, fetches};

    #[test]
    fn haproxy_takes_every_fetch_at_its_earliest_event() {
        let mut seen = 0;
        for series in Series::ALL {
            for fetch in fetches(series) {
                let Some((expression, sample)) = sample(fetch.name, fetch.signature, series) else {
                    continue;
                };
                let front = |event| sample.at_in(event, Proxy::Frontend);
                match expression.earliest(series) {
                    Some(event) => assert!(front(event), "{series} {expression} {event}"),
                    None => assert!(
                        !Event::ALL.into_iter().any(front) || expression.series().count() > 1,
                        "{series} {expression}"
                    ),
                }
                seen += 1;
            }
        }
        assert!(seen > 2000, "{seen}");
    }

    /// Returns the expression of a fetch whose required arguments are made up.
    fn sample(name: &str, signature: &str, series: Series) -> Option<(Expression, Sample)> {
        let required = signature.split('[').next().unwrap_or_default();
        let made_up = required.split(',').map(|what| match what {
            "IPv4 address" => "192.0.2.7",
            "IPv6 address" => "2001:db8::7",
            _ => "1",
        });
        let made_up = made_up.collect::<Vec<_>>().join(",");
        let text = if required.is_empty() {
            name.to_owned()
        } else {
            format!("{name}({made_up})")
        };
        let expression = Expression::parse(&text).expect("it is well-formed");
        let sample = expression.check(series).ok()?;
        Some((expression, sample))
    }

    #[test]
    fn every_raw_fetch_exists_in_some_series() {
        for name in RAW {
            let found = Series::ALL
                .into_iter()
                .any(|series| fetches(series).any(|fetch| fetch.name == *name));
            assert!(found, "{name}");
        }
    }

    #[test]
    fn the_earliest_event_holds_for_later_versions_too() {
        let event = |text: &str, since| Expression::parse(text).unwrap().earliest(since);
        for (text, expected) in [
            ("src", Event::ClientSession),
            ("var(sess.a.b)", Event::ClientSession),
            ("path,lower", Event::FrontendHttpRequest),
            ("req.fhdr(user-agent)", Event::FrontendHttpRequest),
            ("hdr(host)", Event::FrontendHttpRequest),
            ("req.ssl_sni", Event::FrontendTcpRequest),
            ("req.ssl_sigalgs", Event::FrontendTcpRequest),
            ("ssl_c_s_dn", Event::FrontendHttpRequest),
            ("be_server_timeout", Event::HttpResponse),
            ("res.hdr(server)", Event::HttpResponse),
            // Up to 3.0 HAProxy takes it anywhere, after that in responses only.
            ("bytes_out", Event::HttpResponse),
        ] {
            assert_eq!(event(text, Series::V2_6), Some(expected), "{text}");
        }
        // HAProxy 3.0 has it for log lines only.
        assert_eq!(event("res.timer.data", Series::V3_0), None);
    }

    #[test]
    fn values_are_read_from_http_or_not() {
        let reads_http = |text: &str| Expression::parse(text).unwrap().reads_http();
        for text in [
            "path",
            "url",
            "base",
            "pathq",
            "query",
            "method",
            "req.ver",
            "hdr(host)",
            "req.hdr(host)",
            "req.hdrs",
            "req.body",
            "req.cook(a)",
            "url_param(a)",
            "capture.req.uri",
            "status",
            "res.hdr(server)",
            "res.hdrs",
            "res.body",
            "res.ver",
            "path,lower",
        ] {
            assert!(reads_http(text), "{text}");
        }
        for text in [
            "src",
            "dst_port",
            "str(a)",
            "var(txn.a)",
            "rand",
            "unique-id",
            "fe_name",
            "ssl_fc",
            "ssl_fc_sni",
            "ssl_c_s_dn",
            "fc_http_major",
            "req.len",
            "req.payload(0,4)",
            "req.ssl_sni",
            "res.len",
            "res.payload(0,4)",
            "be_name",
            "srv_id",
            "bc_src",
            "bytes_in",
            "lua.mine",
        ] {
            assert!(!reads_http(text), "{text}");
        }
    }
}
