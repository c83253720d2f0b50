//! Messages and their ACKs: in any order, too large, too late, too many.
//!
//! It knows the agent's end as a session.

use super::*;

#[tokio::test(start_paused = true)]
async fn a_message_arrives_with_its_arguments_and_its_actions_come_back() {
    let (stream, agent) = Agent::new(AgentSettings::default());
    let agent = agent.spawn(|mut agent| async move {
        let heard = agent.hear().await;
        let ids = FrameIds {
            stream_id: 1,
            frame_id: 1,
        };
        let actions = [
            set("score", Value::Int32(-20)),
            set("reason", "proxy".into()),
            set("gone", Value::Bool(true)),
            Action::UnsetVar {
                scope: Scope::Session,
                name: "gone".into(),
            },
            Action::SetVar {
                scope: Scope::Transaction,
                name: "score".into(),
                value: Value::Null,
            },
        ];
        agent.ack(ids, &actions).await;
        heard
    });
    let client = Client::over(stream).await.unwrap();
    assert_eq!(client.negotiated().version, "2.0");
    assert_eq!(client.negotiated().max_frame_size, 16380);
    assert!(
        client
            .negotiated()
            .capabilities
            .contains(Capabilities::PIPELINING)
    );

    let args = [
        ("ip", Value::Ipv4([192, 0, 2, 7].into())),
        ("", Value::Null),
    ];
    let ack = client.send("check", &args).await.unwrap();
    assert_eq!(ack.get("sess.score"), Some(&OwnedValue::Int32(-20)));
    assert_eq!(
        ack.get("sess.reason").and_then(OwnedValue::as_str),
        Some("proxy")
    );
    for nothing in [
        "sess.gone",
        "txn.score",
        "req.score",
        "nowhere.score",
        "score",
    ] {
        assert_eq!(ack.get(nothing), None, "{nothing}");
    }
    let shown: Vec<_> = ack.actions.iter().map(ToString::to_string).collect();
    assert_eq!(
        shown,
        [
            "set-var sess.score = -20",
            "set-var sess.reason = \"proxy\"",
            "set-var sess.gone = true",
            "unset-var sess.gone",
            "set-var txn.score = null",
        ]
    );
    assert_eq!(ack.malformed, None);
    let ids = FrameIds {
        stream_id: 1,
        frame_id: 1,
    };
    let messages = vec!["check(ip=192.0.2.7,=null)".to_owned()];
    assert_eq!(agent.await.unwrap(), Heard::Notify { ids, messages });
}

#[tokio::test(start_paused = true)]
async fn several_messages_travel_in_one_notify() {
    let (stream, agent) = Agent::new(AgentSettings::default());
    let agent = agent.spawn(|mut agent| async move {
        let heard = agent.hear().await;
        agent
            .ack(
                FrameIds {
                    stream_id: 1,
                    frame_id: 1,
                },
                &[],
            )
            .await;
        heard
    });
    let client = Client::over(stream).await.unwrap();
    let ack = client
        .notify(|notify| {
            notify
                .message("a", &[])
                .message("b", &[("n", Value::Int64(1))]);
        })
        .await
        .unwrap();
    assert_eq!(ack.actions, []);
    let Heard::Notify { messages, .. } = agent.await.unwrap() else {
        panic!("not a NOTIFY");
    };
    assert_eq!(messages, ["a()", "b(n=1)"]);
}

#[tokio::test(start_paused = true)]
async fn acks_in_any_order_find_their_senders() {
    let (stream, agent) = Agent::new(AgentSettings::default());
    agent.spawn(|mut agent| async move {
        let mut waiting = Vec::new();
        for _ in 0..20 {
            waiting.push(agent.hear_notify().await);
        }
        while let Some(ids) = waiting.pop() {
            agent
                .ack(ids, &[set("id", Value::Uint64(ids.stream_id))])
                .await;
        }
        echo(agent).await
    });
    let client = Client::over(stream).await.unwrap();
    let senders: Vec<_> = (0..20)
        .map(|_| {
            let client = client.clone();
            tokio::spawn(async move { client.send("m", &[]).await })
        })
        .collect();
    let mut seen = Vec::new();
    for sender in senders {
        let ack = sender.await.unwrap().unwrap();
        assert_eq!(id(&ack), Some(i128::from(ack.ids.stream_id)));
        seen.push(ack.ids.stream_id);
    }
    seen.sort_unstable();
    assert_eq!(seen, (0..20).map(|n| 2 * n + 1).collect::<Vec<_>>());
}

/// The most NOTIFYs an agent sees at once when ten are sent together.
async fn most_in_flight(options: ClientOptions) -> usize {
    let (stream, agent) = Agent::new(AgentSettings::default());
    let agent = agent.spawn(|mut agent| async move {
        let (mut waiting, mut most, mut left) = (Vec::new(), 0, 10);
        while left > 0 {
            // Every sender that may send has done so when nothing came for a while.
            match timeout(Duration::from_millis(10), agent.hear_notify()).await {
                Ok(ids) => waiting.push(ids),
                Err(_) => {
                    most = most.max(waiting.len());
                    left -= waiting.len();
                    for ids in waiting.drain(..) {
                        agent.ack(ids, &[]).await;
                    }
                }
            }
        }
        most
    });
    let client = options.over(stream).await.unwrap();
    let senders: Vec<_> = (0..10)
        .map(|_| {
            let client = client.clone();
            tokio::spawn(async move { client.send("m", &[]).await })
        })
        .collect();
    for sender in senders {
        sender.await.unwrap().unwrap();
    }
    agent.await.unwrap()
}

#[tokio::test(start_paused = true)]
async fn the_number_of_notifys_in_flight_is_limited() {
    assert_eq!(most_in_flight(Client::options()).await, 10);
    assert_eq!(most_in_flight(Client::options().max_in_flight(3)).await, 3);
    let alone = Client::options().capabilities(Capabilities::default());
    assert_eq!(most_in_flight(alone).await, 1);
}

#[tokio::test(start_paused = true)]
async fn waiting_for_an_ack_ends_with_its_timeout() {
    let (stream, agent) = Agent::new(AgentSettings::default());
    agent.spawn(|mut agent| async move {
        // The first is answered too late, when the second is already asked.
        let late = agent.hear_notify().await;
        let second = agent.hear_notify().await;
        agent.ack(late, &[set("id", Value::Uint64(0))]).await;
        agent.ack(second, &[set("id", Value::Uint64(2))]).await;
        echo(agent).await
    });
    let limit = Duration::from_millis(15);
    let options = Client::options().max_in_flight(1).ack_timeout(limit);
    let client = options.over(stream).await.unwrap();
    let error = client.send("m", &[]).await.unwrap_err();
    assert!(matches!(error, Error::AckTimeout(given) if given == limit));
    assert_eq!(id(&client.send("m", &[]).await.unwrap()), Some(2));
}

#[tokio::test(start_paused = true)]
async fn a_sender_that_is_dropped_frees_its_place() {
    let (stream, agent) = Agent::new(AgentSettings::default());
    agent.spawn(echo);
    let client = Client::options()
        .max_in_flight(1)
        .over(stream)
        .await
        .unwrap();
    for _ in 0..100 {
        // Polled once: the NOTIFY is on its way and nobody waits for its ACK.
        let send = client.send("m", &[]);
        assert!(timeout(Duration::ZERO, send).await.is_err());
        assert_eq!(client.inner.connection.in_flight(), 0);
    }
    let ack = client.send("m", &[]).await.unwrap();
    assert_eq!(id(&ack), Some(201));
}

#[tokio::test(start_paused = true)]
async fn a_message_that_is_too_large_is_not_sent() {
    let (stream, agent) = Agent::new(AgentSettings {
        max_reassembled: 0,
        ..AgentSettings::default()
    });
    agent.spawn(echo);
    let client = Client::options()
        .max_frame_size(256)
        .over(stream)
        .await
        .unwrap();
    let text = "x".repeat(256);
    let error = client
        .send("m", &[("text", text.as_str().into())])
        .await
        .unwrap_err();
    assert!(
        matches!(
            error,
            Error::TooBig {
                size: 274,
                limit: 256
            }
        ),
        "{error}"
    );
    let many = vec![("n", Value::Null); 256];
    let error = client.send("m", &many).await.unwrap_err();
    assert!(matches!(error, Error::TooManyArguments(256)), "{error}");
    assert_eq!(id(&client.send("m", &many[..9]).await.unwrap()), Some(1));
}

#[tokio::test(start_paused = true)]
async fn an_agent_that_takes_fragments_gets_them() {
    let (stream, agent) = Agent::new(AgentSettings::default());
    agent.spawn(echo);
    let client = Client::options()
        .max_frame_size(256)
        .over(stream)
        .await
        .unwrap();
    let text = "x".repeat(100_000);
    let ack = client
        .send("m", &[("text", text.as_str().into())])
        .await
        .unwrap();
    assert_eq!(id(&ack), Some(1));
}

#[tokio::test(start_paused = true)]
async fn a_slow_reader_slows_the_senders_down() {
    let (stream, mut agent) = Agent::new(AgentSettings::default());
    let reading = Arc::new(Notify::new());
    let start = Arc::clone(&reading);
    tokio::spawn(async move {
        agent.hear().await;
        start.notified().await;
        echo(agent).await
    });
    let client = Client::options()
        .max_in_flight(1000)
        .over(stream)
        .await
        .unwrap();
    let text = "x".repeat(10_000);
    let senders: Vec<_> = (0..100)
        .map(|_| {
            let (client, text) = (client.clone(), text.clone());
            tokio::spawn(async move { client.send("m", &[("t", text.as_str().into())]).await })
        })
        .collect();
    tokio::time::sleep(Duration::from_millis(1)).await;
    // The pipe holds 64 KiB, and two buffers of at most 256 KiB and a frame are filled: not 1 MB.
    let sent = client.inner.connection.in_flight();
    assert!((20..70).contains(&sent), "{sent}");
    reading.notify_one();
    for sender in senders {
        sender.await.unwrap().unwrap();
    }
}

#[tokio::test(start_paused = true)]
async fn actions_before_a_malformed_one_are_returned() {
    let (stream, agent) = Agent::new(AgentSettings::default());
    agent.spawn(|mut agent| async move {
        let ids = agent.hear_notify().await;
        let mut payload = Vec::new();
        set("id", Value::Bool(true)).encode(&mut payload);
        payload.extend([9, 9, 9]);
        let mut frame = FrameWriter::begin(FrameType::ACK, Flags::FIN, ids, &mut agent.out);
        frame.payload(&payload);
        frame.finish();
        agent.say().await;
        echo(agent).await
    });
    let client = Client::over(stream).await.unwrap();
    let ack = client.send("m", &[]).await.unwrap();
    assert_eq!(ack.get("sess.id"), Some(&OwnedValue::Bool(true)));
    assert_eq!(ack.malformed, Some(DecodeError::UnknownAction(9)));
}
