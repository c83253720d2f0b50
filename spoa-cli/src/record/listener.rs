//! The socket to which HAProxy connects.

use crate::failure::Failure;
use std::fmt::Display;
use std::io;
use std::path::PathBuf;
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::net::{TcpListener, UnixListener};

/// A listening socket. A unix socket's file is removed with it.
#[derive(Debug)]
pub(super) enum Listener {
    Tcp(TcpListener, String),
    Unix(UnixListener, PathBuf),
}

/// A connection of HAProxy.
pub(super) trait HaproxyStream: AsyncRead + AsyncWrite + Send + Unpin {}

impl<T: AsyncRead + AsyncWrite + Send + Unpin> HaproxyStream for T {}

impl Listener {
    pub(super) async fn bind(address: &str) -> Result<Self, Failure> {
        let about =
            |error: &dyn Display| Failure::usage(format!("cannot listen on `{address}`: {error}"));
        if let Some(path) = address.strip_prefix("unix@") {
            let listener = UnixListener::bind(path).map_err(|error| about(&error))?;
            return Ok(Listener::Unix(listener, path.into()));
        }
        if !address.contains(':') || address.contains('@') {
            return Err(about(&"write `127.0.0.1:12346` or `unix@/run/tap.sock`"));
        }
        let listener = TcpListener::bind(address).await;
        let listener = listener.map_err(|error| about(&error))?;
        let bound = listener.local_addr().map_err(|error| about(&error))?;
        Ok(Listener::Tcp(listener, bound.to_string()))
    }

    /// Returns the address, with the port that the system chose for port 0.
    pub(super) fn address(&self) -> String {
        match self {
            Listener::Tcp(_, address) => address.clone(),
            Listener::Unix(_, path) => format!("unix@{}", path.display()),
        }
    }

    pub(super) async fn accept(&self) -> io::Result<Box<dyn HaproxyStream>> {
        match self {
            Listener::Tcp(listener, _) => {
                let (stream, _) = listener.accept().await?;
                stream.set_nodelay(true)?;
                Ok(Box::new(stream))
            }
            Listener::Unix(listener, _) => {
                let (stream, _) = listener.accept().await?;
                Ok(Box::new(stream))
            }
        }
    }
}

impl Drop for Listener {
    fn drop(&mut self) {
        if let Listener::Unix(_, path) = self {
            let _ = std::fs::remove_file(path);
        }
    }
}
