//! An agent whose verdict is what a header asks for, at each event where one can be enforced.

use std::time::Duration;

use spoa::http::{HeaderSet, Outcomes, SetCookie, Verdict};
use spoa::prelude::*;

spoa::outcomes! {
    /// All there is, with several statuses of some.
    struct All {
        deny: 403, 418, 429;
        redirect: 302, 307;
        respond: 200, 204, 404;
        challenge: 401;
        tarpit: 429;
        drop;
        request: set "x-user", add "via", remove "authorization";
        response: set "x-judged", add "set-cookie";
    }
}

spoa::outcomes! {
    /// The outcomes that are enforced for connections.
    struct Connection as "session" {
        deny: 403;
    }
}

spoa::outcomes! {
    /// The outcomes of a group.
    struct Grouped as "grouped" {
        deny: 429;
    }
}

spoa::outcomes! {
    /// Headers of any names, which HAProxy takes from 3.4 on.
    struct Any as "any" {
        deny: 403;
        request: any;
        response: any;
    }
}

const PAGE: &str = "<p>100% \"mögen\" % %[src]</p>";

async fn judge(ask: &[u8]) -> Result<Verdict<All>, HandlerError> {
    let ask = std::str::from_utf8(ask)?;
    let (what, status) = ask.split_once(' ').unwrap_or((ask, "0"));
    let status = status.parse()?;
    Ok(match what {
        "allow" => Verdict::allow(),
        "deny" => Verdict::try_deny(status)?.reason("asked\nfor"),
        "redirect" => Verdict::try_redirect(status, "/login?next=%2F&x=\"y\"\r\nx-evil: 1")?,
        "respond" => Verdict::try_respond(status, "text/html; charset=utf-8", PAGE)?,
        "long" => Verdict::respond::<200>("text/plain", "x".repeat(10_000)),
        "challenge" => Verdict::challenge::<401>("t0ken"),
        "tarpit" => Verdict::tarpit::<429>(),
        "drop" => Verdict::drop_silently(),
        "late" => {
            tokio::time::sleep(Duration::from_secs(10)).await;
            Verdict::allow()
        }
        "panic" => panic!("asked for"),
        "headers" => Verdict::allow()
            .request_headers(
                HeaderSet::new()
                    .set("x-user", "alice, \"b\" %5B")?
                    .add("via", "1.1 agent")?
                    .remove("authorization")?,
            )
            .response_headers(
                HeaderSet::new()
                    .set("x-judged", "yes")?
                    .cookie(&SetCookie::new("id", "7")?.path("/")?.http_only()),
            ),
        "denied-with-headers" => {
            Verdict::deny::<403>().response_headers(HeaderSet::new().set("x-judged", "no")?)
        }
        other => return Err(format!("nobody knows `{other}`").into()),
    })
}

/// Judges a request.
#[spoe_message(
    "request",
    event = "on-frontend-http-request",
    condition = "if { req.fhdr(x-ask) -m found }",
    timeout = "800ms"
)]
async fn request(
    #[arg(sample = "req.fhdr(x-ask)", default)] ask: &[u8],
) -> Result<Verdict<All>, HandlerError> {
    judge(ask).await
}

/// Judges a response: the server says what is asked.
#[spoe_message(
    "response",
    event = "on-http-response",
    condition = "if { res.fhdr(x-ask) -m found }",
    timeout = "800ms"
)]
async fn response(
    #[arg(sample = "res.fhdr(x-ask)", default)] ask: &[u8],
) -> Result<Verdict<All>, HandlerError> {
    judge(ask).await
}

fn by_environment<O>(name: &str, deny: Verdict<O>) -> Verdict<O>
where
    O: Outcomes,
{
    match std::env::var_os(name) {
        Some(_) => deny,
        None => Verdict::allow(),
    }
}

/// Judges a connection.
#[spoe_message("session", event = "on-client-session")]
fn session() -> Verdict<Connection> {
    by_environment("JUDGE_SESSION", Verdict::deny::<403>())
}

/// Judges what a rule sends.
#[spoe_message(
    "grouped",
    group = "asked",
    condition = "if { req.fhdr(x-group) -m found }"
)]
fn grouped(#[arg(sample = "req.fhdr(x-group)", default)] ask: &[u8]) -> Verdict<Grouped> {
    match ask {
        b"deny" => Verdict::deny::<429>(),
        _ => Verdict::allow(),
    }
}

/// Changes headers of names that nobody has declared.
#[spoe_message(
    "any",
    event = "on-frontend-http-request",
    condition = "if { req.fhdr(x-any) -m found }"
)]
fn any(
    #[arg(sample = "req.fhdr(x-any)", default)] ask: &[u8],
) -> Result<Verdict<Any>, HandlerError> {
    let request = HeaderSet::new()
        .set("x-user", "bob")?
        .set("x-empty", "")?
        .add("x-list", b"\xff")?
        .add("x-list", "2")?
        .remove("authorization")?;
    let response = HeaderSet::new()
        .cookie(&SetCookie::new("a", "1")?)
        .cookie(&SetCookie::new("b", "2")?);
    let verdict = match ask {
        b"deny" => Verdict::deny::<403>(),
        _ => Verdict::allow(),
    };
    Ok(verdict.request_headers(request).response_headers(response))
}

fn main() {
    spoa::run!(name = "judging")
}
