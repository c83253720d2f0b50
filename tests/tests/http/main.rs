//! What handlers see of nasty requests, over HTTP/1.1 and HTTP/2, is what clients sent.
#![allow(missing_docs)]

mod blocks;
mod bodies;
mod h2;
mod requests;
mod samples;
mod seen;
