//! The configuration of an agent's HAProxy as text: `spoe.conf`, the backend, the frontend.

mod argument;
mod backend;
mod budget;
mod buffers;
mod cache;
mod condition;
mod configuration;
mod denials;
mod durations;
mod frontend;
mod haproxy_cfg;
mod options;
mod own_rules;
mod plan;
mod planned_verdict;
mod proof;
mod reference;
mod review;
mod schedule;
mod sending;
mod shown;
mod signature;
mod spoe_conf;
mod sticky;
mod table;
mod text;
mod verdict_rules;

pub use buffers::Buffers;
pub use configuration::{Warning, WrittenConfiguration};
pub use options::{Cache, Fail, Options, Page, Refusal, RequestLogging};
pub use reference::{page, unsaid};
pub use signature::{Writer, signed, writer};

use crate::Agent;
use plan::Plan;

/// Writes the configuration of an agent's HAProxy.
///
/// ```
/// use spoa_config::write::{Options, write};
/// use spoa_config::{Agent, Message, Series};
///
/// let agent = Agent {
///     name: "iprep".to_owned(),
///     messages: vec![Message { name: "check-ip".to_owned(), ..Message::default() }],
///     listeners: vec!["127.0.0.1:12345".to_owned()],
///     ..Agent::default()
/// };
/// let written = write(&agent, &Options::new(Series::V3_2))?;
/// assert!(written.spoe.contains("spoe-message check-ip\n"));
/// assert!(written.backend.contains("    server agent1 127.0.0.1:12345\n"));
/// # Ok::<(), spoa_config::write::Refusal>(())
/// ```
///
/// # Errors
/// A [`Refusal`] if HAProxy would take no configuration with these names and addresses.
pub fn write(agent: &Agent, options: &Options) -> Result<WrittenConfiguration, Refusal> {
    let mut plan = Plan::new(agent, options)?;
    schedule::decide(&mut plan);
    proof::decide(&mut plan);
    cache::decide(&mut plan)?;
    verdict_rules::decide(&mut plan);
    review::names(&mut plan);
    review::keys(&mut plan);
    budget::decide(&mut plan);
    review::tls(&mut plan);
    let backend = backend::section(&plan);
    let whole = frontend::lines(&plan, plan.writes_servers());
    let haproxy = haproxy_cfg::file(&plan, &whole, &backend);
    Ok(WrittenConfiguration {
        spoe: signed(&agent.name, &spoe_conf::file(&plan)),
        backend,
        frontend: frontend::lines(&plan, false),
        haproxy: signed(&agent.name, &haproxy),
        engine: plan.engine,
        prefix: plan.prefix,
        warnings: plan.warnings,
    })
}

#[cfg(test)]
mod tests;
