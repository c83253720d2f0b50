//! Connecting: addresses, HELLOs, health checks, and peers that are not agents.
//!
//! It knows the agent's end as a session or as bytes.

use super::*;

#[tokio::test(start_paused = true)]
async fn a_probe_is_a_health_check() {
    let (stream, mut agent) = Agent::new(AgentSettings::default());
    let heard = tokio::spawn(async move { (agent.hear().await, agent.hear().await) });
    let agreed = Client::options().probe_over(stream).await.unwrap();
    assert_eq!(
        (agreed.version.as_str(), agreed.max_frame_size),
        ("2.0", 16380)
    );
    let hello = Heard::Hello {
        healthcheck: true,
        engine_id: None,
    };
    assert_eq!(heard.await.unwrap(), (hello, Heard::Eof));
}

#[tokio::test(start_paused = true)]
async fn the_engine_id_is_the_one_that_was_set() {
    for (options, expected) in [
        (Client::options(), "spoa-client"),
        (Client::options().engine_id("mine"), "mine"),
    ] {
        let (stream, mut agent) = Agent::new(AgentSettings::default());
        let heard = tokio::spawn(async move { agent.hear().await });
        // The agent goes away after the HELLO: that is not this test's affair.
        options.over(stream).await.unwrap();
        let engine_id = Some(expected.to_owned());
        assert_eq!(
            heard.await.unwrap(),
            Heard::Hello {
                healthcheck: false,
                engine_id
            }
        );
    }
}

/// Returns the error of a client whose peer sends `first` and then closes or stays silent, and all that the
/// client sent.
async fn greeted_with(first: &[u8], closes: bool) -> (Error, Vec<u8>) {
    let (stream, mut peer) = tokio::io::duplex(4096);
    let first = first.to_vec();
    let peer = tokio::spawn(async move {
        let mut hello = [0; 4];
        peer.read_exact(&mut hello).await.unwrap();
        let mut rest = vec![0; u32::from_be_bytes(hello) as usize];
        peer.read_exact(&mut rest).await.unwrap();
        peer.write_all(&first).await.unwrap();
        if closes {
            peer.shutdown().await.unwrap();
        }
        let mut said = Vec::new();
        peer.read_to_end(&mut said).await.unwrap();
        said
    });
    let error = Client::over(stream).await.unwrap_err();
    (error, peer.await.unwrap())
}

#[tokio::test(start_paused = true)]
async fn a_peer_that_is_not_an_agent_is_named() {
    let (error, said) = greeted_with(b"", true).await;
    assert!(matches!(error, Error::NoHello), "{error}");
    assert!(said.is_empty());
    let (error, said) = greeted_with(b"", false).await;
    assert!(matches!(error, Error::HelloTimeout(_)), "{error}");
    assert!(said.is_empty());
    let (error, said) = greeted_with(b"HTTP/1.1 400 Bad Request\r\n\r\n", true).await;
    assert_eq!(
        error.to_string(),
        "the agent would be refused by HAProxy: the peer speaks HTTP, not SPOP"
    );
    assert!(said.is_empty());
    let (error, said) = greeted_with(b"SSH-2.0-OpenSSH_9.2\r\n", false).await;
    assert_eq!(
        error.to_string(),
        "what listens there is not an SPOE agent: it answered with text: `SSH-2.0-OpenSSH_9.2`; is \
         the address that of the agent?"
    );
    assert!(said.is_empty());
}

#[tokio::test(start_paused = true)]
async fn an_unacceptable_hello_is_refused_with_its_status() {
    let mut hello = Vec::new();
    AgentHello {
        version: "1.0",
        max_frame_size: 16380,
        capabilities: Capabilities::default(),
    }
    .encode(&mut hello);
    let (error, said) = greeted_with(&hello, false).await;
    assert_eq!(
        error.to_string(),
        "the agent would be refused by HAProxy: the HELLO cannot be agreed to: unsupported version"
    );
    let frame = Frame::split(&mut &said[..], 1000).unwrap().unwrap();
    assert_eq!(frame.frame_type, FrameType::HAPROXY_DISCONNECT);
    assert_eq!(
        Disconnect::decode(frame.payload).unwrap().status,
        Status::BAD_VERSION
    );
}

#[tokio::test(start_paused = true)]
async fn a_disconnect_in_place_of_the_hello_tells_its_reason() {
    let mut disconnect = Vec::new();
    Disconnect::from(Status::BAD_VERSION).encode(FrameType::AGENT_DISCONNECT, &mut disconnect);
    let (error, _) = greeted_with(&disconnect, true).await;
    assert_eq!(
        error.to_string(),
        "the agent ended the connection with status 8: unsupported version"
    );
}

#[tokio::test]
async fn an_address_where_nothing_listens_is_named() {
    let address = "127.0.0.1:1";
    let error = Client::connect(address).await.unwrap_err();
    assert!(
        error
            .to_string()
            .starts_with(&format!("nothing listens on `{address}` (")),
        "{error}"
    );
    let error = Client::probe("unix@/nowhere/agent.sock").await.unwrap_err();
    assert!(matches!(error, Error::NothingListens { .. }), "{error}");
}

/// Returns the error of a client whose peer accepts it and closes.
async fn turned_away<T>(
    address: &str,
    accepted: impl Future<Output = std::io::Result<T>>,
) -> Error {
    let accept = async { drop(timeout(Duration::from_secs(5), accepted).await) };
    let (connected, ()) = tokio::join!(Client::connect(address), accept);
    connected.unwrap_err()
}

#[tokio::test]
async fn tcp_unix_and_abstract_sockets_are_connected_to() {
    let tcp = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = tcp.local_addr().unwrap().to_string();
    let error = turned_away(&address, tcp.accept()).await;
    assert!(matches!(error, Error::NoHello), "{error}");

    #[cfg(target_os = "linux")]
    {
        use std::os::unix::ffi::OsStringExt;
        // As HAProxy and its agents bind `abns@`: 108 bytes, the rest of the name NUL.
        let name = format!("spoa-client-test-{}", std::process::id());
        let mut path = format!("\0{name}").into_bytes();
        path.resize(108, 0);
        let path = std::ffi::OsString::from_vec(path);
        let listener = tokio::net::UnixListener::bind(path).unwrap();
        let error = turned_away(&format!("abns@{name}"), listener.accept()).await;
        assert!(matches!(error, Error::NoHello), "{error}");
    }

    #[cfg(unix)]
    {
        let path = std::env::temp_dir().join(format!("spoa-client-{}.sock", std::process::id()));
        let _ = std::fs::remove_file(&path);
        let listener = tokio::net::UnixListener::bind(&path).unwrap();
        let address = format!("unix@{}", path.display());
        let error = turned_away(&address, listener.accept()).await;
        std::fs::remove_file(&path).unwrap();
        assert!(matches!(error, Error::NoHello), "{error}");
    }
}
