//! A client of an agent with TLS: what it trusts, and the certificate that it shows.

use rustls::pki_types::pem::PemObject;
use rustls::pki_types::{CertificateDer, PrivateKeyDer, ServerName};
use rustls::{ClientConfig, RootCertStore};
use spoa_tests::{Authority, Signed};
use std::net::SocketAddr;
use std::sync::Arc;
use tokio::net::TcpStream;
use tokio_rustls::TlsConnector;
use tokio_rustls::client::TlsStream;

/// The authority, certificate and versions of a client.
pub(crate) struct Peer {
    trusts: String,
    pub(crate) shows: Option<Signed>,
    pub(crate) versions: Vec<&'static rustls::SupportedProtocolVersion>,
}

impl Peer {
    pub(crate) fn trusting(authority: &Authority) -> Peer {
        Peer {
            trusts: authority.pem(),
            shows: None,
            versions: vec![&rustls::version::TLS13, &rustls::version::TLS12],
        }
    }

    /// Shakes hands with the agent there.
    pub(crate) async fn connect(&self, addr: SocketAddr) -> std::io::Result<TlsStream<TcpStream>> {
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
pub(crate) fn shown(stream: &TlsStream<TcpStream>) -> CertificateDer<'static> {
    let (_, session) = stream.get_ref();
    let chain = session.peer_certificates().expect("it showed some");
    chain[0].clone().into_owned()
}

pub(crate) fn der(signed: &Signed) -> CertificateDer<'static> {
    CertificateDer::from_pem_slice(signed.cert.as_bytes()).expect("PEM")
}
