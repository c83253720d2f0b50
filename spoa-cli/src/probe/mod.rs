//! `spop probe`: the HELLO and the health check, as HAProxy does them.

mod conversation;
mod tls;
mod verdict;

use crate::failure::{FOUND_WRONG, Failure};
use crate::output::print;
use crate::transport::{self, Target};
use clap::{ArgMatches, Command};
use conversation::{DisconnectReaction, Hello, Probe, Problem};
use serde_json::{Value, json};
use spoa_tools::terminal::{Paint, wrap};
use std::io::stdout;
use std::process::ExitCode;
use std::time::Duration;
use verdict::{Finding, Weight, findings};

pub(crate) fn command() -> Command {
    Command::new("probe")
        .about("Send an agent a HELLO and a health check; say whether HAProxy would accept it")
        .arg(crate::address())
        .args(transport::args())
        .arg(crate::max_frame_size())
        .arg(crate::patience("5s").help("How long to wait for each answer"))
        .arg(crate::json())
        .after_help(
            "Without `--tls`, an agent that takes TLS only is known by its answer to a TLS handshake.\n\n\
             Examples:\n  \
             spop probe 127.0.0.1:12345\n  \
             spop probe 127.0.0.1:12345 --tls --ca ca.pem --cert haproxy.pem --key haproxy.key",
        )
}

pub(crate) fn run(matches: &ArgMatches) -> Result<ExitCode, Failure> {
    let target = Target::read(matches)?;
    let address = target.address.clone();
    let offered = crate::frame_size(matches);
    let patience = matches.get_one::<Duration>("timeout").copied();
    let probe = Probe {
        target,
        offered,
        patience: patience.unwrap_or_default(),
    };
    let json = matches.get_flag("json");
    let talked: Result<_, Failure> = crate::runtime()?.block_on(async {
        let (hello, disconnect) = probe.hello().await?;
        Ok((hello, disconnect, probe.health_check().await?))
    });
    let (hello, disconnect, check) = match talked {
        Err(Failure::Failed(problem)) if json => {
            let value = json!({ "address": address, "error": problem });
            print(&format!("{value:#}\n"))?;
            return Ok(ExitCode::from(FOUND_WRONG));
        }
        talked => talked?,
    };
    let findings = findings(offered, &hello, disconnect.as_ref(), &check);
    print(&if json {
        format!(
            "{:#}\n",
            as_json(&address, &hello, disconnect.as_ref(), &check, &findings)
        )
    } else {
        let paint = Paint::of(&stdout());
        let facts = facts(offered, &hello, disconnect.as_ref(), &check, paint);
        format!("{facts}{}", judged(&hello, &findings, paint))
    })?;
    let bad = findings.iter().any(|found| found.weight == Weight::Bad);
    Ok(if bad {
        ExitCode::from(FOUND_WRONG)
    } else {
        ExitCode::SUCCESS
    })
}

/// The observations.
fn facts(
    offered: u32,
    hello: &Hello,
    disconnect: Option<&DisconnectReaction>,
    check: &Hello,
    paint: Paint,
) -> String {
    let mut out = String::new();
    let mut line = |name: &str, what: &str| {
        out += &format!("{} {what}\n", paint.dim(&format!("{name:<14}")));
    };
    line("connection", &millis(hello.connected));
    match &hello.outcome {
        Ok(agreed) => {
            line("HELLO", &millis(hello.answered));
            line("version", &agreed.version);
            line(
                "frame size",
                &format!("{} bytes of {offered} offered", agreed.max_frame_size),
            );
            line(
                "capabilities",
                &match agreed.capabilities.to_string() {
                    none if none.is_empty() => "none".to_owned(),
                    some => some,
                },
            );
        }
        Err(problem) => line("HELLO", &paint.bad(&problem.to_string())),
    }
    match disconnect {
        Some(DisconnectReaction::Answered(status, after)) => {
            line(
                "disconnect",
                &format!("{}, status {}: {status}", millis(*after), status.code()),
            );
        }
        Some(DisconnectReaction::Closed(after)) => {
            line("disconnect", &format!("{}, closed", millis(*after)))
        }
        Some(DisconnectReaction::Ignored) => line("disconnect", &paint.warn("no answer")),
        None => {}
    }
    match &check.outcome {
        Ok(_) => line("health check", &millis(check.answered)),
        Err(problem) => line("health check", &paint.bad(&problem.to_string())),
    }
    if let Err(problem) = &hello.outcome {
        if !hello.bytes.is_empty() && problem.is_about_bytes() {
            out += "\nthe agent said:\n";
            out += &crate::decode::words(&hello.bytes, paint);
        }
    }
    out
}

fn judged(hello: &Hello, findings: &[Finding], paint: Paint) -> String {
    let headline = match hello.outcome {
        Err(Problem::Tls) => "HAProxy cannot use this agent without TLS.",
        _ => "HAProxy cannot use this agent as it is.",
    };
    let bad = findings.iter().any(|found| found.weight == Weight::Bad);
    let mut out = if bad {
        format!("\n{}\n", paint.bad(headline))
    } else {
        format!("\n{}\n", paint.good("HAProxy agrees with this agent."))
    };
    for found in findings {
        let mark = match found.weight {
            Weight::Bad => "  ! ",
            Weight::Worse => "  # ",
            Weight::Fine => "  - ",
        };
        let text = wrap(mark, &found.text);
        out += &match found.weight {
            Weight::Bad => paint.bad(&text),
            Weight::Worse => paint.warn(&text),
            Weight::Fine => text,
        };
    }
    out
}

fn as_json(
    address: &str,
    hello: &Hello,
    disconnect: Option<&DisconnectReaction>,
    check: &Hello,
    findings: &[Finding],
) -> Value {
    let said = |hello: &Hello| match &hello.outcome {
        Ok(agreed) => json!({
            "connected_ms": ms(hello.connected),
            "answered_ms": ms(hello.answered),
            "version": agreed.version,
            "max_frame_size": agreed.max_frame_size,
            "capabilities": agreed.capabilities.to_string(),
        }),
        Err(problem) => {
            json!({ "connected_ms": ms(hello.connected), "error": problem.to_string() })
        }
    };
    let findings = findings
        .iter()
        .map(|found| json!({ "weight": found.weight.key(), "text": found.text }));
    json!({
        "address": address,
        "hello": said(hello),
        "disconnect": disconnect.map(|disconnect| match disconnect {
            DisconnectReaction::Answered(status, after) => {
                json!({ "answered_ms": ms(*after), "status": status.code() })
            }
            DisconnectReaction::Closed(after) => json!({ "closed_ms": ms(*after) }),
            DisconnectReaction::Ignored => json!({ "ignored": true }),
        }),
        "health_check": said(check),
        "findings": findings.collect::<Vec<_>>(),
    })
}

fn ms(time: Duration) -> f64 {
    time.as_secs_f64() * 1e3
}

fn millis(time: Duration) -> String {
    format!("{:.2} ms", ms(time))
}
