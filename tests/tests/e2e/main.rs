//! Agents with real HAProxies of every generation: what each sends, takes and does.
//!
//! One program, so that all of it runs side by side. A statement about HAProxy in the documents is a
//! test here.

mod action_order;
mod asked;
mod clients;
mod closes;
#[path = "../common/mod.rs"]
mod common;
mod context;
mod events;
mod failures;
mod forbidden_frames;
mod fragments;
mod gate;
mod health;
mod observer;
mod pipelining;
mod restarts;
mod rolling;
mod samples;
mod scopes;
mod scripted_agent;
mod sizes;
mod tcp_mode;
mod tls;
mod transports;
mod types;
