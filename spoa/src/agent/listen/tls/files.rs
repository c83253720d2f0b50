//! Reads the PEM files of a certificate, and says what is wrong with them.

use super::verifier::Verifier;
use super::{Tls, TlsVersion, contents};
use crate::agent::error::TlsError;
use rustls::crypto::{CryptoProvider, ring};
use rustls::pki_types::pem::{self, PemObject};
use rustls::pki_types::{CertificateDer, PrivateKeyDer};
use rustls::server::WebPkiClientVerifier;
use rustls::server::danger::ClientCertVerifier;
use rustls::{InconsistentKeys, RootCertStore, ServerConfig, version};
use std::path::Path;
use std::sync::Arc;
use std::time::{Duration, SystemTime, UNIX_EPOCH};
use x509_parser::prelude::{FromDer, X509Certificate};

const CERTIFICATE: &str = "the agent's certificate";
const KEY: &str = "the key of the agent's certificate";
const CLIENT_CA: &str = "the CA of HAProxy's certificate";

/// The contents of the files.
#[derive(Debug)]
pub(super) struct Loaded {
    pub(super) config: Arc<ServerConfig>,
    /// When the first certificate of the chain expires.
    pub(super) expires: Option<SystemTime>,
}

/// Reads all that a handshake needs.
pub(super) fn load(tls: &Tls) -> Result<Loaded, TlsError> {
    let provider = Arc::new(ring::default_provider());
    let versions = match tls.min_version {
        TlsVersion::V1_2 => &[&version::TLS13, &version::TLS12][..],
        TlsVersion::V1_3 => &[&version::TLS13][..],
    };
    let unusable = |path: &Path, error: rustls::Error| TlsError::Unusable {
        path: path.to_path_buf(),
        problem: error.to_string(),
    };
    let builder = ServerConfig::builder_with_provider(provider.clone())
        .with_protocol_versions(versions)
        .map_err(|error| unusable(&tls.cert, error))?;
    let builder = match &tls.client_ca {
        None => builder.with_no_client_auth(),
        Some(path) => builder.with_client_cert_verifier(client_verifier(path, provider)?),
    };
    let chain = certificates(&tls.cert, CERTIFICATE)?;
    let expires = chain.iter().filter_map(expiry).min();
    let key = private_key(&tls.key)?;
    let config = builder
        .with_single_cert(chain, key)
        .map_err(|error| match error {
            rustls::Error::InconsistentKeys(InconsistentKeys::KeyMismatch) => TlsError::OtherKey {
                key: tls.key.clone(),
                cert: tls.cert.clone(),
            },
            // An error about the key has no variant of its own.
            rustls::Error::General(_) => unusable(&tls.key, error),
            _ => unusable(&tls.cert, error),
        })?;
    Ok(Loaded {
        config: Arc::new(config),
        expires,
    })
}

/// Returns when a certificate expires; `None` if it cannot be read, which rustls judges.
fn expiry(certificate: &CertificateDer<'_>) -> Option<SystemTime> {
    let (_, certificate) = X509Certificate::from_der(certificate).ok()?;
    let since = u64::try_from(certificate.validity().not_after.timestamp()).ok()?;
    UNIX_EPOCH.checked_add(Duration::from_secs(since))
}

fn read(path: &Path, what: &'static str) -> Result<Vec<u8>, TlsError> {
    std::fs::read(path).map_err(|error| TlsError::Read {
        what,
        path: path.to_path_buf(),
        error,
    })
}

fn damaged(path: &Path) -> impl Fn(pem::Error) -> TlsError {
    |error| TlsError::Damaged {
        path: path.to_path_buf(),
        problem: error.to_string(),
    }
}

fn certificates(path: &Path, what: &'static str) -> Result<Vec<CertificateDer<'static>>, TlsError> {
    let text = read(path, what)?;
    let found: Result<Vec<_>, _> = CertificateDer::pem_slice_iter(&text).collect();
    match found.map_err(damaged(path))? {
        found if found.is_empty() => Err(TlsError::NoCertificate {
            what,
            path: path.to_path_buf(),
        }),
        found => Ok(found),
    }
}

fn private_key(path: &Path) -> Result<PrivateKeyDer<'static>, TlsError> {
    let text = read(path, KEY)?;
    match PrivateKeyDer::from_pem_slice(&text) {
        Err(pem::Error::NoItemsFound) if is_encrypted(&text) => Err(TlsError::EncryptedKey {
            path: path.to_path_buf(),
        }),
        Err(pem::Error::NoItemsFound) => Err(TlsError::NoKey {
            path: path.to_path_buf(),
        }),
        found => found.map_err(damaged(path)),
    }
}

fn is_encrypted(text: &[u8]) -> bool {
    let label = b"-----BEGIN ENCRYPTED PRIVATE KEY-----";
    text.windows(label.len()).any(|part| part == label)
}

fn client_verifier(
    path: &Path,
    provider: Arc<CryptoProvider>,
) -> Result<Arc<dyn ClientCertVerifier>, TlsError> {
    let unusable = |problem| TlsError::Unusable {
        path: path.to_path_buf(),
        problem,
    };
    let found = certificates(path, CLIENT_CA)?;
    let mut roots = RootCertStore::empty();
    for certificate in &found {
        let added = roots.add(certificate.clone());
        added.map_err(|error| unusable(error.to_string()))?;
    }
    let verifier = WebPkiClientVerifier::builder_with_provider(Arc::new(roots), provider)
        .build()
        .map_err(|error| unusable(error.to_string()))?;
    // One that cannot be read is rustls's to judge.
    let signs = |certificate: &CertificateDer<'_>| {
        contents::read(certificate).is_none_or(|contents| contents.may_sign)
    };
    if !found.iter().any(signs) {
        return Err(TlsError::NoCa {
            path: path.to_path_buf(),
        });
    }
    Ok(Arc::new(Verifier(verifier)))
}
