//! `check`: makes everything that `serve` needs, binds nothing, and says what is wrong.

use super::command_line::Options;
use super::output::print;
use super::{MakeSetup, RunningProgram, StartError, listening, log};
#[cfg(feature = "tools")]
use super::{description, tools};
use crate::agent::{Agent, AgentBuilder};
use crate::handler::Definition;
use crate::text::one_line;

impl RunningProgram {
    /// Makes the agent: its options, state, certificates and addresses.
    #[cold]
    pub(super) fn check(&self, options: &Options, setup: Vec<MakeSetup>) -> Result<(), StartError> {
        let filter = options.log().unwrap_or("warn");
        log::start(filter, options.log_format(), Vec::new());
        self.in_runtime(options, |_| {
            let agent = match self.make(options, setup) {
                Ok(setup) => self.build(options, setup.builder),
                Err(error) => {
                    // The rest is checked with a handler that needs no state.
                    let rest = self.build(options, Agent::builder().handlers([&Definition::EMPTY]));
                    Err(match rest {
                        Ok(_) => error,
                        Err(other) => StartError::Several(vec![error, other]),
                    })
                }
            }?;
            self.report(options, &agent)
        })
    }

    /// Prints the warnings about an agent without mistakes, and what it is.
    fn report(&self, options: &Options, agent: &Agent) -> Result<(), StartError> {
        for warning in self.warnings() {
            eprintln!("warning: {}", one_line(&warning));
        }
        #[cfg(feature = "tools")]
        super::output::warn(spoa_config::overfull(&tools::agent(
            &description::with_limits(self, agent.limits()),
        )));
        let (name, version, handlers) = (&self.name, self.version, agent.handlers().count());
        let s = if handlers == 1 { "" } else { "s" };
        let addresses = options.listen(&self.listen).join(", ");
        print(&format!(
            "{name} {version}: no mistakes: {handlers} handler{s}, {addresses}\n"
        ))
    }

    fn build(&self, options: &Options, builder: AgentBuilder) -> Result<Agent, StartError> {
        let addresses = options.listen(&self.listen);
        Ok(listening(options, addresses, builder)?.build()?)
    }
}
