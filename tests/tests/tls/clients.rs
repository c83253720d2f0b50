//! Connections with TLS: versions, client certificates, reloads, and peers that do not shake hands.

use crate::peer::{Peer, der, shown};
use spoa::agent::{Agent, Limits, Tls, TlsVersion};
use spoa::client::Client;
use spoa::prelude::*;
use spoa_tests::{Authority, Background, PATIENCE, Signed, TempDir, eventually};
use std::time::{Duration, Instant};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;
use tokio_rustls::client::TlsStream;

/// Answers with 4 MiB in all.
#[spoe_message("large")]
fn large() -> Vec<SetVar<String>> {
    let text = "x".repeat(60_000);
    (0..70)
        .map(|number| SetVar::transaction(format!("v{number}"), text.clone()))
        .collect()
}

#[spoe_message("echo", set = "txn.echo")]
fn echo(token: &str) -> String {
    token.to_owned()
}

/// An agent with a new certificate of an authority.
fn agent(
    authority: &Authority,
    dir: &TempDir,
    more: impl FnOnce(Tls) -> Tls,
    limits: Limits,
) -> Background {
    let tls = more(Tls::file(dir.write("agent.pem", &authority.agent().both())));
    Background::agent(|agent| {
        agent
            .handlers(handlers![echo, large])
            .limits(|all| *all = limits)
            .tls(tls)
    })
}

async fn is_answered(stream: TlsStream<TcpStream>) {
    let client = Client::over(stream).await.expect("they agree");
    let ack = client.send("echo", &[("token", "a".into())]).await;
    assert_eq!(ack.expect("it answers").actions.len(), 1);
}

#[tokio::test]
async fn both_tls_versions_are_accepted_unless_one_is_too_old() {
    let (authority, dir) = (Authority::new("a"), TempDir::new());
    for (oldest, offered, taken) in [
        (TlsVersion::V1_2, &rustls::version::TLS12, true),
        (TlsVersion::V1_2, &rustls::version::TLS13, true),
        (TlsVersion::V1_3, &rustls::version::TLS13, true),
        (TlsVersion::V1_3, &rustls::version::TLS12, false),
    ] {
        let limits = Limits::default();
        let agent = agent(&authority, &dir, |tls| tls.min_version(oldest), limits);
        let mut peer = Peer::trusting(&authority);
        peer.versions = vec![offered];
        match peer.connect(agent.addr()).await {
            Ok(stream) if taken => is_answered(stream).await,
            Ok(_) => panic!("{offered:?} was taken"),
            Err(error) if taken => panic!("{offered:?} was not taken: {error}"),
            Err(_) => {
                let text = "the peer offers no TLS 1.3 or later; raise `ssl-max-ver`";
                agent.wait_for_warning(text);
            }
        }
    }
}

#[tokio::test]
async fn a_client_certificate_must_come_from_the_required_authority() {
    let (authority, dir) = (Authority::new("a"), TempDir::new());
    let clients = Authority::new("clients");
    let ca = dir.write("client-ca.pem", &clients.pem());
    let mut peer = Peer::trusting(&authority);
    peer.shows = Some(clients.client());
    let mutual = |tls: Tls| tls.client_ca(&ca);
    let agent = agent(&authority, &dir, mutual, Limits::default());
    is_answered(peer.connect(agent.addr()).await.expect("it is let in")).await;

    for (shows, words) in [
        (
            None,
            "the peer shows no certificate, and `--tls-client-ca` asks for one".to_owned(),
        ),
        (
            Some(authority.client()),
            format!("no CA in `{}` signed the peer's certificate", ca.display()),
        ),
        (
            Some(clients.expired_client()),
            "the peer's certificate is not valid at this time".to_owned(),
        ),
    ] {
        peer.shows = shows;
        // In TLS 1.3 the client is done before its certificate is checked.
        if let Ok(stream) = peer.connect(agent.addr()).await {
            assert!(Client::over(stream).await.is_err(), "{words}");
        }
        agent.wait_for_warning(&words);
    }
}

#[tokio::test]
async fn a_client_that_shows_a_ca_certificate_is_refused_with_the_reason() {
    let (authority, dir) = (Authority::new("a"), TempDir::new());
    let clients = Authority::new("clients");
    let ca = dir.write("client-ca.pem", &clients.pem());
    let mutual = |tls: Tls| tls.client_ca(&ca);
    let agent = agent(&authority, &dir, mutual, Limits::default());
    let mut peer = Peer::trusting(&authority);
    peer.shows = Some(clients.itself());
    if let Ok(stream) = peer.connect(agent.addr()).await {
        assert!(Client::over(stream).await.is_err());
    }
    agent.wait_for_warning("the peer's certificate is a CA's own (`CA:TRUE`)");
}

#[tokio::test]
async fn a_peer_without_tls_is_named() {
    let (authority, dir) = (Authority::new("a"), TempDir::new());
    let agent = agent(&authority, &dir, |tls| tls, Limits::default());
    for (text, words) in [
        (
            &b"PROXY TCP4 127.0.0.1 127.0.0.1 1 2\r\n"[..],
            "the peer speaks the PROXY protocol, and this port accepts only TLS; remove `send-proxy`",
        ),
        (
            b"\r\n\r\n\0\r\nQUIT\n",
            "the peer speaks the PROXY protocol, and this port accepts only TLS; remove `send-proxy`",
        ),
        (
            b"GET / HTTP/1.1\r\n\r\n",
            "the peer speaks HTTP, and this port accepts only TLS; is the `server` line",
        ),
        (
            b"SSH-2.0-x\r\n",
            "the peer speaks neither TLS nor SPOP, and this port accepts only TLS",
        ),
    ] {
        // One cause is logged once a second.
        eventually(words, || {
            let mut stream = std::net::TcpStream::connect(agent.addr()).expect("it listens");
            std::io::Write::write_all(&mut stream, text).expect("it reads");
            let _ = std::io::Read::read_to_end(&mut stream, &mut Vec::new());
            agent.warnings().iter().any(|line| line.contains(words))
        });
    }
}

#[tokio::test]
async fn a_self_signed_client_certificate_can_be_required() {
    let (authority, dir) = (Authority::new("a"), TempDir::new());
    let client = Signed::by_itself();
    let ca = dir.write("client.pem", &client.cert);
    let mutual = |tls: Tls| tls.client_ca(&ca);
    let agent = agent(&authority, &dir, mutual, Limits::default());
    let mut peer = Peer::trusting(&authority);
    peer.shows = Some(client);
    is_answered(peer.connect(agent.addr()).await.expect("it is let in")).await;
}

#[tokio::test]
async fn a_reload_changes_the_certificate_of_new_connections_and_keeps_the_old_ones() {
    let (authority, dir) = (Authority::new("a"), TempDir::new());
    let first = authority.agent();
    let path = dir.write("agent.pem", &first.both());
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await;
    let listener = listener.expect("a free port");
    let addr = listener.local_addr().expect("it is bound");
    let agent = Agent::builder()
        .handlers(handlers![echo])
        .listener(listener)
        .tls(Tls::file(&path));
    let agent = agent.build().expect("a good certificate");
    let reloader = agent.reloader();
    tokio::spawn(agent.serve(std::future::pending()));

    let peer = Peer::trusting(&authority);
    let old = peer.connect(addr).await.expect("they agree");
    assert_eq!(shown(&old), der(&first));
    let old = Client::over(old).await.expect("they agree");

    let second = authority.agent();
    dir.write("agent.pem", &second.cert);
    let error = reloader.reload().await.expect_err("there is no key");
    assert!(
        error.to_string().starts_with(&format!(
            "`certificates` failed: there is no private key in `{}`",
            path.display()
        )),
        "{error}"
    );
    let between = peer.connect(addr).await.expect("they agree");
    assert_eq!(shown(&between), der(&first));

    dir.write("agent.pem", &second.both());
    reloader.reload().await.expect("a good certificate");
    let new = peer.connect(addr).await.expect("they agree");
    assert_eq!(shown(&new), der(&second));
    is_answered(new).await;
    let ack = old.send("echo", &[("token", "a".into())]).await;
    assert_eq!(ack.expect("it lives on").actions.len(), 1);
}

#[tokio::test]
async fn an_agent_that_closes_sends_close_notify() {
    let (authority, dir) = (Authority::new("a"), TempDir::new());
    let agent = agent(&authority, &dir, |tls| tls, Limits::default());
    let peer = Peer::trusting(&authority);
    let mut stream = peer.connect(agent.addr()).await.expect("they agree");
    // It closes at once what speaks HTTP.
    stream
        .write_all(b"GET / HTTP/1.1\r\n\r\n")
        .await
        .expect("sent");
    // Without a close_notify this is an error.
    assert_eq!(stream.read(&mut [0]).await.expect("the end"), 0);
    agent.wait_for_warning("the peer speaks HTTP, not SPOP");
}

#[tokio::test]
async fn a_peer_without_a_handshake_is_closed_in_time() {
    let (authority, dir) = (Authority::new("a"), TempDir::new());
    let mut limits = Limits::default();
    limits.hello_timeout = Duration::from_millis(200);
    let agent = agent(&authority, &dir, |tls| tls, limits);
    for first in [&b""[..], b"\x16\x03\x01"] {
        let start = Instant::now();
        let mut stream = TcpStream::connect(agent.addr()).await.expect("it listens");
        stream.write_all(first).await.expect("sent");
        // Not what was sent is answered: the connection ends.
        let _ = stream.read(&mut [0]).await;
        assert!(start.elapsed() >= Duration::from_millis(200));
    }
    let late = "the peer did not finish the TLS handshake in time";
    agent.wait_for_warning(late);
    agent.stop_with_warnings(late);
}

#[tokio::test]
async fn a_port_probe_does_not_cause_a_warning() {
    let (authority, dir) = (Authority::new("a"), TempDir::new());
    let agent = agent(&authority, &dir, |tls| tls, Limits::default());
    drop(TcpStream::connect(agent.addr()).await.expect("it listens"));
    // Dropping the agent fails the test if it warned; this one came later.
    let peer = Peer::trusting(&authority);
    is_answered(peer.connect(agent.addr()).await.expect("they agree")).await;
}

#[tokio::test]
async fn an_agent_that_stops_does_not_wait_for_unfinished_handshakes() {
    let (authority, dir) = (Authority::new("a"), TempDir::new());
    let mut limits = Limits::default();
    limits.hello_timeout = Duration::from_secs(60);
    limits.drain_timeout = Duration::from_secs(60);
    let agent = agent(&authority, &dir, |tls| tls, limits);
    let stream = TcpStream::connect(agent.addr()).await.expect("it listens");
    let start = Instant::now();
    tokio::task::spawn_blocking(|| agent.stop())
        .await
        .expect("it stops");
    // Both limits are twice as long.
    assert!(start.elapsed() < Duration::from_secs(30));
    drop(stream);
}

#[tokio::test]
async fn answers_larger_than_any_buffer_arrive_whole() {
    let (authority, dir) = (Authority::new("a"), TempDir::new());
    let mut limits = Limits::default();
    limits.max_frame_size = 8 << 20;
    let agent = agent(&authority, &dir, |tls| tls, limits);
    let peer = Peer::trusting(&authority);
    let stream = peer.connect(agent.addr()).await.expect("they agree");
    let client = Client::options()
        .max_frame_size(8 << 20)
        .ack_timeout(PATIENCE);
    let client = client.over(stream).await.expect("they agree");
    for _ in 0..3 {
        let ack = client.send("large", &[]).await.expect("it answers");
        assert_eq!(ack.actions.len(), 70);
    }
}
