//! Tests of handlers as functions, of the whole agent without HAProxy, and of the agent behind HAProxy.

use crate::answers::{Statsd, count_answer};
use crate::requests::{
    Door, Notice, choose_backend, locate_client, name_request, not_known_here, read_notice,
};
use spoa::State;
use spoa::agent::{Agent, AgentBuilder};
use spoa::handler::Failure;
use spoa::prelude::*;
use spoa::spop::Value;
use spoa::testing::{CallError, HaProxy, TestAgent};
use std::net::Ipv4Addr;
use tokio::net::UdpSocket;

// A handler is a function: most tests call it.

#[test]
fn a_client_is_in_a_network() {
    for (ip, network) in [
        ("127.0.0.1", "own"),
        ("::ffff:10.1.2.3", "own"),
        ("fd00::1", "own"),
        ("192.0.2.7", "internet"),
        ("2001:db8::7", "internet"),
    ] {
        assert_eq!(locate_client(ip.parse().unwrap()), network, "{ip}");
    }
}

#[test]
fn the_backend_is_chosen_by_door_path_and_network() {
    assert_eq!(choose_backend(Door::Www, "/".into(), Some("own")), "shop");
    assert_eq!(
        choose_backend(Door::Www, "/next/".into(), Some("own")),
        "next"
    );
    assert_eq!(
        choose_backend(Door::Www, "/next/".into(), Some("internet")),
        "shop"
    );
    assert_eq!(choose_backend(Door::Www, "/next/".into(), None), "shop");
    assert_eq!(
        choose_backend(Door::PartnerApi, "/next/".into(), Some("own")),
        "api"
    );
}

#[test]
fn the_notice_is_the_first_line_of_its_file() {
    let path = std::env::temp_dir().join(format!("multi-notice-{}", std::process::id()));
    std::fs::write(&path, "back at nine\nnot before\n").unwrap();
    let notice = Notice::at(Some(path.clone().into()));
    let line = read_notice(State(&notice)).unwrap();
    assert_eq!(line.as_deref(), Some("back at nine"));
    std::fs::remove_file(path).unwrap();

    let nowhere = Notice::at(Some("no/such/file".into()));
    assert_eq!(read_notice(State(&nowhere)).unwrap(), None);
}

#[tokio::test]
async fn an_answer_is_counted_under_its_backend() {
    let server = UdpSocket::bind("127.0.0.1:0").await.unwrap();
    let address = server.local_addr().unwrap().to_string();
    let statsd = Statsd::new(Some(address)).await.unwrap();
    count_answer(404, Some("shop"), State(&statsd))
        .await
        .unwrap();
    let mut line = [0; 64];
    let length = server.recv(&mut line).await.unwrap();
    assert_eq!(&line[..length], b"edge.shop.4xx:1|c");
}

// These tests need the whole agent: they check names, conversions, variables and faults. They send
// messages to the agent as HAProxy would.

async fn builder() -> AgentBuilder {
    Agent::builder()
        .name("multi")
        .handlers(handlers![
            choose_backend,
            count_answer,
            locate_client,
            name_request,
            not_known_here,
            read_notice,
        ])
        .state(Notice::at(Some("no/such/file".into())))
        .state(Statsd::new(None).await.unwrap())
}

async fn agent() -> TestAgent {
    TestAgent::build(builder().await).unwrap()
}

#[tokio::test]
async fn the_network_of_a_client_is_set_for_its_session() -> Result<(), CallError> {
    let answer = agent()
        .await
        .call("locate-client", &[("ip", &Ipv4Addr::LOCALHOST)])
        .await?;
    assert_eq!(answer.get("sess.network"), Some("own"));
    Ok(())
}

#[tokio::test]
async fn a_group_is_answered_as_a_whole() -> Result<(), CallError> {
    let answer = agent()
        .await
        .notify(&[
            ("choose-backend", &[("door", &"api"), ("path", &"/")]),
            ("read-notice", &[]),
            ("weigh-cart", &[("cart", &Value::Null)]),
        ])
        .await?;
    assert_eq!(answer.get("txn.backend"), Some("api"));
    assert_eq!(answer.value("txn.notice"), None);
    assert_eq!(answer.get("txn.not_known"), Some("weigh-cart"));
    Ok(())
}

#[tokio::test]
async fn an_unknown_door_affects_only_the_choice_of_the_backend() -> Result<(), CallError> {
    let answer = agent()
        .await
        .notify(&[
            ("choose-backend", &[("door", &"cellar"), ("path", &"/")]),
            ("weigh-cart", &[]),
        ])
        .await?;
    assert_eq!(answer.value("txn.backend"), None);
    assert_eq!(answer.get("txn.not_known"), Some("weigh-cart"));
    let Some(Failure::Rejected(rejection)) = answer.failure() else {
        panic!("it was rejected");
    };
    assert_eq!(rejection.argument(), Some("door"));
    Ok(())
}

#[tokio::test]
async fn the_name_of_a_request_has_its_peer_stream_and_frame() -> Result<(), CallError> {
    let answer = agent().await.call("name-request", &[]).await?;
    let ids = answer.ack().ids;
    let name: &str = answer.get("txn.name").unwrap();
    assert!(name.starts_with("peer=memory engine=\""), "{name}");
    let end = format!("\" stream={} frame={}", ids.stream_id, ids.frame_id);
    assert!(name.ends_with(&end), "{name}");
    Ok(())
}

// This test needs HAProxy: it checks where requests go.

#[tokio::test]
async fn a_request_goes_to_the_backend_that_the_agent_chose() {
    let haproxy = HaProxy::agent(builder().await)
        .rules(include_str!("site.cfg"))
        .start();
    for (request, backend) in [
        (haproxy.get("/"), "shop\n"),
        (haproxy.get("/next/"), "next\n"),
        (haproxy.get("/next/").from([192, 0, 2, 7]), "shop\n"),
        (haproxy.get("/next/").to("127.0.0.1:8084"), "api\n"),
    ] {
        assert_eq!(request.await.text(), backend);
    }
    // The group is not sent for these.
    let reply = haproxy.get("/static/logo").await;
    assert_eq!(
        (reply.var("sess.network"), reply.var("txn.backend")),
        (Some("own"), None)
    );
}
