//! The options by which `config` wrote a file that it replaces, as far as the file shows them.

/// The comment above the rules of `--fail closed`.
const CLOSED: &str = "# Fail closed";

/// The comment above the lines of `--rules`.
const OWN: &str = "# The lines of the file that `--rules` names.";

/// The address without `--bind`.
const DEFAULT_BIND: &str = ":8080";

/// Returns a warning if the new file lacks agents, denials, addresses or the site's own lines of the old one.
pub(super) fn lost(name: &str, old: &str, new: &str) -> Option<String> {
    let (before, after) = (agents(old), agents(new));
    let mut options = Vec::new();
    if before.iter().any(|agent| !after.contains(agent)) {
        options.extend(before.iter().map(|agent| format!("--server {agent}")));
    }
    if old.contains(CLOSED) && !new.contains(CLOSED) {
        options.push("--fail closed".to_owned());
    }
    let (before, after) = (binds(old), binds(new));
    // Another address was given on purpose.
    if !before.is_empty() && before != after && after == [DEFAULT_BIND] {
        options.extend(before.iter().map(|bind| format!("--bind '{bind}'")));
    }
    if old.contains(OWN) && !new.contains(OWN) {
        options.push("--rules FILE".to_owned());
    }
    if options.is_empty() {
        return None;
    }
    Some(format!(
        "`{name}` no longer has everything that options wrote into the old file. To keep it, add `{}`",
        options.join(" ")
    ))
}

/// Returns what follows `bind` in each line that is not of `--rules`.
fn binds(text: &str) -> Vec<&str> {
    let written = text.split(OWN).next().unwrap_or_default();
    let lines = written.lines().map(str::trim);
    lines
        .filter_map(|line| line.strip_prefix("bind "))
        .collect()
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
