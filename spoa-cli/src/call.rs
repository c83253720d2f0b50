//! `spop call`: one message to an agent, and what it answers.

use crate::admin;
use crate::expectation::Expectation;
use crate::failure::{FOUND_WRONG, Failure};
use crate::output::print;
use crate::transport::{self, Target};
use clap::builder::ValueParser;
use clap::{Arg, ArgAction, ArgMatches, Command, value_parser};
use serde_json::{Value, json};
use spoa::client::{Ack, Argument, Client, Error as ClientError};
use spoa::handler::BadVariable;
use spoa::spop::Value as Datum;
use spoa_tools::description;
use spoa_tools::terminal::Paint;
use std::ffi::OsString;
use std::io::{stderr, stdout};
use std::path::PathBuf;
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
        .arg(
            Arg::new("expect")
                .long("expect")
                .value_name("EXPECTATION")
                .action(ArgAction::Append)
                .value_parser(Expectation::parse)
                .help("Variable that the answer must set, such as 'sess.score >= 20'"),
        )
        .arg(
            Arg::new("agent")
                .long("agent")
                .value_name("DESCRIPTION")
                .value_parser(value_parser!(PathBuf))
                .help("Output of the agent's `handlers --json`: fail if it lacks MESSAGE"),
        )
        .arg(
            Arg::new("admin")
                .long("admin")
                .value_name("ADDRESS")
                .help("The agent's admin server: fail if the agent lacks MESSAGE"),
        )
        .args(transport::args())
        .arg(crate::max_frame_size())
        .arg(
            crate::patience("5s")
                .help("How long to wait for the connection, the HELLO and the answer, each"),
        )
        .arg(crate::json())
        .after_help(format!(
            "{}\n\n{}\n\nAn agent answers an unknown message without actions, so SPOP cannot tell it from an answer \
             without\nactions: `--agent` or `--admin` says which messages the agent knows.\n\nExamples:\n  \
             spop call 127.0.0.1:12345 get-ip-reputation ip=192.0.2.7\n  \
             spop call 127.0.0.1:12345 get-ip-reputation ip=192.0.2.7 --expect 'sess.ip_score >= 20'\n  \
             spop call 127.0.0.1:12345 check-body method=POST body=@request.json",
            Argument::SYNTAX,
            Expectation::SYNTAX
        ))
}

pub(crate) fn run(matches: &ArgMatches) -> Result<ExitCode, Failure> {
    let message = crate::text(matches, "MESSAGE");
    let args = matches.get_many::<OsString>("ARG").unwrap_or_default();
    let args: Result<Vec<Argument>, _> = args.map(Argument::read).collect();
    let args = args.map_err(Failure::usage)?;
    let ack = crate::runtime()?.block_on(async {
        known(matches, &message).await?;
        send(matches, &message, &args).await
    })?;
    let expectations: Vec<&Expectation> = matches.get_many("expect").unwrap_or_default().collect();
    let verdicts: Vec<Verdict<'_>> = expectations
        .iter()
        .map(|expectation| Verdict::of(expectation, &ack))
        .collect();
    if matches.get_flag("json") {
        print(&format!("{:#}\n", as_json(&message, &ack, &verdicts)))?
    } else {
        print(&lines(&ack, Paint::of(&stdout())))?
    };
    let good = remarks(&ack, verdicts.is_empty());
    Ok(if unmet(&verdicts) == 0 && good {
        ExitCode::SUCCESS
    } else {
        ExitCode::from(FOUND_WRONG)
    })
}

/// An expectation, and whether the answer meets it.
struct Verdict<'a> {
    expectation: &'a Expectation,
    is_met: bool,
    found: String,
}

impl<'a> Verdict<'a> {
    fn of(expectation: &'a Expectation, ack: &Ack) -> Self {
        let actions = ack.actions.iter().map(|action| action.as_action());
        let value = expectation.value(actions);
        Verdict {
            expectation,
            is_met: expectation.is_met(value),
            found: expectation.found(value),
        }
    }
}

/// Fails if a description or the admin server says that the agent does not answer the message.
async fn known(matches: &ArgMatches, message: &str) -> Result<(), Failure> {
    if let Some(path) = matches.get_one::<PathBuf>("agent") {
        let agent = description::load(path).map_err(Failure::usage)?;
        if !agent.fallback {
            let names = agent.messages.iter().map(|known| known.name.as_str());
            answers(message, names.collect())?;
        }
    }
    if let Some(address) = matches.get_one::<String>("admin") {
        let patience = matches.get_one::<Duration>("timeout").copied();
        let stats = admin::stats(address, patience.unwrap_or_default()).await?;
        if let Some(names) = admin::messages(&stats) {
            answers(message, names)?;
        }
    }
    Ok(())
}

fn answers(message: &str, known: Vec<&str>) -> Result<(), Failure> {
    if known.contains(&message) {
        return Ok(());
    }
    let meant = match spoa_facts::nearest(message, known.iter().copied()) {
        Some(meant) => format!("did you mean `{meant}`? "),
        None => String::new(),
    };
    Err(Failure::failed(format!(
        "no handler for message `{message}`: {meant}the agent answers `{}`",
        known.join("`, `")
    )))
}

/// Says which expectations are not met. Returns their number.
fn unmet(verdicts: &[Verdict<'_>]) -> usize {
    let unmet = verdicts.iter().filter(|verdict| !verdict.is_met);
    let paint = Paint::of(&stderr());
    unmet
        .map(
            |Verdict {
                 expectation, found, ..
             }| {
                let label = paint.bad("expectation failed:");
                eprintln!("{label} `{expectation}`: {found}");
            },
        )
        .count()
}

async fn send(matches: &ArgMatches, message: &str, args: &[Argument]) -> Result<Ack, Failure> {
    let patience = matches.get_one::<Duration>("timeout").copied();
    let patience = patience.unwrap_or_default();
    let target = Target::read(matches)?;
    let stream = target.connect(patience).await?;
    let about = |error| in_words(&error, target.has_tls());
    let client = Client::options()
        .engine_id("spop-call")
        .max_frame_size(crate::frame_size(matches))
        .hello_timeout(patience)
        .ack_timeout(patience)
        .over(stream)
        .await
        .map_err(about)?;
    let args: Vec<(&str, Datum<'_>)> = args
        .iter()
        .map(|argument| (argument.name.as_str(), argument.value.as_value()))
        .collect();
    let ack = client.send(message, &args).await;
    // A graceful close that fails changes nothing in the answer.
    let _ = client.close().await;
    ack.map_err(about)
}

/// Returns the error message of this command for an error of the library.
fn in_words(error: &ClientError, has_tls: bool) -> Failure {
    match error {
        ClientError::NoHello if !has_tls => Failure::failed(
            "the agent closed the connection in place of an AGENT-HELLO: its log may say why; if it takes TLS \
             only, give `--tls --ca FILE`",
        ),
        ClientError::Io(source) => {
            let remedy = transport::remedy(&source.to_string());
            Failure::failed(format!("{error}{remedy}"))
        }
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

fn as_json(message: &str, ack: &Ack, verdicts: &[Verdict<'_>]) -> Value {
    let actions = ack.actions.iter().map(|action| action.to_json());
    let actions: Vec<Value> = actions
        .map(|text| text.parse().unwrap_or_default())
        .collect();
    let mut answer = json!({
        "message": message,
        "actions": actions,
        "malformed": ack.malformed.map(|error| error.to_string()),
    });
    if !verdicts.is_empty() {
        let verdicts = verdicts.iter().map(|verdict| {
            json!({
                "expectation": verdict.expectation.to_string(),
                "met": verdict.is_met,
                "found": verdict.found,
            })
        });
        let verdicts: Value = verdicts.collect();
        if let Value::Object(answer) = &mut answer {
            answer.insert("expectations".to_owned(), verdicts);
        }
    }
    answer
}

/// Reports what HAProxy would not do with the answer, and an answer without actions if nothing
/// was expected. Returns whether HAProxy would do all of it.
fn remarks(ack: &Ack, tell_empty: bool) -> bool {
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
    if good && tell_empty && ack.actions.is_empty() {
        eprintln!("the agent answered, without actions");
    }
    good
}
