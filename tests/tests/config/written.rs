//! An agent, the configuration that it writes for a HAProxy, and that HAProxy with it.

use std::net::SocketAddr;
use std::process::{Command, Stdio};

use spoa_tests::{
    Client, Directory, Haproxy, Port, Process, Proxy, Reply, Request, TempDir, eventually,
};

/// The configuration for one HAProxy, in a folder of its own.
pub(crate) struct Written {
    pub(crate) dir: TempDir,
    /// The messages on standard error while it was written.
    pub(crate) warnings: Vec<String>,
    front: Port,
}

impl Written {
    /// Returns the files that the agent writes with these arguments.
    pub(crate) fn by(mut agent: Command, haproxy: &Haproxy, args: &[&str]) -> Written {
        let (dir, front) = (TempDir::new(), Port::free());
        let (major, minor) = haproxy.series();
        let ruled = args.iter().any(|arg| arg.starts_with("--rules"));
        // Some agents have the names of sockets. Rules have a `bind` of their own.
        let bind = (!ruled).then(|| format!("--bind={} name www", front.addr()));
        let ran = agent
            .arg("config")
            .arg(format!("--haproxy={major}.{minor}"))
            .args(bind)
            .arg("--output")
            .arg(dir.path())
            .args(args)
            .stdin(Stdio::null())
            .output()
            .expect("the agent runs");
        let said = String::from_utf8(ran.stderr).expect("it prints text");
        assert!(ran.status.success(), "{said}");
        let warnings = said.lines().map(str::to_owned).collect();
        let written = Written {
            dir,
            warnings,
            front,
        };
        let checked = written.directory().check(haproxy);
        assert!(
            checked.is_empty() || checked == "Configuration file is valid",
            "{haproxy}: {checked}\n{}\n{}",
            written.read("spoe.conf"),
            written.read("haproxy.cfg")
        );
        written
    }

    /// Where the frontend is told to listen by rules of the test's own.
    pub(crate) fn serve_at(&mut self, front: Port) {
        self.front = front;
    }

    pub(crate) fn read(&self, name: &str) -> String {
        std::fs::read_to_string(self.dir.join(name)).expect("it was written")
    }

    /// Starts HAProxy with longer times than those in the files.
    pub(crate) fn start(&self, haproxy: &Haproxy) -> Proxy {
        self.directory().start_patiently(haproxy)
    }

    /// Starts HAProxy with the times in the files: for an agent that does not answer.
    pub(crate) fn start_as_written(&self, haproxy: &Haproxy) -> Proxy {
        self.directory().start(haproxy)
    }

    fn directory(&self) -> Directory {
        let path = self.dir.path().to_str().expect("its path is text");
        Directory::new(path, &self.front.addr().to_string())
    }
}

/// The agent as a process that listens there.
pub(crate) fn serving(mut agent: Command, listen: &str) -> Process {
    let process = Process::start(agent.args(["--listen", listen]));
    process.wait_for_line("listening on ");
    process
}

/// Stops an agent, which must not have warned of anything but handlers that are late on a busy machine.
pub(crate) fn stop(agent: Process) {
    assert_eq!(agent.stop_agent(), [""; 0]);
}

/// The answer that comes when it is as it should be: HAProxy may have to find out who is up.
pub(crate) fn ask(
    proxy: &Proxy,
    request: &Request,
    what: &str,
    fits: impl Fn(&Reply) -> bool,
) -> Reply {
    ask_at(proxy.addr(), request, what, fits)
}

/// As [`ask`], at an address.
pub(crate) fn ask_at(
    addr: SocketAddr,
    request: &Request,
    what: &str,
    fits: impl Fn(&Reply) -> bool,
) -> Reply {
    let mut answered = None;
    eventually(what, || {
        let reply = Client::connect(addr).expect("it listens").send(request);
        answered = fits(&reply).then_some(reply);
        answered.is_some()
    });
    answered.expect("it was waited for")
}
