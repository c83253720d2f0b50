//! The help of each finding of `doctor` works on real HAProxies: the fixed configuration loads,
//! and a good request still passes, after the agent was asked.
//!
//! That nothing is found in it any more is tested beside `doctor` itself.

use spoa::State;
use spoa::prelude::*;
use spoa::spop::{Message, Scope};
use spoa_config::Series;
use spoa_config::doctor::{Code, Finding};
use spoa_config::read::Configuration;
use spoa_tests::examples::Directory;
use spoa_tests::{
    Background, Haproxy, Origin, Port, Request, TempDir, for_each_haproxy, haproxies,
};
use std::fs;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::path::Path;
use std::process::{Command, Stdio};
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};

#[path = "../../spoa-config/tests/cases/mod.rs"]
mod cases;

use cases::{Case, Contents, Fix};

/// The path that HAProxy is given.
fn main_file(contents: &Contents) -> &'static str {
    let names = ["haproxy.cfg", "etc/haproxy.cfg"];
    let mut names = names
        .into_iter()
        .filter(|name| contents.contains_key(Path::new(name)));
    names.next().expect("a configuration")
}

/// Writes the files of a case into a directory, and nothing elsewhere.
fn write(contents: &Contents, dir: &TempDir) {
    for (path, text) in contents.iter().filter(|(path, _)| path.is_relative()) {
        let path = dir.path().join(path);
        fs::create_dir_all(path.parent().expect("it is in the directory")).expect("writable");
        fs::write(path, text).expect("writable");
    }
}

/// The cases: those whose names begin with `DOCTOR_CASE`, if that is set.
fn cases() -> Vec<Case> {
    let wanted = std::env::var("DOCTOR_CASE").unwrap_or_default();
    let mut cases = cases::all();
    cases.retain(|case| case.name.starts_with(&wanted));
    cases
}

/// Whether a fixed case is for this HAProxy too: `doctor` has nothing to say then, but that HAProxy
/// before 3.1 wants timeouts, which the cases for later ones do not have. `None` if it is not, or does not
/// know the words of the case, else whether HAProxy has nothing to say either.
fn suits(fix: &Fix, haproxy: &Haproxy) -> Option<bool> {
    let (major, minor) = haproxy.series();
    let series: Series = format!("{major}.{minor}").parse().ok()?;
    let first = fix.contents.get(Path::new("haproxy"));
    let first: Option<Series> = first.and_then(|series| series.trim().parse().ok());
    if first.is_some_and(|first| first > Series::V3_2 && series < first) {
        return None;
    }
    let (found, _) = cases::findings(&fix.contents, Some(series));
    let timeouts = |finding: &Finding| finding.code == Code::TimeoutsMissing;
    found.iter().all(timeouts).then_some(found.is_empty())
}

#[test]
fn haproxy_takes_each_fixed_configuration() {
    let cases = cases();
    for_each_haproxy(|haproxy| {
        let mut wrong = Vec::new();
        for case in &cases {
            for fix in case.fixes() {
                let excepted = fix.exception("haproxy").is_some();
                let Some(silent) = suits(&fix, haproxy).filter(|_| !excepted) else {
                    continue;
                };
                let dir = TempDir::new();
                write(&fix.contents, &dir);
                let checked = Command::new(haproxy.path())
                    .args(["-c", "-f", main_file(&fix.contents)])
                    .current_dir(dir.path())
                    .stdin(Stdio::null())
                    .output()
                    .expect("HAProxy runs");
                let said = String::from_utf8_lossy(&checked.stderr);
                let well = checked.status.success() && !(silent && said.contains("[WARNING]"));
                if !well {
                    wrong.push(format!("{}: {}\n{said}", fix.name, checked.status));
                }
            }
        }
        assert!(wrong.is_empty(), "{}", wrong.join("\n"));
    });
}

/// The answers of a case's agent, and the messages that it got.
struct Answers {
    agent: spoa_config::Agent,
    case: Case,
    asked: Mutex<Vec<String>>,
}

/// Answers as the handlers of the case do to a good request: with all their variables, if the
/// message has what they need.
#[spoe_fallback]
fn answer(
    message: Message<'_>,
    State(answers): State<'_, Arc<Answers>>,
) -> Result<Actions, HandlerError> {
    let name = message.name().to_string();
    let mut handlers = answers.agent.messages.iter();
    let handler = handlers.find(|handler| handler.name == name);
    let handler = handler.ok_or_else(|| HandlerError::new(format!("nobody answers `{name}`")))?;
    for (place, argument) in handler.arguments.iter().enumerate() {
        let given = match &argument.name {
            Some(name) => message.get(name),
            None => message.at(argument.index.unwrap_or(place)),
        };
        if argument.required && given.is_none_or(|value| value == spoa::spop::Value::Null) {
            let what = argument.name.as_deref().unwrap_or("by its place");
            let why = format!("`{name}` has no argument {what}");
            return Err(HandlerError::new(why));
        }
    }
    answers.asked.lock().expect("not poisoned").push(name);
    let mut actions = Actions::new();
    for variable in &handler.variables {
        let scope = match variable.scope.as_str() {
            "proc" => Scope::Process,
            "sess" => Scope::Session,
            "req" => Scope::Request,
            "res" => Scope::Response,
            _ => Scope::Transaction,
        };
        let value = answers.case.good(&variable.name);
        if value == "-" {
            continue;
        }
        let name = variable.name.clone();
        match variable.rust_type.as_deref() {
            Some("bool") => actions.push(SetVar::new(scope, name, value == "true")),
            Some("String" | "&str") | None => actions.push(SetVar::new(scope, name, value)),
            Some(_) => {
                let number: i64 = value.parse().unwrap_or_default();
                actions.push(SetVar::new(scope, name, number))
            }
        };
    }
    Ok(actions)
}

/// Returns the configuration with addresses of this machine: those of the agent and of the origin for those of servers,
/// and a free port for each `bind`. The ports are in order.
fn at_home(
    fix: &Fix,
    configuration: &Configuration,
    agent: &str,
    origin: &str,
) -> (String, Vec<Port>) {
    let spoe = configuration.spoe.iter().flat_map(|file| &file.sections);
    let lines = spoe.flat_map(|section| &section.lines);
    let backends: Vec<_> = lines
        .filter(|line| line.word(0) == "use-backend")
        .map(|line| line.word(1))
        .collect();
    let path = Path::new(main_file(&fix.contents));
    let text = fix.contents.get(path).expect("it is there");
    let mut written = String::new();
    let (mut section, mut fronts) = (Vec::new(), Vec::new());
    for line in text.lines() {
        let words: Vec<_> = line.split_whitespace().collect();
        let address = match words.as_slice() {
            ["bind", address, ..] => {
                let front = Port::free();
                let new = front.addr().to_string();
                fronts.push(front);
                Some((*address, new))
            }
            ["server", _, address, ..] => {
                let is_agents = section.get(1).is_some_and(|name| backends.contains(name));
                Some((*address, if is_agents { agent } else { origin }.to_owned()))
            }
            // These change what the process may do.
            ["user" | "group" | "chroot" | "daemon", ..] => continue,
            [
                "frontend" | "backend" | "listen" | "defaults" | "global",
                ..,
            ] => {
                section.clone_from(&words);
                None
            }
            _ => None,
        };
        match address {
            Some((old, new)) => written.push_str(&line.replacen(old, &new, 1)),
            None => written.push_str(line),
        }
        // On a machine with busy cores an answer to a check may take seconds.
        if words.first() == Some(&"server") && words.contains(&"check") && !words.contains(&"inter")
        {
            written.push_str(" inter 20s");
        }
        written.push('\n');
    }
    (written, fronts)
}

#[test]
fn each_frontend_of_a_case_listens_on_a_port_of_its_own() {
    for case in cases() {
        for fix in case.fixes() {
            let (_, configuration) = cases::findings(&fix.contents, Some(case.series()));
            let (text, fronts) = at_home(&fix, &configuration, "127.0.0.1:1", "127.0.0.1:2");
            let fronts: Vec<_> = fronts
                .iter()
                .map(|front| front.addr().to_string())
                .collect();
            let binds = text
                .lines()
                .map(str::split_whitespace)
                .filter_map(|mut words| {
                    words.next().filter(|first| *first == "bind")?;
                    words.next()
                });
            assert!(
                binds.eq(fronts.iter().map(String::as_str)),
                "{}: {text}",
                fix.name
            );
        }
    }
}

/// The result of a request through a fixed configuration.
struct Sent {
    status: u16,
    /// The messages that the agent was asked.
    asked: Vec<String>,
    /// The output of the agent and of HAProxy.
    said: String,
    /// Whether the agent refused a message.
    refused: bool,
}

/// Sends a request through a fixed configuration, with the agent well or not there.
fn send(haproxy: &Haproxy, case: &Case, fix: &Fix, down: bool) -> Sent {
    let answers = Arc::new(Answers {
        agent: cases::agent_of(&fix.contents),
        case: case.clone(),
        asked: Mutex::default(),
    });
    let state = Arc::clone(&answers);
    let agent = Background::agent(|agent| agent.handlers(handlers![answer]).state(state));
    let nobody = Port::free();
    // The port of an agent that is gone may be given to another test's, which would get its messages.
    let address = if down { nobody.addr() } else { agent.addr() }.to_string();
    let agent = (!down).then_some(agent);
    let origin = Origin::start();
    let (_, configuration) = cases::findings(&fix.contents, Some(case.series()));
    let origin = origin.addr().to_string();
    let (text, fronts) = at_home(fix, &configuration, &address, &origin);
    let front = fronts
        .first()
        .expect("the case has a `bind`")
        .addr()
        .to_string();
    let mut contents = fix.contents.clone();
    let path = main_file(&contents);
    contents.insert(path.into(), text);
    // It is not about how busy the machine is. Up to 3.0, HAProxy may wait as long for an agent that is not there.
    let limit = if down { "200ms" } else { "20s" };
    for text in contents.values_mut() {
        for time in ["100ms", "125ms", "500ms"] {
            let line = format!("timeout processing {time}");
            *text = text.replace(&line, &format!("timeout processing {limit}"));
        }
    }
    let dir = TempDir::new();
    write(&contents, &dir);
    let path = dir.path().join(path);
    let path = path.parent().and_then(Path::to_str).expect("a plain path");
    let proxy = Directory::new(path, &front).start(haproxy);
    let reply = proxy.try_send(&Request::get("/"));
    let reply = reply.unwrap_or_else(|error| panic!("no answer to {}: {error}", fix.name));
    let refused = agent.map_or(Vec::new(), |agent| agent.warnings());
    let asked = answers.asked.lock().expect("not poisoned").clone();
    Sent {
        status: reply.status,
        asked,
        said: format!("{refused:?}\n{}", proxy.logs().join("\n")),
        refused: !refused.is_empty(),
    }
}

/// Returns the fault of a good request through a fixed configuration.
fn good_request(haproxy: &Haproxy, case: &Case, fix: &Fix) -> Result<(), String> {
    let sent = send(haproxy, case, fix, false);
    if sent.status != 200 || sent.refused {
        return Err(format!(
            "status {}, {:?}\n{}",
            sent.status, sent.asked, sent.said
        ));
    }
    for handler in &cases::agent_of(&fix.contents).messages {
        let excepted = fix.exception(&format!("{} is not asked", handler.name));
        if sent.asked.contains(&handler.name) == excepted.is_some() {
            return Err(format!("`{}`: asked were {:?}", handler.name, sent.asked));
        }
    }
    Ok(())
}

/// How many HAProxies run side by side: most of a request is waiting.
const WORKERS: usize = 6;

#[test]
fn a_good_request_passes_each_fixed_configuration() {
    let all = haproxies();
    let mut runs = Vec::new();
    for case in cases() {
        for fix in case.fixes() {
            let excepted = ["haproxy", "traffic"]
                .iter()
                .any(|what| fix.exception(what).is_some());
            let mut these = all
                .iter()
                .filter(|it| !excepted && suits(&fix, it).is_some());
            // By turns the oldest and the newest that it is for.
            let haproxy = match runs.len() % 2 {
                0 => these.next(),
                _ => these.next_back(),
            };
            runs.extend(haproxy.map(|haproxy| (haproxy, case.clone(), fix)));
        }
    }
    let (next, wrong) = (AtomicUsize::new(0), Mutex::new(Vec::new()));
    std::thread::scope(|scope| {
        for _ in 0..WORKERS {
            scope.spawn(|| {
                while let Some((haproxy, case, fix)) =
                    runs.get(next.fetch_add(1, Ordering::Relaxed))
                {
                    let sent = catch_unwind(AssertUnwindSafe(|| good_request(haproxy, case, fix)));
                    let sent = sent.unwrap_or_else(|_| Err("see the panic above".to_owned()));
                    if let Err(why) = sent {
                        let why = format!("{haproxy}: {}: {why}", fix.name);
                        wrong.lock().expect("not poisoned").push(why);
                    }
                }
            });
        }
    });
    let wrong = wrong.into_inner().expect("not poisoned");
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

/// Rules against requests without an answer deny them.
#[test]
fn without_the_agent_each_fix_of_a_rule_that_fails_open_denies() {
    for_each_haproxy(|haproxy| {
        let cases = cases();
        for case in cases.iter().filter(|case| case.name.starts_with("SPOA082")) {
            for fix in case.fixes() {
                if suits(&fix, haproxy).is_none() {
                    continue;
                }
                let sent = send(haproxy, case, &fix, true);
                let passes = fix.added.contains("# fail open") && fix.exception("open").is_none();
                let expected = if passes { 200 } else { 503 };
                assert_eq!(sent.status, expected, "{}\n{}", fix.name, sent.said);
            }
        }
    });
}
