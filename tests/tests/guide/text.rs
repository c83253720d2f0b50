//! Compares the configurations that pages show with what `config` writes for the handlers on the page, and lets HAProxy
//! check the lines that a page adds.

use crate::output::fits;
use crate::sandbox::top;
use spoa_tests::{Directory, TempDir, for_each_haproxy};
use std::fs;
use std::process::{Command, Stdio};

const BODIES: &str = "docs/bodies.md";
const BEYOND: &str = "docs/beyond-one-message.md";
const VERDICTS: &str = "docs/verdicts.md";

/// Returns the blocks of a page in a language.
fn blocks(page: &str, language: &str) -> Vec<String> {
    let text = fs::read_to_string(top().join(page)).expect("a page");
    let blocks = text.split("```").skip(1).step_by(2);
    let found = blocks.filter_map(|block| {
        let (first, rest) = block.split_once('\n')?;
        (first == language).then(|| rest.to_owned())
    });
    found.collect()
}

/// Returns code without the layout that rustfmt gives it.
pub(crate) fn bare(code: &str) -> String {
    let code: String = code.split_whitespace().collect();
    code.replace(",)", ")").replace(",}", "}")
}

/// Asserts that a page shows the handlers of an agent.
fn shows_the_source(page: &str, number: usize, source: &str) {
    let shown = blocks(page, "rust").swap_remove(number);
    assert!(
        bare(source).contains(&bare(&shown)),
        "the agent of the test has other handlers than {page}:\n{shown}"
    );
}

/// Returns the folder of the files that an agent writes.
fn written(program: &str, haproxy: &str) -> TempDir {
    let dir = TempDir::new();
    let ran = Command::new(program)
        .args(["config", "--haproxy", haproxy, "--output"])
        .arg(dir.path())
        .stdin(Stdio::null())
        .output()
        .expect("the agent runs");
    assert!(ran.status.success(), "{ran:?}");
    dir
}

fn lines(text: &str) -> Vec<String> {
    let lines = text.lines().map(|line| line.trim().to_owned());
    lines.filter(|line| !line.is_empty()).collect()
}

/// Asserts that the files of an agent have the lines of a block, in its order. `# spoe.conf` begins those of that file.
fn has(dir: &TempDir, page: &str, block: &str, first: &str) {
    let mut file = first;
    let mut shown = vec!["…".to_owned()];
    for line in lines(block).iter().map(String::as_str).chain(["# end"]) {
        match line {
            "# haproxy.cfg" | "# spoe.conf" | "# end" => {
                if shown.len() > 1 {
                    shown.push("…".to_owned());
                    let text = fs::read_to_string(dir.join(file)).expect("it was written");
                    assert!(
                        fits(&shown, &lines(&text), true),
                        "{page} shows in {file}:\n{}\nand `config` writes:\n{text}",
                        shown.join("\n")
                    );
                }
                file = if line == "# spoe.conf" {
                    "spoe.conf"
                } else {
                    "haproxy.cfg"
                };
                shown.truncate(1);
            }
            line => shown.push(line.to_owned()),
        }
    }
}

/// Asserts that every HAProxy takes what an agent writes for it, with more lines before the first backend and at the end.
fn check(program: &str, rules: &str, end: &str) {
    for_each_haproxy(|haproxy| {
        let (major, minor) = haproxy.series();
        let dir = written(program, &format!("{major}.{minor}"));
        let text = fs::read_to_string(dir.join("haproxy.cfg")).expect("it was written");
        let (front, back) = text.split_once("\nbackend ").expect("it has a backend");
        let text = format!("{front}{rules}\nbackend {back}\n{end}");
        dir.write("haproxy.cfg", &text);
        let path = dir.path().to_str().expect("its path is text");
        let said = Directory::new(path, "127.0.0.1:0").check(haproxy);
        assert!(
            said.is_empty() || said == "Configuration file is valid",
            "{haproxy}: {said}\n{text}"
        );
    });
}

#[test]
fn the_page_about_bodies_shows_what_config_writes() {
    shows_the_source(BODIES, 0, include_str!("../../agents/pages.rs"));
    let dir = written(env!("CARGO_BIN_EXE_agent-pages"), "3.2");
    let blocks = blocks(BODIES, "text");
    for block in &blocks[..2] {
        has(&dir, BODIES, block, "haproxy.cfg");
    }
}

#[test]
fn haproxy_takes_the_rules_of_the_page_about_bodies() {
    let blocks = blocks(BODIES, "text");
    let [_, _, site, no_length, cut, slices] = blocks.as_slice() else {
        panic!(
            "{BODIES} has {} blocks of text: test the new one",
            blocks.len()
        );
    };
    let agent = env!("CARGO_BIN_EXE_agent-pages");
    let site = format!("{site}    server site 127.0.0.1:8000\n");
    check(agent, &format!("{no_length}{cut}"), &site);
    slices_are_taken(slices);
}

/// Checks the slices of a body, whose page shows the group of one slice.
fn slices_are_taken(block: &str) {
    let (haproxy, spoe) = block.split_once("# spoe.conf\n").expect("both files");
    let numbers = 0..4;
    let groups = numbers.clone().map(|number| format!(" slice-{number}"));
    let mut conf = format!(
        "[my-agent]\nspoe-agent my-agent\n    groups{}\n    option var-prefix my_agent\n    timeout processing 1s\n    \
         use-backend my-agent-agents\n",
        groups.collect::<String>()
    );
    for number in numbers {
        let group = spoe.replace("slice-1", &format!("slice-{number}"));
        conf += &group.replace("bytes(16000,", &format!("bytes({},", number * 16_000));
    }
    let front = "    mode http\n    bind 127.0.0.1:8080\n    filter spoe engine my-agent config spoe.conf\n";
    let config = format!(
        "defaults\n    mode http\n    timeout client 5s\n    timeout server 5s\n    timeout connect 5s\n{}\n\
         backend my-agent-agents\n    mode tcp\n    server agent 127.0.0.1:12345\n",
        haproxy.replace("frontend www\n", &format!("frontend www\n{front}"))
    );
    for_each_haproxy(|haproxy| {
        let dir = TempDir::new();
        dir.write("haproxy.cfg", &config);
        dir.write("spoe.conf", &conf);
        let path = dir.path().to_str().expect("its path is text");
        let said = Directory::new(path, "127.0.0.1:0").check(haproxy);
        if haproxy.at_least(3, 4) {
            let taken = said.is_empty() || said == "Configuration file is valid";
            assert!(taken, "{haproxy}: {said}\n{config}\n{conf}");
        } else {
            assert!(said.contains("tune.bufsize.large"), "{haproxy}: {said}");
        }
    });
}

#[test]
fn the_page_about_several_messages_shows_what_config_writes() {
    shows_the_source(BEYOND, 1, include_str!("../../agents/pages.rs"));
    let dir = written(env!("CARGO_BIN_EXE_agent-pages"), "3.2");
    let blocks = blocks(BEYOND, "text");
    assert_eq!(blocks.len(), 1, "test the other blocks of text of {BEYOND}");
    has(&dir, BEYOND, &blocks[0], "spoe.conf");
    has(&dir, BEYOND, "unique-id-format %[uuid]", "haproxy.cfg");
}

#[test]
fn the_page_about_verdicts_shows_what_config_writes() {
    shows_the_source(VERDICTS, 0, include_str!("../../agents/page_verdicts.rs"));
    let dir = written(env!("CARGO_BIN_EXE_agent-page-verdicts"), "3.2");
    let blocks = blocks(VERDICTS, "text");
    assert_eq!(
        blocks.len(),
        1,
        "test the other blocks of text of {VERDICTS}"
    );
    has(&dir, VERDICTS, &blocks[0], "haproxy.cfg");
}

#[test]
fn no_other_page_shows_a_configuration_that_is_not_compared() {
    for name in crate::snippets::pages() {
        if ![BODIES, BEYOND, VERDICTS].contains(&&*name) {
            let blocks = blocks(&name, "text");
            assert!(blocks.is_empty(), "{name}: compare this block: {blocks:?}");
        }
    }
}
