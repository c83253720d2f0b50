//! Runs the commands of the guide, and compares what they print with what the pages show.
//!
//! `tests/tidy/commands.txt` says which commands these are.

mod code;
mod gallery;
mod output;
mod sandbox;
mod snippets;
mod text;

use sandbox::Sandbox;
use spoa_tests::{Port, example};
use spoa_tidy::commands::{Check, check, commands, table};
use std::fs;
use std::process::Command;

/// Every page with a command that is run here.
const PAGES: [&str; 14] = [
    "README.md",
    "docs/description.md",
    "docs/haproxy.md",
    "docs/operations/README.md",
    "docs/operations/metrics.md",
    "docs/operations/tls-and-sockets.md",
    "docs/operations/traces.md",
    "docs/operations/values.md",
    "docs/options.md",
    "docs/recording.md",
    "examples/beside-axum/README.md",
    "examples/inspect/README.md",
    "examples/ip-reputation/README.md",
    "examples/multi/README.md",
];

/// Runs the commands of a page in a folder, after `prepare` has prepared it for each, and for the end of the page.
fn run(page: &str, mut sandbox: Sandbox, prepare: impl Fn(&mut Sandbox, &str)) {
    let table = table();
    let mut count = 0;
    for command in commands().iter().filter(|command| command.page == page) {
        let check = check(&table, command).expect("a test of spoa-tidy finds those without one");
        if is_run(&check) {
            prepare(&mut sandbox, &command.text);
            sandbox.run(command, &check);
            count += 1;
        }
    }
    prepare(&mut sandbox, "");
    sandbox.finish();
    assert!(count > 0, "{page} has no command to run");
}

/// Returns whether a command with this check is run here.
fn is_run(check: &Check) -> bool {
    !matches!(check, Check::Test(_) | Check::Not(_))
}

/// Returns the text of the first block of a page that contains these words.
fn block(page: &str, words: &str) -> String {
    let text = fs::read_to_string(sandbox::top().join(page)).expect("a page");
    let blocks = text.split("```").skip(1).step_by(2);
    let found = blocks.into_iter().find(|block| block.contains(words));
    let (_, block) = found
        .and_then(|block| block.split_once('\n'))
        .expect("it has the block");
    block.to_owned()
}

#[test]
fn every_page_with_a_command_to_run_is_run() {
    let table = table();
    for command in commands() {
        let runs = check(&table, &command).as_ref().is_some_and(is_run);
        // `spoa-cli` has a test of its own below, since it needs an agent.
        let page = command.page.as_str();
        assert!(
            !runs
                || page == "spoa-cli/README.md"
                || PAGES.contains(&page)
                || gallery::AGENTS.contains(&page.split('/').nth(1).unwrap_or_default()),
            "write a test for {page} in tests/tests/guide"
        );
    }
}

#[test]
fn the_overview_of_operations() {
    let sandbox = Sandbox::new(&example("ip-reputation"), "ip-reputation");
    run("docs/operations/README.md", sandbox, |_, _| {});
}

#[test]
fn the_readme() {
    let sandbox = Sandbox::new(&example("ip-reputation"), "ip-reputation");
    run("README.md", sandbox, |sandbox, command| {
        if command.starts_with("my-agent doctor") {
            sandbox.configure("etc/haproxy");
        }
    });
}

#[test]
fn the_description_of_an_agent() {
    let sandbox = Sandbox::new(&example("ip-reputation"), "ip-reputation");
    // The smallest description, since one that an agent prints has more than a command may need.
    sandbox.write(
        "my-agent.json",
        &block("docs/description.md", "\"format\": 1"),
    );
    sandbox.must("spop config --agent my-agent.json --server 127.0.0.1:12345 --output .");
    run("docs/description.md", sandbox, |_, _| {});
}

#[test]
fn wiring_haproxy() {
    let sandbox = Sandbox::new(&example("ip-reputation"), "ip-reputation");
    run("docs/haproxy.md", sandbox, |sandbox, command| {
        if command.starts_with("my-agent doctor") {
            sandbox.configure("etc/haproxy");
        }
    });
}

#[test]
fn metrics() {
    let _ports = Port::fixed([9145, 12345]);
    let sandbox = Sandbox::new(&example("ip-reputation"), "ip-reputation");
    run("docs/operations/metrics.md", sandbox, |_, _| {});
}

#[test]
fn values_in_the_log() {
    let _ports = Port::fixed([12345]);
    let agent = Command::new(env!("CARGO_BIN_EXE_agent-pages"));
    let sandbox = Sandbox::new(&agent, "agent-pages");
    run("docs/operations/values.md", sandbox, |sandbox, _| {
        if sandbox.serves() {
            for ip in ["192.0.2.7", "0.0.0.0", "127.0.0.1"] {
                sandbox.must(&format!("spop call 127.0.0.1:12345 check ip={ip} id=5d1e"));
            }
        }
    });
}

#[test]
fn traces_of_messages() {
    let _ports = Port::fixed([12345]);
    let sandbox = Sandbox::in_the_gallery("traces");
    run("docs/operations/traces.md", sandbox, |_, _| {});
}

#[test]
fn sockets_and_tls() {
    let _ports = Port::fixed([12345]);
    let sandbox = Sandbox::new(&example("ip-reputation"), "ip-reputation");
    sandbox.certificates("etc/spoa");
    run("docs/operations/tls-and-sockets.md", sandbox, |_, _| {});
}

#[test]
fn options_of_an_agent() {
    let agent = Command::new(env!("CARGO_BIN_EXE_agent-options"));
    run(
        "docs/options.md",
        Sandbox::new(&agent, "optional"),
        |sandbox, command| {
            // The options that every agent has: the page continues with those of its own agent.
            let file = block("docs/options.md", "# /etc/my-agent.toml");
            let (file, _) = file
                .split_once("\n\n")
                .expect("its own options come after an empty line");
            let file = match command.starts_with("my-agent --config") {
                true => file.replace("max-connections", "max-conections"),
                false => file.replace("/run/", &format!("{}/run/", sandbox.dir().display())),
            };
            sandbox.write("etc/my-agent.toml", &format!("{file}\n"));
        },
    );
}

#[test]
fn recordings() {
    let _ports = Port::fixed([12345, 12346, 12347]);
    let mut sandbox = Sandbox::new(&example("ip-reputation"), "ip-reputation");
    sandbox.serve("my-agent", "started:");
    run("docs/recording.md", sandbox, |sandbox, command| {
        if command.starts_with("spop replay") {
            for ip in ["10.1.2.3", "10.1.2.4", "127.0.0.1"] {
                sandbox.must(&format!(
                    "spop call 127.0.0.1:12346 get-ip-reputation ip={ip}"
                ));
            }
            sandbox.stop("spop");
            let recording = fs::read_to_string(sandbox.dir().join("traffic.jsonl"));
            snippets::lines_of_a_recording(&recording.expect("it was written"));
            // The other build has another opinion of the addresses, which the recording has as hashes.
            sandbox.serve("my-agent --listen 127.0.0.1:12347", "started:");
        }
    });
}

#[test]
fn beside_axum() {
    let _ports = Port::fixed([8086, 12348]);
    let sandbox = Sandbox::at_the_top();
    run("examples/beside-axum/README.md", sandbox, |_, _| {});
}

#[test]
fn inspect() {
    let _ports = Port::fixed([8082, 12346]);
    run(
        "examples/inspect/README.md",
        Sandbox::at_the_top(),
        |_, _| {},
    );
}

#[test]
fn ip_reputation() {
    let _ports = Port::fixed([8080, 8081, 12345]);
    run(
        "examples/ip-reputation/README.md",
        Sandbox::at_the_top(),
        |_, _| {},
    );
}

#[test]
fn multi() {
    let _ports = Port::fixed([8083, 8084, 12347]);
    run("examples/multi/README.md", Sandbox::at_the_top(), |_, _| {});
}

#[test]
fn spop() {
    let _ports = Port::fixed([12345]);
    let mut sandbox = Sandbox::new(&example("ip-reputation"), "ip-reputation");
    sandbox.serve("my-agent", "started:");
    run("spoa-cli/README.md", sandbox, |_, _| {});
}
