//! An agent that measures bodies, and judges requests at the events of backends and servers.

use spoa::http::{Body, Completeness, HeaderSet, Verdict};
use spoa::prelude::*;

spoa::outcomes! {
    /// The outcomes at the event of backends.
    struct Backend as "backend" {
        deny: 403, 429;
        redirect: 302;
        respond: 200;
        request: set "x-user";
    }
}

fn completeness(body: Body<'_>) -> String {
    match body.completeness() {
        Completeness::Complete => "complete".to_owned(),
        Completeness::Truncated { size } => format!("truncated of {size}"),
        _ => "unknown".to_owned(),
    }
}

/// Measures the body of a request.
#[spoe_message(
    "upload",
    event = "on-frontend-http-request",
    condition = "unless { path_beg /judge }"
)]
fn upload(body: Body<'_>) -> (SetVar<String>, SetVar<u32>) {
    let bytes = u32::try_from(body.bytes().len()).unwrap_or(u32::MAX);
    (
        SetVar::transaction("upload", completeness(body)),
        SetVar::transaction("upload_bytes", bytes),
    )
}

/// Measures the body of a response.
#[spoe_message(
    "download",
    event = "on-http-response",
    condition = "unless { res.fhdr(x-small) -m found }"
)]
fn download(body: Body<'_>) -> (SetVar<String>, SetVar<u32>) {
    let bytes = u32::try_from(body.bytes().len()).unwrap_or(u32::MAX);
    (
        SetVar::transaction("download", completeness(body)),
        SetVar::transaction("download_bytes", bytes),
    )
}

/// Judges a request at the event of backends.
#[spoe_message(
    "judge",
    event = "on-backend-http-request",
    condition = "if { path_beg /judge }"
)]
fn judge(
    #[arg(sample = "req.fhdr(x-ask)", default)] ask: &[u8],
) -> Result<Verdict<Backend>, HandlerError> {
    Ok(match ask {
        b"deny 403" => Verdict::deny::<403>(),
        b"deny 429" => Verdict::deny::<429>(),
        b"redirect" => Verdict::redirect::<302>("/login"),
        b"respond" => Verdict::respond::<200>("text/x-mine", "mine"),
        b"allow" => Verdict::allow().request_headers(HeaderSet::new().set("x-user", "alice")?),
        _ => return Err("no such verdict".into()),
    })
}

spoa::outcomes! {
    /// The outcomes at the event of a server's session.
    struct Server as "server" {
        deny: 429;
    }
}

spoa::outcomes! {
    /// The outcomes at the event of a response's first bytes.
    struct Response as "response" {
        deny: 429;
    }
}

/// Judges a request as its server is connected to.
#[spoe_message("server", event = "on-server-session")]
fn server(
    #[arg(sample = "src")] _address: std::net::IpAddr,
) -> Result<Verdict<Server>, HandlerError> {
    Ok(match std::env::var("JUDGE_SERVER").as_deref() {
        Ok("deny") => Verdict::deny::<429>(),
        Ok(_) => return Err("no such verdict".into()),
        Err(_) => Verdict::allow(),
    })
}

/// Judges a response as its first bytes come.
#[spoe_message("response", event = "on-tcp-response")]
fn response(
    #[arg(sample = "src")] _address: std::net::IpAddr,
) -> Result<Verdict<Response>, HandlerError> {
    Ok(match std::env::var("JUDGE_RESPONSE").as_deref() {
        Ok("deny") => Verdict::deny::<429>(),
        Ok(_) => return Err("no such verdict".into()),
        Err(_) => Verdict::allow(),
    })
}

fn main() {
    spoa::run!()
}
