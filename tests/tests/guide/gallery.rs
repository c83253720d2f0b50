//! Runs the commands on the pages of the gallery, with the services that they need.

use crate::run;
use crate::sandbox::{Sandbox, top};
use spoa_tests::{Port, eventually};
use std::fs;
use std::net::TcpStream;

/// Every agent with a test below.
pub(crate) const AGENTS: [&str; 9] = [
    "antivirus",
    "challenge",
    "forward-auth",
    "geo",
    "jwt",
    "mirror",
    "rate-limit",
    "traces",
    "waf",
];

/// Runs the commands of the page of an agent. The agents are built before the ports of a page are taken.
fn page(sandbox: Sandbox, name: &str) {
    run(&format!("gallery/{name}/README.md"), sandbox, |_, _| {});
}

/// Returns the code within the sentences of the page of an agent.
fn code(name: &str) -> Vec<String> {
    let page = top().join("gallery").join(name).join("README.md");
    let page = fs::read_to_string(page).expect("a page");
    let sentences: String = page.split("```").step_by(2).collect();
    let code = sentences.split('`').skip(1).step_by(2);
    code.map(str::to_owned).collect()
}

#[test]
fn antivirus() {
    let mut sandbox = Sandbox::in_the_gallery("antivirus");
    let _ports = Port::fixed([8090, 12345]);
    let dir = sandbox.dir().display().to_string();
    // Those of ClamAV are large. Every scanner has one for this text.
    let text = "EICAR-STANDARD-ANTIVIRUS-TEST-FILE";
    let hex: String = text.bytes().map(|byte| format!("{byte:02x}")).collect();
    fs::create_dir(sandbox.dir().join("run/clamav")).expect("a folder");
    sandbox.write("run/clamav/signatures.ndb", &format!("Eicar:0:*:{hex}\n"));
    sandbox.write(
        "clamd.conf",
        &format!(
            "LocalSocket {dir}/run/clamav/clamd.ctl\nDatabaseDirectory {dir}/run/clamav\nForeground true\n"
        ),
    );
    sandbox.serve(&format!("/usr/sbin/clamd -c {dir}/clamd.conf"), "");
    page(sandbox, "antivirus");
}

#[test]
fn challenge() {
    let sandbox = Sandbox::in_the_gallery("challenge");
    let _ports = Port::fixed([8088, 12345]);
    page(sandbox, "challenge");
}

#[test]
fn forward_auth() {
    let sandbox = Sandbox::in_the_gallery("forward-auth");
    let _ports = Port::fixed([8096, 8097, 12345]);
    page(sandbox, "forward-auth");
}

#[test]
fn geo() {
    let sandbox = Sandbox::in_the_gallery("geo");
    let _ports = Port::fixed([8091, 8092, 12345]);
    page(sandbox, "geo");
}

#[test]
fn jwt() {
    let sandbox = Sandbox::in_the_gallery("jwt");
    let _ports = Port::fixed([8093, 8094, 12345]);
    page(sandbox, "jwt");
}

#[test]
fn mirror() {
    let sandbox = Sandbox::in_the_gallery("mirror");
    let _ports = Port::fixed([8098, 8099, 12345]);
    page(sandbox, "mirror");
}

#[test]
fn rate_limit() {
    let mut sandbox = Sandbox::in_the_gallery("rate-limit");
    let _ports = Port::fixed([8090, 12345]);
    // The usual port may have a Redis of the machine's.
    let redis = Port::free();
    let number = redis.number();
    sandbox.serve(
        &format!("redis-server --bind 127.0.0.1 --port {number} --save ''"),
        "",
    );
    eventually("redis-server listens: `.ci/run` installs it", || {
        TcpStream::connect(redis.addr()).is_ok()
    });
    sandbox.set("SPOA_REDIS", &format!("redis://{}", redis.addr()));
    // A busy machine may be slow to answer.
    sandbox.set("SPOA_REDIS_TIMEOUT", "500ms");
    page(sandbox, "rate-limit");
}

#[test]
fn traces() {
    let sandbox = Sandbox::in_the_gallery("traces");
    let _ports = Port::fixed([8095, 8096, 12345]);
    page(sandbox, "traces");
}

#[test]
fn waf() {
    let sandbox = Sandbox::in_the_gallery("waf");
    let _ports = Port::fixed([8087, 12345]);
    page(sandbox, "waf");
}

#[test]
fn the_configurations_are_what_the_command_of_each_page_writes() {
    for name in AGENTS {
        let sandbox = Sandbox::in_the_gallery(name);
        let command = format!("{name} config --haproxy ");
        let found = code(name)
            .into_iter()
            .find(|code| code.starts_with(&command));
        let command = found.unwrap_or_else(|| panic!("gallery/{name}/README.md: `{command}…`"));
        assert_eq!(
            sandbox.must(&format!("{command} --diff")),
            "nothing would change\n",
            "{command}"
        );
    }
}

#[test]
fn the_options_that_the_pages_name_exist() {
    for name in AGENTS {
        let sandbox = Sandbox::in_the_gallery(name);
        let help = [
            "my-agent --help",
            "my-agent config --help",
            "my-agent dev --help",
        ];
        let help = help.map(|command| sandbox.must(command)).concat();
        let known: Vec<_> = help
            .split(|c: char| !c.is_ascii_alphanumeric() && c != '-')
            .collect();
        for code in code(name) {
            let ours = ["--", "config ", "dev ", &format!("{name} ")];
            if !ours.iter().any(|start| code.starts_with(start)) {
                continue;
            }
            for option in code
                .split_whitespace()
                .filter(|word| word.starts_with("--"))
            {
                assert!(
                    known.contains(&option),
                    "gallery/{name}/README.md: `{code}`: {name} has no option {option}"
                );
            }
        }
    }
}
