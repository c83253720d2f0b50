//! Measures the memory that connections cost an agent's process: many that say nothing, such as
//! stall in the middle of the largest frame, and such as never read their answers.
//!
//! `tests/long memory` runs it with 10,000, 1,000 and 1,000 of them.

mod common;

use std::io::{Read, Write};
use std::net::{SocketAddr, TcpStream};
use std::time::{Duration, Instant};

use spoa::spop::{Flags, Frame, FrameIds, FrameType, NotifyWriter, Value};
use spoa_test_support::hello;
use spoa_tests::{Figures, PATIENCE, Process, Vitals, at_once, bounded_or_long, eventually, mib};
use tokio::net::TcpSocket;

/// The largest frame an agent agrees to.
const FRAME: u32 = 1 << 20;

/// How many connections are idle, stall in the middle of a frame, and do not read.
fn connections() -> [u64; 3] {
    bounded_or_long([1000, 40, 40], [10_000, 1000, 1000])
}

/// `--max-buffered-total`: its default in the long form, and less than what comes in either.
fn max_buffered_total() -> u64 {
    bounded_or_long(24 << 20, 256 << 20)
}

/// The most that an agent may have, by the formula in docs/operations/limits.md: with two workers,
/// and a connection that keeps nothing at 4 KiB.
fn bound() -> u64 {
    let [idle, stalled, unread] = connections();
    let workers = 2 * (2 << 20) + 2 * 2 * u64::from(FRAME);
    let connections = idle * (4 << 10) + (stalled + unread) * (34 << 10);
    (8 << 20) + workers + connections + max_buffered_total()
}

/// The limit on the cost of an idle connection.
const IDLE: u64 = 4 << 10;

/// The buffers of two worker threads and the lists of connections, which stay.
const SPARE: u64 = 8 << 20;

/// Of each connection that is gone, the most that stays with the process: small pieces of heap
/// between others, which the next connections use.
const LEFT: u64 = 2 << 10;

/// An agent that gives slow peers all the time they want.
fn start_agent(files: u64, envs: &[(&str, &str)]) -> (Process, SocketAddr) {
    let least = files + 100;
    let got = rlimit::increase_nofile_limit(least).unwrap_or(0);
    assert!(
        got >= least,
        "this test needs {least} open files and may have {got}: raise the hard limit, as by \
         `ulimit -Hn {least}` as root or `LimitNOFILE={least}` of the service that runs it"
    );
    let mut command = common::program(env!("CARGO_BIN_EXE_agent-flaky"));
    command.args(["--workers", "2", "--max-connections", &files.to_string()]);
    command.args(["--max-buffered-total", &max_buffered_total().to_string()]);
    for time in ["hello", "frame", "write"] {
        command.args([&format!("--{time}-timeout"), "30m"]);
    }
    command.envs(envs.iter().copied());
    let agent = Process::start(&mut command);
    let line = agent.wait_for_line("listening on ");
    let address = line.trim_start_matches("listening on ").parse();
    (agent, address.expect("an address"))
}

/// A connection on which the HELLOs have been exchanged.
fn connect(agent: SocketAddr) -> TcpStream {
    // Small buffers, so that unread bytes stay with the agent.
    let connecting = async {
        let socket = TcpSocket::new_v4()?;
        socket.set_recv_buffer_size(4 << 10)?;
        socket.set_send_buffer_size(64 << 10)?;
        socket.connect(agent).await?.into_std()
    };
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_io()
        .build()
        .expect("a runtime can be built");
    let mut stream = runtime.block_on(connecting).expect("it listens");
    stream.set_nonblocking(false).expect("any socket can be");
    stream.set_read_timeout(Some(PATIENCE)).expect("no zero");
    stream.write_all(&hello(FRAME)).expect("it reads");
    let mut length = [0; 4];
    stream.read_exact(&mut length).expect("it says HELLO");
    let mut hello = vec![0; u32::from_be_bytes(length) as usize];
    stream.read_exact(&mut hello).expect("it says HELLO");
    stream
}

/// A NOTIFY of nearly the largest size, whose answer is about as large.
fn notify(stream_id: u64) -> Vec<u8> {
    let token = "x".repeat(FRAME as usize - 100);
    let mut payload = Vec::new();
    NotifyWriter::new(&mut payload).message("echo", &[("token", Value::from(&*token))]);
    let mut bytes = Vec::new();
    Frame {
        frame_type: FrameType::NOTIFY,
        flags: Flags::FIN,
        ids: FrameIds {
            stream_id,
            frame_id: 1,
        },
        payload: &payload,
    }
    .encode(&mut bytes);
    bytes
}

/// Sends all of a NOTIFY but its last byte, if the agent takes that much.
fn stall(mut stream: &TcpStream) {
    let bytes = notify(1);
    // Above its bound for all connections it hangs up.
    let _ = stream.write_all(&bytes[..bytes.len() - 1]);
}

/// Sends NOTIFYs until the agent reads no more, or hangs up, or has had more than the system's
/// buffers of both ends can hold.
fn overfeed(mut stream: &TcpStream) {
    let limit = Duration::from_millis(50);
    stream.set_write_timeout(Some(limit)).expect("no zero");
    for number in 0..16 {
        if stream.write_all(&notify(2 * number + 1)).is_err() {
            return;
        }
    }
}

/// The memory of the process once it no longer changes.
fn settled(agent: &Process) -> Vitals {
    let (start, mut before) = (Instant::now(), Vitals::of(agent.id()));
    loop {
        std::thread::sleep(Duration::from_millis(300));
        let now = Vitals::of(agent.id());
        if now.memory.abs_diff(before.memory) < 64 << 10 && now.files == before.files {
            return now;
        }
        before = now;
        assert!(
            start.elapsed() < PATIENCE,
            "its memory never settles: {now:?}"
        );
    }
}

/// Opens `count` connections and does something to each.
fn open(agent: SocketAddr, count: u64, job: impl Fn(&TcpStream) + Sync) -> Vec<TcpStream> {
    const THREADS: usize = 8;
    let open = |_| {
        let stream = connect(agent);
        job(&stream);
        stream
    };
    let some = |thread: usize| -> Vec<_> {
        (thread..count as usize)
            .step_by(THREADS)
            .map(open)
            .collect()
    };
    at_once(THREADS, some).into_iter().flatten().collect()
}

/// An agent at the start, and when all connections of a round and of another are gone.
struct Course {
    start: Vitals,
    between: Vitals,
    end: Vitals,
}

fn course(malloc: &str, envs: &[(&str, &str)]) -> Course {
    const COLUMNS: &[&str] = &[
        "malloc",
        "open besides",
        "RSS",
        "bytes for each",
        "peak",
        "files",
    ];
    let figures = Figures::of("memory", COLUMNS);
    let [idle, stalled, unread] = connections();
    let (agent, address) = start_agent(idle + stalled + unread + 200, envs);
    let start = settled(&agent);
    let step = |what: &str, count: u64, before: u64| {
        let now = settled(&agent);
        let each = now.memory.saturating_sub(before).checked_div(count);
        figures.row(&[
            malloc.to_owned(),
            what.to_owned(),
            mib(now.memory),
            each.map_or_else(String::new, |each| each.to_string()),
            mib(now.peak),
            now.files.to_string(),
        ]);
        now
    };
    let round = |end: Vitals| {
        let idling = open(address, idle, |_| {});
        let before = step(&format!("{idle} idle"), idle, end.memory);
        assert!(
            before.memory <= end.memory + idle * IDLE + SPARE,
            "{before:?}"
        );
        let stalling = open(address, stalled, stall);
        let before = step(&format!("{stalled} stalled"), stalled, before.memory);
        let silent = open(address, unread, overfeed);
        step(&format!("{unread} unread"), unread, before.memory);
        drop((idling, stalling, silent));
        eventually("the connections are gone", || {
            Vitals::of(agent.id()).files == start.files
        });
        step("nothing", 0, 0)
    };
    let between = round(step("nothing", 0, 0));
    let end = round(between);
    Course {
        start,
        between,
        end,
    }
}

#[test]
fn memory_is_bounded_and_given_back() {
    // So that what the agent gives back is not kept by glibc for later.
    let Course { start, end, .. } =
        course("trims at 128 KiB", &[("MALLOC_TRIM_THRESHOLD_", "131072")]);
    assert!(end.peak <= bound(), "{}", mib(end.peak));
    let kept = SPARE + connections().iter().sum::<u64>() * LEFT;
    assert!(
        end.memory <= start.memory + kept,
        "{} are kept",
        mib(end.memory)
    );
}

/// The formula counts the memory that the agent holds. The memory that malloc keeps of the first round, in pieces that the
/// second can use again in part only, comes on top of that.
#[test]
fn memory_is_bounded_whatever_malloc_keeps() {
    let course = course("as it comes", &[]);
    let kept = course.between.memory - course.start.memory;
    assert!(kept <= bound(), "{} are kept", mib(kept));
    let peak = course.end.peak;
    assert!(peak <= bound() + kept, "{} with {}", mib(peak), mib(kept));
}
