//! Bodies in several messages on HAProxy 3.4 with large buffers, as docs/bodies.md describes it.

use std::sync::{Arc, Mutex};

use spoa::handler::State;
use spoa::prelude::*;
use spoa_tests::{
    Background, Config, Directory, Message, Port, Request, TempDir, for_each_haproxy,
};

use crate::h2;
use std::time::Duration;

/// The length of a slice.
const SLICE: usize = 16_000;

type Parts = Arc<Mutex<Vec<u8>>>;

macro_rules! slices {
    ($($name:literal $function:ident),*) => {
        $(#[spoe_message($name)]
        fn $function(body: &[u8], parts: State<'_, Parts>) -> SetVar<bool> {
            parts.lock().unwrap().extend_from_slice(body);
            SetVar::transaction("seen", true)
        })*
    };
}

slices!("slice-0" slice_0, "slice-1" slice_1, "slice-2" slice_2, "slice-3" slice_3);

#[spoe_message("uncut")]
fn uncut(body: &[u8]) -> SetVar<u32> {
    SetVar::transaction("uncut", u32::try_from(body.len()).unwrap())
}

fn config(agent: &Background, h2: &Port) -> Config {
    let mut config = Config::new(agent.addr())
        .global("tune.bufsize.large 65536")
        .set_on_error("error")
        .continue_on_error()
        .vars(["txn.iprep.seen", "txn.iprep.uncut", "txn.iprep.error"])
        .frontend(&format!("bind {} proto h2", h2.addr()))
        .frontend("http-request wait-for-body time 5s use-large-buffer");
    for number in 0..4 {
        let (name, from) = (format!("slice-{number}"), number * SLICE);
        config = config
            .message(
                Message::new(&name)
                    .args(&format!("body=req.body,bytes({from},{SLICE})"))
                    .only_in_groups(),
            )
            .group(&name, &[&name])
            .frontend(&format!(
                "http-request send-spoe-group iprep {name} if {{ req.body_len gt {from} }}"
            ));
    }
    config
        .message(Message::new("uncut").args("body=req.body").only_in_groups())
        .group("uncut", &["uncut"])
        .frontend("http-request send-spoe-group iprep uncut if { req.fhdr(x-uncut) -m found }")
}

#[test]
fn slices_of_a_body_are_the_body_with_large_buffers() {
    for_each_haproxy(|haproxy| {
        if !haproxy.at_least(3, 4) {
            let dir = TempDir::new();
            dir.write("haproxy.cfg", "global\n    tune.bufsize.large 65536\n");
            let path = dir.path().to_str().expect("its path is text");
            let said = Directory::new(path, "127.0.0.1:0").check(haproxy);
            assert!(said.contains("tune.bufsize.large"), "{haproxy}: {said}");
            return;
        }
        let parts = Parts::default();
        let state = Arc::clone(&parts);
        let agent = Background::agent(|agent| {
            agent
                .handlers(handlers![slice_0, slice_1, slice_2, slice_3, uncut])
                .state(state)
        });
        let h2 = Port::free();
        let proxy = config(&agent, &h2).start(haproxy);
        let body = |len: usize| (0..len).map(|n| (n % 251) as u8).collect::<Vec<u8>>();
        for len in [1, SLICE, SLICE + 1, 40_000, 60_000] {
            let sent = body(len);
            let reply = proxy.send(&Request::post("/", sent.clone()));
            assert_eq!(reply.var("txn.iprep.error"), None, "{haproxy} {len}");
            let seen = std::mem::take(&mut *parts.lock().unwrap());
            assert!(seen == sent, "{haproxy}: {} of {len}", seen.len());

            let fields: [(&[u8], &[u8]); 4] = [
                (b":method", b"POST"),
                (b":scheme", b"http"),
                (b":authority", b"a"),
                (b":path", b"/"),
            ];
            let pieces = [(Duration::ZERO, &sent[..])];
            let status = h2::send(h2.addr(), &fields, Some(&pieces)).unwrap();
            assert_eq!(status, Some(200), "{haproxy} {len} over HTTP/2");
            let seen = std::mem::take(&mut *parts.lock().unwrap());
            assert!(
                seen == sent,
                "{haproxy}: {} of {len} over HTTP/2",
                seen.len()
            );
        }
        // More than a large buffer holds is cut.
        let sent = body(200_000);
        proxy.send(&Request::post("/", sent.clone()));
        let seen = std::mem::take(&mut *parts.lock().unwrap());
        assert!(sent.starts_with(&seen), "{haproxy}");
        assert!(
            (64_000..64_512).contains(&seen.len()),
            "{haproxy}: {}",
            seen.len()
        );
        // A body in one message is not sent: it does not fit.
        let request = Request::post("/", body(20_000)).header("x-uncut", "1");
        let reply = proxy.send(&request);
        assert_eq!(reply.var("txn.iprep.uncut"), None, "{haproxy}");
        assert_eq!(reply.var("txn.iprep.error"), Some("3"), "{haproxy}");
    });
}
