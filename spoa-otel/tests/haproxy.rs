//! Spans from end to end: a client, real HAProxies, an agent, and a receiver.

#![allow(
    clippy::unwrap_used,
    clippy::indexing_slicing,
    missing_docs,
    reason = "a test fails by panicking"
)]

mod receiver;

use opentelemetry_proto::tonic::trace::v1::Span;
use receiver::{Mode, Receiver, hex, text, until};
use spoa::testing::{HaProxy, InstalledHaProxy, free_port};
use std::io::{Read, Write};
use std::net::TcpStream;
use std::process::Command;

const TRACE: &str = "4bf92f3577b34da6a3ce929d0e0e4736";
const PARENT: &str = "00f067aa0ba902b7";
/// The number of `STATUS_CODE_ERROR`.
const ERROR: i32 = 2;

/// Returns the oldest HAProxy of this machine, the newest, and one between.
fn haproxies() -> Vec<InstalledHaProxy> {
    let all = HaProxy::installed();
    let mut indexes = vec![0, all.len() / 2, all.len() - 1];
    indexes.dedup();
    indexes
        .into_iter()
        .map(|index| all[index].clone())
        .collect()
}

fn newest() -> InstalledHaProxy {
    haproxies().pop().unwrap()
}

/// Returns the agent of the example. Its environment has a name by which its process is found.
fn agent(collector: u16, name: &str) -> Command {
    let tests = std::env::current_exe().unwrap();
    let example = tests.ancestors().nth(2).unwrap().join("examples/traced");
    let mut command = Command::new(example);
    command.env("TRACED_NAME", unique(name));
    command.env(
        "OTEL_EXPORTER_OTLP_ENDPOINT",
        format!("http://127.0.0.1:{collector}"),
    );
    command.env("OTEL_BSP_SCHEDULE_DELAY", "50");
    command
}

fn start(installed: &InstalledHaProxy, agent: Command) -> HaProxy {
    let rules = "    unique-id-format id-%[req.hdr(x-id)]\n";
    HaProxy::program(agent).rules(rules).on(installed).start()
}

/// Returns a name that no agent of another run of these tests has.
fn unique(name: &str) -> String {
    format!("{name}-{}", std::process::id())
}

/// Returns the process of an agent that is running.
fn process(name: &str) -> Option<String> {
    let name = format!("TRACED_NAME={}", unique(name));
    let processes = std::fs::read_dir("/proc").unwrap().flatten();
    let mut processes = processes.filter(|process| {
        // Of a process that has ended, only its entry is left.
        let program = std::fs::read_link(process.path().join("exe")).unwrap_or_default();
        let environment = std::fs::read(process.path().join("environ")).unwrap_or_default();
        let mut variables = environment.split(|byte| *byte == 0);
        program.ends_with("traced") && variables.any(|variable| variable == name.as_bytes())
    });
    Some(processes.next()?.file_name().into_string().unwrap())
}

/// Ends the agent with SIGTERM, and waits until its process is gone.
fn terminate(name: &str) {
    let id = process(name).unwrap();
    assert!(
        Command::new("kill")
            .args(["-TERM", &id])
            .status()
            .unwrap()
            .success()
    );
    until(|| process(name).is_none().then_some(()));
}

/// Returns the spans of a request, by their names.
fn spans_of(spans: &[Span], id: &str) -> Option<(Span, Span)> {
    let check = spans
        .iter()
        .find(|span| text(&span.attributes, "req_id") == Some(&format!("id-{id}")))?;
    let child = spans
        .iter()
        .find(|span| span.parent_span_id == check.span_id)?;
    Some((check.clone(), child.clone()))
}

#[test]
fn ids_and_parents_are_right_through_every_haproxy() {
    for installed in haproxies() {
        let receiver = Receiver::start();
        let mut agent = agent(receiver.port, &format!("ids-{}", installed.version()));
        agent.env(
            "OTEL_RESOURCE_ATTRIBUTES",
            "deployment.environment.name=test",
        );
        agent.env(
            "OTEL_EXPORTER_OTLP_HEADERS",
            "authorization=Basic%20hunter2",
        );
        let haproxy = start(&installed, agent);
        let header = format!("00-{TRACE}-{PARENT}-01");
        let get = |id: &str| {
            haproxy
                .get("/secret?a=b")
                .header("x-id", id)
                .header("x-secret", "hunter3")
        };
        assert_eq!(
            get("with")
                .header("traceparent", &header)
                .send()
                .var("txn.traced"),
            Some("1")
        );
        assert_eq!(get("without").send().var("txn.traced"), Some("0"));
        assert_eq!(
            get("invalid")
                .header("traceparent", "00-x")
                .send()
                .var("txn.traced"),
            Some("0")
        );

        let (check, look_up) = until(|| spans_of(&receiver.spans(), "with"));
        assert_eq!(
            (hex(&check.trace_id), hex(&check.parent_span_id)),
            (TRACE.to_owned(), PARENT.to_owned())
        );
        assert_eq!(
            (&*check.name, check.kind, &check.status.unwrap().code),
            ("check", 2, &0),
            "{installed}"
        );
        assert_eq!(
            (&*look_up.name, hex(&look_up.trace_id)),
            ("look-up", TRACE.to_owned()),
            "{installed}"
        );
        assert!(check.start_time_unix_nano <= look_up.start_time_unix_nano);
        assert!(look_up.end_time_unix_nano <= check.end_time_unix_nano);
        // The other message of that request has no argument for a parent, so its span has no parent.
        let mut traces = vec![check.trace_id.clone()];
        for id in ["without", "invalid"] {
            let (check, look_up) = until(|| spans_of(&receiver.spans(), id));
            assert_eq!(check.parent_span_id, [0; 0], "{installed}");
            assert_eq!(look_up.trace_id, check.trace_id, "{installed}");
            traces.push(check.trace_id);
        }
        traces.sort();
        traces.dedup();
        assert_eq!(traces.len(), 3, "{installed}");

        let requests = receiver.requests();
        let resource = requests[0].resource_spans[0].resource.as_ref().unwrap();
        assert_eq!(text(&resource.attributes, "service.name"), Some("traced"));
        assert_eq!(
            text(&resource.attributes, "deployment.environment.name"),
            Some("test")
        );
        let heads = receiver.heads();
        let head = heads[0].to_ascii_lowercase();
        assert!(head.starts_with("post /v1/traces http/1.1\r\n"), "{head}");
        assert!(
            head.contains("\r\nauthorization: basic hunter2\r\n"),
            "{head}"
        );
        // The only value of a request is its id, and there is no line of the log.
        let all = format!("{:?}", receiver.spans());
        for value in ["secret", "hunter", "checked"] {
            assert!(!all.contains(value), "{all}");
        }
        let mut names: Vec<_> = receiver
            .spans()
            .into_iter()
            .flat_map(|span| span.attributes)
            .collect();
        names.sort_by(|a, b| a.key.cmp(&b.key));
        names.dedup_by(|a, b| a.key == b.key);
        let names: Vec<_> = names.iter().map(|attribute| &*attribute.key).collect();
        assert_eq!(names, ["frame", "req_id", "stream"], "{installed}");
    }
}

#[test]
fn the_span_of_a_failed_message_has_an_error_status() {
    let receiver = Receiver::start();
    let haproxy = start(&newest(), agent(receiver.port, "failed"));
    haproxy.get("/").send();
    haproxy.get("/").header("x-fail", "hunter2").send();
    haproxy.get("/").header("x-number", "hunter3").send();
    let spans = until(|| {
        let mut spans = receiver.spans();
        spans.retain(|span| span.name == "may-fail");
        (spans.len() == 3).then_some(spans)
    });
    let status = spans.into_iter().map(|span| span.status.unwrap());
    let status: Vec<_> = status.map(|status| (status.code, status.message)).collect();
    assert_eq!(status[0], (0, String::new()));
    assert_eq!(status[1], (ERROR, "it was asked to".to_owned()));
    assert_eq!(status[2].0, ERROR);
    assert!(status[2].1.starts_with("argument `number`"), "{status:?}");
    assert!(!format!("{status:?}").contains("hunter"), "{status:?}");
}

#[test]
fn spans_that_are_left_are_exported_after_the_drain() {
    let receiver = Receiver::start();
    let mut agent = agent(receiver.port, "flush");
    agent
        .env("OTEL_BSP_SCHEDULE_DELAY", "3600000")
        .env("OTEL_SERVICE_NAME", "other-name");
    let haproxy = start(&newest(), agent);
    for number in 0..10 {
        haproxy.get("/").header("x-id", number.to_string()).send();
    }
    assert_eq!(receiver.spans(), []);
    terminate("flush");
    // Each request has two messages, and one look-up.
    assert_eq!(receiver.spans().len(), 30);
    let requests = receiver.requests();
    let resource = requests[0].resource_spans[0].resource.as_ref().unwrap();
    assert_eq!(
        text(&resource.attributes, "service.name"),
        Some("other-name")
    );
}

#[test]
fn the_sampler_and_the_switches_of_the_environment_are_obeyed() {
    for (name, value, count) in [
        ("OTEL_TRACES_SAMPLER", "always_off", 0),
        // Of the two messages, only one has a parent, which is sampled.
        ("OTEL_TRACES_SAMPLER", "parentbased_always_off", 2),
        ("OTEL_TRACES_EXPORTER", "none", 0),
        ("OTEL_SDK_DISABLED", "true", 0),
        ("SPOA_SPANS", "off", 1),
        ("OTEL_TRACES_SAMPLER", "always_on", 3),
    ] {
        let receiver = Receiver::start();
        let mut agent = agent(receiver.port, &format!("{name}={value}"));
        agent.env(name, value);
        let haproxy = start(&newest(), agent);
        haproxy
            .get("/")
            .header("traceparent", format!("00-{TRACE}-{PARENT}-01"))
            .send();
        terminate(&format!("{name}={value}"));
        assert_eq!(receiver.spans().len(), count, "{name}={value}");
    }
}

#[test]
fn a_mistake_in_a_variable_stops_the_agent_and_check_reports_it() {
    for command in [&["check"][..], &["--listen", "127.0.0.1:0"]] {
        let mut agent = agent(1, &format!("mistake-{}", command.len()));
        agent
            .env("OTEL_EXPORTER_OTLP_PROTOCOL", "grpc")
            .args(command);
        let output = agent.output().unwrap();
        let error = String::from_utf8(output.stderr).unwrap();
        assert!(!output.status.success());
        let expected = "traces: the environment variable OTEL_EXPORTER_OTLP_PROTOCOL names a protocol that is not \
                        supported: write `http/protobuf`";
        assert!(error.contains(expected), "{error}");
    }
}

fn get(port: u16, path: &str) -> Option<String> {
    let mut stream = TcpStream::connect(("127.0.0.1", port)).ok()?;
    stream
        .write_all(format!("GET {path} HTTP/1.0\r\n\r\n").as_bytes())
        .ok()?;
    let mut text = String::new();
    stream.read_to_string(&mut text).ok()?;
    Some(text)
}

#[test]
fn requests_pass_and_losses_are_counted_whatever_the_receiver_does() {
    for installed in haproxies() {
        let (port, admin) = (free_port(), free_port());
        let name = format!("modes-{}", installed.version());
        let mut agent = agent(port, &name);
        agent.env("SPOA_ADMIN", format!("127.0.0.1:{admin}"));
        // Down at the start.
        let haproxy = start(&installed, agent);
        let count = |outcome: &str| {
            let text = get(admin, "/metrics").unwrap_or_default();
            let start = format!("spoa_otel_spans_total{{outcome=\"{outcome}\"}} ");
            let line = text.lines().find_map(|line| line.strip_prefix(&start));
            line.and_then(|number| number.parse::<u64>().ok())
                .unwrap_or(0)
        };
        let request = || {
            assert_eq!(
                haproxy.get("/").send().var("txn.traced"),
                Some("0"),
                "{installed}"
            )
        };
        let logs = |text: &str| {
            haproxy
                .agent_log()
                .iter()
                .filter(|line| line.contains(text))
                .count()
        };
        request();
        until(|| (count("failed") == 3).then_some(()));
        // The log follows the counts.
        until(|| (logs(&format!(" lost: 127.0.0.1:{port}: ")) == 1).then_some(()));
        // The receiver starts.
        let receiver = Receiver::start_on(port);
        request();
        until(|| (count("exported") == 3).then_some(()));
        assert_eq!(receiver.spans().len(), 3, "{installed}");
        until(|| (logs("INFO traces: exports work again") == 1).then_some(()));
        // The receiver fails in each way.
        let mut failed = 3;
        for mode in [Mode::Fail, Mode::Page] {
            receiver.set(mode);
            request();
            failed += 3;
            until(|| (count("failed") == failed).then_some(()));
            assert!(receiver.refused() > 0, "{installed}: {mode:?}");
        }
        // The receiver works again, and no line was added within a minute of the first.
        receiver.set(Mode::Take);
        request();
        until(|| (count("exported") == 6).then_some(()));
        assert_eq!(receiver.spans().len(), 6, "{installed}");
        assert_eq!(logs("WARN traces: "), 1, "{:?}", haproxy.agent_log());
        assert_eq!(count("dropped"), 0, "{installed}");
        terminate(&name);
        // At the end, the log has the other lost spans.
        let rest =
            "does not answer as a receiver of OTLP does; check the endpoint failed=9 dropped=0";
        until(|| (logs(rest) == 1).then_some(()));
    }
}

#[test]
fn an_export_that_hangs_ends_with_its_timeout() {
    let (receiver, admin) = (Receiver::start(), free_port());
    receiver.set(Mode::Hang);
    let mut agent = agent(receiver.port, "timeout");
    agent.env("OTEL_EXPORTER_OTLP_TIMEOUT", "300");
    agent.env("SPOA_ADMIN", format!("127.0.0.1:{admin}"));
    let haproxy = start(&newest(), agent);
    haproxy.get("/").send();
    let late = " did not answer within 300ms";
    until(|| {
        haproxy
            .agent_log()
            .into_iter()
            .find(|line| line.contains(late))
    });
    receiver.set(Mode::Take);
    until(|| {
        haproxy.get("/").send();
        receiver.spans().pop()
    });
}

#[test]
fn a_part_of_a_batch_that_is_rejected_is_counted() {
    let (receiver, admin) = (Receiver::start(), free_port());
    receiver.set(Mode::RejectOne);
    let mut agent = agent(receiver.port, "partial");
    agent.env("SPOA_ADMIN", format!("127.0.0.1:{admin}"));
    let haproxy = start(&newest(), agent);
    haproxy.get("/").send();
    let line = until(|| {
        haproxy
            .agent_log()
            .into_iter()
            .find(|line| line.contains("rejected them"))
    });
    assert!(
        line.ends_with(r"rejected them: too old\n failed=1 dropped=0"),
        "{line}"
    );
}

#[test]
fn a_receiver_that_hangs_delays_no_handler() {
    let (receiver, admin) = (Receiver::start(), free_port());
    receiver.set(Mode::Hang);
    let mut agent = agent(receiver.port, "hang");
    // An export that timed out would make room in the queue.
    agent
        .env("OTEL_EXPORTER_OTLP_TIMEOUT", "60000")
        .env("OTEL_BSP_MAX_QUEUE_SIZE", "20")
        .env("SPOA_ADMIN", format!("127.0.0.1:{admin}"));
    let haproxy = start(&newest(), agent);
    until(|| {
        haproxy.get("/").send();
        (receiver.refused() > 0).then_some(())
    });
    // The exporter waits. The queue fills up, and nothing else waits.
    for _ in 0..50 {
        assert_eq!(haproxy.get("/").send().var("txn.traced"), Some("0"));
    }
    let metrics = get(admin, "/metrics").unwrap();
    let dropped = metrics
        .lines()
        .find_map(|line| line.strip_prefix("spoa_otel_spans_total{outcome=\"dropped\"} "));
    assert!(dropped.unwrap().parse::<u64>().unwrap() >= 100, "{metrics}");
    assert!(!metrics.contains("outcome=\"timed_out\"} 1"), "{metrics}");
    terminate("hang");
}
