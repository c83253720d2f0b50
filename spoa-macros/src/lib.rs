//! Procedural macros of `spoa`: they inspect syntax and leave types to the traits of the crate.
//!
//! It must not know what a type means, nor anything of protocol, agent or runtime.

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
mod syntax;

use message::Kind;
use proc_macro::TokenStream;

/// Makes a function the handler of a message.
///
/// The name is the one that stands after `spoe-message` in spoe.conf. The function, `fn` or
/// `async fn`, stays what it is: a test can call it. `spoa::run!()` finds it, `spoa::handlers!` names
/// it.
///
/// ```
/// use spoa::prelude::*;
/// use std::net::IpAddr;
///
/// /// Scores a client address: 100 is safe, 0 is blacklisted.
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
/// | `set = "sess.ip_score"` | writes the value returned to this variable: the function returns a value, an `Option` or a `Result` of one, instead of an action |
/// | `timeout = "20ms"` | answers HAProxy without the handler when it takes longer; a whole number of `us`, `ms`, `s`, `m` or `h`. For `async fn` and `blocking` only: nothing can interrupt another function |
/// | `blocking` | runs a function that is not async on a thread of its own, where it may wait for a disk or a database |
/// | `event = "on-frontend-http-request"` | when HAProxy is to send the message |
/// | `condition = "if { path_beg /api }"` | what must hold then; behind `if` or `unless`, as HAProxy writes it |
/// | `group = "check"` | the group a rule of HAProxy's sends the message with, instead of an event |
/// | `crate = path` | names the crate `spoa` where it has another name |
///
/// `event`, `condition` and `group` are for HAProxy's side, which the agent's command `config` prints:
/// nothing changes for the handler. A message has an event or a group, not both.
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
/// # Parameters
///
/// A parameter is the argument of its name (`args ip=src` in spoe.conf), letter by letter, a raw
/// identifier without its `r#`, and what a handler does not use without the `_` at its head: `_ip` takes
/// `ip`, unless `#[arg("_ip")]` says otherwise. Its type says how the argument is converted; a type that is made from
/// the whole message, such as `Message`, `Context`, `State<'_, T>` or a struct with
/// `#[derive(FromMessage)]`, has any name. The attribute `#[arg(…)]` before a parameter changes that:
///
/// | attribute | what it does |
/// |---|---|
/// | `#[arg("client-ip")]` | takes the argument of another name; names in HAProxy often have a `-`, which no parameter can have |
/// | `#[arg(index = 1)]` | takes the argument at that place, counting from 0: `args src path` gives none of them a name |
/// | `#[arg(default)]` | takes `Default::default()` where the argument is absent or NULL |
/// | `#[arg(default = 443)]` | takes this expression there |
/// | `#[arg(sample = "src")]` | says where HAProxy gets the argument: what stands behind the `=` in `args` of spoe.conf, where blanks need a `\` before them |
/// | `#[arg(reject)]` | says that a client may have the message rejected by this argument |
/// | `#[arg(sample_unchecked = "lua.score")]` | the same, unchecked, for what HAProxy does not have by itself, such as fetches in Lua |
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
/// A `sample` is checked while the agent compiles, by what HAProxy 2.6 to 3.5 list of themselves: its
/// fetch and converters exist in one of them at least, take these arguments, follow one another, give
/// what the type of the parameter is made from, and have something to fetch at the `event` of the
/// message. Names that it refers to, such as variables, backends, tables and files, are not looked for.
/// Most samples may have no value, as a header that is not there: then HAProxy sends NULL, and a
/// handler whose argument is no `Option` and has no default is not run. `handlers` and the log at the
/// start name such arguments.
///
/// A client must not have a message rejected, or it could switch the check off. So where a client
/// chooses the sample, or can have HAProxy find no value for it, the type must take whatever comes:
/// `Text<'_>`, `&[u8]`, `Option`s of these, `Result<T, Mismatch>`, `u64` for `req.body_size`. A `&str` for
/// `path`, an `IpAddr` for a header or a `&[u8]` for a header that may not be there is an error, unless
/// `#[arg(reject)]` says that such a message may be rejected. An argument without a `sample` is checked if
/// its name is that of a part of the request: `method`, `path`, `pathq`, `url`, `uri`, `query`, `host`,
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
/// What is borrowed, as `&str`, borrows from the message, and what is returned may borrow it in turn.
/// A function may have lifetimes for that, but no other parameters in `<…>`.
///
/// # Errors
///
/// Every mistake is reported at once, where it stands: a name that HAProxy would not take, an unknown
/// option, two parameters for one argument, a parameter that no argument becomes, something returned
/// that is no action, a future that is not `Send`. In the body, a literal name that HAProxy would drop
/// (`SetVar::session("ip-score", …)`) is an error, too.
///
/// Beside the function stands a hidden type of its name. So a scope cannot have a module or type of
/// that name, and a function in an `impl` cannot be a handler.
#[proc_macro_attribute]
pub fn spoe_message(options: TokenStream, item: TokenStream) -> TokenStream {
    message::handler(Kind::Message, options.into(), item.into()).into()
}

/// Makes a function the handler of the messages that no other handler of the agent answers.
///
/// It has the options, parameters and results of `#[spoe_message]`, but no name. An agent has one at
/// most. Without it, a message that nobody answers is logged, and HAProxy goes on without actions.
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
    message::handler(Kind::Fallback, options.into(), item.into()).into()
}

/// Takes the arguments of a message as a struct.
///
/// Each field is what a parameter of a handler would be, `#[arg(…)]` included: an argument of its
/// name, or something made from the whole message, such as another struct with this derive. The
/// struct may have one lifetime, that of the message. `#[arg(crate = path)]` on the struct names the
/// crate `spoa` where it has another name.
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
///     #[arg("user-agent")]
///     agent: Option<Text<'a>>,
///     client: Client,
///     context: Context<'a>,
/// }
///
/// /// `ip` and `port` of the same message.
/// #[derive(FromMessage)]
/// struct Client {
///     ip: IpAddr,
///     #[arg(default)]
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
/// The derive stands on structs with fields. A field of a tuple struct needs `#[arg("name")]` or
/// `#[arg(index = 0)]`, unless its type is `Message`, `Args`, `Context` or `State`.
#[proc_macro_derive(FromMessage, attributes(arg))]
pub fn from_message(item: TokenStream) -> TokenStream {
    let item = syn::parse_macro_input!(item as syn::DeriveInput);
    derive::from_message(&item).into()
}

/// Takes an argument as a type of one's own: a struct of one field, or an enum of texts.
///
/// The struct is whatever its field can be. The enum is text: that of a variant is its name in small
/// letters with `-` between words, `NotFound` being `not-found`, or what `#[value("…")]` or
/// `#[value(name = "…")]` says. Letters
/// count: `GET` is not `get`. `#[value(crate = path)]` on the type names the crate `spoa` where it has
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
///     #[value("VIP")]
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
/// The struct has one field; the enum has variants, none of them with fields, each with a text of its
/// own.
#[proc_macro_derive(FromValue, attributes(value))]
pub fn from_value(item: TokenStream) -> TokenStream {
    let item = syn::parse_macro_input!(item as syn::DeriveInput);
    derive::from_value(&item).into()
}

/// Sets a variable for each field of a struct, in their order.
///
/// A field can be any value that a variable holds. `None` leaves its variable alone, `Unset` unsets
/// it, and an `Err` fails the handler.
///
/// | attribute | what it does |
/// |---|---|
/// | `#[vars(scope = "txn")]` on the struct | the scope of all fields that do not have their own: `proc`, `sess`, `txn`, `req` or `res` |
/// | `#[vars(crate = path)]` on the struct | names the crate `spoa` where it has another name |
/// | `#[var(scope = "sess")]` on a field | its scope |
/// | `#[var(name = "ip_score")]` on a field | the name of its variable, where it is not the field's |
/// | `#[var(flatten)]` on a field | the field is no value but actions: another struct with this derive, a `SetVar`, an `Option` of one |
///
/// ```
/// use spoa::prelude::*;
///
/// #[derive(IntoActions)]
/// #[vars(scope = "txn")]
/// struct Verdict<'a> {
///     score: u8,
///     reason: Option<&'a str>,
///     #[var(name = "ip_score", scope = "sess")]
///     of_address: u8,
///     #[var(flatten)]
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
/// The derive stands on structs. Each field needs a scope, and a name that HAProxy takes: letters,
/// digits, `_` and `.`, at most 63 characters with scope and prefix. Two fields cannot set one
/// variable.
#[proc_macro_derive(IntoActions, attributes(vars, var))]
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

/// `spoa::run!`, with the path of the crate before its input.
#[doc(hidden)]
#[proc_macro]
pub fn expand_run(input: TokenStream) -> TokenStream {
    program::run(input.into()).into()
}
