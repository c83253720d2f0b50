//! Writes the configuration of HAProxy, with defaults for everything that a test is not about.

use std::fmt::Write;
use std::net::SocketAddr;
use std::time::Duration;

use crate::haproxies::Haproxy;
use crate::proxy::Proxy;

/// A frontend with an SPOE filter, the agent of that filter, and an origin server for the requests.
///
/// The engine and its variable prefix are both `iprep`. Every part can be given more lines.
#[derive(Debug, Clone)]
pub struct Config {
    agent: String,
    var_prefix: String,
    processing: Duration,
    messages: Vec<Message>,
    groups: Vec<(String, Vec<String>)>,
    reads: Vec<Read>,
    origin: Option<SocketAddr>,
    spop_check: bool,
    pub(crate) master_worker: bool,
    global: Vec<String>,
    defaults: Vec<String>,
    frontend: Vec<String>,
    agent_backend: Vec<String>,
    origin_backend: Vec<String>,
    sections: Vec<String>,
    spoe_agent: Vec<String>,
}

/// Something the frontend copies into a header of the answer.
#[derive(Debug, Clone)]
struct Read {
    header: String,
    expression: String,
    when: When,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum When {
    Request,
    Response,
}

/// A message HAProxy sends: by default without arguments, on every request.
#[derive(Debug, Clone)]
pub struct Message {
    name: String,
    args: Vec<String>,
    event: Option<String>,
    listed: bool,
    lines: Vec<String>,
}

impl Message {
    /// Returns a message of that name at `on-frontend-http-request`.
    pub fn new(name: &str) -> Message {
        let event = Some("on-frontend-http-request".to_owned());
        Message {
            name: name.to_owned(),
            args: Vec::new(),
            event,
            listed: true,
            lines: Vec::new(),
        }
    }

    /// Its arguments as HAProxy's `args` has them: `ip=src path=path`. A second call adds a line with
    /// more: HAProxy takes 63 on one.
    pub fn args(mut self, args: &str) -> Message {
        self.args.push(args.to_owned());
        self
    }

    /// Sets the event it is sent at, with a condition if need be: `on-http-response if { status 200 }`.
    pub fn event(mut self, event: &str) -> Message {
        self.event = Some(event.to_owned());
        self
    }

    /// Sends the message without an event, only as part of a group.
    pub fn only_in_groups(mut self) -> Message {
        self.event = None;
        self
    }

    /// Leaves it out of `messages`, which the test writes itself.
    pub fn unlisted(mut self) -> Message {
        self.listed = false;
        self
    }

    /// Adds an `acl` for the event's condition: `local src 127.0.0.0/8`.
    pub fn acl(mut self, acl: &str) -> Message {
        self.lines.push(format!("acl {acl}"));
        self
    }
}

impl Config {
    /// Returns a configuration for the agent at this address: a [`SocketAddr`], or as HAProxy writes one,
    /// such as `unix@/run/agent.sock` or `abns@agent`.
    pub fn new(agent: impl ToString) -> Config {
        Config {
            agent: agent.to_string(),
            var_prefix: "iprep".to_owned(),
            processing: Duration::from_secs(5),
            messages: Vec::new(),
            groups: Vec::new(),
            reads: Vec::new(),
            origin: None,
            spop_check: false,
            master_worker: false,
            global: Vec::new(),
            defaults: Vec::new(),
            frontend: Vec::new(),
            agent_backend: Vec::new(),
            origin_backend: Vec::new(),
            sections: Vec::new(),
            spoe_agent: Vec::new(),
        }
    }

    /// Adds a message.
    pub fn message(mut self, message: Message) -> Config {
        self.messages.push(message);
        self
    }

    /// Adds a group of messages. It is sent where the frontend says
    /// `http-request send-spoe-group iprep NAME`, which is for the test to add.
    pub fn group(mut self, name: &str, messages: &[&str]) -> Config {
        let messages = messages.iter().map(|&message| message.to_owned()).collect();
        self.groups.push((name.to_owned(), messages));
        self
    }

    /// Shows these variables, by their full names as in `sess.iprep.ip_score`, in the answer, as
    /// they are when it leaves HAProxy: [`Reply::var`](crate::Reply::var) reads them.
    pub fn vars<'a>(self, names: impl IntoIterator<Item = &'a str>) -> Config {
        let show = |config: Config, name: &str| config.read(name, &format!("var({name})"));
        names.into_iter().fold(self, show)
    }

    /// Reads variables like [`vars`](Config::vars), but as they are when the request's rules are run. The scope
    /// `req` ends with the request.
    pub fn request_vars<'a>(self, names: impl IntoIterator<Item = &'a str>) -> Config {
        let show = |config: Config, name: &str| config.read_request(name, &format!("var({name})"));
        names.into_iter().fold(self, show)
    }

    /// Has HAProxy log these variables with the types it gives them, as they are when the answer
    /// leaves: [`Proxy::typed`] reads them.
    pub fn typed_vars<'a>(self, names: impl IntoIterator<Item = &'a str>) -> Config {
        let log = |config: Config, name: &str| {
            config.frontend(&format!(
                "http-after-response set-var(txn.typed) var({name}),debug({name},stdout)"
            ))
        };
        names.into_iter().fold(self, log)
    }

    /// Shows any expression in a header of the answer, which is absent if it yields nothing.
    pub fn read(self, header: &str, expression: &str) -> Config {
        self.read_when(header, expression, When::Response)
    }

    /// Reads an expression like [`read`](Config::read), evaluated when the request's rules are run.
    pub fn read_request(self, header: &str, expression: &str) -> Config {
        self.read_when(header, expression, When::Request)
    }

    /// Sets the prefix of the variables. The default is `iprep`.
    pub fn var_prefix(mut self, prefix: &str) -> Config {
        self.var_prefix = prefix.to_owned();
        self
    }

    /// Sets how long HAProxy waits for the agent. The default is 5 s.
    pub fn processing_timeout(mut self, limit: Duration) -> Config {
        self.processing = limit;
        self
    }

    /// Sets `no option pipelining`: one NOTIFY on a connection at a time.
    pub fn no_pipelining(self) -> Config {
        self.spoe_agent("no option pipelining")
    }

    /// Sets `option continue-on-error`: an error does not end the engine for the transaction.
    pub fn continue_on_error(self) -> Config {
        self.spoe_agent("option continue-on-error")
    }

    /// Sets `option set-on-error`: shown as the variable `txn.<prefix>.<name>`.
    pub fn set_on_error(self, name: &str) -> Config {
        self.spoe_agent(&format!("option set-on-error {name}"))
    }

    /// Sets `max-frame-size`.
    pub fn max_frame_size(self, bytes: u32) -> Config {
        self.spoe_agent(&format!("max-frame-size {bytes}"))
    }

    /// Sets `register-var-names`: names without scope and prefix, with blanks between them.
    pub fn register_var_names(self, names: &str) -> Config {
        self.spoe_agent(&format!("register-var-names {names}"))
    }

    /// Checks the agent's health by `option spop-check` every 50 ms.
    pub fn spop_check(mut self) -> Config {
        self.spop_check = true;
        self
    }

    /// Sends the requests to this origin. Without it the proxy starts one that answers `ok`.
    pub fn origin(mut self, origin: SocketAddr) -> Config {
        self.origin = Some(origin);
        self
    }

    /// Runs HAProxy as a master with a worker (`-W`).
    pub fn master_worker(mut self) -> Config {
        self.master_worker = true;
        self
    }

    /// Adds a line to `global`.
    pub fn global(mut self, line: &str) -> Config {
        self.global.push(line.to_owned());
        self
    }

    /// Adds a line to `defaults`.
    pub fn defaults(mut self, line: &str) -> Config {
        self.defaults.push(line.to_owned());
        self
    }

    /// Adds a line to `frontend front`.
    pub fn frontend(mut self, line: &str) -> Config {
        self.frontend.push(line.to_owned());
        self
    }

    /// Adds a line to `backend agent`, whose server is `agent/agent`.
    pub fn agent_backend(mut self, line: &str) -> Config {
        self.agent_backend.push(line.to_owned());
        self
    }

    /// Adds a line to `backend origin`.
    pub fn origin_backend(mut self, line: &str) -> Config {
        self.origin_backend.push(line.to_owned());
        self
    }

    /// Adds whole sections to `haproxy.cfg`.
    pub fn sections(mut self, text: &str) -> Config {
        self.sections.push(text.to_owned());
        self
    }

    /// Adds a line to `spoe-agent`.
    pub fn spoe_agent(mut self, line: &str) -> Config {
        self.spoe_agent.push(line.to_owned());
        self
    }

    /// Starts a HAProxy with this configuration and waits until it serves.
    ///
    /// Panics with what HAProxy says if it refuses the configuration.
    pub fn start(&self, haproxy: &Haproxy) -> Proxy {
        Proxy::start(haproxy, self)
    }

    pub(crate) fn origin_addr(&self) -> Option<SocketAddr> {
        self.origin
    }

    fn read_when(mut self, header: &str, expression: &str, when: When) -> Config {
        let (header, expression) = (header.to_owned(), expression.to_owned());
        self.reads.push(Read {
            header,
            expression,
            when,
        });
        self
    }

    /// Returns the text of `haproxy.cfg`.
    pub(crate) fn haproxy_cfg(&self, front: SocketAddr, origin: SocketAddr) -> String {
        let mut text = Text::default();
        text.section("global", &self.global);
        // The log of HAProxy and its SPOE filter becomes part of its captured output.
        text.line("log stdout format raw local0");
        text.section("defaults", &["mode http".to_owned()]);
        text.line("log global");
        text.line("option httplog");
        for timeout in ["connect 5s", "client 30s", "server 30s"] {
            text.line(&format!("timeout {timeout}"));
        }
        text.lines(&self.defaults);

        text.section("frontend front", &[format!("bind {front}")]);
        text.line("filter spoe engine iprep config spoe.conf");
        text.lines(&self.frontend);
        for (number, read) in self.reads.iter().enumerate() {
            let Read {
                header,
                expression,
                when,
            } = read;
            // A header is set from a variable, since only a variable can be asked if it is there.
            let copy = format!("txn.shown_{number}");
            let rules = match when {
                When::Request => "http-request",
                When::Response => "http-after-response",
            };
            text.line(&format!("{rules} set-var({copy}) {expression}"));
            text.line(&format!(
                "http-after-response set-header {header} %[var({copy})] if {{ var({copy}) -m found }}"
            ));
        }
        text.line("default_backend origin");

        text.section("backend origin", &[format!("server origin {origin}")]);
        text.lines(&self.origin_backend);

        text.section("backend agent", &["mode tcp".to_owned()]);
        let check = if self.spop_check {
            " check inter 50ms"
        } else {
            ""
        };
        if self.spop_check {
            text.line("option spop-check");
            // Without it a check fails after `inter`, as it does on a busy machine.
            text.line("timeout check 2s");
        }
        text.line(&format!("server agent {}{check}", self.agent));
        text.lines(&self.agent_backend);
        for section in &self.sections {
            text.0.push_str(section);
            text.0.push('\n');
        }
        text.0
    }

    /// Returns the text of `spoe.conf`.
    pub(crate) fn spoe_conf(&self) -> String {
        let mut text = Text("[iprep]\n".to_owned());
        let agent = [
            format!("option var-prefix {}", self.var_prefix),
            "timeout hello 5s".to_owned(),
            "timeout idle 60s".to_owned(),
            format!("timeout processing {}ms", self.processing.as_millis()),
            "use-backend agent".to_owned(),
            "log global".to_owned(),
        ];
        text.section("spoe-agent iprep-agent", &agent);
        let with_event = self
            .messages
            .iter()
            .filter(|message| message.event.is_some() && message.listed);
        for message in with_event {
            text.line(&format!("messages {}", message.name));
        }
        for (group, _) in &self.groups {
            text.line(&format!("groups {group}"));
        }
        text.lines(&self.spoe_agent);
        for message in &self.messages {
            text.section(&format!("spoe-message {}", message.name), &message.lines);
            for args in &message.args {
                text.line(&format!("args {args}"));
            }
            if let Some(event) = &message.event {
                text.line(&format!("event {event}"));
            }
        }
        for (group, messages) in &self.groups {
            text.section(
                &format!("spoe-group {group}"),
                &[format!("messages {}", messages.join(" "))],
            );
        }
        text.0
    }
}

/// A configuration file as it grows.
#[derive(Default)]
struct Text(String);

impl Text {
    fn section(&mut self, title: &str, lines: &[String]) {
        let _ = writeln!(self.0, "\n{title}");
        self.lines(lines);
    }

    fn lines(&mut self, lines: &[String]) {
        for line in lines {
            self.line(line);
        }
    }

    fn line(&mut self, line: &str) {
        let _ = writeln!(self.0, "    {line}");
    }
}
