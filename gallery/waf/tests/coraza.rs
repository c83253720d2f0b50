//! Runs the agent with the configuration of coraza-spoa 0.7: its messages and arguments, the rules that enforce its
//! verdicts, and its log format. Only addresses and names of files are others, and in one test the time for an answer.

use spoa::testing::{HaProxy, InstalledHaProxy, Reply, Service, eventually, free_port, http_get};
use std::fs;
use std::path::Path;
use std::process::Command;

/// `example/haproxy/coraza.cfg`, with the line that sends responses too.
const SPOE: &str = "
[coraza]
spoe-agent coraza-agent
    messages    coraza-res
    groups      coraza-req
    option      var-prefix      coraza
    option      set-on-error    error
    timeout     hello           2s
    timeout     idle            2m
    timeout     processing      500ms
    use-backend coraza-spoa
    log         global

spoe-message coraza-req
    args app=var(txn.coraza.app) src-ip=src src-port=src_port dst-ip=dst dst-port=dst_port method=method path=path query=query version=req.ver headers=req.hdrs body=req.body exportRuleIDs=bool(false)

spoe-message coraza-res
    args app=var(txn.coraza.app) id=var(txn.coraza.id) version=res.ver status=status headers=res.hdrs body=res.body exportRuleIDs=bool(false) detect-only=bool(false)
    event on-http-response

spoe-group coraza-req
    messages coraza-req
";

/// The frontend of `example/haproxy/haproxy.cfg`, and a server that answers by the path.
const HAPROXY: &str = r#"
global
    log stdout format raw local0

defaults
    mode http
    log global
    timeout client 1m
    timeout server 1m
    timeout connect 10s

frontend default
    bind 127.0.0.1:FRONT
    log-format "%HU\ %ST\ %[var(txn.coraza.id)]\ spoa-error:\ %[var(txn.coraza.error)]\ waf-hit:\ %[var(txn.coraza.status)]\ ruleid:\ %[var(txn.coraza.ruleid)]\ rules-hit:\ %[var(txn.coraza.rules_hit)]"
    http-request set-var(txn.coraza.app) str(sample_app)
    filter spoe engine coraza config coraza.cfg
    http-request send-spoe-group coraza coraza-req
    http-request redirect code 302 location %[var(txn.coraza.data)] if { var(txn.coraza.action) -m str redirect }
    http-response redirect code 302 location %[var(txn.coraza.data)] if { var(txn.coraza.action) -m str redirect }
    http-request deny deny_status 403 hdr waf-block "request"  if { var(txn.coraza.action) -m str deny }
    http-response deny deny_status 403 hdr waf-block "response" if { var(txn.coraza.action) -m str deny }
    http-request silent-drop if { var(txn.coraza.action) -m str drop }
    http-response silent-drop if { var(txn.coraza.action) -m str drop }
    http-request deny deny_status 500 if { var(txn.coraza.error) -m int gt 0 }
    http-response deny deny_status 500 if { var(txn.coraza.error) -m int gt 0 }
    use_backend httpbin_backend

backend httpbin_backend
    server backend 127.0.0.1:BACK

listen back
    bind 127.0.0.1:BACK
    http-request return status 500 content-type text/plain string "oops" if { path /broken }
    http-request return status 200 content-type text/plain string "hello"

backend coraza-spoa
    option spop-check
    mode tcp
    server coraza_spoa 127.0.0.1:AGENT check
"#;

/// An HAProxy with that configuration, and the agent.
struct Site {
    address: String,
    haproxy: Service,
    agent: Option<Service>,
}

impl Site {
    fn start(installed: &InstalledHaProxy, time: &str) -> Self {
        let spoe = SPOE.replace("processing      500ms", &format!("processing {time}"));
        Site::with(installed, &spoe, "")
    }

    /// Starts HAProxy with another SPOE file, and one more line in the frontend.
    fn with(installed: &InstalledHaProxy, spoe: &str, line: &str) -> Self {
        let [front, back, agent_port] = [(); 3].map(|()| free_port());
        let folder = Path::new(env!("CARGO_TARGET_TMPDIR")).join(format!("coraza-{front}"));
        fs::create_dir_all(&folder).unwrap();
        let end = "    use_backend httpbin_backend";
        let mut config = HAPROXY.replace(end, &format!("{line}\n{end}"));
        for (name, port) in [("FRONT", front), ("BACK", back), ("AGENT", agent_port)] {
            config = config.replace(&format!("127.0.0.1:{name}"), &format!("127.0.0.1:{port}"));
        }
        fs::write(folder.join("coraza.cfg"), spoe).unwrap();
        fs::write(folder.join("haproxy.cfg"), config).unwrap();

        let mut agent = Command::new(env!("CARGO_BIN_EXE_waf"));
        agent.args(["--listen", &format!("127.0.0.1:{agent_port}"), "--rules"]);
        agent.arg(Path::new(env!("CARGO_MANIFEST_DIR")).join("rules.txt"));
        let agent = Some(Service::start(&agent, agent_port));

        let mut haproxy = Command::new(installed.path());
        haproxy.args(["-db", "-f", "haproxy.cfg"]);
        let haproxy = Service::start(haproxy.current_dir(&folder), front);
        let address = format!("127.0.0.1:{front}");
        let site = Site {
            address,
            haproxy,
            agent,
        };
        eventually("the first request is judged", || {
            site.get("/start").status == 200
        });
        site
    }

    fn get(&self, target: &str) -> Reply {
        http_get(&self.address, target)
    }

    /// Returns the words of the log line about a path.
    fn logged(&self, path: &str) -> Vec<String> {
        let line = self.haproxy.wait_for_log(&format!("{path} "));
        line.split_whitespace().map(str::to_owned).collect()
    }
}

#[test]
fn the_agent_works_with_the_configuration_of_coraza() {
    for installed in HaProxy::oldest_middle_newest() {
        // On a busy machine, an answer may be late.
        let site = Site::start(&installed, "30s");

        let reply = site.get("/good");
        assert_eq!(
            (reply.status, &*reply.text()),
            (200, "hello"),
            "{installed}"
        );
        let good = site.logged("/good");
        assert_eq!(good[1], "200", "{installed}: {good:?}");
        assert_eq!(good[2].len(), 16, "{installed}: {good:?}");
        let rest = [
            "spoa-error:",
            "-",
            "waf-hit:",
            "-",
            "ruleid:",
            "-",
            "rules-hit:",
            "0",
        ];
        assert_eq!(good[3..], rest, "{installed}");

        let reply = site.get("/bad?q=%3Cscript%3E");
        assert_eq!(reply.status, 403, "{installed}");
        assert_eq!(reply.header("waf-block"), Some("request"), "{installed}");
        let bad = site.logged("/bad?q=%3Cscript%3E");
        let rest = [
            "spoa-error:",
            "-",
            "waf-hit:",
            "403",
            "ruleid:",
            "941100",
            "rules-hit:",
            "1",
        ];
        assert_eq!(bad[3..], rest, "{installed}");
        assert_ne!(
            bad[2], good[2],
            "{installed}: each request has an id of its own"
        );

        let reply = site.get("/broken");
        assert_eq!(reply.status, 403, "{installed}");
        assert_eq!(reply.header("waf-block"), Some("response"), "{installed}");
        let broken = site.logged("/broken");
        assert_eq!(
            broken[2].len(),
            16,
            "{installed}: the id is that of the request"
        );
        let rest = [
            "spoa-error:",
            "-",
            "waf-hit:",
            "403",
            "ruleid:",
            "950100",
            "rules-hit:",
            "1",
        ];
        assert_eq!(broken[3..], rest, "{installed}");
    }
}

#[test]
fn a_response_can_be_judged_without_a_denial_and_rules_are_named_if_asked_for() {
    let spoe = SPOE.replace("processing      500ms", "processing 30s");
    let line = "    http-response set-header x-rules %[var(txn.coraza.rule_ids)]";
    for installed in HaProxy::oldest_middle_newest() {
        for (export, rules) in [("true", Some("950100")), ("false", Some(""))] {
            let spoe = spoe.replace("detect-only=bool(false)", "detect-only=bool(true)");
            let spoe = spoe.replace("IDs=bool(false)", &format!("IDs=bool({export})"));
            let site = Site::with(&installed, &spoe, line);
            let reply = site.get("/broken");
            let expected = (500, "oops", rules);
            let got = (reply.status, &*reply.text(), reply.header("x-rules"));
            assert_eq!(got, expected, "{installed} {export}");
            let broken = site.logged("/broken");
            assert_eq!(broken[9..], ["rules-hit:", "1"], "{installed}: {broken:?}");
        }
    }
}

#[test]
fn without_the_agent_the_rules_of_coraza_answer_500() {
    for installed in HaProxy::oldest_middle_newest() {
        let mut site = Site::start(&installed, "500ms");
        site.agent = None;
        eventually("requests are denied", || site.get("/down").status == 500);
        assert_eq!(site.get("/down").header("waf-block"), None, "{installed}");
    }
}
