//! `spop doctor`, `config` and `docs`: with no agent, and with descriptions of agents in other languages.

use super::{Done, spop};
use std::path::{Path, PathBuf};

const AGENTS: [&str; 3] = ["coraza-spoa", "crowdsec-spoa-bouncer", "spoe-auth"];

fn root() -> &'static Path {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).parent();
    root.expect("the crate is in a workspace")
}

fn description(agent: &str) -> String {
    let path = root().join("examples/descriptions").join(agent);
    path.with_extension("json").display().to_string()
}

fn folder(agent: &str) -> PathBuf {
    root().join("spoa-cli/tests/descriptions").join(agent)
}

/// Returns the codes of the findings in a configuration of an agent.
fn codes(agent: Option<&str>, configuration: &Path) -> Vec<String> {
    let file = configuration.join("haproxy.cfg").display().to_string();
    let mut words = vec!["doctor", "--json", "--haproxy", "3.0", file.as_str()];
    let description = agent.map(description);
    if let Some(description) = &description {
        words.extend(["--agent", description]);
    }
    let found = spop(&words).json();
    let findings = found.get("findings").and_then(|list| list.as_array());
    let findings = findings.expect("a list");
    findings
        .iter()
        .map(|finding| {
            finding
                .get("code")
                .and_then(|code| code.as_str())
                .expect("a code")
                .to_owned()
        })
        .collect()
}

#[test]
fn the_published_messages_of_known_agents_have_no_findings() {
    for agent in AGENTS {
        // spoe-auth keeps its verdict in the scope `sess`, which is a fault of that agent.
        let expected: &[&str] = if agent == "spoe-auth" {
            &["SPOA048"]
        } else {
            &[]
        };
        assert_eq!(codes(Some(agent), &folder(agent)), expected, "{agent}");
    }
}

/// Returns the codes after a change in a configuration that has no findings.
fn codes_after(agent: &str, wrong: &str, right: &str) -> Vec<String> {
    let copy = std::env::temp_dir().join(format!("spop-tools-{}-{wrong}", std::process::id()));
    std::fs::create_dir_all(&copy).expect("a folder");
    for name in ["haproxy.cfg", "spoe.conf"] {
        let text = std::fs::read_to_string(folder(agent).join(name)).expect("a text");
        std::fs::write(copy.join(name), text.replace(right, wrong)).expect("it is ours");
    }
    let codes = codes(Some(agent), &copy);
    std::fs::remove_dir_all(copy).expect("it is ours");
    codes
}

#[test]
fn a_misspelt_message_or_argument_is_found() {
    for (agent, right, wrong, code) in [
        ("coraza-spoa", "coraza-req", "coraza-reqq", "SPOA010"),
        ("coraza-spoa", "src-ip=", "src_ip=", "SPOA031"),
        (
            "crowdsec-spoa-bouncer",
            "crowdsec-tcp",
            "crowdsec-tpc",
            "SPOA010",
        ),
        ("crowdsec-spoa-bouncer", "headers=", "header=", "SPOA031"),
        ("spoe-auth", "try-auth-oidc", "try-auth-odic", "SPOA010"),
        ("spoe-auth", "arg_pathq=", "arg_path=", "SPOA031"),
    ] {
        let codes = codes_after(agent, wrong, right);
        assert!(codes.iter().any(|it| it == code), "{wrong}: {codes:?}");
    }
}

#[test]
fn without_an_agent_the_configuration_alone_is_checked() {
    for agent in AGENTS {
        assert_eq!(codes(None, &folder(agent)), [""; 0], "{agent}");
    }
    for agent in ["ip-reputation", "inspect", "multi"] {
        let codes = codes(None, &root().join("examples").join(agent));
        let notes = codes.iter().all(|code| code == "SPOA006");
        assert!(notes, "{agent}: {codes:?}");
    }
    let missing = std::env::temp_dir().join(format!("spop-alone-{}", std::process::id()));
    std::fs::create_dir_all(&missing).expect("a folder");
    let text = "frontend www\n    bind :80\n    filter spoe engine e config nowhere.conf\n";
    std::fs::write(missing.join("haproxy.cfg"), text).expect("it is ours");
    assert_eq!(codes(None, &missing), ["SPOA001"]);
    std::fs::remove_dir_all(missing).expect("it is ours");
}

#[test]
fn config_and_docs_need_a_description() {
    for tool in ["config", "docs"] {
        let done = spop(&[tool]);
        assert_eq!(done.status, 2);
        assert!(done.err.contains("--agent <DESCRIPTION>"), "{}", done.err);
    }
    let coraza = description("coraza-spoa");
    let page = spop(&["docs", "--agent", &coraza]);
    assert!(page.out.starts_with("# coraza\n"), "{}", page.out);
    let Done { status, out, err } =
        spop(&["config", "--agent", &coraza, "--haproxy=3.2", "--part=spoe"]);
    assert_eq!(status, 0, "{err}");
    assert!(out.contains("spoe-message coraza-req\n"), "{out}");
    assert!(out.contains(" src-ip=src "), "{out}");
    assert!(err.contains("`app: text` of message `coraza-req`"), "{err}");
}

#[test]
fn a_mistake_in_a_description_is_named_with_its_place() {
    let path = std::env::temp_dir().join(format!("spop-description-{}.json", std::process::id()));
    let text = r#"{ "format": 1, "agent": "a", "messages": [{ "mesage": "m" }] }"#;
    std::fs::write(&path, text).expect("it is ours");
    let done = spop(&["docs", "--agent", path.to_str().expect("it is UTF-8")]);
    std::fs::remove_file(&path).expect("it is ours");
    assert_eq!(done.status, 2);
    let problem = "`: messages[0]: unknown key `mesage`: did you mean `message`?\n";
    assert!(done.err.ends_with(problem), "{}", done.err);
}
