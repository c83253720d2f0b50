//! TLS between HAProxy and an agent: certificates on both ends, what is said when one end has it
//! only, and certificates that are replaced under load.

use spoa::agent::{Agent, Tls, TlsVersion};
use spoa::prelude::*;
use spoa_tests::{
    Authority, Background, Config, Exchange, Haproxy, Load, Message as Sent, Signed, TempDir,
    eventually, for_each_haproxy, for_each_haproxy_in_turn,
};
use std::sync::mpsc;
use std::time::Duration;

use crate::asked::{Asked, kept};

/// Answers with the token it is given.
#[spoe_message("echo", set = "txn.echo")]
fn echo(token: &str) -> String {
    token.to_owned()
}

/// The files of one test.
struct Files {
    dir: TempDir,
    authority: Authority,
}

impl Files {
    fn new() -> Files {
        let dir = TempDir::new();
        let authority = Authority::new("authority of the agent");
        dir.write("ca.pem", &authority.pem());
        let files = Files { dir, authority };
        let agent = files.authority.agent();
        files.write("agent.pem", &agent);
        files
    }

    /// Writes certificate and key.
    fn write(&self, name: &str, signed: &Signed) {
        self.dir.write(name, &signed.both());
    }

    fn path(&self, name: &str) -> String {
        self.dir.join(name).display().to_string()
    }

    fn tls(&self) -> Tls {
        Tls::file(self.dir.join("agent.pem"))
    }

    /// The authority that has to sign HAProxy's certificate.
    fn mutual(&self) -> (Tls, Authority) {
        let clients = Authority::new("authority of the clients");
        let path = self.dir.write("client-ca.pem", &clients.pem());
        (self.tls().client_ca(path), clients)
    }
}

fn agent(tls: Tls) -> Background {
    Background::agent(|agent| agent.handlers(handlers![echo]).tls(tls))
}

fn keeping(asked: &Asked, tls: Tls) -> Background {
    let asked = asked.clone();
    Background::agent(|agent| agent.handlers(handlers![kept]).state(asked).tls(tls))
}

/// A HAProxy whose `server` line goes on with `options`.
fn config(agent: &Background, options: &str) -> Config {
    Config::new(format!("{} {options}", agent.addr()))
        .message(Sent::new("echo").args("token=path"))
        .set_on_error("error")
        .vars(["txn.iprep.echo", "txn.iprep.error"])
}

/// HAProxy's message where it checks the certificate of the agent.
fn verified(files: &Files) -> String {
    format!(
        "ssl verify required ca-file {} verifyhost localhost",
        files.path("ca.pem")
    )
}

fn is_answered(config: &Config, haproxy: &Haproxy) {
    let proxy = config.start(haproxy);
    for path in ["/1", "/2", "/3"] {
        assert_eq!(proxy.get(path).var("txn.iprep.echo"), Some(path));
    }
}

/// HAProxy gets no answer, and the agent says why. It must be a new one: a line comes once a second.
#[track_caller]
fn is_refused(agent: Background, options: &str, haproxy: &Haproxy, words: &str) {
    // If HAProxy gave up within the handshake, the agent would say something else.
    let config = config(&agent, options).processing_timeout(Duration::from_secs(5));
    let proxy = config.start(haproxy);
    let reply = proxy.get("/");
    assert_eq!(reply.var("txn.iprep.echo"), None);
    agent.wait_for_warning(words);
    drop(proxy);
    // One for each second, if it took so long.
    agent.stop_with_warnings(words);
}

#[test]
fn haproxy_verifies_the_certificate_of_the_agent() {
    let files = Files::new();
    let agent = agent(files.tls());
    for_each_haproxy(|haproxy| is_answered(&config(&agent, &verified(&files)), haproxy));
}

#[test]
fn a_health_check_passes_over_tls() {
    let files = Files::new();
    let agent = agent(files.tls());
    // A handshake of a check may take as long as the time between two checks.
    let options = format!("{} check inter 2s", verified(&files));
    for_each_haproxy(|haproxy| {
        let proxy = config(&agent, &options)
            .agent_backend("option spop-check")
            .start(haproxy);
        eventually("the check has passed", || {
            let status = proxy.server_stat("agent", "check_status");
            // HAProxy has a star before the status while the next check runs.
            status.ends_with("L7OK")
        });
        assert_eq!(proxy.get("/1").var("txn.iprep.echo"), Some("/1"));
    });
}

#[test]
fn an_agent_can_require_tls_1_3() {
    let files = Files::new();
    for_each_haproxy(|haproxy| {
        let agent = agent(files.tls().min_version(TlsVersion::V1_3));
        is_answered(&config(&agent, &verified(&files)), haproxy);
        let old = format!("{} ssl-max-ver TLSv1.2", verified(&files));
        is_refused(
            agent,
            &old,
            haproxy,
            "the peer offers no TLS 1.3 or later; raise `ssl-max-ver`",
        );
    });
}

#[test]
fn tls_1_2_is_accepted_by_default() {
    let files = Files::new();
    let agent = agent(files.tls());
    for_each_haproxy(|haproxy| {
        let old = format!("{} ssl-max-ver TLSv1.2", verified(&files));
        is_answered(&config(&agent, &old), haproxy);
    });
}

#[test]
fn both_ends_can_verify_each_other() {
    let files = Files::new();
    let (tls, clients) = files.mutual();
    files.write("haproxy.pem", &clients.client());
    let agent = agent(tls);
    for_each_haproxy(|haproxy| {
        let options = format!("{} crt {}", verified(&files), files.path("haproxy.pem"));
        is_answered(&config(&agent, &options), haproxy);
    });
}

#[test]
fn haproxy_without_the_required_certificate_is_refused() {
    let files = Files::new();
    let (tls, clients) = files.mutual();
    // One of the agent's authority, not of the clients'.
    files.write("stranger.pem", &files.authority.client());
    files.write("expired.pem", &clients.expired_client());
    for_each_haproxy(|haproxy| {
        let options = verified(&files);
        is_refused(
            agent(tls.clone()),
            &options,
            haproxy,
            "the peer shows no certificate, and `--tls-client-ca` asks for one; add `crt FILE`",
        );
        let options = format!("{} crt {}", verified(&files), files.path("stranger.pem"));
        is_refused(
            agent(tls.clone()),
            &options,
            haproxy,
            &format!(
                "no CA in `{}` signed the peer's certificate",
                files.path("client-ca.pem")
            ),
        );
        let options = format!("{} crt {}", verified(&files), files.path("expired.pem"));
        is_refused(
            agent(tls.clone()),
            &options,
            haproxy,
            "the peer's certificate is not valid at this time",
        );
    });
}

#[test]
fn a_certificate_that_haproxy_refuses_is_named_in_the_log() {
    let files = Files::new();
    let other = Authority::new("another authority");
    files.dir.write("other.pem", &other.pem());
    for_each_haproxy(|haproxy| {
        let options = format!("ssl verify required ca-file {}", files.path("other.pem"));
        is_refused(
            agent(files.tls()),
            &options,
            haproxy,
            "HAProxy does not accept the agent's certificate (UnknownCA)",
        );
    });
}

#[test]
fn an_agent_without_tls_refuses_a_haproxy_with_tls() {
    for_each_haproxy(|haproxy| {
        is_refused(
            Background::agent(|agent| agent.handlers(handlers![echo])),
            "ssl verify none",
            haproxy,
            "connection refused: the peer speaks TLS, not SPOP; remove `ssl` from the `server` line",
        );
    });
}

#[test]
fn an_agent_with_tls_refuses_a_haproxy_without_tls() {
    let files = Files::new();
    for_each_haproxy(|haproxy| {
        is_refused(
            agent(files.tls()),
            "",
            haproxy,
            "connection refused: the peer speaks SPOP without TLS, and this port accepts only TLS; \
             add `ssl verify required ca-file …`",
        );
    });
}

#[test]
fn certificates_can_be_replaced_under_load() {
    let files = Files::new();
    let (send, receive) = mpsc::channel();
    let tls = files.tls();
    let agent = Background::serve(move |listener, shutdown| async move {
        let agent = Agent::builder()
            .handlers(handlers![echo])
            .tls(tls)
            .listener(listener);
        let agent = agent.build().map_err(|error| error.to_string())?;
        let _ = send.send(agent.reloader());
        let served = agent.serve(shutdown).await;
        served.map_err(|error| error.to_string())
    });
    let reloader = receive.recv().expect("it is built");
    let mut runtime = tokio::runtime::Builder::new_current_thread();
    let runtime = runtime.enable_all().build().expect("a runtime");
    let reload = || runtime.block_on(reloader.reload());
    let next = Authority::new("the next authority");
    files.dir.write("next-ca.pem", &next.pem());
    let both = [files.authority.pem(), next.pem()].concat();
    files.dir.write("both-ca.pem", &both);
    let verified = |ca: &str| format!("ssl verify required ca-file {}", files.path(ca));
    for_each_haproxy_in_turn(|haproxy| {
        files.write("agent.pem", &files.authority.agent());
        reload().expect("it is a good certificate");
        let mut proxy = config(&agent, &verified("both-ca.pem")).start(haproxy);
        let exchanges = Load::on(proxy.addr(), 8, |load| {
            for authority in [&next, &files.authority, &next] {
                load.wait_for(40);
                files.dir.write("agent.pem", "half a certificate");
                reload().expect_err("it is not a certificate");
                files.write("agent.pem", &authority.agent());
                reload().expect("it is a good certificate");
                // A new HAProxy is new connections.
                proxy.reload();
                load.wait_for(40);
                proxy.wait_until_the_old_one_left();
            }
        });
        assert_none_lost(&exchanges);
        is_answered(&config(&agent, &verified("next-ca.pem")), haproxy);
    });
}

#[test]
fn an_agent_with_tls_can_stop_under_load() {
    let files = Files::new();
    for_each_haproxy(|haproxy| {
        let asked = Asked::default();
        let first = keeping(&asked, files.tls());
        let second = keeping(&asked, files.tls());
        let options = verified(&files);
        let config = config(&first, &options)
            .agent_backend(&format!("server second {} {options}", second.addr()))
            .agent_backend("option redispatch 1");
        let proxy = config.start(haproxy);
        let exchanges = Load::on(proxy.addr(), 4, |load| {
            load.wait_for(100);
            first.stop();
            load.wait_for(100);
        });
        let lost = lost(&exchanges);
        // HAProxy may be sending one more NOTIFY when the DISCONNECT is on its way to it: that fails at
        // once, with the code for a connection that ended.
        assert!(lost.len() <= 4, "{} of {}", lost.len(), exchanges.len());
        for exchange in lost {
            let ended = matches!(exchange.var("txn.iprep.error"), Some("256" | "257"));
            let forgotten = asked.stayed_in_the_queue(haproxy, exchange);
            assert!(ended || forgotten, "{exchange:?}");
        }
    });
}

/// Those that did not get their verdict.
fn lost(exchanges: &[Exchange]) -> Vec<&Exchange> {
    let all = exchanges.iter();
    all.filter(|it| it.var("txn.iprep.echo") != Some(&it.path))
        .collect()
}

fn assert_none_lost(exchanges: &[Exchange]) {
    let lost = lost(exchanges);
    assert!(
        lost.is_empty(),
        "{} of {}: {lost:#?}",
        lost.len(),
        exchanges.len()
    );
}
