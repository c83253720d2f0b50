//! Conditions as HAProxy writes them after an event or a rule.

use spoa_facts::is_predefined_acl;

/// A test and its opposite: HAProxy has no brackets around alternatives.
#[derive(Clone, Copy, Debug)]
pub(super) struct TestAndOpposite<'a> {
    /// The test.
    pub(super) holds: &'a str,
    /// The opposite test.
    pub(super) fails: &'a str,
}

/// Returns a condition with another test before it.
pub(super) fn with(test: TestAndOpposite<'_>, condition: Option<&str>) -> String {
    let TestAndOpposite { holds, fails } = test;
    match condition.and_then(|condition| condition.trim().split_once(' ')) {
        // `unless a or b` is true as long as neither holds.
        Some(("unless", rest)) => format!("unless {fails} or {}", rest.trim()),
        Some((_, rest)) => {
            let terms = alternatives(rest).into_iter();
            let terms: Vec<_> = terms.map(|term| format!("{holds} {term}")).collect();
            format!("if {}", terms.join(" or "))
        }
        None => format!("if {holds}"),
    }
}

/// Returns the names of ACLs in a condition: the words outside of braces.
pub(super) fn names(condition: &str) -> Vec<&str> {
    let mut depth = 0_usize;
    let words = condition.split_whitespace().skip(1);
    let named = words.filter(|word| match word.trim_start_matches('!') {
        "{" => {
            depth += 1;
            false
        }
        "}" => {
            depth = depth.saturating_sub(1);
            false
        }
        "" | "or" | "||" | "and" | "&&" => false,
        name => depth == 0 && !is_predefined_acl(name, None),
    });
    named.map(|name| name.trim_start_matches('!')).collect()
}

/// Returns the alternatives between each `or` outside of braces.
fn alternatives(text: &str) -> Vec<String> {
    let mut depth = 0_usize;
    let mut terms = vec![Vec::new()];
    for word in text.split_whitespace() {
        match word.trim_start_matches('!') {
            "{" => depth += 1,
            "}" => depth = depth.saturating_sub(1),
            "or" | "||" if depth == 0 => {
                terms.push(Vec::new());
                continue;
            }
            _ => {}
        }
        if let Some(term) = terms.last_mut() {
            term.push(word);
        }
    }
    terms.into_iter().map(|term| term.join(" ")).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    const UP: TestAndOpposite<'_> = TestAndOpposite {
        holds: "{ up }",
        fails: "!{ up }",
    };

    #[test]
    fn a_test_is_added_to_every_alternative() {
        for (condition, expected) in [
            (None, "if { up }"),
            (Some("if { path / }"), "if { up } { path / }"),
            (
                Some("if { path -m str or } a || !{ src 10.0.0.0/8 }"),
                "if { up } { path -m str or } a or { up } !{ src 10.0.0.0/8 }",
            ),
            (
                Some("unless { path / } or LOCALHOST"),
                "unless !{ up } or { path / } or LOCALHOST",
            ),
        ] {
            assert_eq!(with(UP, condition), expected);
        }
    }

    #[test]
    fn names_are_words_outside_of_braces() {
        assert_eq!(
            names("if { path / } local or !own METH_PUT ! { src 10.0.0.1 }"),
            ["local", "own"]
        );
        assert_eq!(names("unless { path / }"), [""; 0]);
    }
}
