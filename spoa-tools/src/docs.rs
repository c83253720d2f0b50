//! `docs`: a page of Markdown about the messages of an agent.

use crate::CommandOutput;
use crate::command::Command;
use spoa_config::Agent;
use spoa_config::write::{page, unsaid};

/// The command as plain data.
pub const COMMAND: Command = Command {
    name: "docs",
    summary: "Print a Markdown page about the messages",
    options: &[],
    operands: None,
    notes: "",
};

/// Writes the page.
///
/// ```
/// let agent = spoa_config::Agent { name: "geo".to_owned(), ..Default::default() };
/// assert!(spoa_tools::docs::perform(&agent).text.starts_with("# geo"));
/// ```
#[must_use]
pub fn perform(agent: &Agent) -> CommandOutput {
    CommandOutput {
        text: page(agent),
        warnings: unsaid(agent).iter().map(ToString::to_string).collect(),
        status: 0,
    }
}
