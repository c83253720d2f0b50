#![deny(warnings)]

use spoa::prelude::*;
use spoa::testing::TestAgent;

#[derive(FromMessage)]
struct Request<'a> {
    #[spoa("user-agent")]
    #[spoa(default)]
    agent: Option<Text<'a>>,
}

#[derive(FromMessage, IntoActions)]
#[spoa(scope = "txn")]
struct Both {
    #[spoa("score", default)]
    renamed: u8,
    #[spoa(default, scope = "sess")]
    kept: u8,
}

#[derive(FromMessage, IntoActions)]
#[spoa(scope = "req", crate = spoa)]
struct Borrowed<'a> {
    #[spoa("port", sample_unchecked = "lua.port")]
    port: &'a [u8],
}

#[spoe_message("check")]
fn check(
    #[spoa("client-ip")] ip: std::net::IpAddr,
    #[arg("path")]
    #[arg(default)]
    url: Text<'_>,
    #[spoa(index = 2)] port: u16,
    request: Request<'_>,
    both: Both,
) -> Both {
    let _ = (ip, url, port, request.agent);
    both
}

#[spoe_message("borrowed")]
fn borrowed(#[arg("port")] port: &[u8]) -> Borrowed<'_> {
    Borrowed { port }
}

pub fn main() {
    let agent = TestAgent::new(handlers![check, borrowed]);
    let ip = std::net::Ipv4Addr::LOCALHOST;
    let args: &[(&str, &dyn spoa::handler::AsValue)] =
        &[("client-ip", &ip), ("", &"GET"), ("", &443), ("score", &7)];
    let answer = agent.call_blocking("check", args).unwrap();
    assert!(answer.failure().is_none(), "{:?}", answer.failure());
    let actions = answer.actions().iter();
    let actions: Vec<_> = actions.map(|action| action.as_action().to_string()).collect();
    assert_eq!(actions, ["set-var txn.score = 7", "set-var sess.kept = 0"]);
}
