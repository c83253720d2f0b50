//! An HTTP server beside the agent: metrics, health, and a page (feature `admin`).
//!
//! `run!` starts it with `--admin ADDRESS`. A program with its own `main` binds an [`Admin`]:
//!
//! ```no_run
//! use spoa::prelude::*;
//! use spoa::admin::Admin;
//! use spoa::agent::Agent;
//!
//! #[spoe_message("ping")]
//! fn ping() {}
//!
//! # async fn serve() -> Result<(), spoa::agent::Error> {
//! let agent = Agent::builder().handlers(handlers![ping]).listen("127.0.0.1:12345").build()?;
//! let server = agent.bind()?;
//! let admin = Admin::bind("127.0.0.1:9145")?;
//! let admin = tokio::spawn(admin.serve([server.monitor()]));
//! server.serve(async { drop(tokio::signal::ctrl_c().await) }).await;
//! // Until here `/readyz` says that the agent drains.
//! admin.abort();
//! # Ok(())
//! # }
//! ```
//!
//! | path | content |
//! |---|---|
//! | `/` | a page for people, that reloads itself |
//! | `/metrics` | the counters and the program's own metrics, as OpenMetrics text or that of Prometheus |
//! | `/healthz`, `/livez` | 200 while the process runs |
//! | `/readyz` | 200 while all agents serve; 503 before that, in lame duck and while they drain; with [`Admin::ready_needs_fresh_values`], also after a failed reload |
//! | `/stats.json` | the counters as JSON |
//! | `/handlers` | the text given to [`Admin::handlers_page`]; with `run!`, the page that `docs` prints |
//!
//! It answers GET and HEAD and changes nothing. No answer has a value of a request. It speaks plain HTTP/1.1:
//! do not let strangers reach its address.

mod counters;
mod history;
mod metrics;
mod page;
#[cfg(feature = "run")]
mod probe;
mod process;
mod server;
mod stats_json;

pub use counters::Counters;
pub use metrics::register;
pub use prometheus_client;
pub use server::Admin;

#[cfg(feature = "run")]
pub(crate) use probe::probe;
