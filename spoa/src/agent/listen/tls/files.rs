//! Reads the PEM files of a certificate, and says what is wrong with them.

use super::verifier::Verifier;
use super::{Tls, TlsVersion, contents};
use rustls::crypto::{CryptoProvider, ring};
use rustls::pki_types::pem::{self, PemObject};
use rustls::pki_types::{CertificateDer, PrivateKeyDer};
use rustls::server::WebPkiClientVerifier;
use rustls::server::danger::ClientCertVerifier;
use rustls::{InconsistentKeys, RootCertStore, ServerConfig, version};
use std::io;
use std::path::{Path, PathBuf};
use std::sync::Arc;

/// Why the files of a certificate cannot be used.
#[derive(Debug, thiserror::Error)]
pub(crate) enum TlsError {
    /// A file cannot be read.
    #[error("cannot read `{}`, {what}: {error}{}", path.display(), hint(error))]
    Read {
        /// What it is the file of.
        what: &'static str,
        /// The file.
        path: PathBuf,
        /// Why.
        #[source]
        error: io::Error,
    },
    /// A file is not PEM, or damaged.
    #[error(
        "`{}` is damaged: {problem}; the parts of a PEM file are between `-----BEGIN …-----` and \
         `-----END …-----`",
        path.display()
    )]
    Damaged {
        /// The file.
        path: PathBuf,
        /// What is wrong.
        problem: String,
    },
    /// There is no certificate in a file.
    #[error(
        "there is no certificate in `{}`, {what}: it must have a part `-----BEGIN \
         CERTIFICATE-----`; `openssl x509 -inform der` makes one of a binary file",
        path.display()
    )]
    NoCertificate {
        /// What it is the file of.
        what: &'static str,
        /// The file.
        path: PathBuf,
    },
    /// There is no private key in a file.
    #[error(
        "there is no private key in `{}`: put it there, below the certificate, or name its own \
         file",
        path.display()
    )]
    NoKey {
        /// The file.
        path: PathBuf,
    },
    /// The private key is encrypted.
    #[error(
        "the private key in `{0}` is encrypted, and nobody can be asked for its passphrase: \
         `openssl pkey -in {0} -out …` decrypts it",
        path.display()
    )]
    EncryptedKey {
        /// The file.
        path: PathBuf,
    },
    /// The key is of another certificate.
    #[error(
        "the private key in `{}` does not belong to the first certificate in `{}`: the agent's own \
         certificate must come first, and the key be the one it was made with",
        key.display(),
        cert.display()
    )]
    OtherKey {
        /// The file of the key.
        key: PathBuf,
        /// The file of the certificate.
        cert: PathBuf,
    },
    /// No certificate of a CA file can have signed another.
    #[error(
        "no certificate in `{}` is one of a CA: name the file of the CA that signed HAProxy's \
         certificate, not that certificate itself",
        path.display()
    )]
    NoCa {
        /// The file.
        path: PathBuf,
    },
    /// A certificate or key that cannot be used for another reason.
    #[error("cannot use what is in `{}`: {problem}", path.display())]
    Unusable {
        /// The file.
        path: PathBuf,
        /// What is wrong.
        problem: String,
    },
}

fn hint(error: &io::Error) -> &'static str {
    match error.kind() {
        io::ErrorKind::PermissionDenied => {
            "; let the agent's user read it, for instance by its group: `chgrp` and `chmod 640`"
        }
        io::ErrorKind::NotFound => "; correct the path, or put the file there",
        io::ErrorKind::IsADirectory => "; name one file",
        _ => "",
    }
}

const CERTIFICATE: &str = "the agent's certificate";
const KEY: &str = "the key of the agent's certificate";
const CLIENT_CA: &str = "the CA of HAProxy's certificate";

/// Reads all that a handshake needs.
pub(super) fn load(tls: &Tls) -> Result<Arc<ServerConfig>, TlsError> {
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
    let key = private_key(&tls.key)?;
    let config = builder
        .with_single_cert(chain, key)
        .map_err(|error| match error {
            rustls::Error::InconsistentKeys(InconsistentKeys::KeyMismatch) => TlsError::OtherKey {
                key: tls.key.clone(),
                cert: tls.cert.clone(),
            },
            // What is wrong with a key is said without a reason of its own.
            rustls::Error::General(_) => unusable(&tls.key, error),
            _ => unusable(&tls.cert, error),
        })?;
    Ok(Arc::new(config))
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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_file_that_may_not_be_read_says_who_must_be_let() {
        // Root, whom a test may be run by, may read everything.
        let error = TlsError::Read {
            what: "the agent's certificate",
            path: "/etc/spoa/agent.pem".into(),
            error: io::ErrorKind::PermissionDenied.into(),
        };
        assert_eq!(
            error.to_string(),
            "cannot read `/etc/spoa/agent.pem`, the agent's certificate: permission denied; let the \
             agent's user read it, for instance by its group: `chgrp` and `chmod 640`"
        );
    }
}
