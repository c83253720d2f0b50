//! Asks clamd, the daemon of ClamAV, by its command `INSTREAM`.

use crate::Options;
use spoa::agent::Dependency;
use std::io;
use std::time::Duration;
use tokio::io::{AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt};
use tokio::net::{TcpStream, UnixStream};

/// The longest answer that is read: a name of a signature is much shorter.
const LONGEST: u64 = 1024;

/// The answer to a scan.
#[derive(Debug, PartialEq, Eq)]
pub enum Scanned {
    Clean,
    /// The name of the signature that was found.
    Found(String),
}

/// A clamd.
pub struct Clamd {
    address: String,
    dependency: Dependency,
}

impl Clamd {
    pub fn new(options: &Options) -> Result<Self, &'static str> {
        if options.clamd_timeout > Duration::from_secs(9) {
            return Err("option `--clamd-timeout`: at most 9s, since the handler has 10s");
        }
        Ok(Clamd {
            address: options.clamd.clone(),
            dependency: Dependency::new("clamd", options.clamd_timeout, options.clamd_retry),
        })
    }

    /// Scans bytes. Returns `None` if clamd is away, late or does not understand.
    pub async fn scan(&self, bytes: &[u8]) -> Option<Scanned> {
        self.dependency
            .ask(async {
                let answer = if self.address.starts_with('/') {
                    exchange(UnixStream::connect(&self.address).await?, bytes).await?
                } else {
                    exchange(TcpStream::connect(&self.address).await?, bytes).await?
                };
                read(&answer).ok_or_else(|| io::Error::other(format!("it said `{answer}`")))
            })
            .await
    }
}

/// Sends the bytes as one chunk, and returns the answer.
async fn exchange<S: AsyncRead + AsyncWrite + Unpin>(
    mut stream: S,
    bytes: &[u8],
) -> io::Result<String> {
    let length = u32::try_from(bytes.len()).map_err(io::Error::other)?;
    let mut request = b"zINSTREAM\0".to_vec();
    request.extend(length.to_be_bytes());
    request.extend(bytes);
    // A chunk without bytes is the end.
    request.extend(0_u32.to_be_bytes());
    stream.write_all(&request).await?;
    let mut answer = String::new();
    stream.take(LONGEST).read_to_string(&mut answer).await?;
    Ok(answer)
}

/// Reads `stream: OK` or `stream: NAME FOUND`.
fn read(answer: &str) -> Option<Scanned> {
    let result = answer.strip_prefix("stream: ")?.strip_suffix('\0')?;
    match result.strip_suffix(" FOUND") {
        Some(name) => Some(Scanned::Found(name.to_owned())),
        None => (result == "OK").then_some(Scanned::Clean),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_complete_answers_are_accepted() {
        let found = |name: &str| Some(Scanned::Found(name.to_owned()));
        for (answer, meaning) in [
            ("stream: OK\0", Some(Scanned::Clean)),
            ("stream: Eicar-Test FOUND\0", found("Eicar-Test")),
            ("stream: Eicar-Test FOUND", None),
            ("stream: OK", None),
            ("INSTREAM size limit exceeded. ERROR\0", None),
            ("HTTP/1.1 400 Bad Request\r\n", None),
            ("", None),
        ] {
            assert_eq!(read(answer), meaning, "{answer}");
        }
    }
}
