//! The facts about a program that its command line shows.

use super::commands::{OptionSpec, commands};
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

/// Says which of the program's own options has the name of another one.
pub(in crate::run) fn taken(program: &Identity<'_>) -> Option<&'static str> {
    let commands = commands(program);
    let is_user = |option: &&OptionSpec| matches!(option, OptionSpec::User(_));
    let with_user = commands
        .iter()
        .filter(|command| command.options.iter().any(|it| is_user(&it)));
    let others = with_user.flat_map(|command| &command.options);
    let others = others.filter(|option| !is_user(option));
    let others: Vec<_> = others.map(|option| option.long()).collect();
    let user = program.user.iter().find(|option| {
        let mut names = option.aliases.iter().chain([&option.long]);
        names.any(|name| {
            others.contains(&name.as_str()) || ["help", "version"].contains(&name.as_str())
        })
    });
    user.map(|option| option.long.as_str())
}
