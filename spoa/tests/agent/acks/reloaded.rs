//! Values of the program's own that go wrong when they are made again, or dropped.

use super::*;
use spoa::State;
use std::sync::Arc;
use std::sync::atomic::AtomicU32;
use tokio::sync::Semaphore;

/// A value that may panic when it is dropped.
struct Rules {
    version: u32,
    _bad: Option<Bad>,
}

struct Second;

#[spoe_message("version", set = "sess.version")]
fn version(State(rules): State<'_, Rules>) -> u32 {
    rules.version
}

#[spoe_message("slow-version", timeout = "60s", set = "sess.slow")]
async fn slow_version(
    State(rules): State<'_, Rules>,
    State(gate): State<'_, Arc<Semaphore>>,
) -> u32 {
    // The test opens it.
    let _opened = gate.acquire().await;
    rules.version
}

/// The behaviour of the second value, from the second time on.
#[derive(Clone, Copy, Debug)]
enum Then {
    Works,
    Fails(Wrong),
    Panics,
}

/// Reloads beside a message in flight; afterwards the agent answers from the version expected.
async fn reloads(wrong: Option<Wrong>, then: Then, version_after: u32, error: Option<&str>) {
    let what = format!("{wrong:?}, {then:?}");
    let made = Arc::new(AtomicU32::new(0));
    let rules = move || {
        let version = made.fetch_add(1, Ordering::Relaxed);
        async move {
            let _bad = wrong.map(Bad);
            Ok::<_, String>(Rules { version, _bad })
        }
    };
    let count = AtomicU32::new(0);
    let second = move || {
        let first = count.fetch_add(1, Ordering::Relaxed) == 0;
        async move {
            match then {
                Then::Fails(wrong) if !first => Err(Bad(wrong)),
                Then::Panics if !first => panic!("in reload"),
                _ => Ok(Second),
            }
        }
    };
    let gate = Arc::new(Semaphore::new(0));
    let builder = Agent::builder()
        .handlers(handlers![version, slow_version, before])
        .state(gate.clone());
    let builder = builder.reloadable(rules).await.unwrap();
    let agent = builder.reloadable(second).await.unwrap().build().unwrap();
    let mut peer = Peer::to(&agent, 1 << 16);
    peer.greet().await;
    peer.send(&notify(3, &["slow-version"])).await;
    assert_eq!(
        peer.ask(&["version"]).await,
        ack(1, &["set-var sess.version = 0"])
    );
    let reloaded = agent.reloader().reload().await;
    let said = reloaded.err().map(|error| error.to_string());
    assert_eq!(said.is_some(), error.is_some(), "{what}: {said:?}");
    if let (Some(said), Some(error)) = (said, error) {
        assert!(said.contains(error), "{what}: {said}");
    }
    let expected = format!("set-var sess.version = {version_after}");
    assert_eq!(peer.ask(&["version"]).await, ack(1, &[&expected]), "{what}");
    gate.add_permits(1);
    // It began with what held then.
    assert_eq!(
        peer.answer().await,
        ack(3, &["set-var sess.slow = 0"]),
        "{what}"
    );
    // The replaced value is dropped by now, and panicked.
    sleep(Duration::from_millis(150)).await;
    assert_eq!(peer.ask(&["version"]).await, ack(1, &[&expected]), "{what}");
    // A second reload finds nothing broken.
    let again = agent.reloader().reload().await;
    assert_eq!(again.is_err(), error.is_some(), "{what}");
    drop(agent);
    assert_eq!(
        peer.ask(&["before"]).await,
        ack(1, &["set-var sess.before = 7"]),
        "{what}"
    );
    // The last value goes with the last connection.
    drop(peer.io);
    peer.agent.await.expect(&what);
}

#[tokio::test]
async fn a_failed_reload_loses_no_answer() {
    expect_panics();
    let no_text = "failed: an error whose text cannot be shown: its `Display` panicked: in Display";
    for wrong in [None, Some(Wrong::DropPanics)] {
        reloads(wrong, Then::Works, 1, None).await;
        reloads(wrong, Then::Panics, 0, Some("failed: panicked: in reload")).await;
        reloads(
            wrong,
            Then::Fails(Wrong::DropPanics),
            0,
            Some("failed: bad"),
        )
        .await;
        reloads(
            wrong,
            Then::Fails(Wrong::DisplayAndDropPanic),
            0,
            Some(no_text),
        )
        .await;
        reloads(
            wrong,
            Then::Fails(Wrong::SourceIsItself),
            0,
            Some("failed: bad"),
        )
        .await;
    }
}
