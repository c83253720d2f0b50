//! The program's own options, the file of options, and `check`.

mod common;

use common::{Said, program, said};
use spoa::client::Client;
use spoa_tests::{PATIENCE, Port, Process, TempDir};
use std::collections::BTreeMap;
use std::fs;
use std::process::Command;

fn agent() -> Command {
    program(env!("CARGO_BIN_EXE_agent-options"))
}

/// Returns what `call show` prints.
#[track_caller]
fn shown(command: &mut Command) -> [String; 3] {
    let Said { status, out, err } = said(command.args(["call", "show"]));
    assert_eq!((status, err.as_str()), (Some(0), ""), "{out}");
    let lines: Vec<_> = out.lines().collect();
    ["options", "database", "rules"].map(|name| {
        let start = format!("set-var txn.{name} ");
        let line = lines.iter().find_map(|line| line.strip_prefix(&start));
        let text = line.unwrap_or_else(|| panic!("no {name} in {out}"));
        let text = text.trim_start_matches("string ").trim_start_matches("= ");
        text.trim_matches('"').replace("\\\"", "\"").to_owned()
    })
}

#[track_caller]
fn refused(command: &mut Command, words: &str) {
    let Said { status, out, err } = said(command);
    assert_eq!((status, out.as_str()), (Some(2), ""), "{err}");
    assert!(err.contains(words), "`{words}` is not in:\n{err}");
    assert!(
        err.ends_with("\n\nFor more information, try '--help'.\n"),
        "{err}"
    );
}

#[test]
fn options_come_from_the_command_line_the_environment_and_the_file_in_this_order() {
    let dir = TempDir::new();
    dir.write("rules", "word\n");
    dir.write(
        "agent.toml",
        &format!(
            "threshold = 10\ntrust = [\"10.0.0.0/8\", \"::1\"]\ndry_run = true\nrules = '{}'\n\
             handler-timeout = \"1s\"\n",
            dir.join("rules").display()
        ),
    );
    let with_file = || {
        let mut command = agent();
        command.arg("--config").arg(dir.join("agent.toml"));
        command
    };
    assert_eq!(shown(&mut agent()), ["50 [] false deny", "none", ""]);
    assert_eq!(
        shown(&mut with_file()),
        ["10 [\"10.0.0.0/8\", \"::1\"] true deny", "none", "word"]
    );
    let mut with_environment = with_file();
    with_environment
        .env("SPOA_THRESHOLD", "20")
        .env("SPOA_DRY_RUN", "false")
        .env("SPOA_TRUST", "")
        .env("DATABASE_URL", "db:1");
    assert_eq!(
        shown(&mut with_environment),
        ["20 [\"10.0.0.0/8\", \"::1\"] false deny", "db:1", "word"]
    );
    let mut with_line = with_file();
    with_line
        .env("SPOA_THRESHOLD", "20")
        .env("DATABASE_URL", "db:1")
        .args([
            "-t30",
            "--trust=a",
            "--trust",
            "b",
            "--database=db:2",
            "--mode=tarpit",
        ]);
    assert_eq!(
        shown(&mut with_line),
        ["30 [\"a\", \"b\"] true tarpit", "db:2", "word"]
    );
    let mut named_in_the_environment = agent();
    named_in_the_environment.env("SPOA_CONFIG", dir.join("agent.toml"));
    assert_eq!(
        shown(&mut named_in_the_environment)[0],
        "10 [\"10.0.0.0/8\", \"::1\"] true deny"
    );
}

#[test]
fn the_help_has_them_under_headings_of_their_own() {
    let Said { status, out, .. } = said(agent().arg("--help"));
    assert_eq!(status, Some(0));
    for line in [
        "Options of optional:",
        "      --rules <FILE>       File with the words to block",
        "  -t, --threshold <THRESHOLD>",
        "Score from which a client is blocked [default: 50]",
        "      --dry-run            Blocks nobody",
        "[default: deny] [possible values: deny, tarpit]",
        "Database:",
        "Database to ask [env: DATABASE_URL]",
        "Precedence: command line, environment, file of --config, program, default.",
        "--config <FILE>",
    ] {
        let squeezed = |text: &str| text.split_whitespace().collect::<Vec<_>>().join(" ");
        assert!(
            squeezed(&out).contains(&squeezed(line)),
            "`{line}` is not in:\n{out}"
        );
    }
    let call = said(agent().args(["call", "--help"])).out;
    assert!(
        call.contains("--threshold") && call.contains("--config"),
        "{call}"
    );
    let handlers = said(agent().args(["handlers", "--help"])).out;
    assert!(!handlers.contains("--threshold"), "{handlers}");
}

#[test]
fn a_mistake_in_an_option_says_where_it_is() {
    let dir = TempDir::new();
    let file = |text: &str| {
        dir.write("agent.toml", text);
        let mut command = agent();
        command.arg("--config").arg(dir.join("agent.toml"));
        command
    };
    let path = dir.join("agent.toml").display().to_string();
    refused(
        agent().arg("--treshold=1"),
        "unexpected argument '--treshold' found\n\n  tip: a similar argument exists: '--threshold'",
    );
    refused(
        agent().arg("--threshold=many"),
        "error: invalid value 'many' for '--threshold <THRESHOLD>': invalid digit found in string",
    );
    refused(
        agent().env("SPOA_THRESHOLD", "300"),
        "error: invalid value '300' of the environment variable SPOA_THRESHOLD: 300 is not in 0..=255",
    );
    refused(
        agent().env("SPOA_DRY_RUN", "yes"),
        "error: invalid value 'yes' of the environment variable SPOA_DRY_RUN: write `true` or `false`",
    );
    refused(
        &mut file("# Comment\nthreshold = 'many'\n"),
        &format!("error: invalid value 'many' of `threshold` in {path}:2: invalid digit"),
    );
    refused(
        &mut file("mode = 'drop'\n"),
        &format!("error: invalid value 'drop' of `mode` in {path}:1: write `deny` or `tarpit`"),
    );
    refused(
        &mut file("\nmax-in-flight = 0\n"),
        &format!(
            "error: invalid value '0' of `max-in-flight` in {path}:2: write a number, at least 1"
        ),
    );
    refused(
        &mut file("workers = [1, 2]\n"),
        &format!("error: option of `workers` in {path}:1: write one value, not a list"),
    );
    // It would mean that everybody may connect.
    refused(
        &mut file("allow = []\n"),
        &format!(
            "error: option of `allow` in {path}:1: the list is empty: write a value, or remove the line"
        ),
    );
    refused(
        &mut file("threshold = 1\ntrush = 'a'\n"),
        &format!("error: {path}:2: unknown option `trush`: did you mean `trust`?"),
    );
    refused(&mut file("threshold = \n"), &format!("error: {path}:1: "));
    refused(
        agent().args(["--config", "/nowhere/agent.toml"]),
        "error: option `--config`: cannot read `/nowhere/agent.toml`: No such file",
    );
    let unreadable = |path: &str, problem: &str| {
        refused(
            agent().args(["--config", path]),
            &format!("error: option `--config`: cannot read `{path}`: {problem}"),
        );
    };
    unreadable("/dev/zero", "it has more than 1 MiB");
    unreadable("/", "Is a directory");
    std::fs::write(dir.join("agent.toml"), b"a = 1\nb = \"\xff\"").expect("it can be written");
    unreadable(&path, "line 2 is not UTF-8");
    // A command that makes no agent does not need them.
    let handlers = said(agent().env("SPOA_THRESHOLD", "300").arg("handlers"));
    assert_eq!(handlers.status, Some(0), "{handlers:?}");
}

#[test]
fn a_misspelt_variable_of_an_own_option_is_warned_about() {
    let agent = Process::start(agent().env("SPOA_TRESHOLD", "1"));
    agent.wait_for_line(
        "environment variable `SPOA_TRESHOLD` is not an option and is ignored: did you mean \
         `SPOA_THRESHOLD`?",
    );
}

#[test]
fn check_says_what_is_right_and_what_is_wrong() {
    let right = said(agent().args(["check", "--listen=127.0.0.1:7"]));
    assert_eq!((right.status, right.err.as_str()), (Some(0), ""));
    assert_eq!(
        right.out,
        format!(
            "optional {}: no mistakes: 1 handler, 127.0.0.1:7\n",
            env!("CARGO_PKG_VERSION")
        )
    );
    let failed = |args: &[&str], words: &[&str]| {
        let Said { status, out, err } = said(agent().arg("check").args(args));
        assert_eq!((status, out.as_str()), (Some(1), ""), "{err}");
        for words in words {
            assert!(err.contains(words), "`{words}` is not in:\n{err}");
        }
    };
    let database = "error: `state = Database::open(options.database.as_deref())?` failed: the database \
                    is broken\n";
    failed(&["--database=broken"], &[database]);
    failed(
        &["--rules=/nowhere/rules"],
        &["error: `reload = Rules::load(options)?` failed: No such file"],
    );
    // More than one mistake is found at once.
    failed(
        &["--database=broken", "--tls-cert=/nowhere/cert.pem"],
        &[database, "error: ", "/nowhere/cert.pem"],
    );
    refused(
        agent().args(["check", "--threshold=many"]),
        "invalid value 'many'",
    );
}

/// The address is in use, so that an agent that listened would fail.
#[test]
fn check_binds_nothing() {
    let port = Port::free();
    let address = format!("127.0.0.1:{}", port.number());
    let running = Process::start(agent().args(["--listen", &address]));
    running.wait_for_line("listening on ");
    let said = said(agent().args(["check", "--listen", &address]));
    assert_eq!(said.status, Some(0), "{said:?}");
}

#[test]
fn an_agent_serves_with_the_options_of_a_file() {
    let dir = TempDir::new();
    dir.write(
        "agent.toml",
        "listen = \"127.0.0.1:0\"\nlog = 'off'\nworkers = 1\n",
    );
    let mut running = Process::start(agent().arg("--config").arg(dir.join("agent.toml")));
    running.wait_for_line("listening on 127.0.0.1:");
    running.signal("TERM");
    assert_eq!(running.wait(PATIENCE).code(), Some(0));
}

/// The command that the agent prints when it starts takes the options that its state needs.
#[test]
fn the_command_to_try_has_the_options_of_the_command_line() {
    let dir = TempDir::new();
    dir.write("rules", "word\n");
    let rules = dir.join("rules").display().to_string();
    let mut command = agent();
    command
        .env("DATABASE_URL", "db:1")
        .args(["--listen", "127.0.0.1:0"]);
    dir.write("agent.toml", "mode = \"tarpit\"\n");
    let file = dir.join("agent.toml").display().to_string();
    command.args(["--config", &file]);
    let agent = Process::start(command.args(["--rules", &rules, "-t30", "--dry-run"]));
    let line = agent.wait_for_line("Try it without HAProxy:  ");
    let words = " call --config … --rules … --threshold … --dry-run show";
    assert!(line.ends_with(words), "{line}");

    let words = words.replacen('…', &file, 1).replacen('…', &rules, 1);
    let words = words.replacen('…', "30", 1);
    let said = said(self::agent().args(words.split_whitespace()));
    assert_eq!(
        (said.status, said.err.as_str()),
        (Some(0), ""),
        "{}",
        said.out
    );
}

fn secretive() -> Command {
    program(env!("CARGO_BIN_EXE_agent-secretive"))
}

#[test]
fn no_error_shows_a_value_of_a_secret_option() {
    let dir = TempDir::new();
    dir.write("agent.toml", "pin = \"hunter21\"\n");
    let mut file = secretive();
    file.arg("check")
        .arg("--config")
        .arg(dir.join("agent.toml"));
    let mut environment = secretive();
    environment.arg("check").env("SPOA_PIN", "hunter21");
    let mut line = secretive();
    line.args(["check", "--pin", "hunter21"]);
    let mut short = secretive();
    short.args(["check", "--pin=xx"]);
    // The parser of the program shows the value.
    let mut long = secretive();
    long.args(["check", "--pin", "hunter21hunter21"]);
    let path = dir.join("agent.toml").display().to_string();
    for (mut command, place) in [
        (file, format!("of `pin` in {path}:1: invalid digit")),
        (
            environment,
            "of the environment variable SPOA_PIN: invalid digit".to_owned(),
        ),
        (line, "for '--pin <PIN>': invalid digit".to_owned()),
        (short, "for '--pin <PIN>': invalid digit".to_owned()),
        (
            long,
            "for '--pin <PIN>': the reason has the value in it, and is not shown".to_owned(),
        ),
    ] {
        let Said { status, err, .. } = said(&mut command);
        assert_eq!(status, Some(2), "{err}");
        assert!(
            err.contains(&format!("error: invalid value '(secret)' {place}")),
            "{err}"
        );
        assert!(!err.contains("hunter21") && !err.contains("xx"), "{err}");
    }
    for command in ["check", "serve"] {
        let mut fails = secretive();
        fails.args([command, "--fail", "--token=hunter21"]);
        let Said { status, err, .. } = said(&mut fails);
        assert_eq!(status, Some(1), "{err}");
        assert!(err.contains("failed: cannot log in with (secret)"), "{err}");
        assert!(!err.contains("hunter21"), "{err}");
    }
    let help = said(secretive().arg("--help")).out;
    assert!(!help.contains("a-default"), "{help}");
}

#[test]
fn no_line_of_the_log_shows_a_value_of_a_secret_option_at_any_level() {
    for format in ["text", "json"] {
        let mut command = secretive();
        command.args([
            "call",
            "say",
            "--log=trace,spoa::values=trace",
            "--log-format",
            format,
        ]);
        command.args(["--token", "hunter2\"hunter2\\", "--keys", "hunter3,hunter4"]);
        let Said { out, err, .. } = said(&mut command);
        let all = format!("{out}{err}");
        for line in [
            "Options { token: ",
            "key Some(",
            "the service does not know (secret)",
        ] {
            assert!(all.contains(line), "`{line}` is not in:\n{all}");
        }
        assert!(!all.contains("hunter"), "{all}");
        if format == "json" {
            let records = err.lines().filter(|line| line.starts_with('{'));
            for record in records {
                let read: Result<serde_json::Value, _> = serde_json::from_str(record);
                assert!(read.is_ok(), "{record}");
            }
        }
    }
}

#[test]
fn a_record_of_json_without_a_secret_number_is_still_json() {
    let mut command = secretive();
    command.args([
        "call",
        "say",
        "--log=info",
        "--log-format",
        "json",
        "--pin",
        "4711",
    ]);
    let Said { err, .. } = said(&mut command);
    let records = err.lines().filter(|line| line.starts_with('{'));
    let mut pins = Vec::new();
    for record in records {
        let read: Result<serde_json::Value, _> = serde_json::from_str(record);
        let read = read.unwrap_or_else(|error| panic!("{error}: {record}"));
        pins.extend(read.get("pin").cloned());
    }
    assert_eq!(pins, ["(secret)"], "{err}");
    assert!(!err.contains("4711"), "{err}");
}

#[tokio::test]
async fn the_backtrace_of_a_panic_does_not_show_a_secret() {
    let mut command = secretive();
    command.args(["--listen", "127.0.0.1:0", "--token", "hunter2"]);
    let agent = Process::start(command.env("RUST_BACKTRACE", "full"));
    let line = agent.wait_for_line("listening on ");
    let address = line.trim_start_matches("listening on ");
    let client = Client::options().ack_timeout(PATIENCE).connect(address);
    let client = client.await.expect("it listens");
    client.send("fall", &[]).await.expect("it answers");
    agent.wait_for_line("cannot go on with (secret)");
    agent.wait_for_line("backtrace of the panic, at ");
    agent.wait_for_line("secretive::fall");
    let output = agent.output();
    assert!(
        !output.iter().any(|line| line.contains("hunter2")),
        "{output:#?}"
    );
}

#[test]
fn control_characters_in_an_error_are_escaped() {
    let dir = TempDir::new();
    for text in [
        "\"bad\\u001b[2J\" = 1",
        "threshold = \"\\u001b]0;title\\u0007\"",
        "log = \"\\u001b[31m\"",
        "mode = \"\\u202egnp\"",
        "threshold = \u{1b}[2J",
    ] {
        dir.write("agent.toml", text);
        let mut command = agent();
        command
            .arg("check")
            .arg("--config")
            .arg(dir.join("agent.toml"));
        let Said { status, err, .. } = said(&mut command);
        assert_eq!(status, Some(2), "{err}");
        let steers = |c: char| c != '\n' && (c.is_control() || c == '\u{202e}');
        assert!(!err.contains(steers), "{err:?}");
    }
    for value in ["\u{1b}[2J", "a\u{7}"] {
        let Said { err, .. } = said(agent().args(["check", "--threshold", value]));
        assert!(
            !err.contains(|c: char| c != '\n' && c.is_control()),
            "{err:?}"
        );
        let Said { err, .. } = said(agent().args(["check", "--listen", value]));
        assert!(
            !err.contains(|c: char| c != '\n' && c.is_control()),
            "{err:?}"
        );
    }
}

#[test]
fn each_shell_completes_an_option_of_the_program() {
    let dir = TempDir::new();
    let bash = "source agent.bash && [[ $(complete -p agent-options) =~ -F\\ ([^ ]+) ]] && \
                COMP_WORDS=(agent-options --dry) && COMP_CWORD=1 && \
                ${BASH_REMATCH[1]} agent-options --dry agent-options && \
                printf '%s\\n' \"${COMPREPLY[@]}\"";
    let fish = "source agent.fish; complete -C 'agent-options --dry' | string split -f 1 \\t";
    // Only a zsh with a terminal completes: it gets one of its own, and the Tab key.
    let zsh = "zmodload zsh/zpty; zpty z zsh -f -i; \
               zpty -w z 'PS1= PS2=; autoload -U compinit; compinit -u -D; source ./agent.zsh'; \
               zpty -w -n z $'agent-options --dry\\t'; zpty -r z out '*-run*'; zpty -d z; \
               print -r -- ${out##*agent-options}";
    for (shell, arguments) in [
        ("bash", &["-c", bash][..]),
        ("fish", &["--no-config", "-c", fish]),
        ("zsh", &["-f", "-c", zsh]),
    ] {
        let script = said(agent().args(["completions", shell]));
        assert_eq!((script.status, script.err.as_str()), (Some(0), ""));
        assert!(script.out.contains("--lame-duck"), "{shell}");
        dir.write(&format!("agent.{shell}"), &script.out);
        let mut command = Command::new(shell);
        let installed = Command::new(shell).args(["-c", "exit"]).status();
        assert!(
            installed.is_ok(),
            "{shell} is not installed: run `apt-get install {shell}`"
        );
        command.args(arguments).current_dir(dir.path());
        let completed = said(&mut command);
        assert_eq!(completed.out.trim(), "--dry-run", "{shell}: {completed:?}");
    }
    let refused = said(agent().args(["completions", "csh"]));
    assert_ne!(refused.status, Some(0));
    assert!(refused.err.contains("write `bash`, `fish` or `zsh`"));
}

#[test]
fn the_manual_page_has_the_options_of_the_program() {
    let page = said(agent().arg("man"));
    assert_eq!((page.status, page.err.as_str()), (Some(0), ""));
    assert!(
        page.out.contains("Score from which a client is blocked"),
        "{}",
        page.out
    );
}

/// The options under two headings of the help, each with its default.
fn limits_in_the_help() -> BTreeMap<String, String> {
    let Said { status, out, err } = said(agent().arg("--help"));
    assert_eq!((status, err.as_str()), (Some(0), ""));
    let mut limits = BTreeMap::new();
    let (mut heading, mut option) = ("", "");
    for line in out.lines() {
        if !line.starts_with(' ') {
            heading = line;
        }
        if let Some(long) = line.trim_start().strip_prefix("--") {
            option = long.split(' ').next().unwrap_or(long);
        }
        if let (Some((_, default)), "Limits:" | "Times:") = (line.split_once("[default: "), heading)
        {
            limits.insert(option.to_owned(), default.trim_end_matches(']').to_owned());
        }
    }
    limits
}

#[test]
fn the_page_of_limits_has_each_option_with_its_variable_and_its_default() {
    let page = concat!(env!("CARGO_MANIFEST_DIR"), "/../docs/operations/limits.md");
    let page = fs::read_to_string(page).expect("the page");
    let mut limits = limits_in_the_help();
    assert!(limits.len() > 20, "{limits:?}");
    for row in page.lines().filter(|line| line.starts_with("| `--")) {
        let cells: Vec<_> = row.split('|').map(str::trim).collect();
        let option = cells[1].trim_matches('`').trim_start_matches('-');
        let variable = format!("SPOA_{}", option.replace('-', "_").to_uppercase());
        assert_eq!(cells[2].trim_matches('`'), variable, "{row}");
        let default = limits
            .remove(option)
            .unwrap_or_else(|| panic!("twice, or not an option: {row}"));
        let shown = cells[3].split([' ', ',', ';']).next();
        assert_eq!(shown, Some(default.as_str()), "{row}");
    }
    assert!(limits.is_empty(), "not on the page: {limits:?}");
}
