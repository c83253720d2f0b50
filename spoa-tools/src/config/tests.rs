//! The text that each option gives, the files that are written, and the options that are refused.

use super::*;
use crate::command::CommandInput;
use spoa_config::{Message, Presence, Variable};

/// Reads options of the form `--name=value` or `--name`.
fn config(line: &[&str]) -> Config {
    let given = line.iter().fold(CommandInput::default(), |given, word| {
        let word = word.trim_start_matches("--");
        match word.split_once('=') {
            Some((name, value)) => given.option(name, value),
            None => given.flag(word),
        }
    });
    Config::read(&given)
}

fn agent() -> Agent {
    Agent {
        name: "waf".to_owned(),
        messages: vec![Message {
            name: "check".to_owned(),
            ..Message::default()
        }],
        listeners: vec!["127.0.0.1:12345".to_owned()],
        ..Agent::default()
    }
}

#[test]
fn options_reach_the_text() {
    let line = [
        "--haproxy=2.6",
        "--part=backend",
        "--engine=e",
        "--server=10.0.0.1:1",
        "--server=10.0.0.2:1",
    ];
    let text = config(&line).perform(&agent()).unwrap().text;
    for line in [
        "backend e-agents\n",
        "    mode tcp\n",
        "    server agent2 10.0.0.2:1\n",
    ] {
        assert!(text.contains(line), "`{line}` is not in:\n{text}");
    }
    let line = ["--haproxy=3.4", "--part=spoe", "--prefix=p"];
    let text = config(&line).perform(&agent()).unwrap().text;
    assert!(text.contains("    option var-prefix p\n"), "{text}");
}

#[test]
fn the_sizes_of_buffers_come_from_the_site() {
    let site = tempfile::NamedTempFile::new().unwrap();
    fs::write(site.path(), "global\n    tune.bufsize 32k\n").unwrap();
    let site = format!("--site={}", site.path().display());
    for (line, size) in [(site.as_str(), 32_768), ("--bufsize=64k", 65_536)] {
        let text = config(&["--haproxy=3.4", line]).perform(&agent()).unwrap();
        let expected = format!("    tune.bufsize {size}\n");
        assert!(text.text.contains(&expected), "{}", text.text);
    }
    let missing = config(&["--haproxy=3.4", "--site=/nowhere/a.cfg"]);
    let error = missing.perform(&agent()).unwrap_err();
    assert!(error.starts_with("cannot read `/nowhere/a.cfg`"), "{error}");
}

#[test]
fn a_verdict_needs_fail_closed() {
    let error = config(&["--haproxy=3.4", "--verdict=txn.a"])
        .perform(&agent())
        .unwrap_err();
    assert!(error.contains("`--fail closed`"), "{error}");
}

#[test]
fn a_version_counts_as_the_series_before_it_and_a_missing_one_is_reported() {
    let series = |line: &[&str], found| config(line).series(|| found);
    assert_eq!(series(&["--haproxy=3.1"], None), (Series::V3_0, None));
    assert_eq!(series(&["--haproxy=2.9.4"], None), (Series::V2_8, None));
    assert_eq!(series(&[], Some(Series::V2_8)), (Series::V2_8, None));
    let (newest, said) = series(&[], None);
    let said = said.unwrap();
    assert_eq!(Some(&newest), Series::ALL.last());
    assert!(said.contains("and later: `--haproxy 2.6`"), "{said}");
}

#[test]
fn controllers_get_the_parts_in_the_keys_that_they_read() {
    let yaml = |name: &str, server: &str| {
        let (name, server) = (format!("--for={name}"), format!("--server={server}"));
        let line = ["--haproxy=3.2", name.as_str(), server.as_str()];
        config(&line).perform(&agent()).unwrap().text
    };
    let text = yaml("haproxy-ingress", "waf.default:12345");
    for line in [
        "  name: waf-spoe\ndata:\n  spoe.conf: |2\n    # Written by `waf config`",
        "\n  config-sections: |2\n    backend waf-agents\n",
        "\n    resolvers waf-dns\n",
        "\n  config-frontend: |2\n    # Asks the agent",
        "\n    filter spoe engine waf config /etc/spoe/waf/spoe.conf\n",
    ] {
        assert!(text.contains(line), "`{line}` is not in:\n{text}");
    }
    let text = yaml("kubernetes-ingress", "10.0.0.1:12345");
    for line in [
        "  name: haproxy-aux-cfg\ndata:\n  haproxy-aux.cfg: |2\n    backend waf-agents\n",
        "\n        server agent1 10.0.0.1:12345\n",
        "\n  frontend-config-snippet: |2\n    # Asks the agent",
    ] {
        assert!(text.contains(line), "`{line}` is not in:\n{text}");
    }
    for unused in ["--bind=:80", "--part=spoe"] {
        let error = config(&["--haproxy=3.2", "--for=haproxy-ingress", unused]);
        let error = error.perform(&agent()).unwrap_err();
        assert!(error.contains("changes nothing"), "{error}");
    }
}

#[test]
fn the_next_steps_are_listed() {
    let next = |line: &[&str]| {
        let config = config(line);
        let options = config.options(Series::V3_2, "waf").unwrap();
        config.next_steps(Path::new("out"), &options)
    };
    let usual = next(&[]);
    for line in [
        "    haproxy -c -f out/haproxy.cfg\n    haproxy -f out/haproxy.cfg\n",
        "    curl -i http://127.0.0.1:8080/\n",
        "`--show`",
    ] {
        assert!(usual.contains(line), "{usual}");
    }
    let own = next(&["--show", "--bind=10.0.0.1:80 name www"]);
    assert!(own.ends_with("    curl -i http://10.0.0.1:80/\n"), "{own}");
    assert_eq!(next(&["--part=spoe"]), "");
}

#[test]
fn a_file_of_the_users_is_not_overwritten() {
    let directory = std::env::temp_dir().join(format!("spoa-config-{}", std::process::id()));
    let output = format!("--output={}", directory.display());
    let line = ["--haproxy=3.2", &output];
    let said = config(&line).perform(&agent()).unwrap().text;
    let wrote = said.lines().filter(|line| line.starts_with("wrote "));
    assert_eq!(wrote.count(), 2, "{said}");
    // It replaces a file of its own.
    config(&line).perform(&agent()).unwrap();
    let file = directory.join("haproxy.cfg");
    fs::write(&file, "global\n").unwrap();
    let error = config(&line).perform(&agent()).unwrap_err();
    assert!(
        error.contains("config` has not written it") && error.contains("`--force`"),
        "{error}"
    );
    assert_eq!(fs::read_to_string(&file).unwrap(), "global\n");
    let force = ["--haproxy=3.2", &output, "--force"];
    config(&force).perform(&agent()).unwrap();
    assert!(fs::read_to_string(&file).unwrap().contains("frontend www"));
    fs::remove_dir_all(directory).unwrap();
}

#[test]
fn a_file_that_is_not_utf8_is_not_overwritten() {
    let directory = tempfile::tempdir().unwrap();
    let output = format!("--output={}", directory.path().display());
    let file = directory.path().join("haproxy.cfg");
    // A comment in Latin-1.
    let own = b"# caf\xe9\nglobal\n";
    fs::write(&file, own).unwrap();
    let error = config(&["--haproxy=3.2", &output])
        .perform(&agent())
        .unwrap_err();
    assert!(error.contains("config` has not written it"), "{error}");
    assert_eq!(fs::read(&file).unwrap(), own);
    let shown = config(&["--haproxy=3.2", &output, "--diff"])
        .perform(&agent())
        .unwrap();
    assert!(shown.text.contains("\n-# caf"), "{}", shown.text);
    config(&["--haproxy=3.2", &output, "--force"])
        .perform(&agent())
        .unwrap();
    assert!(fs::read_to_string(&file).unwrap().contains("frontend www"));
}

#[test]
fn an_edited_file_is_not_overwritten_and_the_difference_is_shown() {
    let directory = tempfile::tempdir().unwrap();
    let output = format!("--output={}", directory.path().display());
    let line = ["--haproxy=3.2", &output];
    config(&line).perform(&agent()).unwrap();
    let file = directory.path().join("haproxy.cfg");
    let written = fs::read_to_string(&file).unwrap();
    let edited = written.replace("bind :8080", "bind :80");
    fs::write(&file, &edited).unwrap();
    let error = config(&line).perform(&agent()).unwrap_err();
    assert!(
        error.contains("has changed since `config` wrote it"),
        "{error}"
    );
    let shown = config(&["--haproxy=3.2", &output, "--diff"])
        .perform(&agent())
        .unwrap();
    assert!(
        shown.text.contains("\n-    bind :80\n+    bind :8080\n"),
        "{}",
        shown.text
    );
    assert_eq!(fs::read_to_string(&file).unwrap(), edited);
    config(&["--haproxy=3.2", &output, "--force"])
        .perform(&agent())
        .unwrap();
    assert_eq!(fs::read_to_string(&file).unwrap(), written);
    // Other options, another text: what it has written it replaces.
    config(&["--haproxy=2.6", &output])
        .perform(&agent())
        .unwrap();
    let shown = config(&["--haproxy=2.6", &output, "--diff"])
        .perform(&agent())
        .unwrap();
    assert_eq!(shown.text, "nothing would change\n");
}

#[test]
fn a_replaced_file_that_loses_what_options_wrote_is_reported() {
    let directory = tempfile::tempdir().unwrap();
    let output = format!("--output={}", directory.path().display());
    let run = |more: &[&str]| {
        let line = [&["--haproxy=3.2", output.as_str()], more].concat();
        let mut agent = agent();
        agent.messages[0].variables = vec![Variable {
            scope: "txn".to_owned(),
            name: "action".to_owned(),
            rust_type: None,
            presence: Presence::Always,
        }];
        config(&line).perform(&agent).unwrap()
    };
    let both = [
        "--server=127.0.0.1:1",
        "--server=127.0.0.1:2",
        "--fail=closed",
    ];
    let file = directory.path().join("haproxy.cfg").display().to_string();
    let first = run(&both);
    assert!(
        first.text.contains(&format!("wrote {file}\n")),
        "{}",
        first.text
    );
    let again = run(&both);
    let kept = format!("kept {file}: nothing has changed\n");
    assert!(again.text.contains(&kept), "{}", again.text);
    assert_eq!(again.warnings, first.warnings);

    let one = run(&[]);
    let replaced = format!("replaced {file}: ");
    let line = one.text.lines().find(|line| line.starts_with(&replaced));
    let line = line.unwrap_or_else(|| panic!("{}", one.text));
    assert!(
        line.ends_with(" removed") && line.contains(" added, "),
        "{line}"
    );
    let advice = "add `--server 127.0.0.1:1 --server 127.0.0.1:2 --fail closed`";
    let warning = one.warnings.iter().find(|warning| warning.contains(advice));
    assert!(
        warning.is_some_and(|warning| warning.starts_with(&format!("`{file}` no longer has"))),
        "{:?}",
        one.warnings
    );
    // More agents and more denials lose nothing.
    let more = run(&[&both[..], &["--server=127.0.0.1:12345"]].concat());
    assert_eq!(more.warnings, first.warnings);

    let lost = |output: CommandOutput| {
        let said = output.warnings.into_iter();
        said.filter(|warning| warning.contains("no longer has"))
            .collect::<Vec<_>>()
    };
    let advised = |options: &str| {
        format!(
            "`{file}` no longer has everything that options wrote into the old file. To keep it, add `{options}`"
        )
    };
    let bound = ["--bind=127.0.0.1:8080", "--bind=:8443 ssl crt a.pem"];
    run(&[&both[..], &bound].concat());
    assert_eq!(
        lost(run(&both)),
        [advised(
            "--bind '127.0.0.1:8080' --bind ':8443 ssl crt a.pem'"
        )]
    );
    run(&[&both[..], &bound].concat());
    assert_eq!(lost(run(&[&both[..], &["--bind=:80"]].concat())), [""; 0]);
    let rules = directory.path().join("rules.cfg");
    std::fs::write(
        &rules,
        "    bind :8080\n    http-request deny if { var(txn.a.action) -m found }\n",
    )
    .unwrap();
    let rules = format!("--rules={}", rules.display());
    // The addresses are in the site's own lines now, which nothing else has.
    run(&[&both[..], &bound].concat());
    assert_eq!(lost(run(&[&both[..], &[&rules]].concat())), [""; 0]);
    assert_eq!(lost(run(&both)), [advised("--rules FILE")]);

    let rules = directory.path().join("denials.cfg");
    std::fs::write(
        &rules,
        "    http-request deny if { var(txn.a.action) -m found }\n",
    )
    .unwrap();
    let rules = format!("--rules={}", rules.display());
    let lines = [&both[..], &[&rules]].concat();
    run(&[&lines[..], &bound[..1]].concat());
    assert_eq!(lost(run(&lines)), [advised("--bind '127.0.0.1:8080'")]);
    run(&[&lines[..], &bound[..1]].concat());
    assert_eq!(
        lost(run(&both)),
        [advised("--bind '127.0.0.1:8080' --rules FILE")]
    );
    run(&[&both[..], &bound[..1]].concat());
    assert_eq!(lost(run(&lines)), [advised("--bind '127.0.0.1:8080'")]);
}

#[test]
fn an_option_that_changes_nothing_is_an_error() {
    let rules = tempfile::NamedTempFile::new().unwrap();
    fs::write(rules.path(), "    bind :80\n").unwrap();
    let rules = format!("--rules={}", rules.path().display());
    for (line, option) in [
        (&["--ca-file=a"][..], "--ca-file"),
        (&["--crt=a"], "--crt"),
        (&["--part=frontend", "--bind=:80"], "--bind"),
        (&["--part=spoe", "--server=10.0.0.1:1"], "--server"),
        (&["--part=backend", "--fail=closed"], "--fail closed"),
        (&["--part=backend", "--prefix=a"], "--prefix"),
        (&["--part=spoe", "--spoe-file=a"], "--spoe-file"),
        (&[&rules, "--show"], "--show"),
        (&[&rules, "--bind=:81"], "--bind"),
        (&["--verdict=txn.a"], "--verdict"),
        (&["--site=a", "--bufsize=64k"], "--site"),
        (&["--part=backend", "--bufsize=64k"], "--bufsize"),
        (&["--force"], "--force"),
        (&["--diff"], "--diff"),
    ] {
        let error = config(line).perform(&agent()).unwrap_err();
        let expected = format!("option `{option}` changes nothing: ");
        assert!(error.starts_with(&expected), "{line:?}: {error}");
    }
    let mut tls = agent();
    tls.tls = Some(spoa_config::Tls {
        certificate: "a".to_owned(),
        mutual: false,
    });
    assert!(config(&["--ca-file=a"]).perform(&tls).is_ok());
    let error = config(&["--ca-file=a", "--server=unix@/a"])
        .perform(&tls)
        .unwrap_err();
    assert!(error.contains("unix sockets"), "{error}");
}

#[test]
fn the_output_of_a_part_may_be_a_file() {
    let directory = tempfile::tempdir().unwrap();
    for (output, file) in [("own.conf", "own.conf"), ("folder", "folder/spoe.conf")] {
        let output = format!("--output={}", directory.path().join(output).display());
        let line = ["--haproxy=3.2", "--part=spoe", &output];
        config(&line).perform(&agent()).unwrap();
        // A second time as well.
        config(&line).perform(&agent()).unwrap();
        let text = fs::read_to_string(directory.path().join(file)).unwrap();
        assert!(text.contains("spoe-message check"), "{text}");
    }
}

#[test]
fn a_version_newer_than_all_counts_as_the_newest_with_a_warning() {
    let line = ["--haproxy=9.9", "--part=backend"];
    let printed = config(&line).perform(&agent()).unwrap();
    assert!(
        printed.warnings[0].starts_with("HAProxy 9.9 is newer than all"),
        "{printed:?}"
    );
    let known = newest().to_string();
    let printed = config(&[&format!("--haproxy={known}"), "--part=backend"])
        .perform(&agent())
        .unwrap();
    assert_eq!(printed.warnings, [""; 0]);
}
