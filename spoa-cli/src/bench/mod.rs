//! `spop bench`: sends load to an agent and measures the answers.
//!
//! It measures the agent's frames, and its process from outside.

mod alarm;
mod connection;
mod options;
mod pace;
mod plan;
mod progress;
mod report;
mod socket;
mod tally;
mod worker;

pub(crate) use options::command;

use crate::failure::{FOUND_WRONG, Failure};
use crate::output::print;
use crate::process::{Cpu, Memory, Process};
use crate::transport::{self, ConnectError};
use clap::ArgMatches;
use connection::BenchConnection;
use options::Options;
use pace::Pace;
use plan::Plan;
use progress::Progress;
use report::{Report, Usage};
use spoa::client::{self, Negotiated};
use spoa::spop::Capabilities;
use spoa::spop::session::{EngineSession, EngineSettings};
use std::future::pending;
use std::process::ExitCode;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread;
use std::time::{Duration, Instant};
use tally::Tally;
use tokio::signal::unix::{Signal, SignalKind, signal};
use tokio::sync::mpsc::{UnboundedReceiver, unbounded_channel};
use tokio::time::{sleep_until, timeout};
use worker::{Clock, Update, Worker};

/// The limit on the bytes of a NOTIFY's head.
const HEAD: usize = 25;

pub(crate) fn run(matches: &ArgMatches) -> Result<ExitCode, Failure> {
    let Options {
        mut plan,
        process,
        json,
    } = Options::read(matches)?;
    let runtime = crate::runtime()?;
    let report = runtime.block_on(async {
        let (connections, agreed) = connect(&mut plan).await?;
        measure(plan, agreed, connections, process).await
    })?;
    print(&if json {
        format!("{:#}\n", report.json())
    } else {
        report.text()
    })?;
    Ok(if report.is_good() {
        ExitCode::SUCCESS
    } else {
        ExitCode::from(FOUND_WRONG)
    })
}

/// Opens the connections; `in_flight` becomes what the agent can do.
async fn connect(plan: &mut Plan) -> Result<(Vec<BenchConnection>, Negotiated), Failure> {
    let mut connections = Vec::with_capacity(plan.connections);
    let mut first = None;
    for number in 1..=plan.connections {
        let about = |problem: &dyn std::fmt::Display| match number {
            1 => Failure::failed(problem),
            number => Failure::failed(format!("connection {number}: {problem}")),
        };
        let connected = plan.target.connect(plan.patience).await;
        let mut stream = connected.map_err(|error| {
            if too_many(&error) {
                about(&format!(
                    "{error}; allow more with `ulimit -n {}`",
                    plan.connections + 64
                ))
            } else if error.is_usage() {
                Failure::usage(error)
            } else {
                about(&error)
            }
        })?;
        let mut settings = EngineSettings::default();
        settings.max_frame_size = plan.max_frame_size;
        settings.engine_id = Some("spop-bench".to_owned());
        let mut session = EngineSession::new(settings);
        let mut rest = Vec::new();
        let hello = client::hello(&mut stream, &mut session, &mut rest);
        let agreed = timeout(plan.patience, hello)
            .await
            .unwrap_or(Err(client::Error::HelloTimeout(plan.patience)))
            .map_err(|error| {
                let remedy = transport::remedy(&error.to_string());
                about(&format!("{error}{remedy}"))
            })?;
        if first.is_none() {
            if !agreed.capabilities.contains(Capabilities::PIPELINING) {
                plan.in_flight = 1;
            }
            check_size(plan, &agreed)?;
            first = Some(agreed);
        }
        let connection = BenchConnection::new(stream, session, rest, plan.in_flight);
        connections.push(connection.map_err(|error| about(&error))?);
    }
    let agreed = first.ok_or_else(|| Failure::usage("`--connections 0` measures nothing"))?;
    Ok((connections, agreed))
}

fn check_size(plan: &Plan, agreed: &Negotiated) -> Result<(), Failure> {
    let (size, limit) = (plan.payload.len() + HEAD, agreed.max_frame_size);
    if size <= limit as usize || agreed.capabilities.contains(Capabilities::FRAGMENTATION) {
        return Ok(());
    }
    Err(Failure::failed(format!(
        "a NOTIFY of {size} bytes does not fit in the frames of {limit} that were agreed on; send \
         less with `--payload`, or raise `--max-frame-size` and the agent's"
    )))
}

/// Whether this process may not open more files.
fn too_many(error: &ConnectError) -> bool {
    const EMFILE: i32 = 24;
    match error {
        ConnectError::Client(client::Error::Connect { source, .. }) => {
            source.raw_os_error() == Some(EMFILE)
        }
        _ => false,
    }
}

/// Runs the load to its end.
async fn measure(
    plan: Plan,
    agreed: Negotiated,
    connections: Vec<BenchConnection>,
    process: Option<Process>,
) -> Result<Report, Failure> {
    let plan = Arc::new(plan);
    let (sender, updates) = unbounded_channel();
    let mut shares: Vec<Vec<BenchConnection>> = (0..plan.threads).map(|_| Vec::new()).collect();
    for (index, connection) in connections.into_iter().enumerate() {
        if let Some(share) = shares.get_mut(index % plan.threads) {
            share.push(connection);
        }
    }
    let workers = shares.into_iter().enumerate().map(|(thread, share)| {
        let rate = plan.rate.filter(|_| !plan.idle);
        let pace = rate.map(|rate| Pace::new(rate, thread, plan.threads));
        Worker::new(plan.clone(), share, pace, sender.clone()).map_err(Failure::failed)
    });
    let workers = workers.collect::<Result<Vec<_>, _>>()?;
    drop(sender);

    let mut watch = Watch::new(&plan, process, updates);
    for worker in workers {
        let (clock, stop, watched) = (watch.clock, watch.stop.clone(), watch.progress.is_some());
        thread::spawn(move || worker.run(clock, stop, watched));
    }
    watch.follow().await;
    Ok(watch.report(plan, agreed))
}

/// The state of the load while it runs.
struct Watch {
    process: Option<Process>,
    clock: Clock,
    stop: Arc<AtomicBool>,
    /// Listened to before the load begins, and not again for each wait, so that none is missed.
    interrupts: Option<Signal>,
    updates: UnboundedReceiver<Update>,
    progress: Option<Progress>,
    all: Tally,
    /// CPU time of the agent and of this program when the measured time begins and ends.
    before: Option<UsageSample>,
    after: Option<UsageSample>,
    running: usize,
    unsent: u64,
    alive: usize,
    interrupted: bool,
}

#[derive(Clone, Debug)]
struct UsageSample {
    at: Instant,
    agent: Option<Cpu>,
    memory: Option<Memory>,
    own: Option<Cpu>,
}

impl UsageSample {
    fn take(process: Option<Process>) -> Self {
        UsageSample {
            at: Instant::now(),
            agent: process.and_then(Process::cpu),
            memory: process.and_then(Process::memory),
            own: Process::own().cpu(),
        }
    }
}

impl Watch {
    fn new(plan: &Plan, process: Option<Process>, updates: UnboundedReceiver<Update>) -> Self {
        let nanos = |time: Duration| time.as_nanos() as u64;
        Watch {
            process,
            clock: Clock {
                start: Instant::now(),
                from: nanos(plan.warmup),
                to: nanos(plan.warmup + plan.duration),
            },
            stop: Arc::default(),
            interrupts: signal(SignalKind::interrupt()).ok(),
            updates,
            progress: Progress::on_terminal(plan.warmup, plan.duration, plan.idle),
            all: Tally::new(),
            before: None,
            after: None,
            running: plan.threads,
            unsent: 0,
            alive: 0,
            interrupted: false,
        }
    }

    async fn follow(&mut self) {
        let begins = self.clock.start + Duration::from_nanos(self.clock.from);
        loop {
            tokio::select! {
                biased;
                () = sleep_until(begins.into()), if self.before.is_none() => {
                    self.before = Some(UsageSample::take(self.process));
                }
                () = interrupt(&mut self.interrupts), if !self.interrupted => {
                    // The figures until now are still worth a report.
                    self.interrupted = true;
                    self.stop.store(true, Ordering::Relaxed);
                }
                update = self.updates.recv() => match update {
                    Some(update) => self.take(update),
                    None => break,
                }
            }
        }
        if let Some(progress) = &mut self.progress {
            progress.clear();
        }
    }

    fn take(&mut self, update: Update) {
        match update {
            Update::Piece(piece) => {
                self.all.add(&piece);
                if let Some(progress) = &mut self.progress {
                    progress.show(self.clock.start.elapsed(), *piece);
                }
            }
            Update::Measured => {
                self.running = self.running.saturating_sub(1);
                if self.running == 0 {
                    self.after = Some(UsageSample::take(self.process));
                }
            }
            Update::Done { unsent, alive } => {
                self.unsent += unsent;
                self.alive += alive;
            }
        }
    }

    fn report(self, plan: Arc<Plan>, agreed: Negotiated) -> Report {
        let samples = self.before.zip(self.after);
        let seconds = samples.as_ref().map_or(0.0, |(before, after)| {
            after.at.duration_since(before.at).as_secs_f64()
        });
        let spent = |of: fn(&UsageSample) -> Option<&Cpu>| {
            let (before, after) = samples.as_ref()?;
            Some(of(after)?.since(of(before)?))
        };
        let usage = self.process.map(|process| Usage {
            pid: process.pid(),
            cpu: spent(|sample| sample.agent.as_ref()),
            // Of the moment when all connections are still open.
            memory: samples.as_ref().and_then(|(_, after)| after.memory),
        });
        Report {
            generator: spent(|sample| sample.own.as_ref()),
            plan,
            agreed,
            seconds,
            tally: self.all,
            unsent: self.unsent,
            alive: self.alive,
            interrupted: self.interrupted,
            usage,
        }
    }
}

/// Ctrl-C.
async fn interrupt(interrupts: &mut Option<Signal>) {
    match interrupts {
        Some(interrupts) => {
            interrupts.recv().await;
        }
        // Then it ends the process, as it does everywhere.
        None => pending().await,
    }
}
