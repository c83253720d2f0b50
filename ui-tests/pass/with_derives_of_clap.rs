//! One type can have the derives of clap and of this crate: each reads attributes of its own name.

use clap::{Parser, ValueEnum};
use spoa::prelude::*;
use spoa::testing::TestAgent;

#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum, FromValue)]
enum Tier {
    #[value(name = "gratis", help = "costs nothing")]
    Free,
    #[value(alias = "gold")]
    #[spoa("VIP")]
    Vip,
}

#[derive(Parser, FromMessage, IntoActions)]
#[command(name = "look-up")]
#[spoa(scope = "txn")]
struct Query {
    #[arg(long = "client-host")]
    #[spoa("client_host", scope = "sess")]
    host: String,
    #[arg(index = 1)]
    #[spoa(default = 443)]
    port: u16,
}

#[derive(Parser, FromMessage)]
struct Plain {
    #[arg(long)]
    #[spoa("the-port")]
    port: u16,
}

#[spoe_message("query")]
fn query(query: Query) -> Query {
    query
}

#[spoe_message("plain")]
fn plain(plain: Plain, #[arg(default = Tier::Free)] tier: Tier) -> SetVar<u16> {
    SetVar::session("port", if tier == Tier::Vip { plain.port } else { 0 })
}

pub fn main() {
    assert_eq!(Tier::from_str("gratis", false), Ok(Tier::Free));
    assert_eq!(Tier::from_str("gold", false), Ok(Tier::Vip));
    let asked = Query::parse_from(["look-up", "--client-host", "a.example", "80"]);
    assert_eq!((asked.host.as_str(), asked.port), ("a.example", 80));
    let asked = Plain::parse_from(["plain", "--port", "80"]);
    assert_eq!(asked.port, 80);

    let agent = TestAgent::new(handlers![plain, query]);
    let answer = agent
        .call_blocking("plain", &[("the-port", &80), ("tier", &"VIP")])
        .unwrap();
    let actions = answer.actions().iter();
    let actions: Vec<_> = actions
        .map(|action| action.as_action().to_string())
        .collect();
    assert_eq!(actions, ["set-var sess.port = 80"]);
}
