//! Checks that the relative links of every Markdown page lead somewhere, to the heading if they name one.

use std::collections::BTreeSet;
use std::fmt::Write as _;
use std::fs;
use std::path::Path;

use spoa_tidy::{files, workspace};

/// Returns the lines of a page outside of its blocks of code.
fn prose(text: &str) -> impl Iterator<Item = (usize, &str)> {
    let mut code = false;
    text.lines().enumerate().filter(move |(_, line)| {
        let fence = line.trim_start().starts_with("```");
        code ^= fence;
        !code && !fence
    })
}

/// Returns the anchors of a page's headings, as GitHub makes them.
fn anchors(text: &str) -> BTreeSet<String> {
    let headings = prose(text).filter_map(|(_, line)| {
        line.trim_start_matches('#')
            .strip_prefix(' ')
            .filter(|_| line.starts_with('#'))
    });
    let anchor = |heading: &str| {
        let kept = heading
            .chars()
            .filter(|c| c.is_alphanumeric() || " -_".contains(*c));
        kept.collect::<String>()
            .trim()
            .to_lowercase()
            .replace(' ', "-")
    };
    headings.map(anchor).collect()
}

/// Returns the targets of the links of a page that are not addresses, with their lines.
fn links(text: &str) -> Vec<(usize, &str)> {
    let mut links = Vec::new();
    for (at, line) in prose(text) {
        for after in line.split("](").skip(1) {
            links.push((at + 1, after.split(')').next().unwrap_or_default()));
        }
        if let Some((_, target)) = line
            .strip_prefix('[')
            .and_then(|rest| rest.split_once("]: "))
        {
            links.push((at + 1, target.trim()));
        }
    }
    links.retain(|(_, target)| !target.contains("://") && !target.contains('`'));
    links
}

#[test]
fn links_between_pages_lead_somewhere() {
    let mut wrong = String::new();
    let mut seen = 0;
    let markdown = |path: &&Path| path.extension().is_some_and(|extension| extension == "md");
    for page in files().iter().map(AsRef::as_ref).filter(markdown) {
        let page = workspace().join(page);
        let text = fs::read_to_string(&page).expect("a text");
        for (line, target) in links(&text) {
            seen += 1;
            let (path, anchor) = target.split_once('#').unwrap_or((target, ""));
            let file = match path {
                "" => page.clone(),
                path => page.parent().expect("in a folder").join(path),
            };
            let found = match anchor {
                "" => file.exists(),
                anchor => {
                    fs::read_to_string(&file).is_ok_and(|text| anchors(&text).contains(anchor))
                }
            };
            if !found {
                let page = page.strip_prefix(workspace()).expect("inside");
                let _ = writeln!(wrong, "{}:{line}: {target}", page.display());
            }
        }
    }
    assert!(wrong.is_empty(), "these links lead nowhere:\n{wrong}");
    assert!(seen > 40, "only {seen} links are found");
}

#[test]
fn anchors_are_those_of_github() {
    let text = "# Targets of `--log`\n```\n# no heading\n```\n## TLS, sockets, and more\n";
    let expected = ["tls-sockets-and-more", "targets-of---log"];
    assert_eq!(anchors(text), expected.map(str::to_owned).into());
}

#[test]
fn the_guide_has_every_page() {
    let summary = fs::read_to_string(workspace().join("docs/SUMMARY.md")).expect("a text");
    let listed: BTreeSet<_> = links(&summary)
        .into_iter()
        .map(|(_, target)| target)
        .collect();
    let tracked = files();
    let pages = tracked.iter().filter_map(|page| {
        let page = page.to_str().expect("it is text");
        let guide = page.strip_prefix("docs/").map(str::to_owned);
        let gallery = page.starts_with("gallery/") && page.ends_with("/README.md");
        guide.or(gallery.then(|| format!("../{page}")))
    });
    let pages: Vec<_> = pages
        .filter(|page| page.ends_with(".md") && page != "SUMMARY.md")
        .collect();
    assert!(pages.len() > 15, "{pages:?}");
    let missing = pages.iter().filter(|page| !listed.contains(page.as_str()));
    let missing: Vec<_> = missing.collect();
    assert_eq!(missing, [&""; 0], "list them in docs/SUMMARY.md");
}
