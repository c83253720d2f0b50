//! The admin server of an agent: its counters, and the messages it answers.

use crate::failure::Failure;
use serde_json::Value;
use spoa::client::{Error, Stream};
use std::time::Duration;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::time::timeout;

/// The largest answer that is read, in bytes.
const LIMIT: usize = 16 << 20;

/// Asks the admin server at an address for `/stats.json`.
pub(crate) async fn stats(address: &str, patience: Duration) -> Result<Value, Failure> {
    let stream = Stream::connect(address, patience).await;
    let stream = stream.map_err(|error| match error {
        Error::Address { .. } => Failure::usage(error),
        Error::NothingListens { source, .. } => Failure::failed(format!(
            "no admin server listens on `{address}` ({source}): start the agent with `--admin {address}`, or \
             give the address of its `--admin`"
        )),
        error => Failure::failed(format!("admin server: {error}")),
    })?;
    let asked = timeout(patience, ask(stream)).await;
    asked
        .unwrap_or_else(|_| Err(format!("no answer within {patience:?}")))
        .map_err(|problem| Failure::failed(format!("admin server `{address}`: {problem}")))
}

async fn ask(mut stream: Stream) -> Result<Value, String> {
    const REQUEST: &[u8] = b"GET /stats.json HTTP/1.0\r\nHost: localhost\r\n\r\n";
    let broken = |error: std::io::Error| format!("the connection broke: {error}");
    stream.write_all(REQUEST).await.map_err(broken)?;
    let mut answer = Vec::new();
    // HTTP/1.0: the answer ends with the connection.
    let mut limited = stream.take(LIMIT as u64);
    limited.read_to_end(&mut answer).await.map_err(broken)?;
    read(&answer)
}

/// Reads the answer to a request for `/stats.json`.
fn read(answer: &[u8]) -> Result<Value, String> {
    const NOT_ADMIN: &str =
        "the program there is not an admin server of an agent; give the address of its `--admin`";
    let end = answer.windows(4).position(|four| four == b"\r\n\r\n");
    let (head, body) = end
        .and_then(|end| answer.split_at_checked(end + 4))
        .ok_or(NOT_ADMIN)?;
    let head = String::from_utf8_lossy(head);
    let status = head.split(' ').nth(1).unwrap_or_default();
    if !head.starts_with("HTTP/1.") || status != "200" {
        return Err(match head.lines().next() {
            Some(line) if line.starts_with("HTTP/") => {
                format!("{NOT_ADMIN} (it answered `{line}`)")
            }
            _ => NOT_ADMIN.to_owned(),
        });
    }
    let stats: Value = serde_json::from_slice(body)
        .map_err(|error| format!("`/stats.json` is not JSON: {error}"))?;
    match stats.get("agents") {
        Some(Value::Array(_)) => Ok(stats),
        _ => Err(NOT_ADMIN.to_owned()),
    }
}

/// Returns the messages that the agents answer; `None` if one of them answers every message.
pub(crate) fn messages(stats: &Value) -> Option<Vec<&str>> {
    let agents = stats.get("agents").and_then(Value::as_array);
    let messages = agents.into_iter().flatten().filter_map(|agent| {
        let messages = agent.get("messages")?;
        messages.as_array()
    });
    let names = messages.flatten().map(|message| message.get("message"));
    // The message of a handler for all others is `null`.
    names.map(|name| name?.as_str()).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn an_answer_of_another_server_is_refused() {
        for answer in [
            &b""[..],
            b"SSH-2.0-OpenSSH_9.2\r\n",
            b"HTTP/1.1 404 Not Found\r\n\r\n",
            b"HTTP/1.1 200 OK\r\n\r\n{}",
        ] {
            let problem = read(answer).unwrap_err();
            assert!(problem.contains("is not an admin server"), "{problem}");
        }
        let stats = read(b"HTTP/1.1 200 OK\r\nA: b\r\n\r\n{\"agents\":[]}\n");
        assert_eq!(stats, Ok(json!({ "agents": [] })));
    }

    #[test]
    fn an_agent_with_a_fallback_answers_every_message() {
        let stats = |names: &[Option<&str>]| {
            let messages = names.iter().map(|name| json!({ "message": name }));
            json!({ "agents": [{ "messages": messages.collect::<Vec<_>>() }] })
        };
        assert_eq!(
            messages(&stats(&[Some("a"), Some("b")])),
            Some(vec!["a", "b"])
        );
        assert_eq!(messages(&stats(&[Some("a"), None])), None);
    }
}
