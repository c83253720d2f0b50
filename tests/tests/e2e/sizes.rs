//! Frames as large as they may be, and a byte more.

use spoa::Context;
use spoa::prelude::*;
use spoa::spop::{AckWriter, Action, FrameIds, NotifyWriter};
use spoa::spop::{Message, Scope, Value};
use spoa_tests::{Background, Config, Message as Sent, Proxy, Request, for_each_haproxy_in_turn};

/// Sets `first = 1`, and `fill` to as much text as makes the ACK `size` bytes, without the length
/// prefix.
#[spoe_message("ack")]
fn ack(Parse(size): Parse<usize>, context: Context<'_>) -> (SetVar<u8>, SetVar<String>) {
    let ids = FrameIds {
        stream_id: context.stream_id(),
        frame_id: context.frame_id(),
    };
    let mut frame = Vec::new();
    let mut ack = AckWriter::begin(ids, &mut frame);
    for (name, value) in [("first", Value::Uint32(1)), ("fill", Value::String(b""))] {
        ack.action(&Action::SetVar {
            scope: Scope::Transaction,
            name: name.into(),
            value,
        });
    }
    // A length from 2288 on takes two bytes more than the 0 that is there.
    let fill = "x".repeat(size - ack.size() - 2);
    (
        SetVar::transaction("first", 1),
        SetVar::transaction("fill", fill),
    )
}

/// Asks for an ACK of this size: `first`, the length of `fill`, and the error.
fn ask(proxy: &Proxy, size: usize) -> [Option<usize>; 3] {
    let reply = proxy.send(&Request::get("/").header("x-size", &size.to_string()));
    ["txn.iprep.first", "fill", "txn.iprep.error"]
        .map(|name| reply.var(name).map(|it| it.parse().expect("a number")))
}

/// HAProxy's buffers have `buffer` bytes, its frames four less.
fn acks_around_the_limit(buffer: usize) {
    for_each_haproxy_in_turn(|haproxy| {
        let agent = Background::agent(|agent| agent.handlers(handlers![ack]));
        let proxy = Config::new(agent.addr())
            .message(Sent::new("ack").args("size=req.hdr(x-size)"))
            .set_on_error("error")
            .vars(["txn.iprep.first", "txn.iprep.error"])
            .read("fill", "var(txn.iprep.fill),length")
            .global(&format!("tune.bufsize {buffer}"))
            .global("nbthread 1")
            .start(haproxy);
        let largest = buffer - 4 - 1;
        let whole = |size| [Some(1), Some(size - 30), None];
        assert_eq!(ask(&proxy, largest - 1), whole(largest - 1));
        assert_eq!(ask(&proxy, largest), whole(largest));
        // The actions that do not fit are left out; all others arrive, and the connection stays open.
        for size in [largest + 1, largest + 2, 2 * largest] {
            assert_eq!(ask(&proxy, size), [Some(1), None, None]);
        }
        assert_eq!(ask(&proxy, largest), whole(largest));
        agent.wait_for_warning("not fit into the frame");
        assert!(agent.warnings().len() < 3, "a line each second");
    });
}

#[test]
fn acks_of_16379_bytes_arrive_and_larger_ones_are_cut() {
    acks_around_the_limit(16_384);
}

#[test]
fn acks_of_65531_bytes_arrive_with_larger_buffers() {
    acks_around_the_limit(65_536);
}

#[spoe_message("too-much", set = "txn.all")]
fn too_much() -> String {
    "x".repeat(20_000)
}

#[test]
fn an_ack_of_one_variable_too_large_is_empty() {
    for_each_haproxy_in_turn(|haproxy| {
        let agent = Background::agent(|agent| agent.handlers(handlers![too_much]));
        let proxy = Config::new(agent.addr())
            .message(Sent::new("too-much"))
            .set_on_error("error")
            .vars(["txn.iprep.all", "txn.iprep.error"])
            .start(haproxy);
        let reply = proxy.get("/");
        assert_eq!(
            (reply.var("txn.iprep.all"), reply.var("txn.iprep.error")),
            (None, None)
        );
        let warning = agent.wait_for_warning("handler `too_much`: 1 action does not fit");
        assert!(warning.contains(": `txn.all`; "), "{warning}");
        assert!(
            warning.contains("raise `tune.bufsize` in haproxy.cfg"),
            "{warning}"
        );
    });
}

#[spoe_message("many")]
fn many() -> Vec<SetVar<u32>> {
    (0..300)
        .map(|number| SetVar::transaction(format!("v{number}"), number))
        .collect()
}

#[test]
fn an_ack_of_three_hundred_variables_arrives() {
    let agent = Background::agent(|agent| agent.handlers(handlers![many]));
    for_each_haproxy_in_turn(|haproxy| {
        let names: Vec<_> = (0..300)
            .map(|number| format!("txn.iprep.v{number}"))
            .collect();
        let sum = names
            .iter()
            .map(|name| format!(",add({name})"))
            .collect::<String>();
        let proxy = Config::new(agent.addr())
            .message(Sent::new("many"))
            .read("sum", &format!("int(0){sum}"))
            .start(haproxy);
        assert_eq!(proxy.get("/").header("sum"), Some("44850"));
    });
}

/// The bytes of the payload of its NOTIFY.
#[spoe_message("notify", set = "txn.payload")]
fn notify(message: Message<'_>) -> usize {
    let args: Vec<_> = message
        .args()
        .iter()
        .map(|arg| (arg.name.to_str().expect("text"), arg.value))
        .collect();
    let mut payload = Vec::new();
    NotifyWriter::new(&mut payload).message("notify", &args);
    payload.len()
}

/// HAProxy's buffers have `buffer` bytes, of which the headers take about an eighth.
fn notifys_up_to_the_limit(buffer: usize) {
    for_each_haproxy_in_turn(|haproxy| {
        let agent = Background::agent(|agent| agent.handlers(handlers![notify]));
        let proxy = Config::new(agent.addr())
            .message(
                Sent::new("notify")
                    .args(&"req.hdr(x-long) ".repeat(8))
                    .args("req.hdr(x-rest)"),
            )
            .set_on_error("error")
            .vars(["txn.iprep.payload", "txn.iprep.error"])
            .global(&format!("tune.bufsize {buffer}"))
            .start(haproxy);
        let long = "x".repeat(buffer / 8 - 100);
        let send = |rest: usize| {
            let request = Request::get("/").header("x-long", &long);
            let reply = proxy.send(&request.header("x-rest", &"x".repeat(rest)));
            ["txn.iprep.payload", "txn.iprep.error"].map(|name| {
                reply
                    .var(name)
                    .map(|it| it.parse::<usize>().expect("a number"))
            })
        };
        let [Some(shorter), None] = send(300) else {
            panic!("there is room left")
        };
        // HAProxy keeps 32 bytes of the frame for its head, and never uses the last.
        let largest = buffer - 4 - 32 - 1;
        let room = 300 + largest - shorter;
        assert_eq!(send(room), [Some(largest), None]);
        let beyond = if haproxy.at_least(3, 1) {
            [None, Some(3)]
        } else {
            // In two frames.
            [Some(largest + 1), None]
        };
        assert_eq!(send(room + 1), beyond);
        assert_eq!(send(room), [Some(largest), None]);
    });
}

#[test]
fn a_notify_that_fills_the_frame_arrives() {
    notifys_up_to_the_limit(16_384);
}

#[test]
fn a_notify_that_fills_a_larger_frame_arrives() {
    notifys_up_to_the_limit(65_536);
}
