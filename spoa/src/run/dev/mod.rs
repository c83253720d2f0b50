//! `dev`: the agent with a real HAProxy in front and a server behind, and a line for each request.
//!
//! It must not know the protocol: what passes between the two is the tap's to read.

mod echo;
mod folder;
mod proxy;
mod tap;
mod watch;

use super::haproxy::Haproxy;
use super::{Options, StartError, This, doctor, print, signals};
use crate::agent::AgentBuilder;
use clap::{Arg, ArgMatches, Command, value_parser};
use proxy::Proxy;
use spoa_config::doctor::Severity;
use spoa_config::write::{self, Watch as Watched, write};
use std::fs;
use std::net::{Ipv4Addr, SocketAddr};
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;
use tokio::net::TcpListener;
use watch::Watch;

/// What was asked for.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct Dev {
    /// The HAProxy to run.
    bin: Option<PathBuf>,
    /// A configuration of the user's own.
    config: Option<PathBuf>,
    /// The port to listen on.
    port: Option<u16>,
}

/// The command as clap knows it.
pub(super) fn command() -> Command {
    Command::new("dev")
        .about("Run the agent behind a real HAProxy and print a line for each request")
        .arg(
            Arg::new("haproxy-bin")
                .long("haproxy-bin")
                .value_name("PATH")
                .value_parser(value_parser!(PathBuf))
                .help("Run this HAProxy [default: of SPOA_HAPROXY, the PATH]"),
        )
        .arg(
            Arg::new("haproxy-config")
                .long("haproxy-config")
                .value_name("FILE")
                .value_parser(value_parser!(PathBuf))
                .help("With this haproxy.cfg instead of what `config` would write"),
        )
        .arg(
            Arg::new("port")
                .long("port")
                .value_name("PORT")
                .value_parser(value_parser!(u16).range(1..))
                .help("Take requests at this port of 127.0.0.1 [default: a free one]"),
        )
}

impl Dev {
    /// What the command line says.
    pub(super) fn read(matches: &ArgMatches) -> Self {
        Dev {
            bin: matches.get_one("haproxy-bin").cloned(),
            config: matches.get_one("haproxy-config").cloned(),
            port: matches.get_one("port").copied(),
        }
    }

    /// Runs both until a signal comes or HAProxy ends.
    pub(super) async fn run(
        &self,
        builder: AgentBuilder,
        this: &This<'_>,
        options: &Options,
    ) -> Result<(), StartError> {
        let failed = |problem: String| StartError::Failed(problem);
        let haproxy = Haproxy::find(self.bin.as_deref());
        let haproxy = haproxy.map_err(|error| failed(error.to_string()))?;
        // Nobody else asks this agent: there is no fleet to warn.
        let agent = builder
            .limits(|limits| limits.lame_duck = Duration::ZERO)
            .listen("127.0.0.1:0")
            .build()?;
        let drain = agent.limits().drain_timeout;
        let server = agent.bind()?;
        let address = server.listeners().iter().map(|listener| listener.address());
        let address = address.last().unwrap_or_default().to_owned();

        let directory = folder::make();
        let directory =
            directory.map_err(|error| failed(format!("no temporary folder: {error}")))?;
        let (watch, start) = match &self.config {
            Some(file) => {
                examine(this, options, file, &haproxy)?;
                self.theirs(this, options, file, &address).await
            }
            None => {
                self.ours(this, options, &haproxy, directory.path(), &address)
                    .await
            }
        }
        .map_err(failed)?;

        let stop = signals::first_signal(Duration::ZERO, drain).map_err(StartError::Signals)?;
        let mut proxy = Proxy::start(&haproxy, &start.file, Arc::clone(&watch))
            .map_err(|error| failed(format!("cannot start HAProxy: {error}")))?;
        if let Some(front) = start.front {
            proxy.ready(front).await.map_err(failed)?;
        }
        print(&format!(
            "{} {} behind HAProxy {} ({})\n{}Ctrl-C stops both.\n\n",
            this.name,
            this.program.version,
            haproxy.version,
            haproxy.path.display(),
            start.said,
        ))?;
        let (mut ended, mut status) = (false, None);
        server
            .serve(async {
                tokio::select! {
                    () = stop => {}
                    () = proxy.ended() => ended = true,
                }
                // It goes first, so that it does not complain of an agent that left.
                status = proxy.stop();
            })
            .await;
        match (ended, status) {
            (false, _) => Ok(()),
            // A shell has the signal that ended its child in this way.
            (true, Some(status)) if status > 128 => Err(failed(format!(
                "HAProxy was ended by signal {}",
                status - 128
            ))),
            (true, _) => Err(failed(
                "HAProxy ended by itself: what it said is above".to_owned(),
            )),
        }
    }

    /// With the configuration that `config` writes, and a server that shows what it got.
    async fn ours(
        &self,
        this: &This<'_>,
        options: &Options,
        haproxy: &Haproxy,
        directory: &Path,
        agent: &str,
    ) -> Result<(Arc<Watch>, Start), String> {
        let local = |port| SocketAddr::from((Ipv4Addr::LOCALHOST, port));
        let bind = |port| async move {
            let bound = TcpListener::bind(local(port)).await;
            let bound =
                bound.map_err(|error| format!("cannot listen on 127.0.0.1:{port}: {error}"))?;
            let address = bound.local_addr().map_err(|error| error.to_string())?;
            Ok::<_, String>((bound, address))
        };
        let (site, site_address) = bind(0).await?;
        let (tap, tap_address) = bind(0).await?;
        // HAProxy binds it itself, in a moment.
        let (_, front) = bind(self.port.unwrap_or(0)).await?;

        let mut wiring = this.wiring(options);
        wiring.listeners = vec![tap_address.to_string()];
        wiring.tls = None;
        let written = write(
            &wiring,
            &write::Options {
                bind: vec![front.to_string()],
                show: true,
                watch: Some(Watched {
                    site: site_address.to_string(),
                }),
                ..write::Options::new(haproxy.series)
            },
        )
        .map_err(|refusal| refusal.to_string())?;
        let file = directory.join("haproxy.cfg");
        for (path, text) in [
            (&file, &written.haproxy),
            (&directory.join("spoe.conf"), &written.spoe),
        ] {
            let wrote = fs::write(path, text);
            wrote.map_err(|error| format!("cannot write `{}`: {error}", path.display()))?;
        }
        for warning in &written.warnings {
            eprintln!("warning: {warning}");
        }
        let watch = Arc::new(Watch::default());
        tokio::spawn(echo::serve(site));
        tokio::spawn(tap::serve(tap, agent.to_owned(), Arc::clone(&watch)));
        let start = Start {
            file,
            front: Some(front),
            said: format!("Try it:  curl -i http://{front}/\n"),
        };
        Ok((watch, start))
    }

    /// With a configuration of the user's own: the agent is where it would be otherwise.
    async fn theirs(
        &self,
        this: &This<'_>,
        options: &Options,
        file: &Path,
        agent: &str,
    ) -> Result<(Arc<Watch>, Start), String> {
        let watch = Arc::new(Watch::default());
        let mut said = format!("It runs with {}.\n", file.display());
        for listen in options.listen(this.program.listen) {
            // A port alone is every address of this machine.
            let address = match listen.rsplit_once(':') {
                Some(("" | "*", port)) => format!("0.0.0.0:{port}"),
                _ => listen.clone(),
            };
            let tap = TcpListener::bind(&address).await.map_err(|error| {
                format!(
                    "cannot listen on {listen} for HAProxy: {error}; `dev` takes TCP addresses only"
                )
            })?;
            said.push_str(&format!("The agent listens on {listen}.\n"));
            tokio::spawn(tap::serve(tap, agent.to_owned(), Arc::clone(&watch)));
        }
        let start = Start {
            file: file.to_owned(),
            front: None,
            said,
        };
        Ok((watch, start))
    }
}

/// Says what is wrong with a configuration of the user's own. With an error in it, HAProxy is not
/// started.
fn examine(
    this: &This<'_>,
    options: &Options,
    file: &Path,
    haproxy: &Haproxy,
) -> Result<(), StartError> {
    let paths = [file.to_owned()];
    let mut wiring = this.wiring(options);
    // What stands between the two reads the frames.
    wiring.tls = None;
    let diagnosis = doctor::check(&paths, &wiring, Some(haproxy.series));
    let diagnosis = diagnosis.map_err(StartError::Failed)?;
    if diagnosis.worst().is_some() {
        print(&diagnosis.text(doctor::in_colour()))?;
    }
    match diagnosis.worst() {
        Some(Severity::Error) => Err(StartError::Failed(format!(
            "`{}` would not work with this agent: fix what is said above",
            file.display()
        ))),
        _ => Ok(()),
    }
}

/// What HAProxy is started with.
#[derive(Debug)]
struct Start {
    file: PathBuf,
    /// Where it will listen, if that is known.
    front: Option<SocketAddr>,
    /// What the user is told of it.
    said: String,
}
