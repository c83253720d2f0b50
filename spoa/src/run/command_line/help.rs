//! The help of the program and of each command.

use super::Identity;
use super::commands::{CommandSpec, OptionSpec, commands};

/// Returns the page that `--help` prints.
pub(super) fn page(about: &Identity<'_>, command: &CommandSpec) -> String {
    let mut page = format!("{}\n\n{}\n", command.summary, usage(about, command));
    if command.name.is_empty() {
        let rows = commands(about)
            .into_iter()
            .map(|it| (it.name.to_owned(), it.summary.into_owned()));
        section(&mut page, "Commands", rows.collect());
    }
    let operands = command.operands.iter().map(|operand| {
        let shown = operand_shown(operand.name, operand.required, operand.repeats);
        (shown, operand.help.to_owned())
    });
    section(&mut page, "Arguments", operands.collect());

    let mut groups: Vec<(&str, Vec<(String, String)>)> = vec![("Options", Vec::new())];
    let options = command.options.iter().filter(|option| !option.is_hidden());
    for option in options {
        let short = option.short().map(|letter| format!("-{letter}, "));
        let row = (
            format!("{:4}{}", short.unwrap_or_default(), shown(*option)),
            option.help(about, command),
        );
        match groups.iter_mut().find(|(name, _)| *name == option.group()) {
            Some((_, rows)) => rows.push(row),
            None => groups.push((option.group(), vec![row])),
        }
    }
    if let Some((_, own)) = groups.first_mut() {
        own.push(("-h, --help".to_owned(), "Print help".to_owned()));
        if command.name.is_empty() {
            own.push(("-V, --version".to_owned(), "Print version".to_owned()));
        }
    }
    for (name, rows) in groups {
        section(&mut page, name, rows);
    }
    if !command.notes.is_empty() {
        page.push_str(&format!("\n{}\n", command.notes));
    }
    page
}

/// Returns the line that begins with `Usage:`.
pub(super) fn usage(about: &Identity<'_>, command: &CommandSpec) -> String {
    if command.name.is_empty() {
        return format!("Usage: {} [OPTIONS] [COMMAND]", about.called);
    }
    let operands = command.operands.iter().map(|operand| {
        let shown = operand_shown(operand.name, operand.required, operand.repeats);
        format!(" {shown}")
    });
    let operands: String = operands.collect();
    format!(
        "Usage: {} {} [OPTIONS]{operands}",
        about.called, command.name
    )
}

/// Returns an option as the help shows it, such as `--listen <ADDRESS>`.
pub(super) fn shown(option: OptionSpec) -> String {
    match option.value() {
        Some(value) if option.value_is_optional() => format!("--{}[=<{value}>]", option.long()),
        Some(value) => format!("--{} <{value}>", option.long()),
        None => format!("--{}", option.long()),
    }
}

fn operand_shown(name: &str, required: bool, repeats: bool) -> String {
    let more = if repeats { "..." } else { "" };
    if required {
        format!("<{name}>{more}")
    } else {
        format!("[{name}]{more}")
    }
}

fn section(page: &mut String, name: &str, rows: Vec<(String, String)>) {
    if rows.is_empty() {
        return;
    }
    let widths = rows.iter().map(|(left, _)| left.chars().count());
    let width = widths.max().unwrap_or_default();
    page.push_str(&format!("\n{name}:\n"));
    for (left, right) in rows {
        let row = format!("  {left:width$}  {right}");
        page.push_str(row.trim_end());
        page.push('\n');
    }
}
