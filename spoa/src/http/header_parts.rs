//! Parts of a request that are made from its headers: cookies, host, credentials, trace.

use super::authorization::Authorization;
use super::{BasicAuth, BearerToken, Cookies, Headers, Host, TraceParent};

impl<'a> Headers<'a> {
    /// Returns the cookies of all `Cookie` headers.
    #[must_use]
    pub fn cookies(&self) -> Cookies<'a> {
        Cookies::of_headers(*self)
    }

    /// Returns the host that the request is for: the last `Host` header, as `req.fhdr(host)` does.
    #[must_use]
    pub fn host(&self) -> Option<Host<'a>> {
        self.get_all("host").last().map(Host::new)
    }

    /// Returns the token of the `Authorization` header, if the request has one such header and its scheme is
    /// `Bearer`.
    #[must_use]
    pub fn bearer_token(&self) -> Option<BearerToken<'a>> {
        Authorization::of_headers(self)?.bearer()
    }

    /// Returns user and password of the `Authorization` header, if the request has one such header and its scheme
    /// is `Basic`.
    #[must_use]
    pub fn basic_auth(&self) -> Option<BasicAuth> {
        Authorization::of_headers(self)?.basic()
    }

    /// Returns the trace that the request belongs to, if it has one valid `traceparent` header.
    #[must_use]
    pub fn trace_parent(&self) -> Option<TraceParent> {
        let mut all = self.get_all("traceparent");
        let (first, second) = (all.next()?, all.next());
        match second {
            None => TraceParent::parse(first),
            Some(_) => None,
        }
    }
}
