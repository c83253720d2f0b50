//! Asks a Redis which addresses are blocked, with the part of Redis's protocol that one question needs.

use std::fmt;
use std::io;
use std::net::IpAddr;
use std::sync::{Mutex, MutexGuard, PoisonError};
use tokio::io::{AsyncBufReadExt, AsyncReadExt, AsyncWriteExt, BufReader};
use tokio::net::TcpStream;

/// A Redis that has a key `blocked:<address>` for each blocked address. For instance,
/// `redis-cli SET blocked:192.0.2.7 1 EX 600` sets one.
#[derive(Debug)]
pub(crate) struct Blocklist {
    /// `None` blocks nobody.
    address: Option<String>,
    /// Connections that wait for their next question.
    idle: Mutex<Vec<BufReader<TcpStream>>>,
}

/// The largest number of bytes that are read of an answer. `:0` or `:1` is expected, but it may be an error message.
const LONGEST: u64 = 512;

impl Blocklist {
    pub(crate) fn new(address: Option<String>) -> Self {
        Blocklist {
            address,
            idle: Mutex::default(),
        }
    }

    /// Returns whether an address is blocked.
    pub(crate) async fn contains(&self, ip: IpAddr) -> Result<bool, BlocklistError> {
        let Some(address) = &self.address else {
            return Ok(false);
        };
        let about = |cause| BlocklistError {
            address: address.clone(),
            cause,
        };
        let idle = self.pool().pop();
        if let Some(connection) = idle {
            // The Redis may have closed it in the meantime, so try a new one.
            if let Ok(listed) = self.ask(connection, ip).await {
                return Ok(listed);
            }
        }
        let stream = TcpStream::connect(address).await.map_err(about)?;
        self.ask(BufReader::new(stream), ip).await.map_err(about)
    }

    /// Asks over one connection. The deadline of the handler may drop this future at any `.await`, and the next
    /// question would then read the answer to this one. So the future owns the connection, and puts it back into
    /// the pool only after a whole answer.
    async fn ask(&self, mut connection: BufReader<TcpStream>, ip: IpAddr) -> io::Result<bool> {
        let question = format!("EXISTS blocked:{}\r\n", ip.to_canonical());
        connection.write_all(question.as_bytes()).await?;
        let mut answer = String::new();
        (&mut connection)
            .take(LONGEST)
            .read_line(&mut answer)
            .await?;
        let listed = match answer.as_str() {
            ":1\r\n" => true,
            ":0\r\n" => false,
            "" => return Err(io::ErrorKind::UnexpectedEof.into()),
            other => return Err(io::Error::other(format!("it said {:?}", other.trim_end()))),
        };
        self.pool().push(connection);
        Ok(listed)
    }

    fn pool(&self) -> MutexGuard<'_, Vec<BufReader<TcpStream>>> {
        // A panic under the lock leaves the list intact.
        self.idle.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// The error if Redis did not say whether an address is blocked.
#[derive(Debug)]
pub(crate) struct BlocklistError {
    address: String,
    cause: io::Error,
}

impl fmt::Display for BlocklistError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "cannot ask the blocklist at {}", self.address)
    }
}

impl std::error::Error for BlocklistError {
    /// Returns the cause, which the agent logs after the error itself.
    fn source(&self) -> Option<&(dyn std::error::Error + 'static)> {
        Some(&self.cause)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::error::Error;
    use tokio::net::TcpListener;

    /// A Redis that gives one answer to each connection and closes it.
    async fn redis(answers: &'static [&'static str]) -> Blocklist {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap().to_string();
        tokio::spawn(async move {
            for answer in answers {
                let (stream, _) = listener.accept().await.unwrap();
                let mut stream = BufReader::new(stream);
                let mut question = String::new();
                stream.read_line(&mut question).await.unwrap();
                assert_eq!(question, "EXISTS blocked:192.0.2.7\r\n");
                stream.write_all(answer.as_bytes()).await.unwrap();
            }
        });
        Blocklist::new(Some(address))
    }

    const IP: &str = "::ffff:192.0.2.7";

    #[tokio::test]
    async fn the_answer_is_read_and_a_closed_connection_is_replaced() {
        let blocklist = redis(&[":1\r\n", ":0\r\n"]).await;
        assert!(blocklist.contains(IP.parse().unwrap()).await.unwrap());
        assert_eq!(blocklist.pool().len(), 1);
        assert!(!blocklist.contains(IP.parse().unwrap()).await.unwrap());
        assert_eq!(blocklist.pool().len(), 1);
    }

    #[tokio::test]
    async fn a_malformed_answer_is_an_error_with_its_cause() {
        for (answer, cause) in [
            (
                "-NOAUTH Authentication required.\r\n",
                "it said \"-NOAUTH Authentication required.\"",
            ),
            ("", "unexpected end of file"),
        ] {
            let answers: &'static [&'static str] = Box::leak(Box::new([answer]));
            let blocklist = redis(answers).await;
            let error = blocklist.contains(IP.parse().unwrap()).await.unwrap_err();
            assert_eq!(error.source().unwrap().to_string(), cause);
            assert!(blocklist.pool().is_empty());
        }
    }

    #[tokio::test]
    async fn without_a_redis_nobody_is_blocked() {
        assert!(
            !Blocklist::new(None)
                .contains(IP.parse().unwrap())
                .await
                .unwrap()
        );
    }
}
