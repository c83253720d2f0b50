//! An agent at the edge of a site, of several handlers in several files: it knows the client's
//! network, chooses the backend, shows a notice, counts the answers.
//!
//! The sockets and backends that it names are in site.cfg as well.

mod answers;
mod requests;

use answers::Statsd;
use requests::Notice;

fn main() {
    spoa::run!(
        name = "multi",
        listen = "127.0.0.1:12347",
        state = Notice::at(std::env::var_os("MULTI_NOTICE")),
        // Inside the runtime: `.await` and `?` may be used.
        state = Statsd::new(std::env::var("MULTI_STATSD").ok()).await?,
    )
}

#[cfg(test)]
mod tests;
