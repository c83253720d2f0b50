//! An agent whose values have runtimes of their own, as blocking clients have. Tokio panics if a task uses or drops such a
//! runtime. Each value says when it is dropped.

use spoa::State;
use spoa::agent::Observer;
use spoa::prelude::*;
use std::time::Duration;
use tokio::runtime::{Handle, Runtime};
use tokio::task::block_in_place;
use tokio::time::sleep;

/// Has a runtime of its own, and needs the runtime of the agent when it is dropped, as a pool of connections does.
struct Client {
    name: &'static str,
    _runtime: Runtime,
}

impl Client {
    fn new(name: &'static str) -> Result<Client, HandlerError> {
        if std::env::var("FAILS").is_ok_and(|fails| fails == name) {
            return Err(HandlerError::new(format!("{name} cannot be made")));
        }
        let runtime = Runtime::new()?;
        // As a client that connects.
        runtime.block_on(async { tokio::task::yield_now().await });
        Ok(Client {
            name,
            _runtime: runtime,
        })
    }
}

impl Drop for Client {
    fn drop(&mut self) {
        if std::env::var_os("SLOW").is_some() {
            std::thread::sleep(Duration::from_millis(1500));
        }
        let Ok(runtime) = Handle::try_current() else {
            return eprintln!("dropped {} after the runtime", self.name);
        };
        block_in_place(|| runtime.block_on(async { sleep(Duration::from_millis(10)).await }));
        eprintln!("dropped {} in the runtime", self.name);
    }
}

struct Rules(Client);

struct Audit {
    _client: Client,
}

impl Observer for Audit {}

/// Returns the names of the values.
#[spoe_message("show", set = "txn.values")]
fn show(State(client): State<'_, Client>, State(rules): State<'_, Rules>) -> String {
    format!("{} {}", client.name, rules.0.name)
}

fn main() -> std::process::ExitCode {
    spoa::run!(
        name = "owning",
        listen = "127.0.0.1:0",
        state = Client::new("the state")?,
        reload = Rules(Client::new("the rules")?),
        observer = Audit {
            _client: Client::new("the observer")?,
        },
    )
}
