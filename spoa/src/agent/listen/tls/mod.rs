//! TLS for the TCP sockets of an agent: which certificates, and how they are replaced.

mod contents;
mod files;
mod handshake;
mod verifier;

pub(crate) use handshake::drive;

use crate::agent::counters::AgentCounters;
use crate::agent::error::TlsError;
use crate::agent::reload::ReloadPart;
use files::Loaded;
use handshake::HandshakeLimits;
use rustls::ServerConfig;
use std::path::{Path, PathBuf};
use std::sync::{Arc, PoisonError, RwLock, RwLockReadGuard};

/// TLS for an agent's TCP sockets: the files of its certificate, and whom it asks for one.
///
/// All TCP sockets of the agent take TLS and nothing else then; unix sockets stay as they are, since
/// their file's mode and owner say who gets in, and nobody listens between. Feature `tls`.
///
/// The files are read when the agent is built, and again by
/// [`Reloader::reload`](crate::agent::Reloader::reload), which `run!` calls at SIGHUP: handshakes from then on
/// use what they hold, and connections that are open stay. If anything is wrong with them, what was
/// in use stays in use.
///
/// ```no_run
/// use spoa::agent::{Tls, TlsVersion};
/// use spoa::prelude::*;
/// use spoa::agent::Agent;
/// # #[spoe_message("ping")] fn ping() {}
///
/// # fn main() -> Result<(), spoa::agent::Error> {
/// let tls = Tls::files("/etc/spoa/agent.pem", "/etc/spoa/agent.key")
///     .client_ca("/etc/spoa/haproxy-ca.pem")
///     .min_version(TlsVersion::V1_3);
/// let agent = Agent::builder()
///     .handlers(handlers![ping])
///     .listen(":12345")
///     .tls(tls)
///     .build()?;
/// # Ok(())
/// # }
/// ```
#[derive(Clone, Debug, PartialEq, Eq)]
#[must_use = "it is for `AgentBuilder::tls`"]
pub struct Tls {
    cert: PathBuf,
    key: PathBuf,
    client_ca: Option<PathBuf>,
    min_version: TlsVersion,
}

/// A version of TLS.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord)]
#[non_exhaustive]
pub enum TlsVersion {
    /// TLS 1.2.
    #[default]
    V1_2,
    /// TLS 1.3.
    V1_3,
}

impl std::fmt::Display for TlsVersion {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(match self {
            TlsVersion::V1_2 => "1.2",
            TlsVersion::V1_3 => "1.3",
        })
    }
}

impl Tls {
    /// The certificate, followed by those between it and its CA, and its key, as PEM in two files.
    pub fn files(cert: impl Into<PathBuf>, key: impl Into<PathBuf>) -> Self {
        Tls {
            cert: cert.into(),
            key: key.into(),
            client_ca: None,
            min_version: TlsVersion::default(),
        }
    }

    /// Takes the certificate and its key from one PEM file, as HAProxy's `crt` does.
    ///
    /// ```
    /// use spoa::agent::Tls;
    ///
    /// assert_eq!(Tls::file("agent.pem"), Tls::files("agent.pem", "agent.pem"));
    /// ```
    pub fn file(cert_and_key: impl Into<PathBuf>) -> Self {
        let path = cert_and_key.into();
        Tls::files(path.clone(), path)
    }

    /// Lets only peers in that have a certificate signed by a CA of this PEM file: `crt` on HAProxy's
    /// `server` line.
    pub fn client_ca(mut self, path: impl Into<PathBuf>) -> Self {
        self.client_ca = Some(path.into());
        self
    }

    /// The oldest version to take. Default TLS 1.2.
    pub fn min_version(mut self, version: TlsVersion) -> Self {
        self.min_version = version;
        self
    }
}

/// The certificates that an agent uses now. Clones share them.
#[derive(Clone, Debug)]
pub(crate) struct Certificates(Arc<LoadedCertificates>);

#[derive(Debug)]
struct LoadedCertificates {
    tls: Tls,
    current: RwLock<Loaded>,
    failures: HandshakeLimits,
}

impl Certificates {
    pub(crate) fn load(tls: Tls) -> Result<Self, TlsError> {
        Ok(Certificates(Arc::new(LoadedCertificates {
            current: RwLock::new(files::load(&tls)?),
            tls,
            failures: HandshakeLimits::default(),
        })))
    }

    /// Returns the part that reads the files again. Later handshakes use the new contents; connections that are
    /// open stay as they are.
    pub(crate) fn part(&self, counters: Arc<AgentCounters>) -> Arc<ReloadPart> {
        counters.certificate_expires_at(self.read().expires);
        let certificates = self.clone();
        ReloadPart::new("certificates", None, move |_| {
            let (certificates, counters) = (certificates.clone(), counters.clone());
            let loaded = files::load(&certificates.0.tls)?;
            Ok(Box::new(move |_| {
                counters.certificate_expires_at(loaded.expires);
                certificates.put(loaded);
            }))
        })
    }

    fn put(&self, loaded: Loaded) {
        let current = self.0.current.write();
        *current.unwrap_or_else(PoisonError::into_inner) = loaded;
    }

    fn read(&self) -> RwLockReadGuard<'_, Loaded> {
        let current = self.0.current.read();
        current.unwrap_or_else(PoisonError::into_inner)
    }

    fn current(&self) -> Arc<ServerConfig> {
        self.read().config.clone()
    }

    fn client_ca(&self) -> Option<&Path> {
        self.0.tls.client_ca.as_deref()
    }
}
