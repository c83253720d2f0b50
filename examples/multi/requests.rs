//! The handlers for requests, before they go to a server.
//!
//! It knows nothing of answers: those are `answers`'s.

use spoa::prelude::*;
use spoa::spop::Message;
use spoa::{Context, State};
use std::ffi::OsString;
use std::fs::File;
use std::io::{self, BufRead, BufReader, Read};
use std::net::IpAddr;
use std::path::PathBuf;

/// The network a client is in, for the whole of its session.
///
/// `set` is for the commonest kind of handler: it returns a value, and the value becomes one
/// variable, `sess.multi.network` with the prefix of spoe.conf.
#[spoe_message("locate-client", event = "on-client-session", set = "sess.network")]
pub(crate) fn locate_client(#[arg(sample = "src")] ip: IpAddr) -> &'static str {
    match ip.to_canonical() {
        ip if ip.is_loopback() => "own",
        IpAddr::V4(ip) if ip.is_private() => "own",
        IpAddr::V6(ip) if ip.is_unique_local() => "own",
        _ => "internet",
    }
}

/// Names a request in the words of the agent's own log, so that its line can be found if a handler
/// fails. All messages that travel with this one (in haproxy.cfg the rest of its group) have that name.
#[spoe_message("name-request", group = "routing", set = "txn.name")]
pub(crate) fn name_request(context: Context<'_>) -> String {
    format!(
        "peer={} engine={:?} stream={} frame={}",
        context.peer(),
        context.engine_id().unwrap_or("-"),
        context.stream_id(),
        context.frame_id(),
    )
}

/// The sockets of site.cfg, by the `name` of their `bind` lines.
///
/// For texts that come from the configuration. Another text rejects the message, with a line in the
/// log that lists these. For values that clients send, `&[u8]` is better.
#[derive(Clone, Copy, Debug, PartialEq, Eq, FromValue)]
pub(crate) enum Door {
    Www,
    /// Without `#[spoa]` it would be `partner-api`.
    #[spoa("api")]
    PartnerApi,
}

/// The backend of site.cfg that a request goes to. `so_name` is the name of the socket it came in
/// by; `network` is what the agent said of the client before.
///
/// The condition holds for the whole group: static files need no answer.
#[spoe_message(
    "choose-backend",
    group = "routing",
    condition = "if !{ path_beg /static/ }",
    set = "txn.backend"
)]
pub(crate) fn choose_backend(
    #[arg(sample = "so_name")] door: Door,
    #[arg(sample = "path")] path: Text<'_>,
    #[arg(sample = "var(sess.multi.network)")] network: Option<&str>,
) -> &'static str {
    match door {
        Door::PartnerApi => "api",
        // The next version is for the people who make it. `network` is what `locate_client` said.
        Door::Www if network == Some("own") && path.starts_with("/next/") => "next",
        Door::Www => "shop",
    }
}

/// A file whose first line is shown to every client.
#[derive(Debug)]
pub(crate) struct Notice(PathBuf);

/// The longest notice, in bytes: it becomes a header.
const LONGEST: u64 = 200;

impl Notice {
    /// The notice in a file, by default `notice.txt` in the directory the agent runs in.
    pub(crate) fn at(path: Option<OsString>) -> Self {
        Notice(path.unwrap_or_else(|| "notice.txt".into()).into())
    }

    fn read(&self) -> io::Result<Option<String>> {
        let file = match File::open(&self.0) {
            Ok(file) => file,
            // No notice is what there is as a rule.
            Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(None),
            Err(error) => return Err(error),
        };
        let mut line = String::new();
        BufReader::new(file.take(LONGEST)).read_line(&mut line)?;
        Ok(Some(line.trim_end().to_owned()))
    }
}

/// Reads the notice. A file may be slow (a busy disk, a network), and reading one blocks its thread:
/// `blocking` gives it a thread of its own, and `timeout` has the agent answer without it.
///
/// `None` sets nothing. An error is logged as it says, so it should say all.
#[spoe_message(
    "read-notice",
    group = "routing",
    blocking,
    timeout = "100ms",
    set = "txn.notice"
)]
pub(crate) fn read_notice(
    State(notice): State<'_, Notice>,
) -> Result<Option<String>, HandlerError> {
    notice.read().map_err(|error| {
        HandlerError::new(format!("cannot read `{}`: {error}", notice.0.display()))
    })
}

/// Answers the messages that no other handler does: those of a spoe.conf that is newer than the
/// agent, such as `weigh-cart` in the tests. Without it the agent would log each and answer with no actions.
#[spoe_fallback]
pub(crate) fn not_known_here(message: Message<'_>) -> SetVar<String> {
    SetVar::transaction("not_known", message.name().to_string())
}
