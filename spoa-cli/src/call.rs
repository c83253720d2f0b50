//! `spop call`: one message to an agent, and what it answers.

use crate::failure::{FOUND_WRONG, Failure};
use crate::output::print;
use clap::builder::ValueParser;
use clap::{Arg, ArgMatches, Command};
use serde_json::{Value, json};
use spoa::client::{Ack, Argument, Client, Error as ClientError};
use spoa::handler::BadVariable;
use spoa::spop::Value as Datum;
use spoa_tools::terminal::Paint;
use std::ffi::OsString;
use std::io::{stderr, stdout};
use std::process::ExitCode;
use std::time::Duration;

pub(crate) fn command() -> Command {
    Command::new("call")
        .about("Send one message to an agent and print the actions it answers with")
        .arg(crate::address())
        .arg(
            Arg::new("MESSAGE")
                .required(true)
                .help("The message, as named after `spoe-message` in spoe.conf"),
        )
        .arg(
            Arg::new("ARG")
                .num_args(0..)
                .allow_negative_numbers(true)
                .value_parser(ValueParser::os_string())
                .help("name=value; =value or a value alone is an unnamed argument"),
        )
        .arg(crate::max_frame_size())
        .arg(
            crate::patience("5s")
                .help("How long to wait for the connection, the HELLO and the answer, each"),
        )
        .arg(crate::json())
        .after_help(format!(
            "{}\n\nExample:  spop call 127.0.0.1:12345 get-ip-reputation ip=192.0.2.7",
            Argument::SYNTAX
        ))
}

pub(crate) fn run(matches: &ArgMatches) -> Result<ExitCode, Failure> {
    let message = crate::text(matches, "MESSAGE");
    let args = matches.get_many::<OsString>("ARG").unwrap_or_default();
    let args: Result<Vec<Argument>, _> = args.map(Argument::parse).collect();
    let args = args.map_err(Failure::usage)?;
    let answered = crate::runtime()?.block_on(send(matches, &message, &args));
    let ack = answered.map_err(|error| in_words(&error))?;
    if matches.get_flag("json") {
        print(&format!("{:#}\n", as_json(&message, &ack)))?
    } else {
        print(&lines(&ack, Paint::of(&stdout())))?
    };
    Ok(if remarks(&ack) {
        ExitCode::SUCCESS
    } else {
        ExitCode::from(FOUND_WRONG)
    })
}

async fn send(matches: &ArgMatches, message: &str, args: &[Argument]) -> Result<Ack, ClientError> {
    let patience = matches.get_one::<Duration>("timeout").copied();
    let patience = patience.unwrap_or_default();
    let client = Client::options()
        .engine_id("spop-call")
        .max_frame_size(crate::frame_size(matches))
        .hello_timeout(patience)
        .ack_timeout(patience)
        .connect(&crate::text(matches, "ADDRESS"))
        .await?;
    let args: Vec<(&str, Datum<'_>)> = args
        .iter()
        .map(|argument| (argument.name.as_str(), argument.value.as_value()))
        .collect();
    let ack = client.send(message, &args).await;
    // A goodbye that goes wrong takes nothing from the answer.
    let _ = client.close().await;
    ack
}

/// Says an error of the library in the words of this command.
fn in_words(error: &ClientError) -> Failure {
    match error {
        ClientError::Address { .. } | ClientError::TooManyArguments(_) => Failure::usage(error),
        ClientError::AckTimeout(limit) => Failure::failed(format!(
            "no ACK within {limit:?}: the agent is slow or does not answer; `--timeout 1m` waits \
             longer"
        )),
        ClientError::TooBig { size, limit, .. } => Failure::failed(format!(
            "a NOTIFY of {size} bytes is larger than the {limit} agreed on: send less, or raise \
             `--max-frame-size` and the agent's"
        )),
        error => Failure::failed(error),
    }
}

fn lines(ack: &Ack, paint: Paint) -> String {
    let line = |action: &_| {
        let text = format!("{action}");
        match text.split_once(' ') {
            Some((verb, rest)) => format!("{} {rest}\n", paint.dim(verb)),
            None => format!("{text}\n"),
        }
    };
    ack.actions.iter().map(line).collect()
}

fn as_json(message: &str, ack: &Ack) -> Value {
    let actions = ack.actions.iter().map(|action| action.to_json());
    let actions: Vec<Value> = actions
        .map(|text| text.parse().unwrap_or_default())
        .collect();
    json!({
        "message": message,
        "actions": actions,
        "malformed": ack.malformed.map(|error| error.to_string()),
    })
}

/// Says what HAProxy would not do with the answer; whether there is nothing to say.
fn remarks(ack: &Ack) -> bool {
    let paint = Paint::of(&stderr());
    let mut good = true;
    for action in &ack.actions {
        if let Err(bad) = BadVariable::check(action.scope(), action.name()) {
            good = false;
            eprintln!("{} {bad}", paint.warn("warning:"));
        }
    }
    if let Some(error) = ack.malformed {
        good = false;
        eprintln!(
            "{} the answer holds more that cannot be read ({error}); HAProxy does what comes \
             before it and says nothing",
            paint.warn("warning:")
        );
    }
    if good && ack.actions.is_empty() {
        eprintln!("the agent answered, without actions");
    }
    good
}
