//! The name of a new agent, which has to suit cargo, HAProxy, Debian and Kubernetes.

/// The most characters of a name. Names of variables (63 characters, with the agent's name in them) and of objects
/// of Kubernetes (63 characters) leave room for it.
const MAX: usize = 40;

/// Names that cargo refuses for a program, apart from the keywords of Rust.
const OF_CARGO: [&str; 9] = [
    "alloc",
    "build",
    "core",
    "deps",
    "examples",
    "incremental",
    "proc-macro",
    "std",
    "test",
];

/// The packages that a new agent depends on.
const DEPENDENCIES: [&str; 4] = ["clap", "haproxy-spoa", "ipnet", "spoa"];

/// The keywords of Rust that are lower-case words.
const KEYWORDS: [&str; 50] = [
    "abstract", "as", "async", "await", "become", "box", "break", "const", "continue", "crate",
    "do", "dyn", "else", "enum", "extern", "false", "final", "fn", "for", "gen", "if", "impl",
    "in", "let", "loop", "macro", "match", "mod", "move", "mut", "override", "priv", "pub", "ref",
    "return", "self", "static", "struct", "super", "trait", "true", "try", "type", "typeof",
    "unsafe", "unsized", "use", "virtual", "where", "while",
];

/// Checks a name.
///
/// # Errors
/// A line for the user, with a name that can be used where that is known.
pub(super) fn check(name: &str) -> Result<(), String> {
    let refuse = |why: &str| Err(format!("`{name}` cannot be the name of an agent: {why}"));
    let better = name.to_ascii_lowercase().replace(['_', ' ', '.', ':'], "-");
    let takes = |c: char| c.is_ascii_lowercase() || c.is_ascii_digit() || c == '-';
    if name.is_empty() {
        return refuse("it is empty");
    }
    if !name.chars().all(takes) {
        let why = "Debian and Kubernetes take lower-case letters, digits and `-` only";
        return if better != name && check(&better).is_ok() {
            refuse(&format!("{why}; write `{better}`"))
        } else {
            refuse(why)
        };
    }
    if !name.starts_with(|c: char| c.is_ascii_lowercase()) {
        return refuse("a package of cargo begins with a letter");
    }
    if name.len() < 2 || name.ends_with('-') {
        return refuse("Debian and Kubernetes take two characters or more, and no `-` at the end");
    }
    if name.len() > MAX {
        return refuse(&format!(
            "it has {} characters, and names of variables in HAProxy leave room for {MAX}",
            name.len()
        ));
    }
    if KEYWORDS.contains(&name) {
        return refuse("it is a keyword of Rust");
    }
    if OF_CARGO.contains(&name) {
        return refuse("cargo uses this name itself");
    }
    if DEPENDENCIES.contains(&name) {
        return refuse("it is the name of a library that the agent uses");
    }
    // HAProxy takes such a name as well, for the engine and for the prefix of the variables.
    debug_assert!(spoa_facts::is_name(name) && spoa_facts::is_variable(&crate_name(name)));
    Ok(())
}

/// Returns the name in Rust code and in HAProxy's variables, neither of which take a `-`.
pub(super) fn crate_name(name: &str) -> String {
    name.replace('-', "_")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_usual_name_is_accepted() {
        for name in ["my-agent", "geo", "waf2", "a1"] {
            assert_eq!(check(name), Ok(()));
        }
    }

    #[test]
    fn a_name_that_cargo_or_haproxy_refuses_is_refused_with_the_reason() {
        let long = "a".repeat(41);
        for (name, why) in [
            ("", "is empty"),
            ("My_Agent", "write `my-agent`"),
            ("my agent", "write `my-agent`"),
            ("wäf", "lower-case letters"),
            ("2fast", "begins with a letter"),
            ("a", "two characters"),
            ("agent-", "no `-` at the end"),
            (long.as_str(), "41 characters"),
            ("match", "keyword of Rust"),
            ("test", "cargo uses"),
            ("spoa", "library that the agent uses"),
        ] {
            let error = check(name).unwrap_err();
            assert!(error.contains(why), "{name}: {error}");
        }
    }
}
