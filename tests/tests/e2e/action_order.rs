//! In which order HAProxy applies what handlers of one NOTIFY set, whichever of them is done first.

use std::time::Duration;

use spoa::prelude::*;
use spoa_tests::{Background, Config, Message as Sent, for_each_haproxy};

type Answer = (
    [SetVar<&'static str>; 2],
    SetVar<bool>,
    SetVar<bool>,
    UnsetVar,
);

/// Overwrites what came before, its own first words too, and unsets what it has set.
fn verdict(name: &'static str) -> Answer {
    (
        ["not yet", name].map(|word| SetVar::transaction("verdict", word)),
        SetVar::transaction(name, true),
        SetVar::transaction("gone", true),
        UnsetVar::transaction("gone"),
    )
}

#[spoe_message("quick")]
fn quick() -> Answer {
    verdict("quick")
}

#[spoe_message("slow", timeout = "20s")]
async fn slow() -> Answer {
    tokio::time::sleep(Duration::from_millis(10)).await;
    verdict("slow")
}

#[spoe_message("blocked", blocking, timeout = "20s")]
fn blocked() -> Answer {
    std::thread::sleep(Duration::from_millis(5));
    verdict("blocked")
}

const ORDERS: [[&str; 3]; 6] = [
    ["quick", "slow", "blocked"],
    ["quick", "blocked", "slow"],
    ["slow", "quick", "blocked"],
    ["slow", "blocked", "quick"],
    ["blocked", "quick", "slow"],
    ["blocked", "slow", "quick"],
];

const VARS: [&str; 6] = ["verdict", "quick", "slow", "blocked", "gone", "error"];

fn config(agent: &Background) -> Config {
    let config = Config::new(agent.addr()).set_on_error("error");
    config.vars(
        VARS.map(|name| format!("txn.iprep.{name}"))
            .iter()
            .map(String::as_str),
    )
}

#[test]
fn a_variable_holds_what_the_last_message_set() {
    for_each_haproxy(|haproxy| {
        let agent = Background::agent(|agent| agent.handlers(handlers![quick, slow, blocked]));
        for (number, order) in ORDERS.into_iter().enumerate() {
            // In the order of `messages`, in a group or in the agent, whatever that of their sections.
            let mut config = config(&agent);
            for name in ["slow", "quick", "blocked"] {
                config = config.message(match number % 2 {
                    0 => Sent::new(name).only_in_groups(),
                    _ => Sent::new(name).unlisted(),
                });
            }
            let config = match number % 2 {
                0 => config
                    .group("all", &order)
                    .frontend("http-request send-spoe-group iprep all"),
                _ => config.spoe_agent(&format!("messages {}", order.join(" "))),
            };
            let reply = config.start(haproxy).get("/");
            let seen = VARS.map(|name| reply.var(&format!("txn.iprep.{name}")));
            let last = Some(order[2]);
            let all = [last, Some("1"), Some("1"), Some("1"), None, None];
            assert_eq!(seen, all, "{order:?}");
        }
    });
}
