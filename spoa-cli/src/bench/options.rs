//! The command line of `spop bench`.

use super::plan::{BenchMessage, Plan};
use crate::expectation::Expectation;
use crate::failure::Failure;
use crate::process::Process;
use crate::transport::{self, Target};
use clap::builder::ValueParser;
use clap::{Arg, ArgAction, ArgMatches, Command};

use spoa::client::{Argument, OwnedValue};
use spoa_facts::{duration, size};
use std::ffi::OsString;
use std::time::Duration;

/// The options of the command line.
#[derive(Debug)]
pub(super) struct Options {
    pub(super) plan: Plan,
    /// The agent's process.
    pub(super) process: Option<Process>,
    pub(super) json: bool,
}

/// The default message: the one in the example of SPOE.txt.
const DEFAULT_MESSAGE: &str = "get-ip-reputation ip=192.0.2.7";

pub(crate) fn command() -> Command {
    Command::new("bench")
        .about("Send load to an agent; measure throughput, latency, CPU time and memory")
        // All words after `--message NAME` are its arguments, so the address comes before.
        .override_usage("spop bench <ADDRESS> [OPTIONS] [--message <NAME> [ARG]...]...")
        .arg(crate::address())
        .arg(
            Arg::new("message")
                .long("message")
                .short('m')
                .value_names(["NAME", "ARG"])
                .num_args(1..)
                .action(ArgAction::Append)
                .allow_negative_numbers(true)
                .value_parser(ValueParser::os_string())
                .help(format!(
                    "A message and its arguments; repeatable, for more messages in each NOTIFY; \
                     write ADDRESS before it [default: {DEFAULT_MESSAGE}]"
                )),
        )
        .arg(
            option("payload", "BYTES", size, "0")
                .help("Add an argument `body` of this size to the first message"),
        )
        .arg(
            option("connections", "N", count, "1")
                .short('c')
                .help("Number of connections"),
        )
        .arg(
            option("in-flight", "N", count, "1")
                .short('n')
                .help("NOTIFYs in flight on each connection; HAProxy has up to 20"),
        )
        .arg(
            Arg::new("rate")
                .long("rate")
                .short('r')
                .value_name("N")
                .value_parser(rate)
                .help(
                    "Send this many NOTIFYs a second, whatever the agent does (open loop); latency \
                     counts from when each was due [default: the next when one is answered]",
                ),
        )
        .arg(
            option("duration", "TIME", duration, "10s")
                .short('d')
                .help("Measured time"),
        )
        .arg(option("warm-up", "TIME", duration, "1s").help("Time to send before measuring"))
        .arg(
            option("threads", "N", count, "1")
                .help("Sending threads; use more if one is always busy"),
        )
        .arg(
            Arg::new("idle")
                .long("idle")
                .action(ArgAction::SetTrue)
                .conflicts_with_all(["rate", "in-flight", "warm-up"])
                .help("Send one NOTIFY on each connection, then hold them all for --duration"),
        )
        .arg(
            Arg::new("expect")
                .long("expect")
                .value_name("EXPECTATION")
                .action(ArgAction::Append)
                .value_parser(Expectation::parse)
                .help("Variable that every ACK must set, such as sess.ip_score=20"),
        )
        .arg(
            Arg::new("pid")
                .long("pid")
                .value_name("PID")
                .value_parser(clap::value_parser!(u32))
                .help("Agent's process, to measure its CPU time and memory (Linux)"),
        )
        .args(transport::args())
        .arg(crate::max_frame_size())
        .arg(crate::patience("5s").help(
            "Timeout for connecting, for the HELLO, and for the last ACKs",
        ))
        .arg(crate::json())
        .after_help(format!(
            "{}\n\n{}\n\nExamples:\n  \
             spop bench 127.0.0.1:12345 -m get-ip-reputation ip=192.0.2.7 --expect sess.ip_score=20\n  \
             spop bench 127.0.0.1:12345 --connections 16 --in-flight 20 --pid $(pidof agent)\n  \
             spop bench unix@/run/agent.sock --rate 20000 --connections 8 --in-flight 20",
            Argument::SYNTAX,
            Expectation::SYNTAX
        ))
}

/// An option with a value and a default.
fn option<T, E>(
    name: &'static str,
    value: &'static str,
    parse: fn(&str) -> Result<T, E>,
    default: &'static str,
) -> Arg
where
    T: Clone + Send + Sync + 'static,
    E: Into<Box<dyn std::error::Error + Send + Sync>> + 'static,
{
    Arg::new(name)
        .long(name)
        .value_name(value)
        .value_parser(parse)
        .default_value(default)
}

fn count(text: &str) -> Result<usize, String> {
    let count = text
        .parse()
        .ok()
        .filter(|count| (1..=1 << 20).contains(count));
    count.ok_or_else(|| "write a number from 1 to 1048576".to_owned())
}

fn rate(text: &str) -> Result<f64, String> {
    let rate = text.parse().ok().filter(|rate| (1e-3..=1e9).contains(rate));
    rate.ok_or_else(|| "write how many NOTIFYs a second, such as `20000`".to_owned())
}

impl Options {
    pub(super) fn read(matches: &ArgMatches) -> Result<Self, Failure> {
        let get_count = |name| matches.get_one::<usize>(name).copied().unwrap_or(1);
        let time = |name| {
            let time = matches.get_one::<Duration>(name);
            time.copied().unwrap_or_default()
        };
        let idle = matches.get_flag("idle");
        let (connections, threads) = (get_count("connections"), get_count("threads"));
        let body = matches
            .get_one::<u64>("payload")
            .copied()
            .unwrap_or_default();
        let messages = messages(matches, body)?;
        let duration = time("duration");
        if duration.is_zero() {
            return Err(Failure::usage(
                "`--duration 0` measures nothing; write `10s`",
            ));
        }
        let pid = matches.get_one::<u32>("pid").copied();
        Ok(Options {
            plan: Plan {
                target: Target::read(matches)?,
                connections,
                in_flight: get_count("in-flight"),
                rate: matches.get_one("rate").copied(),
                // A thread without a connection has nothing to do.
                threads: threads.min(connections),
                warmup: if idle {
                    Duration::ZERO
                } else {
                    time("warm-up")
                },
                duration,
                patience: time("timeout"),
                max_frame_size: crate::frame_size(matches),
                idle,
                payload: BenchMessage::payload(&messages),
                messages: messages.into_iter().map(|message| message.name).collect(),
                expectations: matches
                    .get_many("expect")
                    .unwrap_or_default()
                    .cloned()
                    .collect(),
            },
            process: pid.map(Process::new).transpose()?,
            json: matches.get_flag("json"),
        })
    }
}

/// The messages of a NOTIFY, the first with a body of that size, if it is not 0.
fn messages(matches: &ArgMatches, body: u64) -> Result<Vec<BenchMessage>, Failure> {
    let default: Vec<OsString> = DEFAULT_MESSAGE.split(' ').map(OsString::from).collect();
    let given = matches.get_occurrences::<OsString>("message");
    let given: Vec<Vec<&OsString>> = match given {
        Some(given) => given.map(Iterator::collect).collect(),
        None => vec![default.iter().collect()],
    };
    let mut messages = given
        .iter()
        .map(|words| message(words))
        .collect::<Result<Vec<_>, _>>()?;
    if let (Some(first), 1..) = (messages.first_mut(), body) {
        // Not all zeroes, so that nothing on the way can treat it specially.
        let bytes: Vec<u8> = (0..body).map(|at| (at * 131 + 7) as u8).collect();
        let body = OwnedValue::Binary(bytes.into());
        first.args.push(("body".to_owned(), body));
    }
    match messages.iter().find(|message| message.args.len() > 255) {
        Some(message) => Err(Failure::usage(format!(
            "`{}` has {} arguments; 255 is the most a message can have",
            message.name,
            message.args.len()
        ))),
        None => Ok(messages),
    }
}

fn message(words: &[&OsString]) -> Result<BenchMessage, Failure> {
    let (name, args) = words.split_first().ok_or_else(|| {
        Failure::usage("`--message` needs a name: `--message get-ip-reputation ip=192.0.2.7`")
    })?;
    let args = args.iter().map(|arg| {
        let Argument { name, value } = Argument::read(arg).map_err(Failure::usage)?;
        Ok((name, value))
    });
    Ok(BenchMessage {
        name: name.to_string_lossy().into_owned(),
        args: args.collect::<Result<_, Failure>>()?,
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use spoa::spop::{Messages, Value};

    fn read(line: &[&str]) -> Result<Options, String> {
        let words = ["bench", "127.0.0.1:1"].iter().chain(line);
        let matches = command().try_get_matches_from(words);
        let matches = matches.map_err(|error| error.to_string())?;
        Options::read(&matches).map_err(|failure| failure.to_string())
    }

    #[test]
    fn without_options_bench_sends_the_example_of_the_specification() {
        let plan = read(&[]).unwrap().plan;
        assert_eq!((plan.connections, plan.in_flight, plan.threads), (1, 1, 1));
        assert_eq!(plan.messages, ["get-ip-reputation"]);
        assert_eq!(plan.duration, Duration::from_secs(10));
        assert_eq!((plan.rate, plan.idle), (None, false));
        let message = Messages::parse(&plan.payload)
            .unwrap()
            .iter()
            .next()
            .unwrap();
        assert_eq!(message.get("ip"), Some(Value::Ipv4([192, 0, 2, 7].into())));
    }

    #[test]
    fn arguments_have_types_and_the_first_message_has_the_body() {
        let line = ["-m", "one", "a=-1", "str:1", "-m", "two", "--payload", "1k"];
        let plan = read(&line).unwrap().plan;
        assert_eq!(plan.messages, ["one", "two"]);
        let messages: Vec<_> = Messages::parse(&plan.payload).unwrap().iter().collect();
        let [one, two] = messages.as_slice() else {
            panic!("two messages, not {messages:?}");
        };
        assert_eq!(one.get("a"), Some(Value::Int64(-1)));
        assert_eq!(one.at(1), Some(Value::String(b"1")));
        assert_eq!(
            one.get("body")
                .and_then(|body| body.as_bytes())
                .map(<[u8]>::len),
            Some(1024)
        );
        assert!(two.is_empty());
    }

    #[test]
    fn a_command_in_the_form_of_the_usage_line_is_accepted() {
        let swallowed = ["bench", "-m", "check", "ip=192.0.2.7", "127.0.0.1:1"];
        let error = command().try_get_matches_from(swallowed).unwrap_err();
        let usage = "Usage: spop bench <ADDRESS> [OPTIONS] [--message <NAME> [ARG]...]...\n";
        assert!(error.to_string().contains(usage), "{error}");
        let plan = read(&["-c", "2", "-m", "check", "ip=192.0.2.7"])
            .unwrap()
            .plan;
        assert_eq!(
            (plan.target.address.as_str(), plan.connections),
            ("127.0.0.1:1", 2)
        );
    }

    #[test]
    fn each_thread_has_a_connection() {
        let plan = read(&["--threads", "4", "--connections", "3"])
            .unwrap()
            .plan;
        assert_eq!(plan.threads, 3);
    }

    #[test]
    fn a_run_that_cannot_be_measured_says_what_to_type() {
        for (line, part) in [
            (&["--duration", "0"][..], "write `10s`"),
            (&["--duration", "10"], "write `10ms` or `10s`"),
            (&["--connections", "0"], "write a number from 1"),
            (&["--rate", "0"], "write how many NOTIFYs a second"),
            (&["--expect", "ip_score=20"], "write SCOPE.NAME with"),
            (&["--message", "m", "n=u32:x"], "`x` is not an integer"),
            (&["--timeout", "0"], "a timeout of 0 is too short"),
            (&["--idle", "--rate", "5"], "cannot be used with"),
            (&["--max-frame-size", "255"], "at least 256"),
        ] {
            let error = read(line).unwrap_err();
            assert!(error.contains(part), "{line:?}: {error}");
        }
    }
}
