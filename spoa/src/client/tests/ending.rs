//! How a connection ends, at either end, and what its senders are told.
//!
//! It knows the agent's end as a session.

use super::*;

#[tokio::test(start_paused = true)]
async fn close_sends_disconnect_and_waits_for_the_agents() {
    let (stream, agent) = Agent::new(AgentSettings::default());
    let agent = agent.spawn(echo);
    let client = Client::over(stream).await.unwrap();
    client.send("m", &[]).await.unwrap();
    client.close().await.unwrap();
    assert_eq!(agent.await.unwrap(), Heard::Disconnect(Status::NORMAL));
    let error = client.send("m", &[]).await.unwrap_err();
    assert!(matches!(error, Error::Closed), "{error}");
}

#[tokio::test(start_paused = true)]
async fn close_fails_the_notifys_in_flight() {
    let (stream, agent) = Agent::new(AgentSettings::default());
    let agent = agent.spawn(|mut agent| async move {
        agent.hear_notify().await;
        agent.hear().await
    });
    let client = Client::over(stream).await.unwrap();
    let send = client.send("m", &[]);
    let close = async {
        tokio::time::sleep(Duration::from_millis(1)).await;
        client.close().await
    };
    let (sent, closed) = tokio::join!(send, close);
    assert!(matches!(sent, Err(Error::Closed)), "{sent:?}");
    closed.unwrap();
    assert_eq!(agent.await.unwrap(), Heard::Disconnect(Status::NORMAL));
}

#[tokio::test(start_paused = true)]
async fn an_agent_that_does_not_answer_the_disconnect_is_named() {
    let (stream, agent) = Agent::new(AgentSettings::default());
    let _silent = agent.spawn(|agent| async { agent });
    let client = Client::over(stream).await.unwrap();
    let error = client.close().await.unwrap_err();
    assert!(matches!(error, Error::CloseTimeout(_)), "{error}");

    let (stream, agent) = Agent::new(AgentSettings::default());
    agent.spawn(|agent| async { drop(agent) });
    let client = Client::over(stream).await.unwrap();
    let error = client.close().await.unwrap_err();
    assert!(matches!(error, Error::Lost), "{error}");
}

#[tokio::test(start_paused = true)]
async fn senders_learn_the_reason_of_a_disconnect() {
    let (stream, agent) = Agent::new(AgentSettings::default());
    agent.spawn(|mut agent| async move {
        agent.hear_notify().await;
        let said = Disconnect {
            status: Status::RESOURCE,
            message: "too many connections",
        };
        agent.session.disconnect(said, &mut agent.out);
        agent.say().await;
    });
    let client = Client::over(stream).await.unwrap();
    // Both the one in flight and one that comes later.
    for _ in 0..2 {
        let error = client.send("m", &[]).await.unwrap_err();
        assert_eq!(
            error.to_string(),
            "the agent ended the connection with status 13: resource allocation error \
             (`too many connections`)"
        );
    }
}

#[tokio::test(start_paused = true)]
async fn an_agent_that_haproxy_would_refuse_gets_the_reason() {
    let (stream, agent) = Agent::new(AgentSettings::default());
    let agent = agent.spawn(|mut agent| async move {
        agent.hear_notify().await;
        let never_sent = FrameIds {
            stream_id: 7,
            frame_id: 1,
        };
        agent.ack(never_sent, &[]).await;
        agent.hear().await
    });
    let client = Client::over(stream).await.unwrap();
    let error = client.send("m", &[]).await.unwrap_err();
    assert_eq!(
        error.to_string(),
        "the agent would be refused by HAProxy: \
         an ACK names stream-id 7 and frame-id 1, which were never sent"
    );
    assert_eq!(
        agent.await.unwrap(),
        Heard::Disconnect(Status::FRAME_ID_NOT_FOUND)
    );
}

#[tokio::test(start_paused = true)]
async fn senders_learn_at_once_that_the_connection_was_lost() {
    let (stream, agent) = Agent::new(AgentSettings::default());
    agent.spawn(|mut agent| async move {
        agent.hear_notify().await;
    });
    let client = Client::over(stream).await.unwrap();
    // Both the one in flight and one that comes later.
    for _ in 0..2 {
        let error = client.send("m", &[]).await.unwrap_err();
        assert!(matches!(error, Error::Lost), "{error}");
    }
}

#[tokio::test(start_paused = true)]
async fn a_disconnect_is_read_from_a_peer_that_stopped_reading() {
    let (stream, agent) = Agent::new(AgentSettings::default());
    agent.spawn(|mut agent| async move {
        let said = Disconnect::from(Status::TIMEOUT);
        agent.session.disconnect(said, &mut agent.out);
        agent.say().await;
    });
    let client = Client::over(stream).await.unwrap();
    // The agent has gone by the time this is written, and its last frame is not read yet.
    let error = client.send("m", &[]).await.unwrap_err();
    assert!(
        matches!(
            error,
            Error::Disconnected {
                status: Status::TIMEOUT,
                ..
            }
        ),
        "{error}"
    );
}
