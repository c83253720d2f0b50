//! Handlers see nasty requests as clients sent them, over HTTP/1.1 and HTTP/2.
#![allow(missing_docs)]

mod blocks;
mod bodies;
mod folders;
mod golden;
mod h2;
mod hello;
mod optional;
mod requests;
mod samples;
mod seen;
mod simulated;
