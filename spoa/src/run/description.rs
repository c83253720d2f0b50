//! The agent of a program as its description: what the command line adds to the handlers.

use super::RunningProgram;
use super::command_line::Options;
use super::settings::SettingKind;
use crate::agent::Limits;
use crate::description::Described;
use crate::json::{JsonValue, object};

/// Describes an agent.
#[cold]
pub(super) fn description(running: &RunningProgram, options: &Options) -> JsonValue {
    let mut limits = Limits::default();
    options.apply(&mut limits);
    let listeners = options.listen(&running.listen);
    with(running, listeners, &limits, tls(options))
}

/// Describes an agent with these limits that listens nowhere yet.
#[cfg(feature = "tools")]
pub(super) fn with_limits(running: &RunningProgram, limits: &Limits) -> JsonValue {
    with(running, Vec::new(), limits, JsonValue::Null)
}

fn with(
    running: &RunningProgram,
    listeners: Vec<String>,
    limits: &Limits,
    tls: JsonValue,
) -> JsonValue {
    let described = Described {
        name: &running.name,
        version: running.version,
        listeners,
        limits,
        tls,
        handlers: &running.handlers,
        on_failure: running.on_failure,
    };
    described.json()
}

fn tls(options: &Options) -> JsonValue {
    let Some(certificate) = options.text(|kind| matches!(kind, SettingKind::TlsCert)) else {
        return JsonValue::Null;
    };
    // HAProxy may be started in another directory.
    let path = std::path::absolute(certificate).unwrap_or_else(|_| certificate.into());
    let client_ca = options.text(|kind| matches!(kind, SettingKind::TlsClientCa));
    object! {
        "certificate": path.to_string_lossy().into_owned(),
        "mutual": client_ca.is_some(),
    }
}
