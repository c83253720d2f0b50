//! The handlers for requests, before they go to a server.

use spoa::prelude::*;
use spoa::spop::Message;
use spoa::{Context, State};
use std::ffi::OsString;
use std::fs::File;
use std::io::{self, BufRead, BufReader, Read};
use std::net::IpAddr;
use std::path::PathBuf;

/// Finds the network of a client, for its whole session.
///
/// `set` is for the most common kind of handler: the returned value becomes one variable. With the
/// prefix in spoe.conf, its name is `sess.multi.network`.
#[spoe_message("locate-client", event = "on-client-session", set = "sess.network")]
pub(crate) fn locate_client(#[arg(sample = "src")] ip: IpAddr) -> &'static str {
    match ip.to_canonical() {
        ip if ip.is_loopback() => "own",
        IpAddr::V4(ip) if ip.is_private() => "own",
        IpAddr::V6(ip) if ip.is_unique_local() => "own",
        _ => "internet",
    }
}

/// Names a request as the agent's log does, so that you can find the line of a handler that failed.
/// The other messages in the frame, here the rest of the group, have the same name.
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
/// Such an enum is for texts that come from the configuration. Any other text rejects the message, and
/// the log lists the expected ones. For values that clients send, take `&[u8]`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, FromValue)]
pub(crate) enum Door {
    Www,
    /// Without `#[spoa]` it would be `partner-api`.
    #[spoa("api")]
    PartnerApi,
}

/// Chooses the backend of site.cfg for a request. `so_name` is the name of the socket that the client
/// connected to; `network` is the answer of `locate_client`.
///
/// The condition is for the whole group: static files need no answer.
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
        // Only the people who make the next version see it.
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
    /// Returns the notice in a file, by default `notice.txt` in the directory that the agent runs in.
    pub(crate) fn at(path: Option<OsString>) -> Self {
        Notice(path.unwrap_or_else(|| "notice.txt".into()).into())
    }

    fn read(&self) -> io::Result<Option<String>> {
        let file = match File::open(&self.0) {
            Ok(file) => file,
            // Usually there is no notice.
            Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(None),
            Err(error) => return Err(error),
        };
        let mut line = String::new();
        BufReader::new(file.take(LONGEST)).read_line(&mut line)?;
        Ok(Some(line.trim_end().to_owned()))
    }
}

/// Reads the notice. A file can be slow (a busy disk, a network), and reading it blocks the thread. So
/// `blocking` runs the handler on another thread, and after `timeout` the agent answers without it.
///
/// `None` sets nothing. The log shows the text of an error, so that text names the file.
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

/// Answers messages that have no other handler, because spoe.conf is newer than the agent: `weigh-cart` in the
/// tests. Without a fallback, the agent would log each of them and answer without actions.
#[spoe_fallback]
pub(crate) fn not_known_here(message: Message<'_>) -> SetVar<String> {
    SetVar::transaction("not_known", message.name().to_string())
}
