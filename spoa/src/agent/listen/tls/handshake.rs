//! The TLS handshake of one connection: in the connection's own task, in time, and in words where it
//! fails.
//!
//! It knows the causes of failures, not the protocol after the handshake.

use super::Certificates;
use super::verifier::IsCaCertificate;
use crate::agent::Shared;
use crate::agent::connection::converse;
use crate::agent::dispatch::wakeups::Wakeups;
use crate::agent::report::connections as log;
use crate::agent::report::rate_limit::{Permitted, ReasonLimits};
use crate::handler::Peer;
use crate::log_target::CONNECTION;
use crate::spop::session::Foreign;
use crate::text::one_line;
use rustls::{AlertDescription, CertificateError, PeerIncompatible};
use std::future::poll_fn;
use std::io;
use std::sync::Arc;
use std::task::Poll;
use std::time::Duration;
use tokio::io::AsyncWriteExt;
use tokio::net::TcpStream;
use tokio::time::{sleep, timeout};
use tokio_rustls::TlsAcceptor;
use tokio_rustls::server::TlsStream;

/// How long a handshake may go on once the agent should stop.
const LAST_HANDSHAKES: Duration = Duration::from_secs(1);

/// How long the last bytes of a connection may take.
const LAST_WORDS: Duration = Duration::from_secs(1);

/// The first byte of a TLS handshake.
const HANDSHAKE: u8 = 0x16;

/// Serves one connection to its end.
pub(crate) async fn drive(
    stream: TcpStream,
    peer: Peer,
    certificates: Certificates,
    shared: Arc<Shared>,
    wakeups: Arc<Wakeups>,
) {
    let limit = shared.limits.hello_timeout;
    let shaken = tokio::select! {
        biased;
        shaken = shake_hands(stream, &certificates) => shaken,
        () = sleep(limit) => Err(HandshakeError::Late),
        () = stopped(&wakeups) => Err(HandshakeError::Stopped),
    };
    match shaken {
        Ok(stream) => {
            let mut stream = converse(stream, peer, shared, wakeups).await;
            // Nothing can be done about a peer that does not listen any more.
            let _ = timeout(LAST_WORDS, stream.shutdown()).await;
        }
        Err(failure) => certificates.report(&failure, &peer),
    }
}

async fn shake_hands(
    stream: TcpStream,
    certificates: &Certificates,
) -> Result<TlsStream<TcpStream>, HandshakeError> {
    let mut first = [0; 4];
    let count = stream.peek(&mut first).await?;
    match first.get(..count) {
        None | Some([]) => return Err(io::Error::from(io::ErrorKind::UnexpectedEof).into()),
        Some([HANDSHAKE, ..]) => {}
        // No frame is of 16 MiB and more.
        Some([0, ..]) => return Err(HandshakeError::Spop),
        Some(first) => return Err(HandshakeError::Foreign(Foreign::known_by(first))),
    }
    let acceptor = TlsAcceptor::from(certificates.current());
    Ok(acceptor.accept(stream).await?)
}

/// Is done one second after the agent was told to stop.
async fn stopped(wakeups: &Wakeups) {
    poll_fn(|cx| {
        wakeups.register(cx.waker());
        if wakeups.draining() {
            Poll::Ready(())
        } else {
            Poll::Pending
        }
    })
    .await;
    sleep(LAST_HANDSHAKES).await;
}

/// Why there was no handshake.
#[derive(Debug)]
enum HandshakeError {
    /// The peer speaks SPOP as it is.
    Spop,
    /// It speaks something else, if that is known.
    Foreign(Option<Foreign>),
    Late,
    /// The agent is to stop.
    Stopped,
    Tls(rustls::Error),
    Io(io::Error),
}

impl From<io::Error> for HandshakeError {
    fn from(error: io::Error) -> Self {
        let inner = error.get_ref().and_then(|inner| inner.downcast_ref());
        match inner {
            Some(tls) => HandshakeError::Tls(rustls::Error::clone(tls)),
            None => HandshakeError::Io(error),
        }
    }
}

/// The log lines about handshakes, limited by their reason.
pub(super) type HandshakeLimits = ReasonLimits<64>;

impl Certificates {
    fn report(&self, failure: &HandshakeError, peer: &Peer) {
        let text = match failure {
            // Port probes open and close connections.
            HandshakeError::Io(error) => {
                let error = error.to_string();
                tracing::debug!(target: CONNECTION, %peer, "closed during the TLS handshake: {}", one_line(&error));
                return;
            }
            HandshakeError::Stopped => {
                tracing::debug!(target: CONNECTION, %peer, "closed during the TLS handshake: the agent stops");
                return;
            }
            HandshakeError::Spop => {
                "the peer speaks SPOP without TLS, and this port accepts only TLS; add `ssl \
                              verify required ca-file …` to the `server` line of the backend in \
                              haproxy.cfg, or start the agent without `--tls-cert`"
                    .to_owned()
            }
            HandshakeError::Foreign(Some(Foreign::Proxy)) => format!(
                "the peer speaks {}, and this port accepts only TLS{}",
                Foreign::Proxy,
                log::REMOVE_PROXY
            ),
            HandshakeError::Foreign(other) => {
                let speaks = match other {
                    Some(known) => known.to_string(),
                    None => "neither TLS nor SPOP".to_owned(),
                };
                format!(
                    "the peer speaks {speaks}, and this port accepts only TLS; is the `server` line in \
                     the backend that spoe.conf names?"
                )
            }
            HandshakeError::Late => "the peer did not finish the TLS handshake in time".to_owned(),
            HandshakeError::Tls(error) => self.explain(error),
        };
        if let Some(Permitted { suppressed }) = self.0.failures.pass(&text) {
            tracing::warn!(target: CONNECTION, %peer, suppressed, "connection refused: {}", one_line(&text));
        }
    }

    fn explain(&self, error: &rustls::Error) -> String {
        use rustls::Error;
        match error {
            Error::NoCertificatesPresented => {
                "the peer shows no certificate, and `--tls-client-ca` asks for one; add `crt FILE` to \
                 the `server` line in haproxy.cfg, with HAProxy's certificate and key in that file"
                    .to_owned()
            }
            Error::InvalidCertificate(problem) => self.explain_certificate(problem),
            Error::AlertReceived(
                alert @ (AlertDescription::UnknownCA
                | AlertDescription::BadCertificate
                | AlertDescription::CertificateExpired
                | AlertDescription::CertificateUnknown
                | AlertDescription::UnsupportedCertificate
                | AlertDescription::DecryptError),
            ) => format!(
                "HAProxy does not accept the agent's certificate ({alert:?}); the `ca-file` of its \
                 `server` line must have the CA that signed `{}`, which must be valid, and have the \
                 name in `verifyhost` if that is there",
                self.0.tls.cert.display()
            ),
            Error::PeerIncompatible(
                PeerIncompatible::ServerTlsVersionIsDisabledByOurConfig
                | PeerIncompatible::SupportedVersionsExtensionRequired
                | PeerIncompatible::Tls12NotOffered
                | PeerIncompatible::Tls12NotOfferedOrEnabled
                | PeerIncompatible::ServerDoesNotSupportTls12Or13,
            )
            | Error::AlertReceived(AlertDescription::ProtocolVersion) => format!(
                "the peer offers no TLS {} or later; raise `ssl-max-ver` on the `server` line in \
                 haproxy.cfg, or lower `--tls-min-version`",
                self.0.tls.min_version
            ),
            other => format!("the TLS handshake failed: {other}"),
        }
    }

    fn explain_certificate(&self, problem: &CertificateError) -> String {
        let crt = "`crt` on the `server` line in haproxy.cfg";
        match problem {
            CertificateError::UnknownIssuer | CertificateError::BadSignature => {
                let ca = self.client_ca().unwrap_or_else(|| "".as_ref());
                format!(
                    "no CA in `{}` signed the peer's certificate; name one that was signed by them \
                     with {crt}, or add its CA to that file",
                    ca.display()
                )
            }
            CertificateError::Expired
            | CertificateError::ExpiredContext { .. }
            | CertificateError::NotValidYet
            | CertificateError::NotValidYetContext { .. } => format!(
                "the peer's certificate is not valid at this time ({problem}); renew the file of \
                 {crt}, if the clock of this machine is right"
            ),
            CertificateError::InvalidPurpose | CertificateError::InvalidPurposeContext { .. } => {
                format!(
                    "the peer's certificate is not one for clients; name one whose extended key \
                     usage has `clientAuth` with {crt}"
                )
            }
            problem if IsCaCertificate::is(problem) => format!(
                "the peer's certificate is a CA's own (`CA:TRUE`); name one that was made for \
                 HAProxy and signed by that CA with {crt}"
            ),
            other => format!("the peer's certificate cannot be accepted: {other}"),
        }
    }
}
