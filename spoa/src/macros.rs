//! The macros of the crate that need its path: they pass it on to `spoa_macros`.
//!
//! It must not know what they expand to.

/// The handlers of an agent, by the paths of their functions: an array for
/// [`AgentBuilder::handlers`](crate::agent::AgentBuilder::handlers).
#[macro_export]
macro_rules! handlers {
    ($($handlers:tt)*) => {
        $crate::__private::expand_handlers!([$crate] $($handlers)*)
    };
}

/// Serves every handler linked into the program until it is told to stop: all that `main` has to do.
///
/// ```no_run
/// use spoa::prelude::*;
/// use std::net::IpAddr;
///
/// #[spoe_message("get-ip-reputation")]
/// fn ip_reputation(ip: IpAddr) -> SetVar<u8> {
///     SetVar::session("ip_score", if ip.is_loopback() { 100 } else { 20 })
/// }
///
/// fn main() {
///     spoa::run!()
/// }
/// ```
///
/// It reads the command line and the environment, starts a tokio runtime, listens, prints what it
/// serves, and returns when SIGTERM or SIGINT came and what was in flight is answered. If the agent
/// cannot start, it prints what is wrong and what to do, and ends the process with status 1.
///
/// # Options of the macro
///
/// ```no_run
/// # use spoa::prelude::*;
/// # struct Db;
/// # impl Db { async fn open(path: &str) -> std::io::Result<Db> { Ok(Db) } }
/// # #[spoe_message("count")] fn count(State(db): State<'_, Db>) {}
/// # mod other { #[spoa::spoe_message("check")] pub fn check() {} }
/// # fn report(failed: &spoa::agent::Failed<'_>) -> SetVar<bool> { SetVar::transaction("failed", true) }
/// # fn main() {
/// spoa::run!(
///     name = "iprep",
///     listen = "127.0.0.1:12345",
///     listen = "unix@/run/iprep.sock,mode=660",
///     state = Db::open("/var/lib/iprep").await?,
///     handlers = [count, other::check],
///     on_failure = report,
/// )
/// # }
/// ```
///
/// All may be left out. `name` is the agent's in logs, by default that of the program's file. `listen`
/// takes an [`Address`](crate::agent::Address), `127.0.0.1:12345` by default. `state` gives handlers
/// that take [`State`](crate::handler::State) their value; its expression runs in the runtime and may
/// use `.await` and `?`. `handlers` serves these only; without it, every function with
/// `#[spoe_message]` or `#[spoe_fallback]` in the program and the crates linked into it is served.
/// `on_failure` gives actions in the place of a handler that
/// [failed](crate::agent::AgentBuilder::on_failure).
///
/// # The command line of the program
///
/// | command | does |
/// |---|---|
/// | none, or `serve` | serves |
/// | `handlers` | lists messages, arguments, variables, functions; as JSON with `--json` |
/// | `call MESSAGE [ARG…]` | sends one message to the handlers, without HAProxy, and prints the actions; as JSON with `--json` |
///
/// An argument of `call` is `name=value`, or a value alone where spoe.conf gives no name. Values are
/// typed by their look (`192.0.2.7`, `443`, `true`, `null`, anything else a string) or by a prefix:
/// `str:`, `bin:` and hexadecimal, `bool:`, `i32:`, `u32:`, `i64:`, `u64:`, `ip4:`, `ip6:`. Its exit
/// status is 1 if the handler failed, and why is printed; 2 if no handler answers the message.
///
/// | option | default | |
/// |---|---|---|
/// | `--listen ADDRESS` | as above | may be repeated |
/// | `--workers N` | one for each CPU | threads that run handlers |
/// | `--log FILTER` | `info` | `debug`, `spoa=debug,info`…; `spoa::failures` are those of handlers |
/// | `--handler-timeout TIME` | 1s | `none`, `20ms`… |
/// | `--max-inflight N`, `--max-blocking N`, `--max-connections N` | 256, 64, 10000 | |
/// | `--max-frame-size BYTES`, `--max-reassembled BYTES` | 1m, 256k | |
/// | `--hello-timeout`, `--frame-timeout`, `--write-timeout`, `--linger-timeout`, `--drain-timeout` | 5s, 10s, 10s, 1s, 10s | |
///
/// The fields of [`Limits`](crate::agent::Limits) say what each bounds. Every option is read from the
/// environment too, `--max-inflight` from `SPOA_MAX_INFLIGHT`; `SPOA_LISTEN` takes several addresses
/// with commas between. The command line holds before the environment, that before what the macro
/// says, that before the default.
///
/// # Signals and exit status
///
/// SIGTERM and SIGINT drain: nobody new is let in, handlers at work finish, HAProxy is told goodbye,
/// and `run!` returns. A second signal ends the process at once with status 143 or 130. Errors at the
/// start have status 1, mistakes on the command line 2.
#[cfg(feature = "cli")]
#[macro_export]
macro_rules! run {
    ($($options:tt)*) => {
        $crate::__private::expand_run!([$crate] $($options)*)
    };
}

/// Serves every handler linked into the program until it is told to stop.
#[cfg(not(feature = "cli"))]
#[macro_export]
macro_rules! run {
    ($($options:tt)*) => {
        $crate::__private::compile_error!(
            "`spoa::run!` needs the feature `cli` of `haproxy-spoa`: take `default-features = false` \
             out of Cargo.toml, or build the agent with `spoa::agent::Agent::builder()`"
        )
    };
}
