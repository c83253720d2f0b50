//! `spop probe`.

use super::agent::{agent, peer};
use super::{Done, again_if, spop};
use spoa::spop::{AgentHello, Capabilities, Disconnect, FrameType, Status};
use std::io::{Read, Write};

/// Probes something that answers every HELLO with these bytes, and reads on.
fn probe(answer: Vec<u8>) -> Done {
    let address = peer(move |mut stream| {
        let mut buffer = [0; 4096];
        let said = stream
            .read(&mut buffer)
            .and_then(|_| stream.write_all(&answer));
        while said.is_ok() && stream.read(&mut buffer).is_ok_and(|count| count > 0) {}
    });
    spop(&["probe", &address])
}

fn hello(version: &str, max_frame_size: u32, capabilities: &str) -> Vec<u8> {
    let mut bytes = Vec::new();
    AgentHello {
        version,
        max_frame_size,
        capabilities: Capabilities::parse(capabilities),
    }
    .encode(&mut bytes);
    bytes
}

/// Probes an agent, and again if its DISCONNECT took longer than the second that `probe` waits for it.
fn spop_probe(words: &[&str]) -> Done {
    let late = "neither answers HAPROXY-DISCONNECT";
    again_if(
        |done: &Done| done.out.contains(late),
        || spop(&[&["probe"], words].concat()),
    )
}

#[test]
fn an_agent_of_this_framework_passes_every_check() {
    let agent = agent();
    let text = spop_probe(&[&agent]).good();
    for part in [
        "version        2.0\n",
        "frame size     16380 bytes of 16380 offered\n",
        "status 0: normal\n",
        "HAProxy agrees with this agent.\n",
        "find the agent up",
    ] {
        assert!(text.contains(part), "`{part}` is not in:\n{text}");
    }
    assert!(
        !text.contains("pieces"),
        "a HELLO leaves in one write:\n{text}"
    );
    let json = spop_probe(&[&agent, "--json", "--max-frame-size", "64k"]).json();
    assert_eq!(json["hello"]["version"], "2.0");
    assert_eq!(json["hello"]["max_frame_size"], 65536);
    assert_eq!(json["disconnect"]["status"], 0);
    assert!(json["health_check"]["answered_ms"].is_f64(), "{json}");
}

#[test]
fn a_remark_is_not_an_error() {
    let done = probe(hello("2.0", 1024, ""));
    assert_eq!(done.status, 0, "{}", done.err);
    assert!(
        done.out.contains("takes frames of 1024 bytes"),
        "{}",
        done.out
    );
    assert!(done.out.contains("Without `pipelining`"), "{}", done.out);
    assert!(
        done.out.contains("neither answers HAPROXY-DISCONNECT"),
        "{}",
        done.out
    );
}

#[test]
fn a_hello_that_haproxy_refuses_is_shown_and_explained() {
    let done = probe(hello("3.0", 16380, "pipelining"));
    assert_eq!(done.status, 1);
    for part in [
        "HELLO          the HELLO cannot be agreed to: unsupported version\n",
        "the agent said:\nAGENT-HELLO  ",
        "  version = \"3.0\" (STRING)\n",
        "HAProxy cannot use this agent as it is.\n",
        "HAProxy ends the connection with status 8: ",
        "find the agent down",
    ] {
        assert!(done.out.contains(part), "`{part}` is not in:\n{}", done.out);
    }
    let done = probe(hello("2.0", 16381, ""));
    assert!(
        done.out.contains("max-frame-size too big or too small"),
        "{}",
        done.out
    );
}

#[test]
fn the_reason_of_an_agent_that_refuses_is_quoted() {
    let mut bytes = Vec::new();
    let said = Disconnect {
        status: Status::RESOURCE,
        message: "no room",
    };
    said.encode(FrameType::AGENT_DISCONNECT, &mut bytes);
    let done = probe(bytes);
    assert_eq!(done.status, 1);
    let part = "AGENT-DISCONNECT, status 13: resource allocation error (`no room`)";
    assert!(done.out.contains(part), "{}", done.out);
}

#[test]
fn a_peer_that_is_not_an_agent_is_named() {
    let done = probe(b"HTTP/1.1 400 Bad Request\r\n\r\n".to_vec());
    assert_eq!(done.status, 1);
    assert!(done.out.contains("speaks HTTP"), "{}", done.out);
    let done = probe(b"SSH-2.0-OpenSSH_9.2\r\n".to_vec());
    assert_eq!(done.status, 1);
    assert!(
        done.out
            .contains("HELLO          it answered with text: `SSH-2.0-OpenSSH_9.2`\n"),
        "{}",
        done.out
    );
    assert!(done.out.contains("is not a SPOE agent"), "{}", done.out);
    let closing = peer(drop);
    let done = spop(&["probe", &closing]);
    assert_eq!(done.status, 1);
    assert!(
        done.out.contains("closes the connection in place"),
        "{}",
        done.out
    );
    let silent = peer(|mut stream| while stream.read(&mut [0; 99]).is_ok_and(|count| count > 0) {});
    let done = spop(&["probe", &silent, "--timeout", "50ms"]);
    assert_eq!(done.status, 1);
    assert!(done.out.contains("no answer within 50ms"), "{}", done.out);
}

#[test]
fn with_json_an_unreachable_agent_is_reported_as_json() {
    let done = spop(&["probe", "127.0.0.1:1", "--json"]);
    let json = done.json();
    assert_eq!((done.status, done.err.as_str()), (1, ""));
    assert_eq!(json["address"], "127.0.0.1:1");
    let error = json["error"].as_str().unwrap_or_default();
    assert!(error.starts_with("nothing listens on"), "{json:#}");
    let done = spop(&["probe", "127.0.0.1:1", "--timeout", "0"]);
    assert_eq!(done.status, 2);
    assert!(
        done.err.contains("a timeout of 0 is too short; write `5s`"),
        "{}",
        done.err
    );
}

#[test]
fn an_agent_that_accepts_only_tls_is_recognised() {
    let address = peer(|mut stream| {
        let mut first = [0; 3];
        // A handshake gets an alert; other bytes get the end of the connection.
        if stream.read_exact(&mut first).is_ok() && first == [0x16, 3, 1] {
            let _ = stream.write_all(&[0x15, 3, 3, 0, 2, 2, 40]);
            let _ = stream.read(&mut [0; 999]);
        }
    });
    let done = spop(&["probe", &address]);
    assert_eq!(done.status, 1);
    for part in [
        "HELLO          what listens there takes TLS only\n",
        "HAProxy cannot use this agent without TLS.\n",
        "`ssl verify required ca-file …`",
    ] {
        assert!(done.out.contains(part), "`{part}` is not in:\n{}", done.out);
    }
    assert!(!done.out.contains("agent down"), "{}", done.out);
    let done = spop(&["call", &address, "m"]);
    assert!(
        done.err
            .contains("if it takes TLS only, give `--tls --ca FILE`"),
        "{}",
        done.err
    );
}
