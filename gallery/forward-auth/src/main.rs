//! Asks an HTTP service whether a request may pass, as nginx's `auth_request` and Traefik's `forwardAuth` do.

mod service;

use hyper::Uri;
use hyper::header::{HeaderName, HeaderValue};
use service::{Answer, Service};
use spoa::State;
use spoa::admin::Counters;
use spoa::http::{BadHeader, HeaderSet, Headers, Method, Verdict};
use spoa::prelude::*;
use spoa::run::duration;
use std::net::IpAddr;
use std::time::Duration;

#[derive(clap::Args)]
struct Options {
    /// Address that is asked: `http://auth.local:9091/verify`
    #[arg(long, value_name = "URL")]
    service: Uri,
    /// Headers of the request that the service sees
    #[arg(
        long,
        value_name = "NAMES",
        value_delimiter = ',',
        default_value = "authorization,cookie"
    )]
    pass: Vec<HeaderName>,
    /// Time for an answer of the service, at most 2s
    #[arg(long, value_name = "TIME", default_value = "1s", value_parser = duration)]
    service_timeout: Duration,
    /// Time before the service is asked again after a failure
    #[arg(long, value_name = "TIME", default_value = "1s", value_parser = duration)]
    service_retry: Duration,
    /// Whether requests pass while the service is away
    #[arg(long)]
    allow_without_service: bool,
    /// Time for which an answer counts for equal requests; 0 for none
    #[arg(long, value_name = "TIME", default_value = "5s", value_parser = duration)]
    cache: Duration,
    /// Answers that are kept at most
    #[arg(long, value_name = "N", default_value = "10000")]
    cache_entries: usize,
}

spoa::outcomes! {
    /// The verdicts on a request.
    pub struct Access {
        deny: 401, 403, 503;
        redirect: 302, 303, 307;
        request: set "remote-user", set "remote-groups", set "remote-email";
        response: set "www-authenticate", add "set-cookie";
    }
}

/// The headers of an answer that servers get. They are those of `request` above.
const TO_SERVERS: [&str; 3] = ["remote-user", "remote-groups", "remote-email"];

static REQUESTS: Counters<2> = Counters::new(
    "forward_auth_requests",
    "Requests by outcome and source of the answer",
    ["outcome", "source"],
);

/// Asks the service about a request, unless it has answered an equal one a moment ago.
#[spoe_message("forward-auth", event = "on-frontend-http-request", timeout = "3s")]
async fn forward_auth(
    #[arg(sample = "src")] address: IpAddr,
    #[arg(sample = "ssl_fc")] tls: bool,
    #[arg(sample = "pathq", default)] target: &[u8],
    method: Method<'_>,
    headers: Headers<'_>,
    State(service): State<'_, Service>,
    State(options): State<'_, Options>,
) -> Result<Verdict<Access>, HandlerError> {
    let address = address.to_canonical().to_string();
    let mut question = Vec::new();
    for (name, value) in [
        ("x-forwarded-method", method.as_str().as_bytes()),
        ("x-forwarded-proto", if tls { b"https" } else { b"http" }),
        ("x-forwarded-host", headers.get("host").unwrap_or_default()),
        ("x-forwarded-uri", target),
        ("x-forwarded-for", address.as_bytes()),
    ] {
        question.push((
            HeaderName::from_static(name),
            HeaderValue::from_bytes(value)?,
        ));
    }
    for name in &options.pass {
        for value in headers.get_all(name.as_str()) {
            question.push((name.clone(), HeaderValue::from_bytes(value)?));
        }
    }
    let (source, answer) = service.ask(&question).await;
    let verdict = match answer {
        Some(answer) => decide(&answer)?,
        None if options.allow_without_service => Verdict::allow(),
        None => Verdict::deny::<503>().reason("the service is away"),
    };
    REQUESTS.inc([verdict.outcome().as_str(), source]);
    Ok(verdict)
}

/// Makes a verdict of an answer.
fn decide(answer: &Answer) -> Result<Verdict<Access>, BadHeader> {
    let location = answer.headers.get("location");
    let location = location.and_then(|value| value.to_str().ok().map(str::to_owned));
    let verdict = match (answer.status.as_u16(), location) {
        (200..300, _) => Verdict::allow(),
        (401, _) => Verdict::deny::<401>().reason("not authenticated"),
        (403, _) => Verdict::deny::<403>().reason("not authorised"),
        (302, Some(location)) => Verdict::redirect::<302>(location),
        (303, Some(location)) => Verdict::redirect::<303>(location),
        (307, Some(location)) => Verdict::redirect::<307>(location),
        (status, _) => Verdict::deny::<503>().reason(format!("the service answered {status}")),
    };
    let header = |name| answer.headers.get(name);
    let mut request = HeaderSet::new();
    for name in TO_SERVERS {
        request = request.set_some(name, header(name))?;
    }
    let challenge = header("www-authenticate");
    let mut response = HeaderSet::new().set_some("www-authenticate", challenge)?;
    for cookie in answer.headers.get_all("set-cookie") {
        response = response.add("set-cookie", cookie)?;
    }
    Ok(verdict.request_headers(request).response_headers(response))
}

fn main() {
    spoa::run!(options = Options, state = Service::new(options)?)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn answer(status: u16, name: &'static str, value: &'static str) -> Answer {
        let headers = [(
            HeaderName::from_static(name),
            HeaderValue::from_static(value),
        )];
        Answer {
            status: status.try_into().unwrap(),
            headers: headers.into_iter().collect(),
        }
    }

    #[test]
    fn only_a_success_lets_a_request_pass() {
        for (status, expected) in [
            (200, None),
            (204, None),
            (401, Some(401)),
            (403, Some(403)),
            (302, Some(302)),
            (307, Some(307)),
            (301, Some(503)),
            (404, Some(503)),
            (500, Some(503)),
        ] {
            let verdict = decide(&answer(status, "location", "/login")).unwrap();
            assert_eq!(verdict.status(), expected, "{status}");
        }
        let nowhere = decide(&answer(302, "server", "nginx")).unwrap();
        assert_eq!(nowhere.status(), Some(503));
    }

    #[test]
    fn chosen_headers_are_copied() {
        let user = HeaderSet::new().set("remote-user", "alice").unwrap();
        for (name, headers) in [("remote-user", user), ("server", HeaderSet::new())] {
            let verdict = Verdict::allow().request_headers(headers);
            let verdict = verdict.response_headers(HeaderSet::new());
            assert_eq!(decide(&answer(200, name, "alice")), Ok(verdict));
        }
    }
}
