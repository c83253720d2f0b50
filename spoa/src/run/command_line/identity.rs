//! The facts about a program that its command line shows.

use crate::run::user_options::UserOption;

/// The facts about a program that its help shows.
#[derive(Debug)]
pub(in crate::run) struct Identity<'a> {
    /// The name of the program's file.
    pub(in crate::run) called: &'a str,
    /// The name of the agent.
    pub(in crate::run) name: &'a str,
    pub(in crate::run) version: &'static str,
    pub(in crate::run) listen: &'a [&'static str],
    pub(in crate::run) messages: Vec<&'static str>,
    /// The program's own options.
    pub(in crate::run) user: &'static [UserOption],
}

#[cfg(test)]
impl Default for Identity<'_> {
    fn default() -> Self {
        Identity {
            called: "agent",
            name: "agent",
            version: "1.2.3",
            listen: &[],
            messages: Vec::new(),
            user: &[],
        }
    }
}
