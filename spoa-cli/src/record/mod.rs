//! `spop record`: a tap between HAProxy and an agent that writes what both say to a file.

mod listener;
mod observer;
mod sink;
mod tap;

use crate::failure::Failure;
use crate::output::print;
use crate::recording::{Hashes, RecordingLine};
use crate::transport::{self, Target};
use clap::{Arg, ArgAction, ArgMatches, Command, value_parser};
use listener::Listener;
use observer::{Counts, TrafficObserver};
use sink::Sink;
use spoa_facts::{duration, size};
use std::future::pending;
use std::io;
use std::path::PathBuf;
use std::process::ExitCode;
use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::sync::mpsc;
use std::thread;
use std::time::Duration;
use tap::Tap;
use tokio::signal::unix::{Signal, SignalKind, signal};

pub(crate) fn command() -> Command {
    Command::new("record")
        .about("Pass frames between HAProxy and an agent, and write them to a file for `replay`")
        .arg(crate::address())
        .arg(
            Arg::new("FILE")
                .required(true)
                .value_parser(value_parser!(PathBuf))
                .help("The file to write; it must not exist"),
        )
        .arg(
            Arg::new("listen")
                .long("listen")
                .value_name("ADDRESS")
                .required(true)
                .help("Where HAProxy connects: 127.0.0.1:12346 or unix@/run/tap.sock"),
        )
        .arg(
            Arg::new("hash")
                .long("hash")
                .value_name("ARG,…")
                .value_delimiter(',')
                .action(ArgAction::Append)
                .help("Arguments to write as hashes, not as values"),
        )
        .arg(
            Arg::new("max-size")
                .long("max-size")
                .value_name("BYTES")
                .value_parser(size)
                .default_value("1g")
                .help("Size at which writing stops; frames still pass"),
        )
        .arg(
            Arg::new("duration")
                .long("duration")
                .value_name("TIME")
                .value_parser(duration)
                .help("End after this time [default: at Ctrl-C or SIGTERM]"),
        )
        .args(transport::args())
        .arg(crate::patience("5s").help("How long to wait for a connection to the agent"))
        .after_help(
            "In HAProxy's `server` line, write the address of --listen in place of the agent's. `record` passes\n\
             all bytes on unchanged, before it looks at them. TLS is for the connection to the agent.\n\n\
             The file holds the values of all arguments, unless --hash names them, and of all variables. Only its\n\
             owner may read it. docs/recording.md describes its format.\n\n\
             When `record` ends, so do its connections: HAProxy's requests in flight fail as they do when an agent\n\
             stops. Change HAProxy's configuration back first.\n\n\
             Example:  spop record 127.0.0.1:12345 traffic.jsonl --listen 127.0.0.1:12346 --hash ip,cookie",
        )
}

pub(crate) fn run(matches: &ArgMatches) -> Result<ExitCode, Failure> {
    let target = Target::read(matches)?;
    let names = matches.get_many::<String>("hash").unwrap_or_default();
    let hashes = Hashes::new(names.cloned());
    let hashes = hashes.ok_or_else(|| Failure::failed("the system has no random numbers"))?;
    let head = RecordingLine::head(&target.address, &hashes);
    let path = matches.get_one::<PathBuf>("FILE").cloned();
    let path = path.unwrap_or_default();
    let limit = matches.get_one::<u64>("max-size").copied();
    let patience = matches.get_one::<Duration>("timeout").copied();
    let runtime = crate::runtime()?;
    runtime
        .block_on(async {
            let listener = Listener::bind(&crate::text(matches, "listen")).await?;
            let sink = Sink::create(&path, limit.unwrap_or_default(), &head).map_err(|error| {
                let hint = match error.kind() {
                    io::ErrorKind::AlreadyExists => "; remove it, or write another",
                    _ => "",
                };
                Failure::usage(format!("cannot create `{}`: {error}{hint}", path.display()))
            })?;
            let (sender, seen) = mpsc::channel();
            let tap = Tap::new(target, patience.unwrap_or_default(), sender);
            let queue = Arc::clone(&tap.queue);
            // A reader of the next line may end the recording at once.
            let signals = [SignalKind::interrupt(), SignalKind::terminate()].map(signal);
            eprintln!("recording: listening on {}", listener.address());
            let observer = TrafficObserver::new(sink, hashes, queue);
            let observing = thread::spawn(move || observer.run(&seen));
            tokio::select! {
                () = tap.serve(listener) => {}
                () = end(matches.get_one::<Duration>("duration").copied(), signals) => {}
            }
            Ok(observing)
        })
        .and_then(|observing| {
            // The connections and their ends of the channel go with the runtime.
            drop(runtime);
            let counts = observing.join();
            let counts = counts.map_err(|_| Failure::failed("the thread that writes panicked"))?;
            let counts = counts.map_err(|error| {
                Failure::failed(format!("cannot write to `{}`: {error}", path.display()))
            })?;
            report(&counts, &path)
        })
}

/// Waits for the time to end, or for one of the signals.
async fn end(after: Option<Duration>, [mut interrupt, mut terminate]: [io::Result<Signal>; 2]) {
    let timer = async {
        match after {
            Some(after) => tokio::time::sleep(after).await,
            None => pending().await,
        }
    };
    tokio::select! {
        () = timer => {}
        () = received(&mut interrupt) => {}
        () = received(&mut terminate) => {}
    }
}

async fn received(signal: &mut io::Result<Signal>) {
    match signal {
        Ok(signal) => {
            signal.recv().await;
        }
        // Then it ends the process, as it does everywhere.
        Err(_) => pending().await,
    }
}

fn report(counts: &Counts, path: &std::path::Path) -> Result<ExitCode, Failure> {
    print(&format!(
        "recorded {} NOTIFYs of {} connections: {} bytes in {}\n",
        counts.exchanges,
        counts.connections,
        counts.bytes,
        path.display()
    ))?;
    let warn = |text: String| eprintln!("warning: {text}");
    if counts.unanswered > 0 {
        warn(format!(
            "{} of the NOTIFYs had no ACK when their connection ended",
            counts.unanswered
        ));
    }
    if counts.unreadable > 0 {
        warn(format!(
            "{} NOTIFYs or connections are not recorded: their bytes are not SPOP",
            counts.unreadable
        ));
    }
    if counts.lost > 0 {
        warn(format!(
            "{} connections are not recorded to their end: frames came faster than they could be written",
            counts.lost
        ));
    }
    if counts.full {
        warn("the file reached --max-size: later NOTIFYs are not recorded".to_owned());
    }
    for name in &counts.unused {
        warn(format!(
            "--hash {name}: no message had an argument of this name"
        ));
    }
    Ok(ExitCode::SUCCESS)
}

/// The bytes that wait to be observed.
#[derive(Debug, Default)]
struct Queue {
    bytes: std::sync::atomic::AtomicUsize,
    /// Set when nothing more is to be observed.
    closed: std::sync::atomic::AtomicBool,
}

impl Queue {
    /// The limit on the bytes that may wait.
    const LIMIT: usize = 64 << 20;

    /// Reserves room for bytes. Returns whether there is enough.
    fn take(&self, count: usize) -> bool {
        if self.bytes.load(Ordering::Relaxed) + count > Queue::LIMIT {
            return false;
        }
        self.bytes.fetch_add(count, Ordering::Relaxed);
        true
    }

    fn give_back(&self, count: usize) {
        self.bytes.fetch_sub(count, Ordering::Relaxed);
    }
}
