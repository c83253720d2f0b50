#![no_implicit_prelude]
#![deny(warnings)]

use ::spoa::{spoe_fallback, spoe_message, FromMessage, FromValue, IntoActions};

#[derive(FromValue)]
pub struct Port(u16);

#[derive(FromValue)]
pub enum Method {
    Get,
    #[spoa("POST")]
    Post,
}

#[derive(FromMessage)]
pub struct Request<'a> {
    #[spoa(reject)]
    pub method: Method,
    #[spoa("user-agent", default, reject)]
    pub agent: &'a str,
    pub port: Port,
}

#[derive(IntoActions)]
#[spoa(scope = "txn")]
pub struct Verdict {
    port: u16,
    #[spoa(flatten)]
    more: (),
}

#[spoe_message("check")]
pub fn check(request: Request<'_>, #[arg(index = 0, default = 3)] first: u8) -> Verdict {
    let _ = (request.method, request.agent, first);
    Verdict {
        port: request.port.0,
        more: (),
    }
}

#[spoe_message("later", timeout = "20ms", set = "sess.x")]
pub async fn later(x: u8) -> u8 {
    x
}

#[spoe_fallback]
pub fn rest() {}

pub fn main() {
    let handlers = ::spoa::handlers![check, later, rest];
    ::std::assert_eq!(handlers.len(), 3);
    if handlers.is_empty() {
        ::spoa::run!(
            listen = "127.0.0.1:1",
            state = 1u8,
            handlers = [check, later, rest]
        )
    }
}
