//! The lists of a TLS ClientHello are those that the client sent.

use crate::seen::message;
use rustls::pki_types::pem::PemObject;
use rustls::pki_types::{CertificateDer, ServerName};
use rustls::{ClientConfig, ClientConnection, RootCertStore, StreamOwned};
use spoa::handler::State;
use spoa::http::ClientHello;
use spoa::prelude::*;
use spoa_tests::{Authority, Background, Config, Port, TempDir, for_each_haproxy};
use std::io::{Read, Write};
use std::net::TcpStream;
use std::sync::{Arc, Mutex};

/// A ClientHello as a handler saw it.
#[derive(Debug, Default)]
struct Seen {
    is_empty: bool,
    version: u16,
    ciphers: Vec<u16>,
    extensions: Vec<u16>,
    groups: Vec<u16>,
    ja3: String,
}

type Log = Arc<Mutex<Vec<Seen>>>;

#[spoe_message("hello", event = "on-frontend-http-request")]
fn hello(hello: ClientHello<'_>, log: State<'_, Log>) {
    log.lock().unwrap().push(Seen {
        is_empty: hello.is_empty(),
        version: hello.version(),
        ciphers: hello.ciphers().collect(),
        extensions: hello.extensions().collect(),
        groups: hello.groups().collect(),
        ja3: hello.ja3_text(),
    });
}

#[test]
fn the_lists_of_a_client_hello_are_seen_as_they_were_sent() {
    for_each_haproxy(|haproxy| {
        let authority = Authority::new("site");
        let signed = authority.agent();
        let dir = TempDir::new();
        let pem = dir.write("site.pem", &format!("{}{}", signed.cert, signed.key));
        let log = Log::default();
        let state = Arc::clone(&log);
        let agent = Background::agent(|agent| agent.handlers(handlers![hello]).state(state));
        let [handler] = handlers![hello];
        let tls = Port::free();
        let proxy = Config::new(agent.addr())
            .global("tune.ssl.capture-buffer-size 512")
            .frontend(&format!("bind {} ssl crt {}", tls.addr(), pem.display()))
            .message(message(handler))
            .start(haproxy);

        let mut roots = RootCertStore::empty();
        let root = CertificateDer::from_pem_slice(authority.pem().as_bytes()).unwrap();
        roots.add(root).unwrap();
        let provider = Arc::new(rustls::crypto::ring::default_provider());
        let suites: Vec<u16> = provider
            .cipher_suites
            .iter()
            .map(|suite| u16::from(suite.suite()))
            .collect();
        let groups: Vec<u16> = provider
            .kx_groups
            .iter()
            .map(|group| u16::from(group.name()))
            .collect();
        let config = ClientConfig::builder_with_provider(provider)
            .with_safe_default_protocol_versions()
            .unwrap()
            .with_root_certificates(roots)
            .with_no_client_auth();
        let name = ServerName::try_from("localhost").unwrap();
        let client = ClientConnection::new(Arc::new(config), name).unwrap();
        let stream = TcpStream::connect(tls.addr()).unwrap();
        let mut stream = StreamOwned::new(client, stream);
        stream
            .write_all(b"GET / HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n")
            .unwrap();
        let mut reply = String::new();
        let _ = stream.read_to_string(&mut reply);
        assert!(reply.starts_with("HTTP/1.1 200"), "{haproxy}: {reply}");

        assert_eq!(proxy.get("/").status, 200);
        let seen = std::mem::take(&mut *log.lock().unwrap());
        let [of_tls, plain] = seen.as_slice() else {
            panic!("{haproxy}: {seen:?}");
        };
        assert_eq!(of_tls.version, 0x0303, "{haproxy}");
        // The last one says that the client takes part in secure renegotiation.
        let ciphers = of_tls.ciphers.strip_suffix(&[0x00ff]);
        assert_eq!(ciphers.unwrap_or(&of_tls.ciphers), suites, "{haproxy}");
        assert_eq!(of_tls.groups, groups, "{haproxy}");
        // Signature algorithms, and key shares.
        assert!(
            of_tls.extensions.contains(&13) && of_tls.extensions.contains(&51),
            "{haproxy}: {of_tls:?}"
        );
        assert!(of_tls.ja3.starts_with("771,4866-4865-"), "{}", of_tls.ja3);
        assert!(plain.is_empty, "{haproxy}: {plain:?}");
    });
}
