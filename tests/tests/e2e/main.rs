//! Agents behind real HAProxies of every generation: what each sends, takes and does.
//!
//! One program, so that all of it runs side by side. A statement about HAProxy in the documents is a
//! test here.

mod events;
mod health;
mod samples;
mod scopes;
mod transports;
mod types;
