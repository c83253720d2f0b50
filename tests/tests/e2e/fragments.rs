//! NOTIFYs larger than a frame. HAProxy up to 3.0 sends them in pieces if the agent takes them; later
//! ones give them up.

use std::time::{Duration, Instant};

use spoa::prelude::*;
use spoa::spop::Args;
use spoa_tests::{
    Background, Config, Haproxy, Message as Sent, Proxy, Request, at_once,
    for_each_haproxy_in_turn, for_haproxies,
};

/// How many bytes of text all arguments have.
#[spoe_message("measure", set = "txn.length")]
fn measure(args: Args<'_>) -> usize {
    args.iter()
        .map(|arg| arg.value.as_bytes().map_or(0, <[u8]>::len))
        .sum()
}

/// An agent that agrees to frames of this size, and holds `held` bytes of fragments.
fn agent(max_frame_size: u32, max_reassembled: usize) -> Background {
    Background::agent(move |agent| {
        agent.handlers(handlers![measure]).limits(|limits| {
            limits.max_frame_size = max_frame_size;
            limits.max_reassembled = max_reassembled;
        })
    })
}

/// HAProxy sends the header `x-text` this many times.
fn config(agent: &Background, times: usize) -> Config {
    Config::new(agent.addr())
        .message(Sent::new("measure").args(&"req.hdr(x-text) ".repeat(times)))
        .set_on_error("error")
        .vars(["txn.iprep.length", "txn.iprep.error"])
        // The others learn of a small frame size when they open a connection of their own.
        .global("nbthread 1")
}

/// The length the agent measured, and the error there was instead.
fn send(proxy: &Proxy, length: usize) -> (Option<usize>, Option<u32>) {
    let reply = proxy.send(&Request::get("/").header("x-text", &"x".repeat(length)));
    let number = |name: &str| reply.var(name).map(|it| it.parse().expect("a number"));
    (
        number("txn.iprep.length"),
        number("txn.iprep.error").map(|it| it as u32),
    )
}

const WHY: &str = "fragmented NOTIFYs, of HAProxy up to 3.0";

fn fragments(haproxy: &Haproxy) -> bool {
    !haproxy.at_least(3, 1)
}

#[test]
fn a_notify_of_several_frames_arrives_whole() {
    for_haproxies(WHY, fragments, |haproxy| {
        for frame_size in [256, 1024] {
            let agent = agent(frame_size, 256 << 10);
            let proxy = config(&agent, 1).start(haproxy);
            for length in [10, 240, 3000, 10, 9000] {
                assert_eq!(send(&proxy, length), (Some(length), None));
            }
        }
    });
}

#[test]
fn a_notify_larger_than_haproxys_buffer_arrives_where_fragments_are_sent() {
    let agent = agent(1 << 20, 256 << 10);
    for_each_haproxy_in_turn(|haproxy| {
        let proxy = config(&agent, 8).start(haproxy);
        assert_eq!(send(&proxy, 2000), (Some(16_000), None));
        // Too big to be encoded: the agent never sees it.
        let too_big = if fragments(haproxy) {
            (Some(64_000), None)
        } else {
            (None, Some(3))
        };
        assert_eq!(send(&proxy, 8000), too_big);
        assert_eq!(send(&proxy, 2000), (Some(16_000), None));
    });
}

#[test]
fn fifty_notifys_in_fragments_at_once_arrive_whole() {
    let agent = agent(512, 256 << 10);
    for_haproxies(WHY, fragments, |haproxy| {
        let proxy = config(&agent, 1).start(haproxy);
        assert_eq!(send(&proxy, 1), (Some(1), None));
        let lengths = at_once(50, |number| send(&proxy, 100 * number));
        for (number, length) in lengths.into_iter().enumerate() {
            assert_eq!(length, (Some(100 * number), None));
        }
    });
}

#[test]
fn a_notify_larger_than_the_limit_is_answered_without_actions() {
    for_haproxies(WHY, fragments, |haproxy| {
        let agent = agent(1024, 2000);
        let proxy = config(&agent, 1).start(haproxy);
        for length in [10, 1800] {
            assert_eq!(send(&proxy, length), (Some(length), None));
        }
        assert_eq!(send(&proxy, 3000), (None, None));
        agent.wait_for_warning("its fragments hold more than the 2000 bytes allowed");
        assert_eq!(send(&proxy, 1800), (Some(1800), None));
    });
}

/// Asserts that the agent has warned once a second at most since `begin`, but for two lines.
fn warns_once_a_second(agent: &Background, begin: Instant) {
    let more = agent.warnings();
    let most = 2 + begin.elapsed().as_secs();
    assert!(more.len() as u64 <= most, "a line each second: {more:#?}");
}

#[test]
fn a_frame_size_below_haproxys_costs_larger_notifys_an_error() {
    for_each_haproxy_in_turn(|haproxy| {
        let agent = agent(1024, 0);
        let proxy = config(&agent, 1)
            .processing_timeout(Duration::from_secs(5))
            .continue_on_error()
            .start(haproxy);
        assert_eq!(send(&proxy, 900), (Some(900), None));
        let mut begin = Instant::now();
        let (length, error) = send(&proxy, 3000);
        assert_eq!(length, None);
        if fragments(haproxy) {
            // It tries again and again on new connections, until the time is up.
            assert!(matches!(error, Some(1 | 259)), "{error:?}");
            agent.wait_for_warning("payload fragmentation is not supported");
            warns_once_a_second(&agent, begin);
            begin = Instant::now();
        } else {
            assert_eq!(error, Some(259));
        }
        assert_eq!(send(&proxy, 900), (Some(900), None));
        warns_once_a_second(&agent, begin);
    });
}
