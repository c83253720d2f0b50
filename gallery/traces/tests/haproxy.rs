//! Runs the agent with real HAProxies, and a receiver of OTLP that is slow, away, or answers nonsense.

mod receiver;

use opentelemetry_proto::tonic::common::v1::any_value::Value;
use opentelemetry_proto::tonic::trace::v1::Span;
use receiver::{Mode, Receiver, hex, text};
use spoa::testing::{HaProxy, InstalledHaProxy, Reply, eventually, free_port, http_get};
use std::process::Command;
use std::time::{Duration, Instant};

const TRACE: &str = "4bf92f3577b34da6a3ce929d0e0e4736";
const PARENT: &str = "00f067aa0ba902b7";

fn header() -> String {
    format!("00-{TRACE}-{PARENT}-01")
}

/// An agent, and the address of its metrics.
fn agent(port: u16) -> (Command, String) {
    let mut command = Command::new(env!("CARGO_BIN_EXE_traces"));
    let admin = format!("127.0.0.1:{}", free_port());
    command.args(["--admin", &admin]);
    command.args(["--route", "/users/*/orders", "--route=/denied"]);
    command.env(
        "OTEL_EXPORTER_OTLP_ENDPOINT",
        format!("http://127.0.0.1:{port}"),
    );
    command.env("OTEL_BSP_SCHEDULE_DELAY", "50");
    (command, admin)
}

/// Starts HAProxy with a server that answers with the status of a header.
fn start(haproxy: &InstalledHaProxy, agent: Command) -> HaProxy {
    let rules = "    http-request deny if { path /denied }\n";
    let server = |request: &spoa::testing::ReceivedRequest| {
        let status = request
            .header("x-status")
            .and_then(|status| status.parse().ok());
        Reply::new(status.unwrap_or(200), "")
    };
    HaProxy::program(agent)
        .rules(rules)
        .server(server)
        .on(haproxy)
        .start()
}

/// Returns the counter of requests, or of spans.
fn count(admin: &str, metric: &str) -> usize {
    let text = http_get(admin, "/metrics").text();
    let line = text
        .lines()
        .find_map(|line| line.strip_prefix(metric)?.strip_prefix(' '));
    line.map_or(0, |count| count.parse().unwrap())
}

/// Waits for this many spans, in the order of their start.
fn spans(receiver: &Receiver, count: usize) -> Vec<Span> {
    let mut spans = eventually("the spans are exported", || {
        Some(receiver.spans()).filter(|spans| spans.len() >= count)
    });
    assert_eq!(spans.len(), count);
    spans.sort_by_key(|span| span.start_time_unix_nano);
    spans
}

fn status(span: &Span) -> Option<i64> {
    let mut attributes = span.attributes.iter();
    let status = attributes.find(|attribute| attribute.key == "http.response.status_code")?;
    match status.value.as_ref()?.value.as_ref()? {
        Value::IntValue(status) => Some(*status),
        _ => None,
    }
}

#[test]
fn each_request_is_a_span_and_the_trace_goes_on_to_the_server() {
    for installed in HaProxy::oldest_middle_newest() {
        let receiver = Receiver::start();
        let (agent, admin) = agent(receiver.port);
        let haproxy = start(&installed, agent);
        let get = |path: &str| haproxy.get(path).header("authorization", "hunter2");
        assert_eq!(
            get("/users/7/orders?key=hunter3")
                .header("traceparent", header())
                .send()
                .status,
            200
        );
        assert_eq!(
            haproxy
                .post("/users/7/hunter4", "hunter5")
                .header("x-status", "404")
                .send()
                .status,
            404
        );
        assert_eq!(
            get("/")
                .header("x-status", "503")
                .header("traceparent", "00-x")
                .send()
                .status,
            503
        );
        assert_eq!(haproxy.request("XYZZY", "/").send().status, 200);

        let spans = spans(&receiver, 4);
        let traced: Vec<_> = spans
            .iter()
            .map(|span| (&*span.name, span.kind, status(span)))
            .collect();
        let expected = [
            ("GET /users/*/orders", 2, Some(200)),
            ("POST", 2, Some(404)),
            ("GET", 2, Some(503)),
            ("HTTP", 2, Some(200)),
        ];
        assert_eq!(traced, expected, "{installed}");
        let codes: Vec<_> = spans
            .iter()
            .map(|span| span.status.as_ref().map_or(0, |status| status.code))
            .collect();
        assert_eq!(codes, [0, 0, 2, 0], "{installed}");
        assert_eq!(
            text(&spans[0].attributes, "http.route"),
            Some("/users/*/orders")
        );
        assert_eq!(
            text(&spans[3].attributes, "http.request.method"),
            Some("_OTHER")
        );
        assert_eq!(
            (hex(&spans[0].trace_id), hex(&spans[0].parent_span_id)),
            (TRACE.to_owned(), PARENT.to_owned())
        );
        assert!(
            spans[1..].iter().all(|span| span.parent_span_id.is_empty()),
            "{installed}"
        );
        for span in &spans {
            assert!(
                span.end_time_unix_nano > span.start_time_unix_nano,
                "{installed}"
            );
        }
        // The server gets the span of its request as the parent.
        let received: Vec<_> = haproxy
            .received()
            .iter()
            .map(|request| request.header("traceparent"))
            .collect();
        let sent: Vec<_> = spans
            .iter()
            .map(|span| {
                Some(format!(
                    "00-{}-{}-01",
                    hex(&span.trace_id),
                    hex(&span.span_id)
                ))
            })
            .collect();
        assert_eq!(received, sent, "{installed}");
        // No value of a request is exported.
        let all = format!("{spans:?}");
        for value in ["hunter", "XYZZY", "/7/"] {
            assert!(!all.contains(value), "{all}");
        }
        eventually("all are counted", || {
            count(&admin, "traces_requests_total{result=\"answered\"}") == 4
        });
        assert_eq!(
            haproxy
                .agent_log()
                .iter()
                .filter(|line| line.contains("WARN"))
                .count(),
            0
        );
    }
}

#[test]
fn a_request_that_no_server_answers_is_a_span_without_a_time() {
    for installed in HaProxy::oldest_middle_newest() {
        let receiver = Receiver::start();
        let (mut agent, admin) = agent(receiver.port);
        // Longer than a request takes on a busy machine: the others below have their responses in time.
        agent.env("SPOA_TRANSACTION_TIMEOUT", "3s");
        let haproxy = start(&installed, agent);
        assert_eq!(
            haproxy
                .get("/denied")
                .header("traceparent", header())
                .send()
                .status,
            403
        );
        let denied = eventually("the span is exported", || {
            // Values expire when others come.
            haproxy.get("/").send();
            receiver
                .spans()
                .into_iter()
                .find(|span| span.name == "GET /denied")
        });
        assert_eq!(hex(&denied.parent_span_id), PARENT, "{installed}");
        assert_eq!(text(&denied.attributes, "haproxy.response"), Some("none"));
        assert_eq!(denied.start_time_unix_nano, denied.end_time_unix_nano);
        assert_eq!(
            count(&admin, "traces_requests_total{result=\"unanswered\"}"),
            1
        );
    }
}

#[test]
fn requests_pass_whatever_the_receiver_does() {
    for installed in HaProxy::oldest_middle_newest() {
        let port = free_port();
        let (agent, admin) = agent(port);
        // Down at the start.
        let haproxy = start(&installed, agent);
        let request = || {
            let start = Instant::now();
            assert_eq!(haproxy.get("/").send().status, 200, "{installed}");
            start.elapsed()
        };
        let failed = |number| {
            eventually("the loss is counted", || {
                count(&admin, "spoa_otel_spans_total{outcome=\"failed\"}") == number
            });
        };
        request();
        failed(1);
        // It comes.
        let receiver = Receiver::start_on(port);
        request();
        spans(&receiver, 1);
        // It fails in each way, in the middle.
        for (index, mode) in [Mode::Fail, Mode::Page].into_iter().enumerate() {
            receiver.set(mode);
            request();
            failed(2 + index);
        }
        // It is back.
        receiver.set(Mode::Take);
        request();
        spans(&receiver, 2);
        // The log follows the counts.
        let log = || haproxy.agent_log().join("\n");
        eventually("the log says so", || {
            log().matches("INFO traces: exports work again").count() == 2
        });
        let lost = "WARN traces: 1 span was lost";
        assert_eq!(log().matches(lost).count(), 1, "{}", log());
    }
}

/// Spans that reach a receiver in time may still be sent twice, if the machine is busy.
#[test]
fn an_export_that_hangs_ends_with_its_timeout() {
    let receiver = Receiver::start();
    receiver.set(Mode::Hang);
    let (mut agent, admin) = agent(receiver.port);
    agent.env("OTEL_EXPORTER_OTLP_TIMEOUT", "300");
    let haproxy = start(&HaProxy::newest(), agent);
    assert_eq!(haproxy.get("/").send().status, 200);
    eventually("the loss is counted", || {
        count(&admin, "spoa_otel_spans_total{outcome=\"failed\"}") >= 1
    });
    receiver.set(Mode::Take);
    eventually("exports work again", || {
        assert_eq!(haproxy.get("/").send().status, 200);
        !receiver.spans().is_empty()
    });
}

#[test]
fn a_receiver_that_hangs_delays_no_request() {
    let receiver = Receiver::start();
    receiver.set(Mode::Hang);
    let (mut agent, admin) = agent(receiver.port);
    agent
        .env("OTEL_EXPORTER_OTLP_TIMEOUT", "60000")
        .env("OTEL_BSP_MAX_QUEUE_SIZE", "10");
    let haproxy = start(&HaProxy::newest(), agent);
    eventually("the export hangs", || {
        haproxy.get("/").send();
        receiver.refused() > 0
    });
    let start = Instant::now();
    for _ in 0..50 {
        assert_eq!(haproxy.get("/").send().status, 200);
    }
    // One export takes a minute.
    assert!(
        start.elapsed() < Duration::from_secs(30),
        "{:?}",
        start.elapsed()
    );
    let dropped = count(&admin, "spoa_otel_spans_total{outcome=\"dropped\"}");
    assert!(dropped >= 40, "{dropped}");
}

#[test]
fn without_the_agent_or_without_a_receiver_requests_pass() {
    for installed in HaProxy::oldest_middle_newest() {
        let (mut agent, _) = agent(1);
        agent.env_remove("OTEL_EXPORTER_OTLP_ENDPOINT");
        let mut haproxy = start(&installed, agent);
        // Without a receiver, the header of the client goes on, if it is valid.
        assert_eq!(
            haproxy
                .get("/")
                .header("traceparent", header())
                .send()
                .status,
            200
        );
        assert_eq!(
            haproxy.get("/").header("traceparent", "00-x").send().status,
            200
        );
        haproxy.stop_agent();
        assert_eq!(
            haproxy
                .get("/")
                .header("traceparent", header())
                .send()
                .status,
            200
        );
        let received: Vec<_> = haproxy
            .received()
            .iter()
            .map(|request| request.header("traceparent"))
            .collect();
        assert_eq!(received, [Some(header()), None, None], "{installed}");
    }
}

#[test]
fn the_site_works_as_the_readme_shows() {
    let receiver = Receiver::start();
    let (agent, _) = agent(receiver.port);
    let program = HaProxy::program(agent).rules(include_str!("../site.cfg"));
    let haproxy = program.on(&HaProxy::newest()).start();
    let reply = haproxy
        .get("/users/7/orders")
        .header("traceparent", header())
        .send();
    let span = spans(&receiver, 1).remove(0);
    assert_eq!(
        reply.text(),
        format!("00-{TRACE}-{}-01\n", hex(&span.span_id))
    );
}

#[test]
fn the_configuration_is_what_config_writes() {
    let mut config = Command::new(env!("CARGO_BIN_EXE_traces"));
    config.args(["config", "--haproxy", "2.6", "--rules", "site.cfg"]);
    let diff = config.args(["--output", ".", "--diff"]).output().unwrap();
    assert_eq!(
        String::from_utf8(diff.stdout).unwrap(),
        "nothing would change\n"
    );
}
