//! The handlers that `docs/bodies.md`, `docs/beyond-one-message.md` and `docs/haproxy.md` show, and one that logs the
//! lines of `docs/operations/values.md`, as one agent.

mod bodies {
    use spoa::http::{Body, Completeness};
    use spoa::prelude::*;

    #[spoe_message("scan", event = "on-frontend-http-request")]
    fn scan(body: Body<'_>) -> (SetVar<bool>, SetVar<bool>) {
        let suspect = body.bytes().windows(6).any(|part| part == b"<?php ");
        let cut = matches!(body.completeness(), Completeness::Truncated { .. });
        (
            SetVar::transaction("suspect", suspect),
            SetVar::transaction("cut", cut),
        )
    }

    /// Looks at the body of a response.
    #[spoe_message("leaks", event = "on-http-response", set = "txn.leaks")]
    fn leaks(body: Body<'_>) -> bool {
        body.bytes()
            .windows(6)
            .any(|part| part.eq_ignore_ascii_case(b"secret"))
    }
}

mod beyond_one_message {
    use spoa::Transaction;
    use spoa::http::Path;
    use spoa::prelude::*;

    struct Asked(String);

    #[spoe_message("asked", event = "on-frontend-http-request")]
    fn asked(path: Path<'_>, kept: Transaction<'_, Asked>) {
        kept.put(Asked(path.to_string()));
    }

    #[spoe_message("responded", event = "on-http-response", set = "txn.asked")]
    fn responded(kept: Transaction<'_, Asked>) -> Option<String> {
        kept.take().map(|asked| asked.0)
    }
}

mod haproxy {
    use spoa::prelude::*;
    use std::net::IpAddr;

    /// Scores a client address: 100 is safe, 0 is hostile.
    #[spoe_message(
        "get-ip-reputation",
        event = "on-frontend-http-request",
        condition = "if { path_beg /api/ }"
    )]
    fn reputation(
        #[arg(sample = "src")] ip: IpAddr,
        #[arg(sample = "req.fhdr(user-agent)")] ua: Option<&[u8]>,
    ) -> SetVar<u8> {
        SetVar::session(
            "ip_score",
            if ip.is_loopback() && ua.is_some() {
                100
            } else {
                20
            },
        )
    }
}

mod rules {
    use spoa::http::UniqueId;
    use spoa::prelude::*;
    use std::net::IpAddr;

    /// Blocks one address, fails for another, and logs a line for the rest.
    #[spoe_message("check", event = "on-frontend-http-request", set = "txn.blocked")]
    fn check(#[arg(sample = "src")] ip: IpAddr, _id: UniqueId<'_>) -> Result<bool, HandlerError> {
        if ip.is_unspecified() {
            return Err(HandlerError::new("the client has no address"));
        }
        let blocked = ip == IpAddr::from([192, 0, 2, 7]);
        if !blocked {
            tracing::info!("checked");
        }
        Ok(blocked)
    }
}

fn main() {
    spoa::run!(name = "my-agent")
}
