use clap::{Parser, ValueEnum};
use spoa::prelude::*;

#[derive(Clone, ValueEnum, FromValue)]
enum Tier {
    #[value("VIP")]
    Vip,
}

#[derive(Parser, FromMessage)]
struct Query {
    #[arg("client-host")]
    host: String,
}

fn main() {}
