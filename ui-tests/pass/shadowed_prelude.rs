//! Types and macros of the user that have names of the prelude.
#![deny(warnings)]
#![allow(dead_code, non_camel_case_types, unused_macros)]

use spoa::{spoe_fallback, spoe_message, FromMessage, FromValue, IntoActions};

struct Option;
struct Result;
struct String;
struct Vec;
struct Box;
struct Ok;
struct Err;
struct None;
struct Iterator;
struct Default;
struct From;
struct Into;
struct Send;
struct Sync;
struct str;
struct u8;
struct bool;
struct usize;
struct Handler;
struct Definition;
struct Registered;
struct Value;
struct Scope;
struct Request;
struct Failure;
struct Variable;

#[allow(non_snake_case)]
fn Some() {}
fn request() {}
fn actions() {}
fn argument0() {}

mod std {}
mod core {}
mod __private {}

macro_rules! concat {
    ($($t:tt)*) => {
        compile_error!("the wrong macro")
    };
}
macro_rules! stringify {
    ($($t:tt)*) => {
        compile_error!("the wrong macro")
    };
}
macro_rules! line {
    ($($t:tt)*) => {
        compile_error!("the wrong macro")
    };
}
macro_rules! file {
    ($($t:tt)*) => {
        compile_error!("the wrong macro")
    };
}
macro_rules! panic {
    ($($t:tt)*) => {
        compile_error!("the wrong macro")
    };
}
macro_rules! matches {
    ($($t:tt)*) => {
        compile_error!("the wrong macro")
    };
}
macro_rules! register {
    ($($t:tt)*) => {
        compile_error!("the wrong macro")
    };
}

#[derive(FromValue)]
struct Port(i64);

#[derive(FromValue)]
enum Method {
    Get,
}

#[derive(FromMessage)]
struct Rest<'a> {
    #[spoa(reject)]
    method: Method,
    #[spoa(default = ARG)]
    text: &'a [::core::primitive::u8],
}

const ARG: &[::core::primitive::u8] = b"x";

#[derive(IntoActions)]
#[spoa(scope = "txn")]
struct Verdict {
    x: i64,
}

#[spoe_message("check", blocking, timeout = "1s")]
fn check(#[arg(index = 0)] port: Port, #[arg(default)] slot0: i64, rest: Rest<'_>) -> Verdict {
    let _ = (rest.method, rest.text);
    Verdict { x: port.0 + slot0 }
}

#[spoe_message("later", set = "sess.x")]
async fn later(arg: i64, job: i64, buffer: i64) -> i64 {
    arg + job + buffer
}

#[spoe_fallback]
fn run(result: i64, description: i64) {
    let _ = (result, description);
}

pub fn main() {
    let _ = spoa::handlers![check, later, run];
    if false_() {
        spoa::run!(name = "x", state = 1i64, handlers = [check, later])
    }
}

const fn false_() -> ::core::primitive::bool {
    1 > 2
}
