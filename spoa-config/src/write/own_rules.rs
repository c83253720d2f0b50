//! The site's own rules, in two parts: HAProxy runs `tcp-request` rules before all others, and warns if they are written
//! after one.

use crate::read::SECTIONS;

/// The lines of `--rules`.
#[derive(Debug, Default, PartialEq, Eq)]
pub(super) struct OwnRules {
    /// The `tcp-request` rules of the frontend, with the ACLs, which they may use.
    pub(super) early: String,
    /// All other lines, and the sections after them.
    pub(super) rest: String,
}

impl OwnRules {
    /// Divides the lines. A comment stays with the line below it. Without `tcp-request` rules, or with conditions
    /// such as `.if` around lines, everything stays together.
    pub(super) fn new(text: &str) -> Self {
        let first = |line: &str| -> String {
            line.split_whitespace()
                .next()
                .unwrap_or_default()
                .to_owned()
        };
        let (mut early, mut rest, mut comments) = (String::new(), String::new(), String::new());
        let (mut in_frontend, mut tcp) = (true, false);
        for line in text.split_inclusive('\n') {
            let word = first(line);
            in_frontend &= !SECTIONS.contains(&word.as_str());
            if in_frontend && word.starts_with('.') {
                tcp = false;
                break;
            }
            if in_frontend && word.starts_with('#') {
                comments.push_str(line);
                continue;
            }
            let is_early = in_frontend && (word == "tcp-request" || word == "acl");
            tcp |= in_frontend && word == "tcp-request";
            let part = if is_early { &mut early } else { &mut rest };
            part.push_str(&comments);
            part.push_str(line);
            comments.clear();
        }
        rest.push_str(&comments);
        if tcp {
            OwnRules { early, rest }
        } else {
            OwnRules {
                early: String::new(),
                rest: text.to_owned(),
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn tcp_rules_come_first_with_their_comments_and_acls() {
        let text = "    bind :80\n    # Ours.\n    acl own src 10.0.0.0/8\n    # Why.\n    tcp-request content accept if own\n    \
                    http-request deny if own\n\nbackend a\n    # A backend's.\n    tcp-request content accept\n";
        let own = OwnRules::new(text);
        assert_eq!(
            own.early,
            "    # Ours.\n    acl own src 10.0.0.0/8\n    # Why.\n    tcp-request content accept if own\n"
        );
        assert_eq!(
            own.rest,
            "    bind :80\n    http-request deny if own\n\nbackend a\n    # A backend's.\n    tcp-request content accept\n"
        );
    }

    #[test]
    fn other_rules_stay_as_they_are() {
        for text in [
            "",
            "    acl a src 10.0.0.0/8\n    http-request deny if a\n",
            "    .if defined(A)\n    tcp-request content accept\n    .endif\n",
            "    http-request deny\n# end",
        ] {
            let own = OwnRules::new(text);
            assert_eq!((own.early.as_str(), own.rest.as_str()), ("", text));
        }
    }
}
