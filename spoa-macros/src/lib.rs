//! Procedural macros of `spoa`. They inspect syntax and leave types to the traits of the crate.

mod argument;
mod assertion;
mod derive;
mod duration;
mod errors;
mod haproxy;
mod hygiene;
mod message;
mod options;
mod program;
#[cfg(test)]
mod snapshots;
mod syntax;

use message::AttributeKind;
use proc_macro::TokenStream;

/// Makes a function the handler of a message.
///
/// The name is the one after `spoe-message` in spoe.conf. The macro does not change the function, `fn` or
/// `async fn`, so a test can call it. `spoa::run!()` finds the handler; `spoa::handlers!` lists it explicitly.
///
/// ```
/// use spoa::prelude::*;
/// use std::net::IpAddr;
///
/// /// Scores a client address: 100 is safe, 0 is hostile.
/// #[spoe_message("get-ip-reputation")]
/// fn ip_reputation(ip: IpAddr) -> SetVar<u8> {
///     SetVar::session("ip_score", if ip.is_loopback() { 100 } else { 20 })
/// }
///
/// assert_eq!(ip_reputation("127.0.0.1".parse().unwrap()).value(), &100);
/// ```
///
/// # Options
///
/// | option | what it does |
/// |---|---|
/// | `set = "sess.ip_score"` | sets this variable to the returned value: the function returns a value, or an `Option` or `Result` of one, instead of an action |
/// | `timeout = "20ms"` | answers HAProxy without the handler if it takes longer; a whole number of `us`, `ms`, `s`, `m` or `h`. Only for `async fn` and `blocking`: other functions cannot be interrupted |
/// | `blocking` | runs a function that is not async on a thread for blocking work, where it may wait for a disk or a database |
/// | `event = "on-frontend-http-request"` | when HAProxy sends the message |
/// | `condition = "if { path_beg /api }"` | the condition for sending it, beginning with `if` or `unless` as in HAProxy |
/// | `group = "check"` | the group in which an HAProxy rule sends the message, instead of an event |
/// | `crate = path` | the path of the crate `spoa` if it has another name |
///
/// `event`, `condition` and `group` are for the HAProxy configuration that the agent's command `config`
/// prints; they do not change the handler. A message has an event or a group, not both.
///
/// ```
/// use spoa::prelude::*;
///
/// #[spoe_message("get-ip-reputation", set = "sess.ip_score")]
/// fn ip_reputation(ip: std::net::IpAddr) -> u8 {
///     if ip.is_loopback() { 100 } else { 20 }
/// }
///
/// #[spoe_message("look-up", timeout = "20ms")]
/// async fn look_up(host: Text<'_>) -> Result<Option<SetVar<String>>, HandlerError> {
///     # async fn database(_: &str) -> std::io::Result<Option<String>> { Ok(None) }
///     let owner = database(&host).await?;
///     Ok(owner.map(|owner| SetVar::transaction("owner", owner)))
/// }
///
/// #[spoe_message(
///     "log-in",
///     event = "on-frontend-http-request",
///     condition = "if { path /login }"
/// )]
/// fn log_in(
///     #[arg(sample = "src")] ip: std::net::IpAddr,
///     #[arg(sample = "req.fhdr(user-agent),lower")] agent: Option<Text<'_>>,
/// ) -> SetVar<bool> {
///     SetVar::session("suspect", agent.is_none() && !ip.is_loopback())
/// }
///
/// #[spoe_message("audit", blocking)]
/// fn audit(path: Text<'_>) -> Result<(), std::io::Error> {
///     std::fs::write("audit.log", &*path)
/// }
/// ```
///
/// `on_failure = f` gives the actions for a message if the handler fails, as `on_failure` of `run!` and of the
/// agent does for all handlers: `f` is a function or a closure that takes a `&FailedMessage`. `handlers`, `docs`,
/// `config` and `doctor` know the variables that a closure names, and those of a type with
/// `#[derive(IntoActions)]`; those that a function computes they do not know.
///
/// ```
/// use spoa::prelude::*;
///
/// #[spoe_message("score", set = "txn.score", on_failure = |_| SetVar::transaction("unscored", true))]
/// fn score(path: Text<'_>) -> Result<u8, HandlerError> {
///     # fn lookup(_: &str) -> std::io::Result<u8> { Ok(1) }
///     Ok(lookup(&path)?)
/// }
/// ```
///
/// # Parameters
///
/// A parameter takes the argument of its name (`args ip=src` in spoe.conf). The names must be equal,
/// except that a raw identifier loses its `r#`, and an unused parameter the `_` at its start: `_ip` takes
/// `ip`, unless `#[arg("_ip")]` says otherwise. The type of the parameter says how the argument is
/// converted. A type that is made from the whole message, such as `Message`, `Context`, `State<'_, T>`
/// or a struct with `#[derive(FromMessage)]`, can have any name. The attribute `#[arg(…)]` before a
/// parameter changes that:
///
/// | attribute | what it does |
/// |---|---|
/// | `#[arg("client-ip")]` | takes the argument with this name; names in HAProxy often have a `-`, which a parameter cannot have |
/// | `#[arg(index = 1)]` | takes the argument at this position, counting from 0; the arguments of `args src path` have no names |
/// | `#[arg(default)]` | takes `Default::default()` if the argument is absent or NULL |
/// | `#[arg(default = 443)]` | takes this expression if the argument is absent or NULL |
/// | `#[arg(sample = "src")]` | says where HAProxy gets the argument: the text after `=` in `args` of spoe.conf, where a blank needs a `\` before it |
/// | `#[arg(sample_unchecked = "lua.score")]` | like `sample`, but unchecked, for fetches that HAProxy does not define itself, for instance in Lua |
/// | `#[arg(reject)]` | says that a client may make the agent reject the message by this argument |
/// | `#[arg(secret)]` | keeps the value out of the log: `--log spoa::values=trace` shows `(secret)` in its place |
///
/// `#[arg(…)]` is short for `#[spoa(…)]`, which fields of structs use. Before a parameter you can write
/// either, because the macro removes it before another macro can read it.
///
/// ```
/// use spoa::prelude::*;
/// use spoa::State;
/// use std::net::IpAddr;
///
/// #[spoe_message("check-request")]
/// fn check(
///     #[arg("client-ip", sample = "src")] ip: IpAddr,
///     #[arg("dst-port", default = 443)] port: u16,
///     #[arg(index = 2)] method: &str,
///     agent: Option<&str>,
///     State(limit): State<'_, u32>,
/// ) -> SetVar<bool> {
///     SetVar::transaction("ok", port == 443 && method == "GET" && *limit > 0)
/// }
/// ```
///
/// A `sample` is checked when the agent is compiled, against the lists that HAProxy 2.6 to 3.5 print of
/// themselves. At least one of these versions must have the fetch and the converters, accept their
/// arguments and their order, give what the type of the parameter is made from, and have the sample at
/// the `event` of the message. Names in the sample, such as variables, backends, tables and files, are
/// not checked. Most samples may have no value, for instance an absent header. Then HAProxy sends NULL,
/// and a handler whose argument is not an `Option` and has no default does not run. The command
/// `handlers` and the start of the log name such arguments.
///
/// A client must not be able to make the agent reject a message: its request would pass unchecked. So if
/// the client chooses the sample, or can cause HAProxy to find no value, the type must accept everything:
/// `Text<'_>`, `&[u8]`, `Option`s of these, `Result<T, Mismatch>`, `u64` for `req.body_size`. A `&str`
/// for `path`, an `IpAddr` for a header or a `&[u8]` for a header that may be absent is an error, unless
/// `#[arg(reject)]` says that such a message may be rejected. An argument without a `sample` is checked
/// if it has the name of a part of the request: `method`, `path`, `pathq`, `url`, `uri`, `query`, `host`,
/// `user_agent`, `referer`, `cookie`, `cookies`, `headers`, `body`.
///
/// ```compile_fail
/// # use spoa::prelude::*;
/// #[spoe_message("check-path")]
/// fn check_path(#[arg(sample = "path")] path: &str) -> SetVar<bool> {
///     SetVar::transaction("blocked", path.starts_with("/admin"))
/// }
/// ```
///
/// A reference, such as `&str`, borrows from the message, and the returned value may borrow from it too.
/// A function may have lifetimes for that, but no type or const parameters.
///
/// # Errors
///
/// All mistakes of a handler are reported together, each at its place: a name that HAProxy does not
/// accept, an unknown option, two parameters for one argument, a parameter type that cannot be made from
/// an argument, a result that is not an action, a future that is not `Send`. A literal name in the body
/// that HAProxy would drop (`SetVar::session("ip-score", …)`) is also an error.
///
/// The macro adds a hidden type with the name of the function. So the scope cannot have another module or
/// type of that name, and a method cannot be a handler.
#[proc_macro_attribute]
pub fn spoe_message(options: TokenStream, item: TokenStream) -> TokenStream {
    message::handler(AttributeKind::Message, options.into(), item.into()).into()
}

/// Makes a function the handler of the messages that no other handler of the agent answers.
///
/// It has the options, parameters and results of `#[spoe_message]`, but no name. An agent has at most
/// one. Without it, a message that has no handler is logged, and HAProxy continues without actions.
///
/// ```
/// use spoa::prelude::*;
/// use spoa::spop::Message;
///
/// #[spoe_fallback(set = "txn.unknown_message")]
/// fn unknown(message: Message<'_>) -> String {
///     message.name().to_string()
/// }
/// ```
#[proc_macro_attribute]
pub fn spoe_fallback(options: TokenStream, item: TokenStream) -> TokenStream {
    message::handler(AttributeKind::Fallback, options.into(), item.into()).into()
}

/// Takes the arguments of a message as a struct.
///
/// Each field is like a parameter of a handler: it takes the argument of its name, or is made from the
/// whole message, such as another struct with this derive. `#[spoa(…)]` on a field has the options of
/// `#[arg(…)]` before a parameter. The struct may have one lifetime, that of the message.
/// `#[spoa(crate = path)]` on the struct gives the path of the crate `spoa` if it has another name.
///
/// ```
/// use spoa::prelude::*;
/// use spoa::Context;
/// use std::net::IpAddr;
///
/// #[derive(FromMessage)]
/// struct Request<'a> {
///     method: &'a str,
///     path: Text<'a>,
///     #[spoa("user-agent")]
///     agent: Option<Text<'a>>,
///     client: Client,
///     context: Context<'a>,
/// }
///
/// /// `ip` and `port` of the same message.
/// #[derive(FromMessage)]
/// struct Client {
///     ip: IpAddr,
///     #[spoa(default)]
///     port: u16,
/// }
///
/// #[spoe_message("inspect")]
/// fn inspect(request: Request<'_>) -> SetVar<bool> {
///     SetVar::transaction("bot", request.agent.is_none())
/// }
/// ```
///
/// # Errors
///
/// The derive is for structs with fields. A field of a tuple struct needs `#[spoa("name")]` or
/// `#[spoa(index = 0)]`, unless its type is `Message`, `Args`, `Context` or `State`.
#[proc_macro_derive(FromMessage, attributes(spoa))]
pub fn from_message(item: TokenStream) -> TokenStream {
    let item = syn::parse_macro_input!(item as syn::DeriveInput);
    derive::from_message(&item).into()
}

/// Takes an argument as a type of your own: a struct of one field, or an enum of texts.
///
/// The struct accepts the values that its field accepts. The enum accepts text: a variant stands for its
/// own name in kebab case, `NotFound` for `not-found`, or for the text in `#[spoa("…")]`. Case counts:
/// `GET` is not `get`. `#[spoa(crate = path)]` on the type gives the path of the crate `spoa` if it has
/// another name.
///
/// ```
/// use spoa::prelude::*;
///
/// #[derive(FromValue)]
/// struct UserId(u64);
///
/// #[derive(FromValue)]
/// enum Tier {
///     Free,
///     PayAsYouGo,
///     #[spoa("VIP")]
///     Vip,
/// }
///
/// #[spoe_message("limits")]
/// fn limits(user: UserId, tier: Option<Tier>) -> SetVar<u32> {
///     let limit = match tier {
///         None | Some(Tier::Free) => 10,
///         Some(Tier::PayAsYouGo) => 1_000,
///         Some(Tier::Vip) => 10_000,
///     };
///     SetVar::transaction("limit", limit)
/// }
/// ```
///
/// # Errors
///
/// The struct must have one field. The enum must have variants without fields, each with a text of its
/// own.
#[proc_macro_derive(FromValue, attributes(spoa))]
pub fn from_value(item: TokenStream) -> TokenStream {
    let item = syn::parse_macro_input!(item as syn::DeriveInput);
    derive::from_value(&item).into()
}

/// Sets a variable for each field of a struct, in their order.
///
/// A field can be any value that a variable can hold. `None` leaves the variable alone, `Unset` unsets
/// it, and an `Err` fails the handler.
///
/// | attribute | what it does |
/// |---|---|
/// | `#[spoa(scope = "txn")]` on the struct | the scope of all fields that have none of their own: `proc`, `sess`, `txn`, `req` or `res` |
/// | `#[spoa(crate = path)]` on the struct | the path of the crate `spoa` if it has another name |
/// | `#[spoa(scope = "sess")]` on a field | the scope of the field's variable |
/// | `#[spoa("ip_score")]` on a field | the name of the variable, if it is not the name of the field |
/// | `#[spoa(flatten)]` on a field | the field holds actions instead of a value: another struct with this derive, a `SetVar`, an `Option` of one |
///
/// A struct can derive `FromMessage` as well. Then a name in `#[spoa("…")]` is that of the argument and
/// of the variable.
///
/// ```
/// use spoa::prelude::*;
///
/// #[derive(IntoActions)]
/// #[spoa(scope = "txn")]
/// struct Verdict<'a> {
///     score: u8,
///     reason: Option<&'a str>,
///     #[spoa("ip_score", scope = "sess")]
///     of_address: u8,
///     #[spoa(flatten)]
///     flag: Option<SetVar<bool>>,
/// }
///
/// #[spoe_message("inspect")]
/// fn inspect(agent: Option<&str>) -> Verdict<'_> {
///     Verdict { score: 20, reason: agent, of_address: 50, flag: None }
/// }
/// ```
///
/// # Errors
///
/// The derive is for structs. Each field needs a scope, and a name that HAProxy accepts: letters, digits,
/// `_` and `.`, at most 63 characters including scope and prefix. Two fields cannot set one variable.
#[proc_macro_derive(IntoActions, attributes(spoa))]
pub fn into_actions(item: TokenStream) -> TokenStream {
    let item = syn::parse_macro_input!(item as syn::DeriveInput);
    derive::into_actions(&item).into()
}

/// `spoa::handlers!`, with the path of the crate before its input.
#[doc(hidden)]
#[proc_macro]
pub fn expand_handlers(input: TokenStream) -> TokenStream {
    program::handlers(input.into()).into()
}

/// `spoa::program!`, with the path of the crate before its input.
#[doc(hidden)]
#[proc_macro]
pub fn expand_program(input: TokenStream) -> TokenStream {
    program::program(input.into()).into()
}

/// `spoa::run!`, with the path of the crate before its input.
#[doc(hidden)]
#[proc_macro]
pub fn expand_run(input: TokenStream) -> TokenStream {
    program::run(input.into()).into()
}
