//! The macros of the crate that need its path: they pass it on to `spoa_macros`.

/// The handlers of an agent, by the paths of their functions: an array for
/// [`AgentBuilder::handlers`](crate::agent::AgentBuilder::handlers).
///
/// ```
/// use spoa::prelude::*;
/// use spoa::agent::Agent;
/// use spoa::spop::Message;
///
/// mod addresses {
///     use spoa::prelude::*;
///     use spoa::agent::Agent;
///     use spoa::spop::Message;
///
///     #[spoe_message("get-ip-reputation", set = "sess.ip_score")]
///     pub fn reputation(ip: std::net::IpAddr) -> u8 {
///         if ip.is_loopback() { 100 } else { 20 }
///     }
/// }
///
/// #[spoe_fallback]
/// fn unknown(message: Message<'_>) {
///     println!("nobody answers {}", message.name());
/// }
///
/// let agent = Agent::builder().handlers(handlers![addresses::reputation, unknown]).build()?;
/// # Ok::<(), spoa::agent::Error>(())
/// ```
///
/// # Errors
///
/// The list does not compile if two of the handlers answer the same message, if two are fallbacks, or if a
/// function has no [`#[spoe_message]`](macro@crate::spoe_message). Two handlers of the same name, one
/// of them in a function that hides the other, are ambiguous: give them different names.
#[macro_export]
macro_rules! handlers {
    ($($handlers:tt)*) => {
        $crate::__private::expand_handlers!([$crate] $($handlers)*)
    };
}

/// Reads the command line, serves the program's handlers until a signal stops it, and returns from the
/// function it is called in. [`program!`](crate::program!) takes the same options and returns what `run!` runs.
///
/// | option | what it does | default |
/// |---|---|---|
/// | `options = Options` | the program's own options, a `#[derive(clap::Args)]` type (feature `options`): `options` in the expressions of `state` and `reload`, and [`State<'_, Options>`](crate::handler::State) in handlers. The guide `docs/options.md` has an example | none |
/// | `name = "iprep"` | the agent's name, also for HAProxy's engine and in logs | the name of the program file |
/// | `listen = "127.0.0.1:12345"` | an address to listen on, in the notation of [`Address`](crate::agent::Address), a literal or another constant; repeatable | `127.0.0.1:12345` |
/// | `state = Db::open(path)?` | data for the handlers that take [`State`](crate::handler::State), one of each type; repeatable. The expression may use `?` and `.await`. It runs in the agent's runtime when `serve`, `check`, `call` or `dev` make an agent. It owns the variables of `main` that it names | |
/// | `reload = Rules::load("rules.txt")?` | like `state`; at each SIGHUP the expression runs again, on a thread for blocking work. All new `reload` values are made before any of the old ones is replaced; if one fails, the log says why and all old values stay. Messages in flight keep the values they started with | |
/// | `watch = path`, `every = "10s"` | directly after a `reload`: this value is made again when the file changes, or after this time, see [`Renewal`](crate::agent::Renewal) | never |
/// | `serve = exporter(address)` | a service: a future, or a closure that takes [`Serving`](crate::run::Serving) and returns one. It runs while the agent serves, and not in `check`, `call` and `dev`. If it fails, the expression is evaluated again after a pause, see [`Setup::serve`](crate::run::Setup::serve); repeatable | |
/// | `handlers = [a, m::b]` | the handlers | every one that is linked into the program |
/// | `on_failure = f` | gives the actions for a message whose handler failed, as [`AgentBuilder::on_failure`](crate::agent::AgentBuilder::on_failure) | none |
/// | `observer = Audit::new()` | an [`Observer`](crate::agent::Observer) of all handlers, for an audit or a dry run; like `state`, the expression may use `?` and `.await` | none |
///
/// The command line and the environment override `listen`: `--help` lists their options. So do the
/// sockets that systemd passes (`LISTEN_FDS`), to which `--listen` adds.
///
/// ```no_run
/// use spoa::prelude::*;
/// use spoa::State;
/// use std::collections::HashSet;
/// use std::net::IpAddr;
///
/// #[spoe_message("check", set = "txn.blocked")]
/// fn check(ip: IpAddr, State(blocked): State<'_, HashSet<IpAddr>>) -> bool {
///     blocked.contains(&ip)
/// }
///
/// fn read(path: &str) -> Result<HashSet<IpAddr>, Box<dyn std::error::Error + Send + Sync>> {
///     Ok(std::fs::read_to_string(path)?.lines().map(str::parse).collect::<Result<_, _>>()?)
/// }
///
/// fn main() {
///     spoa::run!(
///         name = "blocklist",
///         listen = "unix@/run/spoa/blocklist.sock",
///         state = read("/etc/blocklist")?,
///         on_failure = |_| SetVar::transaction("failed", true),
///     )
/// }
/// ```
///
/// Call `run!` in a function that returns `()` or [`ExitCode`](std::process::ExitCode). It returns from that
/// function when the agent has stopped, and after the commands that print something, such as `handlers`. An error is
/// printed with what to do about it. Then the exit status is 1, or 2 for a mistake on the command line: the
/// function returns it as an `ExitCode`, or ends the process if it returns `()`. With an `ExitCode`, code can
/// run afterwards:
///
/// ```no_run
/// # use spoa::prelude::*;
/// # #[spoe_message("ping")] fn ping() {}
/// use std::process::ExitCode;
///
/// fn serve() -> ExitCode {
///     spoa::run!(name = "blocklist")
/// }
///
/// fn main() -> ExitCode {
///     let code = serve();
///     println!("stopped");
///     code
/// }
/// ```
#[cfg(feature = "run")]
#[macro_export]
macro_rules! run {
    ($($options:tt)*) => {
        $crate::__private::expand_run!([$crate] $($options)*)
    };
}

/// Makes a [`Program`](crate::run::Program) from the options of [`run!`](crate::run!), so that an agent is
/// declared once, for `main`, tests and other programs.
///
/// ```
/// use spoa::prelude::*;
/// use spoa::State;
/// use spoa::run::Program;
/// use std::process::ExitCode;
///
/// struct Limit(u8);
///
/// #[spoe_message("check", set = "txn.blocked")]
/// fn check(score: u8, State(limit): State<'_, Limit>) -> bool {
///     score > limit.0
/// }
///
/// fn agent() -> Program {
///     spoa::program!(name = "scores", state = Limit(50), handlers = [check])
/// }
///
/// fn main() -> ExitCode {
///     # if true { return ExitCode::SUCCESS; }
///     agent().main()
/// }
///
/// // In a #[tokio::test]:
/// # #[tokio::main(flavor = "current_thread")]
/// # async fn test() -> Result<(), Box<dyn std::error::Error>> {
/// let builder = agent().agent_builder(["--handler-timeout=20ms"]).await?;
/// assert!(builder.build().is_ok());
/// # Ok(())
/// # }
/// # test().unwrap();
/// ```
#[cfg(feature = "run")]
#[macro_export]
macro_rules! program {
    ($($options:tt)*) => {
        $crate::__private::expand_program!([$crate] $($options)*)
    };
}

/// `run!` needs the feature `run`.
#[cfg(not(feature = "run"))]
#[macro_export]
macro_rules! run {
    ($($options:tt)*) => {
        $crate::__private::compile_error!(
            "`spoa::run!` needs the feature `run` of `haproxy-spoa`: write `features = [\"run\"]` after \
             `default-features = false` in Cargo.toml, or build the agent with \
             `spoa::agent::Agent::builder()`"
        )
    };
}
