//! `spop replay`: sends the NOTIFYs of a recording to an agent, and says which answers changed.

mod differences;
mod engine;

use crate::failure::{FOUND_WRONG, Failure};
use crate::output::print;
use crate::recording::{Entry, Reader, RecordedConnection};
use crate::transport::{self, Target};
use clap::{Arg, ArgAction, ArgMatches, Command, value_parser};
use differences::Differences;
use engine::{Engine, Settings};
use std::collections::HashMap;
use std::fs::File;
use std::io::BufReader;
use std::path::PathBuf;
use std::process::ExitCode;
use std::time::{Duration, Instant};

/// The limit on connections that are open at a time.
const ENGINES: usize = 64;

/// The largest frame that HAProxy offers by default.
const DEFAULT_FRAME: u32 = 16380;

pub(crate) fn command() -> Command {
    Command::new("replay")
        .about("Send the NOTIFYs of a recording to an agent, and print which answers changed")
        .arg(crate::address())
        .arg(
            Arg::new("FILE")
                .required(true)
                .value_parser(value_parser!(PathBuf))
                .help("The file that `record` wrote"),
        )
        .arg(
            Arg::new("ignore")
                .long("ignore")
                .value_name("VAR,…")
                .value_delimiter(',')
                .action(ArgAction::Append)
                .help("Variables that may change, such as txn.request_id"),
        )
        .arg(
            Arg::new("in-flight")
                .long("in-flight")
                .short('n')
                .value_name("N")
                .value_parser(value_parser!(u16).range(1..=1024))
                .default_value("1")
                .help("NOTIFYs in flight; with 1, each waits for the ACK before it"),
        )
        .arg(
            Arg::new("show")
                .long("show")
                .value_name("N")
                .value_parser(value_parser!(u16))
                .default_value("20")
                .help("Changed variables to print, those that changed most often first"),
        )
        .args(transport::args())
        .arg(crate::patience("5s").help("How long to wait for a connection and for each ACK"))
        .arg(crate::json())
        .after_help(
            "Each NOTIFY is sent with its recorded messages and ids, in the order of the file, as fast as the agent\n\
             answers. An answer changed if a variable has another value after its actions; all integer types are\n\
             compared by their number. The exit status is 1 if an answer changed or did not come, or if the recording\n\
             has no answers.\n\n\
             Do not replay to an agent that serves: it counts and remembers what it is sent.\n\n\
             Example:  spop replay 127.0.0.1:12347 traffic.jsonl --ignore txn.request_id",
        )
}

pub(crate) fn run(matches: &ArgMatches) -> Result<ExitCode, Failure> {
    let path = matches
        .get_one::<PathBuf>("FILE")
        .cloned()
        .unwrap_or_default();
    let cannot_read = |problem: &dyn std::fmt::Display| {
        Failure::usage(format!("cannot read `{}`: {problem}", path.display()))
    };
    let file = File::open(&path).map_err(|error| cannot_read(&error))?;
    let reader = Reader::new(BufReader::new(file)).map_err(|error| cannot_read(&error))?;
    let target = Target::read(matches)?;
    let ignored = matches.get_many::<String>("ignore").unwrap_or_default();
    let patience = matches.get_one::<Duration>("timeout").copied();
    let settings = Settings {
        target,
        patience: patience.unwrap_or_default(),
        in_flight: matches
            .get_one::<u16>("in-flight")
            .copied()
            .map_or(1, usize::from),
    };
    let replay = Replay {
        settings,
        reader,
        connections: HashMap::new(),
        engines: HashMap::new(),
        differences: Differences::new(ignored.cloned()),
    };
    let began = Instant::now();
    let differences = crate::runtime()?.block_on(replay.run())?;
    let show = matches
        .get_one::<u16>("show")
        .copied()
        .map_or(20, usize::from);
    print(&if matches.get_flag("json") {
        format!("{:#}\n", differences.json())
    } else {
        differences.text(show, began.elapsed())
    })?;
    if differences.compared_nothing() {
        return Err(Failure::failed(format!(
            "no answer was compared: `{}` has no NOTIFY with an ACK; connect HAProxy to `spop record`, and record again",
            path.display()
        )));
    }
    Ok(if differences.is_empty() {
        ExitCode::SUCCESS
    } else {
        ExitCode::from(FOUND_WRONG)
    })
}

/// A run of a recording.
struct Replay {
    settings: Settings,
    reader: Reader<BufReader<File>>,
    /// The recorded connections by number.
    connections: HashMap<u64, RecordedConnection>,
    /// A connection to the agent for each engine of the recording, by its engine-id.
    engines: HashMap<String, Engine>,
    differences: Differences,
}

impl Replay {
    async fn run(mut self) -> Result<Differences, Failure> {
        let mut current: Option<String> = None;
        loop {
            let entry = self.reader.next();
            let entry = entry.map_err(|error| Failure::failed(format!("recording: {error}")))?;
            let exchange = match entry {
                None => break,
                Some(Entry::Connection(connection)) => {
                    self.connections.insert(connection.number, connection);
                    continue;
                }
                Some(Entry::Exchange(exchange)) => exchange,
            };
            let connection = self.connections.get(&exchange.connection);
            let name = connection.and_then(|one| one.engine.clone());
            let name = name.unwrap_or_else(|| "spop-replay".to_owned());
            let frame = connection.and_then(|one| one.max_frame_size);
            if current.as_ref() != Some(&name) {
                // The NOTIFYs of one engine follow the answers to another, as in the recording.
                if let Some(last) = current.take() {
                    self.drain(&last).await;
                }
                self.open(&name, frame.unwrap_or(DEFAULT_FRAME)).await?;
                current = Some(name.clone());
            }
            if let Some(engine) = self.engines.get_mut(&name) {
                engine.send(exchange, &mut self.differences).await;
                if engine.is_over() {
                    self.engines.remove(&name);
                    current = None;
                }
            }
        }
        let open: Vec<String> = self.engines.keys().cloned().collect();
        for name in open {
            self.drain(&name).await;
            if let Some(engine) = self.engines.get_mut(&name) {
                engine.close().await;
            }
        }
        Ok(self.differences)
    }

    /// Opens a connection for an engine, unless it has one.
    async fn open(&mut self, name: &str, frame: u32) -> Result<(), Failure> {
        if self.engines.contains_key(name) {
            return Ok(());
        }
        if self.engines.len() >= ENGINES {
            for engine in self.engines.values_mut() {
                engine.close().await;
            }
            self.engines.clear();
        }
        let engine = Engine::connect(name, frame, self.settings.clone()).await?;
        self.engines.insert(name.to_owned(), engine);
        Ok(())
    }

    async fn drain(&mut self, name: &str) {
        if let Some(engine) = self.engines.get_mut(name) {
            engine.drain(&mut self.differences).await;
            if engine.is_over() {
                self.engines.remove(name);
            }
        }
    }
}
