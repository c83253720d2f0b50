//! An agent at the edge of a site, with several handlers in several files. It finds the client's network,
//! chooses the backend, shows a notice and counts the responses.
//!
//! The sockets and backends that the handlers name are in site.cfg.

mod answers;
mod requests;

use answers::Statsd;
use requests::Notice;

fn main() {
    spoa::run!(
        name = "multi",
        listen = "127.0.0.1:12347",
        state = Notice::at(std::env::var_os("MULTI_NOTICE")),
        // This runs in the runtime, so it can use `.await` and `?`.
        state = Statsd::new(std::env::var("MULTI_STATSD").ok()).await?,
    )
}

#[cfg(test)]
mod tests;
