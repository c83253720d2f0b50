//! The page of the documentation that lists the codes.
//!
//! It must not say anything that `--explain` does not say.

use super::{Code, Reaction};

/// Returns the page, as Markdown.
#[must_use]
pub fn page() -> String {
    let mut page = String::from(HEAD);
    for &code in Code::ALL {
        let haproxy = match code.reaction() {
            Reaction::Silent => "loads it silently",
            Reaction::Warns => "warns",
            Reaction::Refuses => "refuses it",
            Reaction::Depends => "depends",
        };
        page.push_str(&format!(
            "| [{code}](#{}) | {} | {} | {haproxy} |\n",
            code.name().to_lowercase(),
            code.severity().name(),
            code.summary(),
        ));
    }
    for &code in Code::ALL {
        page.push_str(&format!("\n## {code}\n\n"));
        page.push_str(&format!(
            "**{}.** {}\n",
            capitalised(code.summary()),
            code.explanation().trim_end()
        ));
    }
    page
}

const HEAD: &str = "\
# Findings of `doctor`

`<agent> doctor haproxy.cfg` reads a configuration as HAProxy does, follows its `filter spoe` lines to
the SPOE files, and compares it with the agent's handlers. `<agent> doctor --explain SPOA010` prints what
this page says about one code.

A code has the severity of its worst case; a finding with less at stake has a lower one. The exit status is 0 without
findings or with notes only, 1 with warnings, and 3 with errors. It is 2 if the command line is wrong or a file cannot be
read.

| code | severity | what is wrong | HAProxy itself |
|---|---|---|---|
";

fn capitalised(text: &str) -> String {
    let mut chars = text.chars();
    let first = chars.next().map(|first| first.to_ascii_uppercase());
    first.into_iter().chain(chars).collect()
}
