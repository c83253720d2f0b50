//! Asks an HTTP service whether a request may pass, as nginx's `auth_request` and Traefik's `forwardAuth` do.

mod service;

use hyper::{Request, Response, Uri, header::HeaderName};
use service::{Service, cache_key, may_be_kept};
use spoa::State;
use spoa::admin::Counters;
use spoa::http::{Headers, Method, Verdict};
use spoa::prelude::*;
use spoa::run::duration;
use std::time::Duration;

#[derive(clap::Args)]
struct Options {
    /// Address that is asked: `http://auth.local:9091/verify`
    #[arg(long, value_name = "URL")]
    service: Uri,
    /// Headers of the request that the service sees
    #[arg(long, value_name = "NAMES", value_delimiter = ',')]
    #[arg(default_value = "authorization,cookie")]
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
    /// Time for which an answer is used again; 0 for none
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

/// Requests by outcome, and by where the answer came from.
static REQUESTS: Counters<2> =
    Counters::new("forward_auth_requests", "Requests", ["outcome", "source"]);

/// Asks the service about a request, unless it has answered an equal one a moment ago.
#[spoe_message("forward-auth", event = "on-frontend-http-request", timeout = "3s")]
async fn forward_auth(
    #[arg(sample = "src")] address: std::net::IpAddr,
    #[arg(sample = "ssl_fc")] tls: bool,
    #[arg(sample = "pathq", default)] target: &[u8],
    method: Method<'_>,
    headers: Headers<'_>,
    State(service): State<'_, Service>,
    State(options): State<'_, Options>,
) -> Verdict<Access> {
    let mut question = Request::get(options.service.clone())
        .header("x-forwarded-method", method.as_str())
        .header("x-forwarded-proto", if tls { "https" } else { "http" })
        .header("x-forwarded-host", headers.get("host").unwrap_or(b""))
        .header("x-forwarded-uri", target)
        .header("x-forwarded-for", address.to_canonical().to_string());
    for name in &options.pass {
        for value in headers.get_all(name.as_str()) {
            question = question.header(name, value);
        }
    }
    let Ok(question) = question.body(String::new()) else {
        // The client sent a control character.
        return Verdict::deny::<403>().reason("a bad header");
    };
    let key = cache_key(question.headers());
    let (source, verdict) = if let Some(verdict) = service.cache.get(&key) {
        ("cache", verdict)
    } else if let Some(answer) = service.dependency.ask(service.send(question)).await {
        let verdict = decide(&answer);
        if may_be_kept(&key, &answer) {
            service.cache.put(key, verdict.clone());
        }
        ("service", verdict)
    } else if options.allow_without_service {
        ("none", Verdict::allow())
    } else {
        ("none", Verdict::deny::<503>().reason("the service is away"))
    };
    REQUESTS.inc([verdict.outcome().as_str(), source]);
    verdict
}

/// Makes a verdict of an answer.
fn decide(answer: &Response<()>) -> Verdict<Access> {
    let status = answer.status().as_u16();
    let location = answer.headers().get("location").map(|value| value.to_str());
    let verdict = match (status, location) {
        (200..300, _) => Ok(Verdict::allow()),
        (300..400, Some(Ok(location))) => Verdict::try_redirect(status, location.to_owned()),
        _ => Verdict::try_deny(status),
    };
    let verdict = verdict.unwrap_or(Verdict::deny::<503>());
    let reason = format!("the service answered {status}");
    let copied = verdict.reason(reason).copy_headers(answer.headers());
    copied.unwrap_or_else(|error| Verdict::deny::<503>().reason(error.to_string()))
}

fn main() {
    spoa::run!(options = Options, state = Service::new(options)?)
}

#[cfg(test)]
mod tests {
    use super::*;
    use spoa::http::HeaderSet;

    fn answer(status: u16, name: &str, value: &str) -> Response<()> {
        let answer = Response::builder().status(status).header(name, value);
        answer.body(()).unwrap()
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
            let verdict = decide(&answer(status, "location", "/login"));
            assert_eq!(verdict.status(), expected, "{status}");
        }
        let nowhere = decide(&answer(302, "server", "nginx"));
        assert_eq!(nowhere.status(), Some(503));
    }

    #[test]
    fn chosen_headers_are_copied() {
        let allow = Verdict::allow().reason("the service answered 200");
        let user = HeaderSet::new().set("remote-user", "alice").unwrap();
        let with_user = allow.clone().request_headers(user);
        for (name, verdict) in [("remote-user", with_user), ("server", allow)] {
            assert_eq!(decide(&answer(200, name, "alice")), verdict);
        }
    }
}
