//! The connection to an agent: a socket, with or without TLS.

use crate::failure::Failure;
use clap::{Arg, ArgAction, ArgMatches, value_parser};
use rustls::crypto::ring;
use rustls::pki_types::pem::{self, PemObject};
use rustls::pki_types::{CertificateDer, PrivateKeyDer, ServerName};
use rustls::{ClientConfig, RootCertStore};
use spoa::client::{Error as ClientError, Stream};
use std::fmt;
use std::io;
use std::path::{Path, PathBuf};
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll};
use std::time::Duration;
use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};
use tokio::time::timeout;
use tokio_rustls::TlsConnector;
use tokio_rustls::client::TlsStream;

/// The address of an agent, and how to connect to it.
#[derive(Clone, Debug)]
pub(crate) struct Target {
    pub(crate) address: String,
    tls: Option<Tls>,
}

#[derive(Clone, Debug)]
struct Tls {
    config: Arc<ClientConfig>,
    name: ServerName<'static>,
}

/// A connection on which no frame has been sent.
#[derive(Debug)]
pub(crate) enum Connected {
    Plain(Stream),
    Tls(Box<TlsStream<Stream>>),
}

/// Why there is no connection.
#[derive(Debug)]
pub(crate) enum ConnectError {
    Client(ClientError),
    /// The handshake failed.
    Handshake(String),
}

/// Returns the options about TLS.
pub(crate) fn args() -> [Arg; 5] {
    let file = |name: &'static str| {
        Arg::new(name)
            .long(name)
            .value_name("FILE")
            .value_parser(value_parser!(PathBuf))
            .requires("tls")
    };
    [
        Arg::new("tls")
            .long("tls")
            .action(ArgAction::SetTrue)
            .requires("ca")
            .help("Connect with TLS; needs --ca"),
        file("ca").help("PEM file with the CA of the agent's certificate"),
        file("cert")
            .requires("key")
            .help("PEM file with a certificate, for an agent that asks for one"),
        file("key")
            .requires("cert")
            .help("PEM file with the key of --cert"),
        Arg::new("server-name")
            .long("server-name")
            .value_name("NAME")
            .requires("tls")
            .help("Name in the agent's certificate [default: the host of ADDRESS]"),
    ]
}

impl Target {
    /// Reads the address and the options about TLS, and their files.
    pub(crate) fn read(matches: &ArgMatches) -> Result<Self, Failure> {
        let address = crate::text(matches, "ADDRESS");
        let tls = if matches.get_flag("tls") {
            let path = |name| matches.get_one::<PathBuf>(name).map(PathBuf::as_path);
            let name = matches.get_one::<String>("server-name");
            let name = name.map_or_else(|| host(&address), String::as_str);
            Some(Tls {
                config: Arc::new(config(path("ca"), path("cert"), path("key"))?),
                name: ServerName::try_from(name.to_owned()).map_err(|_| {
                    Failure::usage(format!(
                        "`{name}` is not a name or an address that a certificate can have; give `--server-name`"
                    ))
                })?,
            })
        } else {
            None
        };
        Ok(Target { address, tls })
    }

    /// Returns whether the connection has TLS.
    pub(crate) fn has_tls(&self) -> bool {
        self.tls.is_some()
    }

    /// Connects; a handshake has as much time as the connection.
    pub(crate) async fn connect(&self, patience: Duration) -> Result<Connected, ConnectError> {
        let stream = Stream::connect(&self.address, patience).await;
        let stream = stream.map_err(ConnectError::Client)?;
        let Some(Tls { config, name }) = &self.tls else {
            return Ok(Connected::Plain(stream));
        };
        let connector = TlsConnector::from(Arc::clone(config));
        let shaken = timeout(patience, connector.connect(name.clone(), stream)).await;
        match shaken {
            Ok(Ok(stream)) => Ok(Connected::Tls(Box::new(stream))),
            Ok(Err(error)) => Err(ConnectError::Handshake(in_words(&error))),
            Err(_) => Err(ConnectError::Handshake(format!(
                "TLS handshake: no answer within {patience:?}"
            ))),
        }
    }
}

/// Returns the host of an address, as a certificate names it.
fn host(address: &str) -> &str {
    match address.rsplit_once(':') {
        Some((host, _)) if !address.contains('@') => {
            host.trim_start_matches('[').trim_end_matches(']')
        }
        _ => "localhost",
    }
}

fn config(
    ca: Option<&Path>,
    cert: Option<&Path>,
    key: Option<&Path>,
) -> Result<ClientConfig, Failure> {
    let mut roots = RootCertStore::empty();
    if let Some(ca) = ca {
        for certificate in certificates(ca)? {
            roots
                .add(certificate)
                .map_err(|error| unusable(ca, error))?;
        }
    }
    let builder = ClientConfig::builder_with_provider(Arc::new(ring::default_provider()))
        .with_safe_default_protocol_versions()
        .map_err(Failure::failed)?
        .with_root_certificates(roots);
    let (Some(cert), Some(key)) = (cert, key) else {
        return Ok(builder.with_no_client_auth());
    };
    let chain = certificates(cert)?;
    let private =
        PrivateKeyDer::from_pem_file(key).map_err(|error| unreadable(key, "key", error))?;
    builder
        .with_client_auth_cert(chain, private)
        .map_err(|error| unusable(cert, error))
}

fn certificates(path: &Path) -> Result<Vec<CertificateDer<'static>>, Failure> {
    let about = |error| unreadable(path, "certificate", error);
    let found = CertificateDer::pem_file_iter(path).map_err(about)?;
    let found: Vec<_> = found.collect::<Result<_, _>>().map_err(about)?;
    if found.is_empty() {
        return Err(unreadable(path, "certificate", pem::Error::NoItemsFound));
    }
    Ok(found)
}

fn unreadable(path: &Path, what: &str, error: pem::Error) -> Failure {
    let path = path.display();
    Failure::usage(match error {
        pem::Error::Io(error) => format!("cannot read `{path}`: {error}"),
        pem::Error::NoItemsFound => format!("`{path}` has no {what} in PEM"),
        error => format!("`{path}` is not a {what} in PEM: {error}"),
    })
}

fn unusable(path: &Path, error: rustls::Error) -> Failure {
    Failure::usage(format!("`{}` cannot be used: {error}", path.display()))
}

/// Says an error of TLS, with its remedy if it is known.
fn in_words(error: &io::Error) -> String {
    let text = error.to_string();
    let remedy = remedy(&text);
    format!("TLS handshake: {text}{remedy}")
}

/// Returns what to do about an error of TLS, after a `;`; empty if it is not known.
pub(crate) fn remedy(text: &str) -> &'static str {
    const REMEDIES: [(&str, &str); 7] = [
        (
            "UnknownIssuer",
            "; the CA in `--ca` did not sign the agent's certificate",
        ),
        (
            "not valid for name",
            "; give a name of the agent's certificate with `--server-name`",
        ),
        (
            "CertificateRequired",
            "; the agent asks for a certificate: give `--cert` and `--key`",
        ),
        ("UnknownCA", "; the agent does not trust the CA of `--cert`"),
        ("Expired", "; renew the certificate"),
        (
            "InvalidContentType",
            "; the agent does not use TLS: omit `--tls`",
        ),
        (
            "handshake eof",
            "; the agent closed the connection: it may not use TLS, then omit `--tls`",
        ),
    ];
    let found = REMEDIES.iter().find(|(part, _)| text.contains(part));
    found.map_or("", |(_, remedy)| remedy)
}

impl fmt::Display for ConnectError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            ConnectError::Client(error) => error.fmt(f),
            ConnectError::Handshake(problem) => f.write_str(problem),
        }
    }
}

impl ConnectError {
    /// Returns whether the command line is at fault.
    pub(crate) fn is_usage(&self) -> bool {
        matches!(self, ConnectError::Client(ClientError::Address { .. }))
    }
}

impl From<ConnectError> for Failure {
    fn from(error: ConnectError) -> Self {
        if error.is_usage() {
            Failure::usage(error)
        } else {
            Failure::failed(error)
        }
    }
}

macro_rules! each {
    ($connected:expr, $io:ident => $do:expr) => {
        match $connected.get_mut() {
            Connected::Plain($io) => $do,
            Connected::Tls($io) => $do,
        }
    };
}

impl AsyncRead for Connected {
    fn poll_read(
        self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        buf: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        each!(self, io => Pin::new(io).poll_read(cx, buf))
    }
}

impl AsyncWrite for Connected {
    fn poll_write(
        self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        buf: &[u8],
    ) -> Poll<io::Result<usize>> {
        each!(self, io => Pin::new(io).poll_write(cx, buf))
    }

    fn poll_flush(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        each!(self, io => Pin::new(io).poll_flush(cx))
    }

    fn poll_shutdown(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        each!(self, io => Pin::new(io).poll_shutdown(cx))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_name_of_the_agent_is_the_host_of_its_address() {
        for (address, name) in [
            ("127.0.0.1:12345", "127.0.0.1"),
            ("[::1]:12345", "::1"),
            ("agent.example:1", "agent.example"),
            ("unix@/run/a:b.sock", "localhost"),
        ] {
            assert_eq!(host(address), name);
            assert!(ServerName::try_from(name).is_ok());
        }
    }
}
