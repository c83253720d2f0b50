//! The events a message is sent at, and which samples are there by then.
//!
//! A fetch is a set of HAProxy's check points here.

use crate::nearest::nearest;
use std::fmt;
use std::str::FromStr;

/// An event of SPOE.txt 2.3, in the order of a stream's life.
///
/// ```
/// use spoa_facts::Event;
///
/// let event: Event = "on-frontend-http-request".parse().unwrap();
/// assert_eq!(event, Event::FrontendHttpRequest);
/// assert_eq!(event.name(), "on-frontend-http-request");
/// ```
///
/// These are all events of SPOE (SPOE.txt 2.3).
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Event {
    /// `on-client-session`
    ClientSession,
    /// `on-frontend-tcp-request`
    FrontendTcpRequest,
    /// `on-frontend-http-request`
    FrontendHttpRequest,
    /// `on-backend-tcp-request`
    BackendTcpRequest,
    /// `on-backend-http-request`
    BackendHttpRequest,
    /// `on-server-session`
    ServerSession,
    /// `on-tcp-response`
    TcpResponse,
    /// `on-http-response`
    HttpResponse,
}

/// The kind of section that a filter is in. It decides where HAProxy looks for the samples of some events.
///
/// These are all sections that a filter can be in.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Proxy {
    /// `frontend`
    Frontend,
    /// `backend`
    Backend,
    /// `listen`
    Listen,
}

// The columns of `-dKsmp`, counted from the left: SMP_CKP_… in HAProxy's sample-t.h.
pub(crate) const FE_CON_ACC: u32 = 1;
pub(crate) const FE_SES_ACC: u32 = 1 << 1;
pub(crate) const FE_REQ_CNT: u32 = 1 << 2;
pub(crate) const FE_HRQ_HDR: u32 = 1 << 3;
const BE_REQ_CNT: u32 = 1 << 6;
const BE_HRQ_HDR: u32 = 1 << 7;
const BE_SRV_CON: u32 = 1 << 10;
const BE_RES_CNT: u32 = 1 << 11;
const BE_HRS_HDR: u32 = 1 << 12;
const FE_RES_CNT: u32 = 1 << 15;
pub(crate) const FE_HRS_HDR: u32 = 1 << 16;

impl Event {
    /// All events, in the order of a stream's life.
    pub const ALL: [Event; 8] = [
        Event::ClientSession,
        Event::FrontendTcpRequest,
        Event::FrontendHttpRequest,
        Event::BackendTcpRequest,
        Event::BackendHttpRequest,
        Event::ServerSession,
        Event::TcpResponse,
        Event::HttpResponse,
    ];

    /// Returns the name of the event in spoe.conf.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Event::ClientSession => "on-client-session",
            Event::FrontendTcpRequest => "on-frontend-tcp-request",
            Event::FrontendHttpRequest => "on-frontend-http-request",
            Event::BackendTcpRequest => "on-backend-tcp-request",
            Event::BackendHttpRequest => "on-backend-http-request",
            Event::ServerSession => "on-server-session",
            Event::TcpResponse => "on-tcp-response",
            Event::HttpResponse => "on-http-response",
        }
    }

    /// Returns the event of TCP for an event of HTTP. A connection that stays TCP has only the former.
    ///
    /// ```
    /// use spoa_facts::Event;
    ///
    /// assert_eq!(Event::HttpResponse.in_tcp(), Some(Event::TcpResponse));
    /// assert_eq!(Event::ClientSession.in_tcp(), None);
    /// ```
    #[must_use]
    pub fn in_tcp(self) -> Option<Event> {
        match self {
            Event::FrontendHttpRequest => Some(Event::FrontendTcpRequest),
            Event::BackendHttpRequest => Some(Event::BackendTcpRequest),
            Event::HttpResponse => Some(Event::TcpResponse),
            _ => None,
        }
    }

    /// Returns the name of the event without the protocol, as some write it: `on-frontend-request`.
    fn without_protocol(self) -> String {
        self.name().replace("-tcp-", "-").replace("-http-", "-")
    }

    /// Returns the event that a filter in a backend has for this one. Backends do not see the events of
    /// frontends; the first that they see is that of the TCP request.
    ///
    /// ```
    /// use spoa_facts::Event;
    ///
    /// assert_eq!(Event::FrontendHttpRequest.in_backends(), Event::BackendHttpRequest);
    /// assert_eq!(Event::HttpResponse.in_backends(), Event::HttpResponse);
    /// ```
    #[must_use]
    pub fn in_backends(self) -> Event {
        match self {
            Event::ClientSession | Event::FrontendTcpRequest => Event::BackendTcpRequest,
            Event::FrontendHttpRequest => Event::BackendHttpRequest,
            other => other,
        }
    }

    /// Returns the check points that HAProxy asks a fetch for: `parse_spoe_flt` in its flt_spoe.c. `None` where
    /// it does not send the message at all.
    pub(crate) fn points(self, proxy: Proxy) -> Option<u32> {
        let front = proxy != Proxy::Backend;
        let either = |fe, be| match proxy {
            Proxy::Frontend => fe,
            Proxy::Backend => be,
            Proxy::Listen => fe | be,
        };
        // A proxy that is both has the frontend's event for the backend's.
        let request = |fe, be| if front { fe } else { be };
        Some(match self {
            Event::ClientSession if front => FE_CON_ACC,
            Event::FrontendTcpRequest if front => FE_REQ_CNT,
            Event::FrontendHttpRequest if front => FE_HRQ_HDR,
            Event::ClientSession | Event::FrontendTcpRequest | Event::FrontendHttpRequest => {
                return None;
            }
            Event::BackendTcpRequest => request(FE_REQ_CNT, BE_REQ_CNT),
            Event::BackendHttpRequest => request(FE_HRQ_HDR, BE_HRQ_HDR),
            Event::ServerSession => BE_SRV_CON,
            Event::TcpResponse => either(FE_RES_CNT, BE_RES_CNT),
            Event::HttpResponse => either(FE_HRS_HDR, BE_HRS_HDR),
        })
    }
}

impl fmt::Display for Event {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}

/// A name that no event has.
///
/// The text names the event that was probably meant, and all events.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct UnknownEvent(String);

impl UnknownEvent {
    /// Returns the event that was meant: the one with the words that were left out, as in `http-request`, or
    /// else the nearest. Of two, as for `on-frontend-request`, it is the event of HTTP.
    #[must_use]
    pub fn meant(&self) -> Option<Event> {
        self.meant_in("http")
    }

    /// Returns the event that was meant in a proxy of this mode. If the name fits two events, it is the one of the
    /// mode, otherwise as [`meant`](Self::meant).
    ///
    /// ```
    /// use spoa_facts::Event;
    ///
    /// let unknown = "on-frontend-request".parse::<Event>().unwrap_err();
    /// assert_eq!(unknown.meant_in("tcp"), Some(Event::FrontendTcpRequest));
    /// assert_eq!(unknown.meant(), Some(Event::FrontendHttpRequest));
    /// ```
    #[must_use]
    pub fn meant_in(&self, mode: &str) -> Option<Event> {
        let plain = self.0.trim().to_ascii_lowercase().replace('_', "-");
        let rest = format!("-{}", plain.strip_prefix("on-").unwrap_or(&plain));
        let ends = |event: &&Event| {
            let (name, short) = (event.name(), event.without_protocol());
            rest.len() > 1 && (name.ends_with(&rest) || short.ends_with(&rest))
        };
        let of_mode = format!("-{mode}-");
        let mut ending = Event::ALL.iter().filter(ends);
        let first = ending.clone().next();
        let found = ending.find(|event| event.name().contains(&of_mode));
        found.or(first).copied().or_else(|| {
            let name = nearest(&plain, Event::ALL.map(Event::name))?;
            Event::ALL.into_iter().find(|event| event.name() == name)
        })
    }
}

impl fmt::Display for UnknownEvent {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "HAProxy has no event `{}`", self.0)?;
        match self.meant() {
            Some(meant) => write!(f, ", did you mean `{meant}`? expected ")?,
            None => f.write_str(": expected ")?,
        }
        let names = Event::ALL.map(|event| format!("`{event}`"));
        f.write_str(&names.join(", "))
    }
}

impl std::error::Error for UnknownEvent {}

impl FromStr for Event {
    type Err = UnknownEvent;

    fn from_str(text: &str) -> Result<Self, UnknownEvent> {
        let mut all = Event::ALL.into_iter();
        all.find(|event| event.name() == text)
            .ok_or_else(|| UnknownEvent(text.to_owned()))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_misspelt_event_has_a_suggestion() {
        for (text, meant) in [
            ("on-frontend-http-requst", "on-frontend-http-request"),
            ("on_client_session", "on-client-session"),
            ("http-request", "on-frontend-http-request"),
            ("on-http-request", "on-frontend-http-request"),
            ("server-session", "on-server-session"),
            ("tcp-request", "on-frontend-tcp-request"),
            ("on-frontend-request", "on-frontend-http-request"),
            ("on-backend-request", "on-backend-http-request"),
            ("on_response", "on-http-response"),
            ("request", "on-frontend-http-request"),
        ] {
            let unknown = text.parse::<Event>().unwrap_err();
            assert_eq!(unknown.meant().map(Event::name), Some(meant));
            assert!(unknown.to_string().contains(&format!("mean `{meant}`?")));
        }
        assert_eq!("startup".parse::<Event>().unwrap_err().meant(), None);
    }

    #[test]
    fn the_mode_decides_for_a_name_without_its_protocol() {
        for (text, of_tcp, of_http) in [
            (
                "on-frontend-request",
                "on-frontend-tcp-request",
                "on-frontend-http-request",
            ),
            (
                "on-request",
                "on-frontend-tcp-request",
                "on-frontend-http-request",
            ),
            ("response", "on-tcp-response", "on-http-response"),
            // A protocol that is written counts.
            (
                "http-request",
                "on-frontend-http-request",
                "on-frontend-http-request",
            ),
            ("on-tcp_response", "on-tcp-response", "on-tcp-response"),
        ] {
            let unknown = text.parse::<Event>().unwrap_err();
            let meant = |mode| unknown.meant_in(mode).map(Event::name);
            assert_eq!(
                (meant("tcp"), meant("http")),
                (Some(of_tcp), Some(of_http)),
                "{text}"
            );
        }
    }
}
