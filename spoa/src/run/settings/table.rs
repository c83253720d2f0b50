//! The table of options: how each is written, also in the environment, what it sets, and its help.

use super::{Setting, SettingKind};

macro_rules! settings {
    ($($group:literal: { $($(#[$when:meta])* $long:literal $env:literal $value:literal $kind:expr, $help:literal;)* })*) => {
        &[$($($(#[$when])* Setting {
            long: $long,
            env: $env,
            value: $value,
            help: $help,
            group: $group,
            kind: $kind,
        }),*),*]
    };
}

/// The options of the agent, in the order of the help.
pub(in crate::run) const SETTINGS: &[Setting] = settings! {
    "Serving": {
        "listen" "SPOA_LISTEN" "ADDRESS" SettingKind::Listen,
            "Address to listen on; repeatable";
        "allow" "SPOA_ALLOW" "NETWORK" SettingKind::Allow,
            "Network whose peers may connect by TCP; repeatable";
        "workers" "SPOA_WORKERS" "N" SettingKind::Workers,
            "Worker threads";
        "log" "SPOA_LOG" "FILTER" SettingKind::Log,
            "Log filter: a level, and TARGET=LEVEL for parts";
        "log-format" "SPOA_LOG_FORMAT" "FORMAT" SettingKind::LogFormat,
            "Format of log lines: text or json";
        "spans" "SPOA_SPANS" "SWITCH" SettingKind::Spans,
            "Whether log lines of handlers name the message: on or off";
        #[cfg(feature = "admin")]
        "admin" "SPOA_ADMIN" "ADDRESS" SettingKind::Admin,
            "Address for metrics, health and a page over HTTP";
        #[cfg(feature = "admin")]
        "ready" "SPOA_READY" "WHEN" SettingKind::Ready,
            "When /readyz answers 200: serving, or fresh (no stale value)";
        #[cfg(feature = "options")]
        "config" "SPOA_CONFIG" "FILE" SettingKind::Config,
            "TOML file with options, such as `workers = 4`";
    }
    "TLS": {
        "tls-cert" "SPOA_TLS_CERT" "FILE" SettingKind::TlsCert,
            "Certificate chain (PEM) for TLS on all TCP sockets";
        "tls-key" "SPOA_TLS_KEY" "FILE" SettingKind::TlsKey,
            "Key of the certificate";
        "tls-client-ca" "SPOA_TLS_CLIENT_CA" "FILE" SettingKind::TlsClientCa,
            "CA that must have signed the certificate of HAProxy";
        "tls-min-version" "SPOA_TLS_MIN_VERSION" "VERSION" SettingKind::TlsMinVersion,
            "Oldest version of TLS: 1.2 or 1.3";
    }
    "Limits": {
        "handler-timeout" "SPOA_HANDLER_TIMEOUT" "TIME"
            SettingKind::Deadline(|limits| &mut limits.handler_timeout),
            "Deadline of async and blocking handlers, or `none`";
        "max-in-flight" "SPOA_MAX_IN_FLIGHT" "N"
            SettingKind::Count(|limits| &mut limits.max_in_flight),
            "NOTIFYs in flight on one connection";
        "max-in-flight-total" "SPOA_MAX_IN_FLIGHT_TOTAL" "N"
            SettingKind::Count(|limits| &mut limits.max_in_flight_total),
            "Running async and blocking handlers, in all";
        "max-blocking" "SPOA_MAX_BLOCKING" "N"
            SettingKind::Count(|limits| &mut limits.max_blocking),
            "Running blocking handlers";
        "max-blocking-queue" "SPOA_MAX_BLOCKING_QUEUE" "N"
            SettingKind::Room(|limits| &mut limits.max_blocking_queue),
            "Blocking handlers that wait for others to end";
        "max-after-work" "SPOA_MAX_AFTER_WORK" "N"
            SettingKind::Room(|limits| &mut limits.max_after_work),
            "Futures of `After`, waiting or running";
        "max-transactions" "SPOA_MAX_TRANSACTIONS" "N"
            SettingKind::Room(|limits| &mut limits.max_transactions),
            "Values that `Transaction` keeps";
        "max-transaction-bytes" "SPOA_MAX_TRANSACTION_BYTES" "BYTES"
            SettingKind::Bytes(|limits| &mut limits.max_transaction_bytes),
            "Bytes of the values that `Transaction` keeps";
        "max-connections" "SPOA_MAX_CONNECTIONS" "N"
            SettingKind::Count(|limits| &mut limits.max_connections),
            "Open connections; more are closed";
        "max-frame-size" "SPOA_MAX_FRAME_SIZE" "BYTES"
            SettingKind::Frame(|limits| &mut limits.max_frame_size),
            "Largest frame to agree to";
        "max-reassembled" "SPOA_MAX_REASSEMBLED" "BYTES"
            SettingKind::Bytes(|limits| &mut limits.max_reassembled),
            "Fragments held for one connection; 0 takes none";
        "max-reassembled-total" "SPOA_MAX_REASSEMBLED_TOTAL" "BYTES"
            SettingKind::Bytes(|limits| &mut limits.max_reassembled_total),
            "Fragments held for all connections";
        "max-buffered-total" "SPOA_MAX_BUFFERED_TOTAL" "BYTES"
            SettingKind::Bytes(|limits| &mut limits.max_buffered_total),
            "Messages, incomplete frames and unread answers held";
    }
    "Times": {
        "hello-timeout" "SPOA_HELLO_TIMEOUT" "TIME"
            SettingKind::Time(|limits| &mut limits.hello_timeout),
            "Time for a new connection to send its HELLO";
        "frame-timeout" "SPOA_FRAME_TIMEOUT" "TIME"
            SettingKind::Time(|limits| &mut limits.frame_timeout),
            "Time for a frame to arrive completely";
        "write-timeout" "SPOA_WRITE_TIMEOUT" "TIME"
            SettingKind::Time(|limits| &mut limits.write_timeout),
            "Time for a peer to read its answers";
        "transaction-timeout" "SPOA_TRANSACTION_TIMEOUT" "TIME"
            SettingKind::Time(|limits| &mut limits.transaction_timeout),
            "Time that `Transaction` keeps a value";
        "idle-timeout" "SPOA_IDLE_TIMEOUT" "TIME"
            SettingKind::Deadline(|limits| &mut limits.idle_timeout),
            "Idle time before a connection is closed, or `none`";
        "connection-lifetime" "SPOA_CONNECTION_LIFETIME" "TIME"
            SettingKind::Deadline(|limits| &mut limits.connection_lifetime),
            "Age at which a connection is closed, or `none`";
        "linger-timeout" "SPOA_LINGER_TIMEOUT" "TIME"
            SettingKind::Grace(|limits| &mut limits.linger_timeout),
            "Time for a peer to close after AGENT-DISCONNECT";
        "lame-duck" "SPOA_LAME_DUCK" "TIME"
            SettingKind::Grace(|limits| &mut limits.lame_duck),
            "Time after SIGTERM with health checks refused";
        "drain-timeout" "SPOA_DRAIN_TIMEOUT" "TIME"
            SettingKind::Grace(|limits| &mut limits.drain_timeout),
            "Time for NOTIFYs in flight after --lame-duck";
    }
};
