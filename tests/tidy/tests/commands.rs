//! Checks that every command of a page is run by a test, or has a reason why it is not.

use spoa_tidy::commands::{Check, TABLE, check, commands, table};
use spoa_tidy::{files, workspace};
use std::collections::BTreeSet;
use std::fs;

#[test]
fn every_command_of_a_page_is_checked_or_has_a_reason_why_not() {
    let (commands, table) = (commands(), table());
    assert!(
        commands.len() > 80,
        "only {} commands are found",
        commands.len()
    );
    let missing: Vec<_> = commands
        .iter()
        .filter(|command| check(&table, command).is_none())
        .map(|command| format!("{}:{}: {}", command.page, command.line, command.text))
        .collect();
    assert!(
        missing.is_empty(),
        "list these commands in {TABLE}, which says how:\n{}",
        missing.join("\n")
    );
    for entry in &table {
        assert!(
            commands.iter().any(|command| entry.is_about(command)),
            "{TABLE}: {} has no command `{}`",
            entry.page,
            entry.command
        );
    }
}

#[test]
fn tests_that_check_commands_exist() {
    let rust = files()
        .into_iter()
        .filter(|file| file.extension().is_some_and(|extension| extension == "rs"));
    let mut tests = BTreeSet::new();
    for file in rust {
        let text = fs::read_to_string(workspace().join(file)).expect("source is text");
        let names = text.lines().filter_map(|line| {
            let (_, after) = line.split_once("fn ")?;
            after.split_once('(').map(|(name, _)| name.to_owned())
        });
        tests.extend(names);
    }
    for entry in table() {
        if let Check::Test(name) = entry.check {
            assert!(tests.contains(&name), "{TABLE}: there is no test `{name}`");
        }
    }
}
