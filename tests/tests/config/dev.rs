//! `dev`: an agent, a HAProxy and a server of its own, and one line for each request.

use std::net::SocketAddr;
use std::process::Command;
use std::time::Duration;

use crate::common::{fixture, program};
use crate::written::ask_at;
use spoa_tests::process::ended;
use spoa_tests::{
    Client, Haproxy, Process, Reply, Request, at_once, eventually, example, for_each_haproxy,
    haproxies,
};

/// `dev` of an agent, and the address it says to try.
fn dev(mut agent: Command, haproxy: &Haproxy) -> (Process, String) {
    let process = Process::start(agent.arg("dev").arg("--haproxy-bin").arg(haproxy.path()));
    let line = process.wait_for_line("Try it:  curl -i http://");
    process.wait_for_line("Ctrl-C stops both.");
    let address = line.trim_end_matches('/').rsplit('/').next();
    (process, address.expect("it follows a slash").to_owned())
}

/// Asks until a reply fits: `dev` runs the files as `config` writes them, and a busy machine may need longer than
/// their `timeout processing`.
fn ask_until(addr: SocketAddr, request: &Request, fits: impl Fn(&Reply) -> bool) -> Reply {
    ask_at(addr, request, "the agent answers in time", fits)
}

/// Whether the agent has judged the address of the client.
fn is_scored(reply: &Reply) -> bool {
    reply.header("x-spoa-sess-ip-reputation-ip-score") == Some("100")
}

/// Whether something listens there. Only HAProxy may.
fn listens(address: &str) -> bool {
    std::net::TcpStream::connect(address).is_ok()
}

fn is_gone(address: &str) {
    eventually("HAProxy is gone", || !listens(address));
}

#[test]
fn requests_are_answered_and_shown() {
    for_each_haproxy(|haproxy| {
        let (mut process, address) = dev(example("inspect"), haproxy);
        let addr = address.parse().expect("an address and a port");
        let request = Request::post("/a?b=1", "body").header("user-agent", "test");
        let blocked = "x-spoa-txn-inspect-blocked";
        let is_judged = |reply: &Reply| reply.header(blocked).is_some_and(|it| !it.is_empty());
        let reply = ask_until(addr, &request, is_judged);
        assert_eq!(reply.status, 200);
        assert_eq!(reply.header(blocked), Some("0"));
        assert_eq!(reply.header("x-spoa-txn-inspect-score"), Some("0"));
        // The server shows what it got.
        assert!(
            reply.text().starts_with("POST /a?b=1 HTTP/1.1\r\n"),
            "{}",
            reply.text()
        );
        assert!(reply.text().ends_with("\r\n\r\nbody"), "{}", reply.text());

        let line = process.wait_for_line(" -> set-var txn.blocked = false");
        for part in [
            "POST /a?b=1 200 ",
            "ms | inspect-request src=127.0.0.1 src-port=",
            " method=\"POST\" path=\"/a\" query=\"b=1\" ",
            " body=0x626f6479 -> set-var txn.blocked = false, set-var txn.score = 0, ",
        ] {
            assert!(line.contains(part), "`{part}` is not in `{line}`");
        }
        assert!(!line.contains("spoa-dev"), "{line}");

        process.signal("INT");
        assert!(process.wait(Duration::from_secs(20)).success());
        is_gone(&address);
    });
}

/// Returns a line of output with `0` for each number, which differ from run to run, and without paths.
fn redacted(line: &str) -> String {
    let mut kept = String::new();
    for c in line.split(" (/").next().unwrap_or_default().chars() {
        if !c.is_ascii_digit() && c != '.' {
            kept.push(c);
        } else if !kept.ends_with('0') {
            kept.push('0');
        }
    }
    kept
}

#[test]
fn dev_shows_its_numbers_at_the_address_of_admin() {
    let haproxy = haproxies().last().expect("there is a HAProxy");
    let mut agent = fixture();
    agent.env("SPOA_ADMIN", "127.0.0.1:0");
    let (process, _) = dev(agent, haproxy);
    let line = process.wait_for_line("Metrics, health and a page at ");
    let addr = line.rsplit(' ').next().expect("the line has words");
    let addr = addr.parse().expect("an address and a port");
    let mut admin = Client::connect(addr).expect("it listens");
    // The agent starts to serve after it has printed its lines.
    eventually("the agent is ready", || {
        let reply = admin.send(&Request::get("/readyz"));
        (reply.status, reply.text().trim()) == (200, "ready")
    });
}

#[test]
fn dev_prints_the_transcript_of_the_guide() {
    let readme = include_str!("../../../README.md");
    let guide = include_str!("../../../docs/haproxy.md");
    let haproxy = haproxies().last().expect("there is a HAProxy");
    for (page, command, path) in [
        (
            readme,
            "$ cargo run -p spoa-examples --example ip-reputation -- dev\n",
            "/",
        ),
        (guide, "$ my-agent dev\n", "/api/"),
    ] {
        let (_, transcript) = page.split_once(command).expect("it has a transcript");
        let (transcript, _) = transcript.split_once("```").expect("the transcript ends");
        let transcript = transcript.replace("my-agent", "ip-reputation");
        let expected = transcript.lines().filter(|line| !line.is_empty());
        let (process, address) = dev(example("ip-reputation"), haproxy);
        let addr = address.parse().expect("an address and a port");
        ask_until(addr, &Request::get("/first"), is_scored);
        ask_until(addr, &Request::get(path), is_scored);
        for line in expected {
            let begin = line
                .split(|c: char| c.is_ascii_digit())
                .next()
                .expect("a line has a start");
            // The version of a package has letters, too.
            let end = |line: &str| redacted(line).split("HAProxy").next().map(str::to_owned);
            let is_it = |printed: &String| printed.contains(begin) && end(printed) == end(line);
            eventually(&format!("it prints `{line}`"), || {
                process.output().iter().any(is_it)
            });
        }
    }
}

#[test]
fn messages_of_a_session_are_on_the_line_of_its_request() {
    for_each_haproxy(|haproxy| {
        let (mut process, address) = dev(example("ip-reputation"), haproxy);
        let addr = address.parse().expect("an address and a port");
        ask_until(addr, &Request::get("/"), is_scored);
        let words = " | get-ip-reputation ip=127.0.0.1 -> set-var sess.ip_score = 100 (";
        let line = process.wait_for_line(words);
        assert!(line.contains("GET / 200 "), "{line}");
        process.signal("TERM");
        assert!(process.wait(Duration::from_secs(20)).success());
        is_gone(&address);
    });
}

#[test]
fn a_verdict_and_what_haproxy_did_with_it_are_shown() {
    for_each_haproxy(|haproxy| {
        let agent = program(env!("CARGO_BIN_EXE_agent-judging"));
        let (mut process, address) = dev(agent, haproxy);
        let addr = address.parse().expect("an address and a port");
        // From then on, there is a connection to the agent.
        let denied = Request::get("/first").header("x-ask", "deny 418");
        ask_until(addr, &denied, |reply| reply.status == 418);
        for (ask, status, shown) in [
            ("allow", 200, "GET /allow 200 "),
            ("deny 418", 418, "GET /deny 418 by HAProxy "),
            ("redirect 302", 302, "GET /redirect 302 by HAProxy "),
            ("respond 404", 404, "GET /respond 404 by HAProxy "),
            ("tarpit", 429, "GET /tarpit 429 by HAProxy "),
        ] {
            let path = format!("/{}", ask.split(' ').next().expect("it has a word"));
            let request = Request::get(&path).header("x-ask", ask);
            ask_until(addr, &request, |reply| reply.status == status);
            let line = process.wait_for_line(shown);
            let verdict = match ask {
                "allow" => "request ask=\"allow\" -> allow (".to_owned(),
                "deny 418" => "-> deny 418, reason \"asked\\nfor\", enforced (".to_owned(),
                "redirect 302" => "-> redirect 302 to \"/login?next=%2F&x=".to_owned(),
                "tarpit" => "-> tarpit 429, enforced (".to_owned(),
                _ => format!("-> {ask}, enforced ("),
            };
            assert!(
                line.contains(&verdict),
                "{haproxy}: `{verdict}` is not in `{line}`"
            );
            assert_eq!(
                line.contains(", enforced ("),
                ask != "allow",
                "{haproxy}: {line}"
            );
        }
        process.signal("TERM");
        assert!(process.wait(Duration::from_secs(20)).success());
    });
}

/// Threads of one HAProxy that log at the same time lose lines: see `Proxy::wait_for_log`.
#[test]
fn each_of_many_requests_at_once_is_shown() {
    for_each_haproxy(|haproxy| {
        let (mut process, address) = dev(example("ip-reputation"), haproxy);
        let addr = address.parse().expect("an address and a port");
        for round in 0..10 {
            at_once(40, |number| {
                let request = Request::get(&format!("/{round}-{number}"));
                let reply = Client::connect(addr).expect("it listens").send(&request);
                assert_eq!(reply.status, 200, "{haproxy}");
            });
        }
        for round in 0..10 {
            for number in 0..40 {
                process.wait_for_line(&format!("GET /{round}-{number} 200 "));
            }
        }
        process.signal("TERM");
        assert!(process.wait(Duration::from_secs(20)).success());
    });
}

#[test]
fn haproxy_does_not_outlive_an_agent_that_is_killed() {
    for_each_haproxy(|haproxy| {
        let (mut process, address) = dev(example("ip-reputation"), haproxy);
        assert!(listens(&address));
        process.kill();
        is_gone(&address);
    });
}

#[test]
fn a_killed_haproxy_is_reported() {
    let haproxy = &haproxies()[0];
    let (mut process, _) = dev(example("ip-reputation"), haproxy);
    // The shell between them is the child of `dev`, HAProxy the first of the shell's.
    let child = |of: u32| {
        let path = format!("/proc/{of}/task/{of}/children");
        let children = std::fs::read_to_string(path).expect("Linux says it");
        let first = children.split_whitespace().next().map(str::parse);
        first.expect("it has one").expect("a number")
    };
    let killed = std::process::Command::new("kill")
        .args(["-KILL", &child(child(process.id())).to_string()])
        .status();
    assert!(killed.expect("there is a `kill`").success());
    process.wait_for_line("error: HAProxy was ended by signal 9");
    assert_eq!(process.wait(Duration::from_secs(20)).code(), Some(1));
}

#[test]
fn a_program_other_than_haproxy_is_refused() {
    let mut agent = example("ip-reputation");
    let said = ended(agent.args(["dev", "--haproxy-bin", "/no/such/haproxy"]));
    assert_eq!(said.status.code(), Some(1));
    let err = String::from_utf8_lossy(&said.stderr);
    assert!(
        err.contains("`/no/such/haproxy` is not a usable HAProxy"),
        "{err}"
    );

    let mut without_path = example("ip-reputation");
    without_path.arg("dev").env_clear().env("PATH", "/no/such");
    let mut process = Process::start(without_path.current_dir("/"));
    // This one is found without a PATH, if the machine has it.
    if std::path::Path::new("/usr/sbin/haproxy").exists() {
        process.wait_for_line("(/usr/sbin/haproxy)");
        process.wait_for_line("Ctrl-C stops both.");
        process.signal("INT");
        assert!(process.wait(Duration::from_secs(20)).success());
    } else {
        process.wait_for_line("apt-get install haproxy");
        assert_eq!(process.wait(Duration::from_secs(20)).code(), Some(1));
    }
}

#[test]
fn a_configuration_that_would_not_work_is_not_run() {
    let dir = spoa_tests::TempDir::new();
    let file = dir.write(
        "haproxy.cfg",
        "frontend www\n    bind 127.0.0.1:1\n    filter spoe engine e config nowhere.conf\n",
    );
    let mut agent = example("ip-reputation");
    agent.args(["dev", "--haproxy-config"]).arg(file);
    let said = ended(agent.arg("--haproxy-bin").arg(haproxies()[0].path()));
    assert_eq!(said.status.code(), Some(1));
    let out = String::from_utf8_lossy(&said.stdout);
    assert!(out.contains("SPOA001"), "{out}");
    let err = String::from_utf8_lossy(&said.stderr);
    assert!(err.contains("fix the errors above"), "{err}");
}

#[test]
fn your_own_configuration_runs_unchanged() {
    let haproxy = &haproxies()[0];
    let (dir, port, front) = (
        spoa_tests::TempDir::new(),
        spoa_tests::Port::free(),
        spoa_tests::Port::free(),
    );
    let listen = port.addr().to_string();
    let written = example("ip-reputation")
        .args(["config", "--haproxy=2.6", "--show", "--listen", &listen])
        .arg(format!("--bind={}", front.addr()))
        .arg("--output")
        .arg(dir.path())
        .output()
        .expect("it runs");
    assert!(written.status.success());
    let mut process = Process::start(
        example("ip-reputation")
            .args(["dev", "--listen", &listen, "--haproxy-config"])
            .arg(dir.join("haproxy.cfg"))
            .arg("--haproxy-bin")
            .arg(haproxy.path()),
    );
    process.wait_for_line(&format!("The agent listens on {listen}."));
    eventually("HAProxy listens", || listens(&front.addr().to_string()));
    ask_until(front.addr(), &Request::get("/"), is_scored);
    process.wait_for_line("get-ip-reputation ip=127.0.0.1 -> set-var sess.ip_score = 100 (");
    process.signal("INT");
    assert!(process.wait(Duration::from_secs(20)).success());
    is_gone(&front.addr().to_string());
}
