//! The message and the exit status of a program that cannot start.

mod common;

use common::{Said, fixture, program, said};
use spoa_tests::{Process, TempDir, line_of};
use std::net::TcpListener;
use std::os::unix::net::UnixListener;
use std::process::Command;
use std::time::Duration;

/// It ended with status 1 and these words, and printed nothing else.
#[track_caller]
fn fails(command: &mut Command, words: &str) {
    let expected = Said {
        status: Some(1),
        out: String::new(),
        err: format!("error: {words}\n"),
    };
    assert_eq!(said(command), expected);
}

#[test]
fn two_handlers_of_one_message_are_refused() {
    let line = |code| line_of("tests/agents/duplicate.rs", code);
    let words = format!(
        "two handlers answer the message `check`: `agent_duplicate::first` ({}) and \
         `agent_duplicate::other::second` ({}); remove one of them or rename its message",
        line("fn first"),
        line("fn second")
    );
    let path = env!("CARGO_BIN_EXE_agent-duplicate");
    fails(&mut program(path), &words);
    fails(program(path).args(["call", "check"]), &words);
    // They are listed all the same.
    let listed = said(program(path).arg("handlers"));
    assert_eq!(listed.status, Some(1));
    assert_eq!(listed.err, format!("error: {words}\n"));
    assert!(
        listed.out.contains("agent_duplicate::first"),
        "{}",
        listed.out
    );
    assert!(
        listed.out.contains("agent_duplicate::other::second"),
        "{}",
        listed.out
    );
}

#[test]
fn an_agent_without_handlers_is_refused() {
    fails(
        &mut program(env!("CARGO_BIN_EXE_agent-empty")),
        "the agent has no handlers: put `#[spoe_message(\"name\")]` above a function; if the \
         handlers are in another crate, write `use that_crate as _;` so that it is linked",
    );
}

#[test]
fn an_agent_without_a_required_state_is_refused() {
    fails(
        &mut program(env!("CARGO_BIN_EXE_agent-stateless")),
        &format!(
            "no state of type `agent_stateless::Db`, which `agent_stateless::count` ({}) takes: \
             write `run!(state = …)` or `Agent::builder().state(…)` with a value of that type",
            line_of("tests/agents/stateless.rs", "fn count")
        ),
    );
}

#[test]
fn two_states_of_one_type_are_refused() {
    fails(
        &mut program(env!("CARGO_BIN_EXE_agent-two-states")),
        "two values of the type `alloc::string::String`: a type has one, so remove one `state` or \
         `reload`, or wrap one of the two in a type of its own",
    );
}

#[test]
fn a_state_that_cannot_be_made_ends_the_start() {
    let words = "`state = std::fs::read_to_string(\"/nonexistent/blocklist\")?` failed: \
                 No such file or directory (os error 2)";
    let path = env!("CARGO_BIN_EXE_agent-broken-state");
    fails(&mut program(path), words);
    fails(program(path).args(["call", "ping"]), words);
    // It is not needed to list handlers.
    assert_eq!(said(program(path).arg("handlers")).status, Some(0));
}

#[test]
fn run_is_refused_inside_another_runtime() {
    fails(
        &mut program(env!("CARGO_BIN_EXE_agent-async-main")),
        "`run!` starts a runtime of its own, and there is one already: write `fn main()` without \
         `async` and without `#[tokio::main]`; `run!(state = …)` may use `.await`",
    );
}

#[test]
fn an_address_in_use_is_reported() {
    let taken = TcpListener::bind("127.0.0.1:0").expect("a free port");
    let address = taken.local_addr().expect("it is bound").to_string();
    fails(
        fixture().args(["--listen", &address]),
        &format!(
            "cannot listen on {address}: another process listens there; stop it (`ss -lnp` shows \
             which it is) or choose another address with `--listen`"
        ),
    );
}

#[test]
fn an_invalid_address_is_reported() {
    for (address, problem) in [
        (
            "localhost:12345",
            "the part before the port is not an IP address",
        ),
        ("127.0.0.1", "the port is missing"),
        ("127.0.0.1:", "the port is missing"),
        ("[::1]", "the port is missing"),
        ("127.0.0.1:http", "the port is not a number up to 65535"),
        ("0.0.0.0:80x", "the port is not a number up to 65535"),
        ("[::1]:65536", "the port is not a number up to 65535"),
        ("/run/spoa.sock", "a path needs `unix@` in front"),
        (
            "unix@/a,mode=888",
            "the mode is not an octal number up to 777",
        ),
    ] {
        let problem = format!(
            "`{address}` is not an address to listen on: {problem}; write `127.0.0.1:12345`, \
             `[::1]:12345`, `unix@/path`, `unix@/path,mode=660` or `abns@name`"
        );
        let failed = said(fixture().args(["--listen", address]));
        let expected = Said {
            status: Some(2),
            out: String::new(),
            err: format!(
                "error: invalid value '{address}' for '--listen <ADDRESS>': {problem}\n\n\
                 For more information, try '--help'.\n"
            ),
        };
        assert_eq!(failed, expected);
        let failed = said(fixture().env("SPOA_LISTEN", address));
        let named = format!(
            "error: invalid value '{address}' of the environment variable SPOA_LISTEN: {problem}\n"
        );
        assert_eq!(failed.status, Some(2));
        assert!(failed.err.starts_with(&named), "{}", failed.err);
    }
}

#[test]
fn a_file_that_is_not_a_socket_is_not_replaced() {
    let dir = TempDir::new();
    let path = dir.write("agent.sock", "precious");
    let address = format!("unix@{}", path.display());
    fails(
        fixture().args(["--listen", &address]),
        &format!(
            "cannot listen on {address}: the file at that path is not a socket; remove it or \
             choose another path with `--listen`"
        ),
    );
    assert_eq!(
        std::fs::read_to_string(&path).expect("it is still there"),
        "precious"
    );
}

#[test]
fn a_unix_socket_in_use_is_reported() {
    let dir = TempDir::new();
    let path = dir.join("agent.sock");
    let _taken = UnixListener::bind(&path).expect("nobody has it");
    let address = format!("unix@{}", path.display());
    fails(
        fixture().args(["--listen", &address]),
        &format!(
            "cannot listen on {address}: another process listens there; stop it (`ss -lnp` shows \
             which it is) or choose another address with `--listen`"
        ),
    );
    assert!(path.exists());
}

#[test]
fn a_missing_folder_of_a_unix_socket_is_reported() {
    let dir = TempDir::new();
    let address = format!("unix@{}", dir.join("run/agent.sock").display());
    fails(
        fixture().args(["--listen", &address]),
        &format!(
            "cannot listen on {address}: No such file or directory (os error 2); create the folder \
             of the socket first"
        ),
    );
}

#[test]
fn a_socket_that_was_left_behind_is_replaced_and_removed_at_the_end() {
    let dir = TempDir::new();
    let path = dir.join("agent.sock");
    drop(UnixListener::bind(&path).expect("nobody has it"));
    assert!(path.exists(), "a killed agent leaves its socket");
    let address = format!("unix@{},mode=600", path.display());
    let mut agent = Process::start(fixture().args(["--listen", &address]));
    agent.wait_for_line(&format!("listening on unix@{}", path.display()));
    agent.signal("TERM");
    assert_eq!(agent.wait(Duration::from_secs(20)).code(), Some(0));
    assert!(!path.exists());
}

#[test]
fn one_bad_address_of_several_stops_the_others() {
    let dir = TempDir::new();
    let good = dir.join("agent.sock");
    let list = format!("unix@{},nowhere", good.display());
    let failed = said(fixture().env("SPOA_LISTEN", list));
    assert_eq!(failed.status, Some(2));
    assert!(
        failed
            .err
            .contains(": `nowhere` is not an address to listen on: it has no port"),
        "{}",
        failed.err
    );
    assert!(!good.exists());
}

#[test]
fn a_message_that_a_client_can_make_too_large_is_a_warning() {
    let agent = Process::start(&mut program(env!("CARGO_BIN_EXE_agent-overfull")));
    let line = agent.wait_for_line("so that no handler checks its request");
    assert!(line.contains("WARN"), "{line}");
    assert!(
        line.contains("`url` and `query` both carry the query"),
        "{line}"
    );
}
