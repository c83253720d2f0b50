//! The options by which `config` wrote a file that it replaces, as far as the file shows them.

/// The comment above the rules of `--fail closed`.
const CLOSED: &str = "# Fail closed";

/// Returns a warning if the new file lacks agents or denials of the old one.
pub(super) fn lost(name: &str, old: &str, new: &str) -> Option<String> {
    let (before, after) = (agents(old), agents(new));
    let mut options = Vec::new();
    if before.iter().any(|agent| !after.contains(agent)) {
        options.extend(before.iter().map(|agent| format!("--server {agent}")));
    }
    if old.contains(CLOSED) && !new.contains(CLOSED) {
        options.push("--fail closed".to_owned());
    }
    if options.is_empty() {
        return None;
    }
    Some(format!(
        "`{name}` no longer has all agents or denials of the old file. To keep them, add `{}`",
        options.join(" ")
    ))
}

/// Returns the addresses in the lines `server agent1 ADDRESS`.
fn agents(text: &str) -> Vec<&str> {
    let address = |line| {
        let mut words = str::split_whitespace(line);
        let is_server = words.next() == Some("server");
        let is_agent = words.next().and_then(|name| name.strip_prefix("agent"));
        is_agent
            .filter(|number| is_server && number.parse::<u32>().is_ok())
            .and(words.next())
    };
    text.lines().filter_map(address).collect()
}
