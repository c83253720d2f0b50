//! A running HAProxy: starting, asking, stopping and reloading it.

use std::io::{self, Read, Write};
use std::net::{Shutdown, SocketAddr};
use std::os::unix::net::UnixStream;
use std::path::PathBuf;
use std::process::{Command, ExitStatus, Stdio};
use std::time::{Duration, Instant};

use crate::PATIENCE;

/// The socket of the runtime API of the process that serves.
const ADMIN: &str = "admin.sock";
/// The socket of the runtime API of a master.
const MASTER: &str = "master.sock";
use crate::config::Config;
use crate::dir::TempDir;
use crate::haproxies::Haproxy;
use crate::http::{Client, Reply, Request};
use crate::origin::Origin;
use crate::ports::Port;
use crate::process::Process;

/// A HAProxy that serves. Dropping it ends it; when the test fails, its log is shown.
#[derive(Debug)]
pub struct Proxy {
    setup: Setup,
    process: Process,
    /// Processes that a reload told to finish what they have.
    leaving: Vec<Process>,
    origin: Option<Origin>,
    _port: Option<Port>,
}

/// Everything needed to start a HAProxy, the first time and again.
#[derive(Debug)]
pub(crate) struct Setup {
    pub(crate) haproxy: Haproxy,
    pub(crate) config: PathBuf,
    pub(crate) cwd: PathBuf,
    pub(crate) front: SocketAddr,
    pub(crate) master_worker: bool,
    pub(crate) dir: TempDir,
}

impl Proxy {
    pub(crate) fn start(haproxy: &Haproxy, config: &Config) -> Proxy {
        let mut tries = 0;
        loop {
            let origin = config.origin_addr().is_none().then(Origin::start);
            let origin_addr = config
                .origin_addr()
                .or_else(|| origin.as_ref().map(Origin::addr));
            let origin_addr = origin_addr.expect("there is an origin, the test's or the proxy's");
            let port = Port::free();
            let front = port.addr();
            let dir = TempDir::new();
            dir.write("spoe.conf", &config.spoe_conf());
            let setup = Setup {
                haproxy: haproxy.clone(),
                config: dir.write("haproxy.cfg", &config.haproxy_cfg(front, origin_addr)),
                cwd: dir.path().to_owned(),
                front,
                master_worker: config.master_worker,
                dir,
            };
            match Proxy::launch(setup) {
                Ok(proxy) => return proxy.keep(origin, Some(port)),
                // A program other than a test may have taken the port in between.
                Err(said) if said.to_lowercase().contains("cannot bind") && tries < 3 => tries += 1,
                Err(said) => panic!("{haproxy} did not start:\n{said}"),
            }
        }
    }

    /// Checks the configuration, starts HAProxy and waits until it serves; else what it said.
    pub(crate) fn launch(setup: Setup) -> Result<Proxy, String> {
        let admin = setup.dir.join(ADMIN);
        // In a file of its own, so that a configuration of the user's runs as it was written.
        setup.dir.write(
            "admin.cfg",
            &format!(
                "global\n    stats socket {} mode 600 level admin expose-fd listeners\n",
                admin.display()
            ),
        );
        let checked = setup.command().arg("-c").stdin(Stdio::null()).output();
        let checked = checked.map_err(|error| error.to_string())?;
        if !checked.status.success() {
            let said = [checked.stdout, checked.stderr].concat();
            let config = std::fs::read_to_string(&setup.config).unwrap_or_default();
            let spoe = std::fs::read_to_string(setup.cwd.join("spoe.conf")).unwrap_or_default();
            let said = String::from_utf8_lossy(&said);
            return Err(format!(
                "it refuses the configuration:\n{said}\n{config}\n{spoe}"
            ));
        }
        let process = Process::start(&mut setup.run());
        let mut proxy = Proxy {
            setup,
            process,
            leaving: Vec::new(),
            origin: None,
            _port: None,
        };
        proxy.wait_until_it_serves(None)?;
        Ok(proxy)
    }

    /// Gives it what is to live as long as it does.
    pub(crate) fn keep(mut self, origin: Option<Origin>, port: Option<Port>) -> Proxy {
        self.origin = origin;
        self._port = port;
        self
    }

    /// Returns the address of its frontend.
    pub fn addr(&self) -> SocketAddr {
        self.setup.front
    }

    /// Returns the HAProxy it runs.
    pub fn haproxy(&self) -> &Haproxy {
        &self.setup.haproxy
    }

    /// Returns the origin that was started with it, and panics if the test has one of its own.
    pub fn origin(&self) -> &Origin {
        self.origin
            .as_ref()
            .expect("the configuration names an origin of the test's own")
    }

    /// Returns a connection that stays open between requests.
    pub fn client(&self) -> Client {
        Client::connect(self.addr()).unwrap_or_else(|error| panic!("cannot connect: {error}"))
    }

    /// Sends a `GET` of a path on a connection of its own, and panics if no answer comes.
    pub fn get(&self, target: &str) -> Reply {
        self.send(&Request::get(target))
    }

    /// Sends a request on a connection of its own; panics when no answer comes.
    pub fn send(&self, request: &Request) -> Reply {
        self.client().send(request)
    }

    /// Sends a request on a connection of its own.
    ///
    /// # Errors
    /// When there is no connection, it breaks, or no answer comes for half a minute.
    pub fn try_send(&self, request: &Request) -> io::Result<Reply> {
        Client::connect(self.addr())?.try_send(request)
    }

    /// Gives a command to the runtime API, such as `show info`, and returns the answer.
    pub fn admin(&self, command: &str) -> String {
        self.ask(ADMIN, command)
            .unwrap_or_else(|error| panic!("`{command}` got no answer: {error}"))
    }

    /// Returns the process id of the process that serves: in master-worker mode the worker.
    pub fn serving_pid(&self) -> u32 {
        self.pid()
            .expect("a HAProxy that serves says its process id")
    }

    /// Sends `disable server agent/agent`.
    pub fn disable_agent(&self) {
        self.admin("disable server agent/agent");
    }

    /// Sends `enable server agent/agent`.
    pub fn enable_agent(&self) {
        self.admin("enable server agent/agent");
    }

    /// Returns the agent's state as `show stat` has it: `UP`, `DOWN`, `MAINT`, `no check` and so on.
    pub fn agent_status(&self) -> String {
        self.agent_stat("status")
    }

    /// Returns a column of the agent's line in `show stat`, such as `check_status`.
    pub fn agent_stat(&self, name: &str) -> String {
        self.server_stat("agent", name)
    }

    /// Returns a field of `show stat` for another server in the agent's backend.
    pub fn server_stat(&self, server: &str, name: &str) -> String {
        let table = self.admin("show stat");
        let mut rows = table
            .lines()
            .map(|row| row.trim_start_matches("# ").split(','));
        let column = rows
            .next()
            .and_then(|mut titles| titles.position(|title| title == name));
        let column = column.unwrap_or_else(|| panic!("`show stat` has no column `{name}`"));
        let found = rows.find(|row| row.clone().take(2).eq(["agent", server]));
        let value = found.and_then(|mut row| row.nth(column));
        let value = value.unwrap_or_else(|| panic!("there is no server agent/{server}"));
        value.to_owned()
    }

    /// Returns all that HAProxy has printed or logged so far.
    pub fn logs(&self) -> Vec<String> {
        self.leaving
            .iter()
            .chain([&self.process])
            .flat_map(Process::output)
            .collect()
    }

    /// Waits for a line of the log with `text`, and returns the first.
    ///
    /// Threads of one HAProxy that print at the same time lose a line now and then: a thread gives up after 200
    /// tries for the descriptor (`fd_write_frag_line`). If a test needs a certain line, give its HAProxy
    /// `nbthread 1`, or repeat the request until the line is there.
    pub fn wait_for_log(&self, text: &str) -> String {
        self.process.wait_for_line(text)
    }

    /// Returns the first value of a variable listed with [`Config::typed_vars`], and as which of HAProxy's
    /// types: `sint <-5>`, `bool <1>`, `ipv4 <192.0.2.7>`, `str <text>`, with dots for what cannot
    /// be printed.
    pub fn typed(&self, name: &str) -> String {
        let line = self.wait_for_log(&format!("[debug] {name}: type="));
        line.split_once("type=")
            .map(|(_, typed)| typed.to_owned())
            .expect("it was in the line")
    }

    /// Tells it to stop when its work is done (SIGUSR1).
    pub fn soft_stop(&self) {
        self.process.signal("USR1");
    }

    /// Ends it at once (SIGKILL).
    pub fn kill(&mut self) {
        self.process.kill();
    }

    /// Waits for its end, and panics if that takes longer than `limit`.
    pub fn wait(&mut self, limit: Duration) -> ExitStatus {
        self.process.wait(limit)
    }

    /// Reloads it as an administrator does, and returns when the new process serves; the old one
    /// may still be finishing its work.
    ///
    /// In master-worker mode by SIGUSR2, else by a new process started with `-sf`.
    pub fn reload(&mut self) {
        let old = self.serving_pid();
        if self.setup.master_worker {
            self.process.signal("USR2");
        } else {
            let admin = self.setup.dir.join(ADMIN);
            let mut command = self.setup.run();
            command.arg("-x").arg(admin).arg("-sf").arg(old.to_string());
            let new = Process::start(&mut command);
            self.leaving.push(std::mem::replace(&mut self.process, new));
        }
        if let Err(said) = self.wait_until_it_serves(Some(old)) {
            panic!("{} did not reload:\n{said}", self.setup.haproxy);
        }
    }

    /// Waits until the process that a reload replaced has ended.
    pub fn wait_until_the_old_one_left(&mut self) {
        let old = self.leaving.last_mut().expect("it was reloaded with `-sf`");
        old.wait(PATIENCE);
    }

    fn wait_until_it_serves(&mut self, old: Option<u32>) -> Result<(), String> {
        let start = Instant::now();
        loop {
            let expected = |pid| {
                if self.setup.master_worker {
                    Some(pid) != old
                } else {
                    // A plain HAProxy is the process that was started.
                    pid == self.process.id()
                }
            };
            if self.pid().is_some_and(expected) && self.has_settled() {
                return Ok(());
            }
            let running = self.process.is_running();
            if !running || start.elapsed() > PATIENCE {
                // The last lines may still be on their way from the pipe.
                std::thread::sleep(Duration::from_millis(50));
                return Err(self.process.output().join("\n"));
            }
            std::thread::sleep(Duration::from_millis(5));
        }
    }

    /// Returns whether the master listens to signals. Up to 3.0 it starts itself again after every load, and
    /// a signal that comes meanwhile is lost.
    fn has_settled(&self) -> bool {
        !self.setup.master_worker || self.ask(MASTER, "show proc").is_ok_and(|it| !it.is_empty())
    }

    fn pid(&self) -> Option<u32> {
        let info = self.ask(ADMIN, "show info").ok()?;
        let pid = info.lines().find_map(|line| line.strip_prefix("Pid: "))?;
        pid.trim().parse().ok()
    }

    fn ask(&self, socket: &str, command: &str) -> io::Result<String> {
        let mut socket = UnixStream::connect(self.setup.dir.join(socket))?;
        socket.set_read_timeout(Some(PATIENCE))?;
        socket.write_all(format!("{command}\n").as_bytes())?;
        // A master waits for the next command otherwise.
        socket.shutdown(Shutdown::Write)?;
        let mut answer = String::new();
        socket.read_to_string(&mut answer)?;
        Ok(answer)
    }
}

impl Drop for Proxy {
    fn drop(&mut self) {
        if std::thread::panicking() {
            eprintln!(
                "{} printed:\n{}",
                self.setup.haproxy,
                self.logs().join("\n")
            );
        }
        // The workers would outlive a master that is killed outright.
        if self.process.is_running() && self.setup.master_worker {
            self.process.signal("TERM");
            self.process.wait_at_most(Duration::from_secs(5));
        }
    }
}

impl Setup {
    fn command(&self) -> Command {
        let mut command = Command::new(self.haproxy.path());
        command
            .arg("-f")
            .arg(&self.config)
            .arg("-f")
            .arg(self.dir.join("admin.cfg"));
        command.current_dir(&self.cwd);
        command
    }

    /// Returns the command that runs HAProxy in the foreground.
    fn run(&self) -> Command {
        let mut command = self.command();
        if self.master_worker {
            command.arg("-W").arg("-S").arg(self.dir.join(MASTER));
        } else {
            command.arg("-db");
        }
        command
    }
}
