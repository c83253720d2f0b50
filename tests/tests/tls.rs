//! TLS as a client sees it, and the errors about certificates that cannot be used.

mod common;

use common::{fixture, said};
use rustls::pki_types::pem::PemObject;
use rustls::pki_types::{CertificateDer, PrivateKeyDer, ServerName};
use rustls::{ClientConfig, RootCertStore};
use spoa::agent::{Agent, Limits, Tls, TlsVersion};
use spoa::client::Client;
use spoa::prelude::*;
use spoa_tests::{Authority, Background, PATIENCE, Process, Signed, TempDir, eventually};
use std::net::SocketAddr;
use std::sync::Arc;
use std::time::{Duration, Instant};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;
use tokio_rustls::TlsConnector;
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

/// The authority, certificate and versions of a client.
struct Peer {
    trusts: String,
    shows: Option<Signed>,
    versions: Vec<&'static rustls::SupportedProtocolVersion>,
}

impl Peer {
    fn trusting(authority: &Authority) -> Peer {
        Peer {
            trusts: authority.pem(),
            shows: None,
            versions: vec![&rustls::version::TLS13, &rustls::version::TLS12],
        }
    }

    /// Shakes hands with the agent there.
    async fn connect(&self, addr: SocketAddr) -> std::io::Result<TlsStream<TcpStream>> {
        let mut roots = RootCertStore::empty();
        let trusted = CertificateDer::from_pem_slice(self.trusts.as_bytes()).expect("PEM");
        roots.add(trusted).expect("a certificate");
        let provider = Arc::new(rustls::crypto::ring::default_provider());
        let config = ClientConfig::builder_with_provider(provider)
            .with_protocol_versions(&self.versions)
            .expect("versions there are")
            .with_root_certificates(roots);
        let config = match &self.shows {
            None => config.with_no_client_auth(),
            Some(signed) => {
                let cert = CertificateDer::from_pem_slice(signed.cert.as_bytes()).expect("PEM");
                let key = PrivateKeyDer::from_pem_slice(signed.key.as_bytes()).expect("PEM");
                let config = config.with_client_auth_cert(vec![cert], key);
                config.expect("a key that fits")
            }
        };
        let stream = TcpStream::connect(addr).await?;
        let name = ServerName::try_from("localhost").expect("a name");
        let connector = TlsConnector::from(Arc::new(config));
        connector.connect(name, stream).await
    }
}

/// The first certificate that the agent showed.
fn shown(stream: &TlsStream<TcpStream>) -> CertificateDer<'static> {
    let (_, session) = stream.get_ref();
    let chain = session.peer_certificates().expect("it showed some");
    chain[0].clone().into_owned()
}

fn der(signed: &Signed) -> CertificateDer<'static> {
    CertificateDer::from_pem_slice(signed.cert.as_bytes()).expect("PEM")
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
    agent.wait_for_warning("the peer did not finish the TLS handshake in time");
    agent.warnings();
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
    let agent = agent(&authority, &dir, |tls| tls, Limits::default());
    let stream = TcpStream::connect(agent.addr()).await.expect("it listens");
    let start = Instant::now();
    tokio::task::spawn_blocking(|| agent.stop())
        .await
        .expect("it stops");
    // `hello_timeout` is 5 s, and `drain` is that much longer.
    assert!(start.elapsed() < Duration::from_millis(4500));
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

/// The fixture does not start with this certificate, for that reason.
#[track_caller]
fn fails(args: &[&str], words: &str) {
    let failed = said(fixture().args(args));
    assert_eq!(failed.err, format!("error: {words}\n"));
    assert_eq!((failed.status, failed.out.as_str()), (Some(1), ""));
}

#[test]
fn the_error_for_an_unusable_file_says_what_to_do() {
    let (authority, dir) = (Authority::new("a"), TempDir::new());
    let signed = authority.agent();
    let write = |name: &str, text: &str| dir.write(name, text).display().to_string();
    let cert = write("cert.pem", &signed.cert);
    let key = write("key.pem", &signed.key);
    let both = write("both.pem", &signed.both());
    let other = write("other.key", &authority.agent().key);
    let empty = write("empty.pem", "");
    let damaged = write("damaged.pem", &signed.cert.replace("-----END", "-----EDN"));
    let encrypted = write(
        "encrypted.pem",
        "-----BEGIN ENCRYPTED PRIVATE KEY-----\nMIIB\n-----END ENCRYPTED PRIVATE KEY-----\n",
    );
    let missing = dir.join("missing.pem").display().to_string();

    fails(
        &["--tls-cert", &missing],
        &format!(
            "cannot read `{missing}`, the agent's certificate: No such file or directory (os error \
             2); correct the path, or put the file there"
        ),
    );
    fails(
        &["--tls-cert", &cert, "--tls-key", &missing],
        &format!(
            "cannot read `{missing}`, the key of the agent's certificate: No such file or directory \
             (os error 2); correct the path, or put the file there"
        ),
    );
    fails(
        &["--tls-cert", &key],
        &format!(
            "there is no certificate in `{key}`, the agent's certificate: it must have a part \
             `-----BEGIN CERTIFICATE-----`; `openssl x509 -inform der` makes one of a binary file"
        ),
    );
    fails(
        &["--tls-cert", &cert],
        &format!(
            "there is no private key in `{cert}`: put it there, below the certificate, or name its \
             own file with `--tls-key`"
        ),
    );
    fails(
        &["--tls-cert", &cert, "--tls-key", &other],
        &format!(
            "the private key in `{other}` does not belong to the first certificate in `{cert}`: \
             the agent's own certificate must come first, and the key be the one it was made with"
        ),
    );
    fails(
        &["--tls-cert", &cert, "--tls-key", &encrypted],
        &format!(
            "the private key in `{encrypted}` is encrypted, and nobody can be asked for its \
             passphrase: `openssl pkey -in {encrypted} -out …` decrypts it"
        ),
    );
    fails(
        &["--tls-cert", &both, "--tls-client-ca", &empty],
        &format!(
            "there is no certificate in `{empty}`, the CA of HAProxy's certificate: it must have a \
             part `-----BEGIN CERTIFICATE-----`; `openssl x509 -inform der` makes one of a binary \
             file"
        ),
    );
    for client in [authority.client(), authority.expired_client()] {
        let client = write("client.pem", &client.cert);
        fails(
            &["--tls-cert", &both, "--tls-client-ca", &client],
            &format!(
                "no certificate in `{client}` is one of a CA: name the file of the CA that signed \
                 HAProxy's certificate, not that certificate itself"
            ),
        );
    }
    let said = said(fixture().args(["--tls-cert", &damaged]));
    let words = format!("error: `{damaged}` is damaged: ");
    assert!(said.err.starts_with(&words), "{}", said.err);
}

#[test]
fn options_without_a_certificate_are_a_usage_error() {
    let failed = said(fixture().args(["--tls-min-version", "1.3"]));
    assert_eq!(failed.status, Some(2));
    assert_eq!(
        failed.err,
        "error: option `--tls-min-version` needs a certificate: name its file with \
         `--tls-cert`\n"
    );
}

#[test]
fn unix_sockets_do_not_use_a_certificate() {
    let (authority, dir) = (Authority::new("a"), TempDir::new());
    let path = dir.write("agent.pem", &authority.agent().both());
    let listen = format!("unix@{}", dir.join("s").display());
    let path = path.display().to_string();
    let agent = Process::start(fixture().args(["--listen", &listen, "--tls-cert", &path]));
    agent.wait_for_line(&format!("listening on {listen}"));
    agent.wait_for_line(
        "WARN the certificate is not used: the agent listens only on unix sockets, which have no TLS",
    );
}

#[tokio::test]
async fn a_hangup_reads_the_certificate_again() {
    let (authority, dir) = (Authority::new("a"), TempDir::new());
    let clients = Authority::new("clients");
    let first = authority.agent();
    let cert = dir.write("cert.pem", &first.cert);
    let key = dir.write("key.pem", &first.key);
    let ca = dir.write("ca.pem", &clients.pem());
    let mut command = fixture();
    command
        .env("SPOA_TLS_CERT", &cert)
        .env("SPOA_TLS_KEY", &key)
        .env("SPOA_TLS_CLIENT_CA", &ca)
        .env("SPOA_TLS_MIN_VERSION", "1.3");
    let agent = Process::start(&mut command);
    let line = agent.wait_for_line("listening on ");
    let address = line
        .trim_start_matches("listening on ")
        .strip_suffix(" with TLS")
        .expect("it says that it takes TLS");
    let wire = agent.wait_for_line("Wire HAProxy to it:");
    let config = format!(" config --server {address} --tls-cert …");
    assert!(wire.ends_with(&config), "{wire}");
    let address = address.parse().expect("an address");
    let mut peer = Peer::trusting(&authority);
    peer.shows = Some(clients.client());
    let stream = peer.connect(address).await.expect("they agree");
    assert_eq!(shown(&stream), der(&first));

    let second = authority.agent();
    dir.write("cert.pem", &second.cert);
    agent.signal("HUP");
    agent.wait_for_line(
        "ERROR SIGHUP: nothing was reloaded, all old values are kept: `certificates` failed: the \
         private key in `",
    );
    let stream = peer.connect(address).await.expect("they agree");
    assert_eq!(shown(&stream), der(&first));

    dir.write("key.pem", &second.key);
    agent.signal("HUP");
    agent.wait_for_line(" INFO SIGHUP: reloaded in ");
    let stream = peer.connect(address).await.expect("they agree");
    assert_eq!(shown(&stream), der(&second));
    let client = Client::over(stream).await.expect("they agree");
    client.send("echo", &[]).await.expect("it answers");
}
