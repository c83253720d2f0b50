//! `spop bench`: not how fast, but whether it counts right.

use super::agent::{ack, agent, answering};
use super::{Done, measured, spop};
use serde_json::json;
use spoa::spop::{Disconnect, Flags, FrameType, FrameWriter, Status};
use std::process::{Command, Stdio};
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, OnceLock};
use std::thread;
use std::time::{Duration, Instant};

/// Runs `spop bench` with these words, until it has measured something.
fn spop_bench(words: &[&str]) -> Done {
    measured(|| spop(&[&["bench"], words].concat()))
}

/// A short run against this address, as JSON.
fn bench(address: &str, words: &[&str]) -> Done {
    let short = ["--duration", "1s", "--json"];
    let warm = ["--warm-up", "20ms"];
    let warm = if words.contains(&"--idle") {
        &[][..]
    } else {
        &warm[..]
    };
    spop_bench(&[&[address], words, &short[..], warm].concat())
}

#[test]
fn a_good_agent_answers_every_notify_once() {
    let words = [
        "-c",
        "3",
        "-n",
        "7",
        "--threads",
        "2",
        "--expect",
        "sess.ip_score=20",
    ];
    let done = bench(&agent(), &words);
    let json = done.json();
    assert_eq!((done.status, done.err.as_str()), (0, ""), "{json:#}");
    assert_eq!(json["errors"]["total"], 0, "{json:#}");
    assert_eq!(json["connections_at_end"], 3);
    assert_eq!(json["actions_per_ack"], 1.0);
    assert_eq!(json["load"]["messages"], json!(["get-ip-reputation"]));
    assert!(
        json["acked"].as_u64() > Some(21),
        "more than one round: {json:#}"
    );
    assert!(json["latency_us"]["p99.9"].as_f64() > Some(0.0), "{json:#}");
}

#[test]
fn messages_travel_together_with_typed_arguments_and_a_body() {
    let words = [
        "-m",
        "echo",
        "a=1",
        "-m",
        "get-ip-reputation",
        "ip=127.0.0.1",
        "--payload",
        "1k",
        "--expect",
        "sess.ip_score=100",
    ];
    let done = bench(&agent(), &words);
    let json = done.json();
    assert_eq!(done.status, 0, "{json:#}");
    assert_eq!(json["actions_per_ack"], 2.0);
    assert!(
        json["load"]["notify_bytes"].as_u64() > Some(1024),
        "{json:#}"
    );
}

#[test]
fn the_report_is_for_people_unless_json_is_asked_for() {
    let text = spop_bench(&[&agent(), "-d", "1s", "--warm-up", "0"]).good();
    for part in [
        "1 connection, 1 in flight on each; the next when one is answered (closed loop)",
        "NOTIFY       `get-ip-reputation`, 27 bytes\n",
        " NOTIFYs a second, ",
        "1.00 actions each",
        "  p99.99 ",
        "none: every NOTIFY has one ACK\n",
    ] {
        assert!(text.contains(part), "`{part}` is not in:\n{text}");
    }
}

#[test]
fn the_open_loop_sends_what_is_due_and_no_more() {
    let done = bench(&agent(), &["--rate", "1000", "-c", "2", "-n", "20"]);
    let json = done.json();
    assert_eq!(done.status, 0, "{json:#}");
    assert_eq!(json["load"]["rate"], 1000.0);
    // 1000 are due while it measures; those before and after them may be answered in it too.
    let acked = json["acked"].as_u64().unwrap();
    assert!((1..=1100).contains(&acked), "{json:#}");
}

#[test]
fn connections_that_the_agent_holds_are_counted() {
    let pid = std::process::id().to_string();
    let done = bench(&agent(), &["--idle", "-c", "20", "--pid", &pid]);
    let json = done.json();
    assert_eq!(done.status, 0, "{json:#}");
    assert_eq!(json["connections_at_end"], 20);
    if cfg!(target_os = "linux") {
        assert!(json["process"]["rss_kib"].as_u64() > Some(0), "{json:#}");
    }
}

#[test]
fn the_cpu_time_of_the_agents_process_is_reported() {
    let pid = std::process::id().to_string();
    let done = bench(&agent(), &["--pid", &pid]);
    let json = done.json();
    assert_eq!(done.status, 0, "{json:#}");
    if cfg!(target_os = "linux") {
        assert!(
            json["process"]["cpu_us_per_notify"].as_f64() > Some(0.0),
            "{json:#}"
        );
    }
}

#[test]
fn unexpected_answers_are_counted_and_the_first_is_shown() {
    let done = bench(&agent(), &["--expect", "sess.ip_score=21"]);
    let json = done.json();
    assert_eq!(done.status, 1);
    assert_eq!(
        json["errors"]["kinds"]["unexpected"],
        json["errors"]["total"]
    );
    assert_eq!(
        json["errors"]["first"],
        "expected `sess.ip_score = 21`, got `set-var sess.ip_score = 20`"
    );
}

/// The kinds of errors an agent that answers so makes, with commas between.
fn kinds(address: &str) -> String {
    let done = bench(address, &["--timeout", "5s"]);
    let json = done.json();
    assert_eq!(done.status, 1, "{json:#}");
    let kinds = json
        .pointer("/errors/kinds")
        .and_then(|kinds| kinds.as_object());
    let kinds: Vec<_> = kinds
        .into_iter()
        .flat_map(|kinds| kinds.keys())
        .cloned()
        .collect();
    kinds.join(",")
}

#[test]
fn each_kind_of_wrong_answer_is_counted_separately() {
    let twice = answering(|ids, out| {
        ack(ids, "v", out);
        ack(ids, "v", out);
    });
    assert_eq!(kinds(&twice), "acked_twice");
    let never = answering(|_, _| {});
    assert_eq!(kinds(&never), "unanswered");
    let other = answering(|mut ids, out| {
        ids.stream_id += 1000;
        ack(ids, "v", out);
    });
    assert_eq!(kinds(&other), "refused,unanswered");
    let malformed = answering(|ids, out| {
        let mut ack = FrameWriter::begin(FrameType::ACK, Flags::FIN, ids, out);
        ack.payload(&[9, 9, 9]);
        ack.finish();
    });
    assert_eq!(kinds(&malformed), "malformed");
    let leaving = answering(|_, out| {
        Disconnect::from(Status::NORMAL).encode(FrameType::AGENT_DISCONNECT, out);
    });
    assert_eq!(kinds(&leaving), "disconnected,unanswered");
}

#[test]
fn a_run_that_cannot_be_measured_says_why() {
    let done = spop(&["bench", "127.0.0.1:1", "-d", "1s"]);
    assert_eq!(done.status, 1);
    assert!(
        done.err.starts_with("error: nothing listens on"),
        "{}",
        done.err
    );
    let done = bench(&agent(), &["--payload", "17k", "--max-frame-size", "1k"]);
    assert_eq!(done.status, 0, "the agent takes fragments: {}", done.err);
    let done = spop(&["bench", "127.0.0.1:1", "--pid", "4294967295"]);
    assert_eq!(done.status, 2);
    assert!(done.err.contains("`--pid`"), "{}", done.err);
}

/// An agent whose answers are wrong for a time.
fn late_bloomer(bad: Duration) -> String {
    let begin: Arc<OnceLock<Instant>> = Arc::default();
    answering(move |ids, out| {
        let begin = begin.get_or_init(Instant::now);
        let name = if begin.elapsed() < bad { "other" } else { "v" };
        ack(ids, name, out);
    })
}

#[test]
fn faults_in_the_warm_up_are_not_among_the_errors() {
    // The warm-up is much longer than the answers are wrong: the first NOTIFY may be late on a busy machine.
    let words = ["--expect", "sess.v=20", "-d", "1s", "--warm-up", "3s"];
    // Each run has an agent of its own, whose first answers are wrong.
    let run = |more: &[&str]| {
        measured(|| {
            let address = late_bloomer(Duration::from_millis(300));
            spop(&[&["bench", &address], &words[..], more].concat())
        })
    };
    let done = run(&["--json"]);
    let json = done.json();
    assert_eq!(done.status, 0, "{json:#}");
    assert_eq!(json["errors"]["total"], 0, "{json:#}");
    let uncounted = &json["errors_not_counted"];
    assert!(
        uncounted["kinds"]["unexpected"].as_u64() > Some(0),
        "{json:#}"
    );
    let text = run(&[]).good();
    assert!(text.contains("none: every NOTIFY has one ACK\n"), "{text}");
    assert!(
        text.contains(" ACKs that do not meet `--expect`, outside the measured time\n"),
        "{text}"
    );
}

#[test]
fn each_wrong_answer_is_one_error() {
    let words = [
        "--expect",
        "sess.ip_score=21",
        "-d",
        "1s",
        "--warm-up",
        "200ms",
    ];
    let done = spop(&[&["bench", &agent(), "--json"], &words[..]].concat());
    let json = done.json();
    assert_eq!(done.status, 1);
    assert_eq!(json["acked"], json["errors"]["total"], "{json:#}");
}

#[test]
fn an_agent_that_falls_behind_in_the_warm_up_is_measured_afresh() {
    let slow = answering(|ids, out| {
        thread::sleep(Duration::from_millis(5));
        ack(ids, "v", out);
    });
    let words = ["--rate", "10000", "-d", "1s", "--warm-up", "500ms"];
    let done = spop_bench(&[&[&slow, "--json"], &words[..]].concat());
    let json = done.json();
    // 10,000 are due in the measured time.
    let unsent = json["not_sent"].as_u64();
    assert!((Some(1)..=Some(10_000)).contains(&unsent), "{json:#}");
    assert!(json["latency_us"]["p50"].as_f64() > Some(0.0), "{json:#}");
}

#[test]
fn a_message_without_a_handler_is_a_warning() {
    let address = agent();
    let text = spop_bench(&[&address, "-m", "nosuch", "-d", "1s"]).good();
    let warning =
        "no ACK had an action: does the agent answer `nosuch`, and take NOTIFYs of 8 bytes?";
    assert!(
        text.contains(&format!("warning      {warning}\n")),
        "{text}"
    );
    let json = bench(&address, &["-m", "nosuch"]).json();
    assert_eq!(json["warnings"], json!([warning]));
    let json = bench(&address, &[]).json();
    assert_eq!(json["warnings"], json!([]));
}

#[test]
fn a_run_that_measured_nothing_fails() {
    let slow = answering(|ids, out| {
        thread::sleep(Duration::from_millis(300));
        ack(ids, "v", out);
    });
    let done = spop(&["bench", &slow, "-d", "50ms", "--warm-up", "0"]);
    assert_eq!(done.status, 1, "{}", done.out);
    assert!(
        done.out
            .contains("warning      nothing was answered in the measured time"),
        "{}",
        done.out
    );
    let json = spop(&["bench", &slow, "-d", "50ms", "--warm-up", "0", "--json"]).json();
    assert!(json["acked"] == 0, "{json:#}");
}

#[test]
fn the_open_loop_sleeps_until_the_next_due_time() {
    let done = bench(&agent(), &["--rate", "1000", "-c", "4", "-n", "8"]);
    let json = done.json();
    // 1000 wakes: a loop that waits with its eyes open takes the whole CPU.
    let share = json["generator_cpu_percent"].as_f64().unwrap();
    assert!(share < 50.0, "{json:#}");
    assert!(json["latency_us"]["p50"].as_f64() > Some(0.0), "{json:#}");
}

#[test]
#[cfg(unix)]
fn the_report_says_that_the_run_was_interrupted() {
    for (warm_up, status, word) in [
        ("30s", 1, "interrupted before the measured time began"),
        ("0", 0, "interrupted after "),
    ] {
        let seen = Arc::new(AtomicU64::new(0));
        let pid = Arc::new(OnceLock::<u32>::new());
        let address = answering({
            let (seen, pid) = (seen.clone(), pid.clone());
            move |ids, out| {
                // The load runs and some of it is answered: now it is to end.
                if let Some(pid) = pid.get() {
                    if seen.fetch_add(1, Ordering::Relaxed) == 100 {
                        let pid = pid.to_string();
                        Command::new("kill").args(["-INT", &pid]).status().unwrap();
                    }
                }
                ack(ids, "v", out);
            }
        });
        let child = Command::new(env!("CARGO_BIN_EXE_spop"))
            .args(["bench", &address, "-d", "30s", "--warm-up", warm_up])
            .stdout(Stdio::piped())
            .spawn()
            .unwrap();
        pid.set(child.id()).unwrap();
        let output = child.wait_with_output().unwrap();
        let text = String::from_utf8(output.stdout).unwrap();
        assert_eq!(output.status.code(), Some(status), "{text}");
        assert!(text.contains(&format!("warning      {word}")), "{text}");
        assert_eq!(
            text.contains("every NOTIFY has one ACK"),
            status == 0,
            "{text}"
        );
    }
}
