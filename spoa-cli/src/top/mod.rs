//! `spop top`: a live view of an agent, from the counters of its admin server.

mod sample;
mod view;

use crate::admin;
use crate::failure::Failure;
use crate::output::print;
use clap::{Arg, ArgAction, ArgMatches, Command};
use sample::Sample;
use spoa_facts::duration;
use spoa_tools::terminal::Paint;
use std::io::{IsTerminal, Write, stdout};
use std::process::ExitCode;
use std::time::{Duration, Instant};
use tokio::signal::unix::{Signal, SignalKind, signal};
use tokio::time::{MissedTickBehavior, interval};

/// Opens another screen, and hides the cursor.
const OPEN: &str = "\x1b[?1049h\x1b[?25l";

/// Shows the cursor, and returns to the screen of before.
const CLOSE: &str = "\x1b[?25h\x1b[?1049l";

pub(crate) fn command() -> Command {
    Command::new("top")
        .about("Show the rate, failures and latency of an agent's messages, live")
        .arg(
            Arg::new("ADDRESS")
                .required(true)
                .help("The agent's admin server, as given to its --admin: 127.0.0.1:9101"),
        )
        .arg(
            Arg::new("interval")
                .long("interval")
                .short('i')
                .value_name("TIME")
                .value_parser(|text: &str| match duration(text)? {
                    time if time < Duration::from_millis(100) => {
                        Err("write at least `100ms`".to_owned())
                    }
                    time => Ok(time),
                })
                .default_value("1s")
                .help("Time between two updates"),
        )
        .arg(
            Arg::new("once")
                .long("once")
                .action(ArgAction::SetTrue)
                .help("Print the figures of one interval and end"),
        )
        .arg(crate::patience("5s").help("How long to wait for each answer of the admin server"))
        .after_help(
            "Rates, mean and percentiles are those of the last interval; HANDLED and FAILED count from the start\n\
             of the agent. P50 and P99 are upper bounds: the agent counts durations in steps. Without a terminal,\n\
             each interval is printed as plain text. Ctrl-C ends it.\n\n\
             Example:  spop top 127.0.0.1:9101",
        )
}

pub(crate) fn run(matches: &ArgMatches) -> Result<ExitCode, Failure> {
    let time = |name| {
        let time = matches.get_one::<Duration>(name);
        time.copied().unwrap_or(Duration::from_secs(1))
    };
    let top = Top {
        address: crate::text(matches, "ADDRESS"),
        interval: time("interval"),
        patience: time("timeout"),
        once: matches.get_flag("once"),
    };
    crate::runtime()?.block_on(top.run())?;
    Ok(ExitCode::SUCCESS)
}

struct Top {
    address: String,
    interval: Duration,
    patience: Duration,
    once: bool,
}

impl Top {
    async fn run(&self) -> Result<(), Failure> {
        let first = self.look().await?;
        if !self.once && stdout().is_terminal() {
            let signals = [SignalKind::interrupt(), SignalKind::terminate()].map(signal);
            let [Ok(interrupts), Ok(ends)] = signals else {
                return Err(Failure::failed(
                    "cannot start: the system refuses signal handlers",
                ));
            };
            print(OPEN)?;
            let shown = self.live(first, interrupts, ends).await;
            print(CLOSE)?;
            return shown;
        }
        self.plain(first).await
    }

    /// Asks for the counters.
    async fn look(&self) -> Result<Sample, Failure> {
        let stats = admin::stats(&self.address, self.patience).await?;
        Ok(Sample::read(&stats, Instant::now()))
    }

    /// Prints each interval after the one before, until nobody reads on.
    async fn plain(&self, mut last: Sample) -> Result<(), Failure> {
        let mut ticks = interval(self.interval);
        ticks.set_missed_tick_behavior(MissedTickBehavior::Delay);
        ticks.tick().await;
        let paint = Paint::of(&stdout());
        loop {
            ticks.tick().await;
            let sample = self.look().await?;
            let text = view::lines(&sample, Some(&last), paint).join("\n");
            let read_on = print(&format!("{text}\n"))?;
            if self.once || !read_on || !print("\n")? {
                return Ok(());
            }
            last = sample;
        }
    }

    /// Draws over the last interval, until Ctrl-C or SIGTERM.
    async fn live(
        &self,
        first: Sample,
        mut interrupts: Signal,
        mut ends: Signal,
    ) -> Result<(), Failure> {
        let paint = Paint::of(&stdout());
        let mut ticks = interval(self.interval);
        ticks.set_missed_tick_behavior(MissedTickBehavior::Delay);
        ticks.tick().await;
        let mut lines = view::lines(&first, None, paint);
        let mut last = first;
        loop {
            draw(&self.title(paint), &lines)?;
            tokio::select! {
                _ = interrupts.recv() => return Ok(()),
                _ = ends.recv() => return Ok(()),
                looked = async {
                    ticks.tick().await;
                    self.look().await
                } => match looked {
                    Ok(sample) => {
                        lines = view::lines(&sample, Some(&last), paint);
                        last = sample;
                    }
                    // It may be restarting.
                    Err(failure) => lines = vec![paint.bad(&failure.to_string())],
                }
            }
        }
    }

    fn title(&self, paint: Paint) -> String {
        let title = format!(
            "spop top {}, every {:?}; Ctrl-C ends it",
            self.address, self.interval
        );
        paint.dim(&title)
    }
}

/// Draws lines over the screen, as many as it has.
fn draw(title: &str, lines: &[String]) -> Result<(), Failure> {
    let size = rustix::termios::tcgetwinsize(stdout());
    let rows = size.map_or(24, |size| usize::from(size.ws_row).max(3));
    let mut text = format!("\x1b[H{title}\x1b[K\n");
    for line in lines.iter().take(rows - 2) {
        text.push_str(line);
        text.push_str("\x1b[K\n");
    }
    text.push_str("\x1b[J");
    let mut out = stdout();
    let drawn = out.write_all(text.as_bytes()).and_then(|()| out.flush());
    drawn.map_err(|error| Failure::failed(format!("cannot write to the terminal: {error}")))
}
