//! A scrape of the metrics of 200 messages, over HTTP and the loopback, with the client in the same thread: how long it
//! takes, and how much it allocates.

use divan::{AllocProfiler, Bencher};
use spoa::admin::Admin;
use spoa::agent::{Agent, Monitor};
use spoa::prelude::*;
use spoa_benches::handlers;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;

#[global_allocator]
static ALLOC: AllocProfiler = AllocProfiler::system();

/// The agents of the process, and the messages of each.
const SIZE: (usize, usize) = (40, 5);

fn main() {
    divan::main();
}

fn monitors() -> Vec<Monitor> {
    let agent = |number| {
        let handlers = handlers![
            handlers::ip_reputation,
            handlers::check_request,
            handlers::ten_arguments,
            handlers::inspect,
            handlers::async_ready,
        ];
        let builder = Agent::builder().name(format!("agent-{number}"));
        builder.handlers(handlers).build().expect("an agent")
    };
    let agents: Vec<_> = (0..SIZE.0).map(agent).collect();
    let messages: usize = agents.iter().map(|it| it.stats().messages.len()).sum();
    assert_eq!(messages, SIZE.0 * SIZE.1);
    agents.iter().map(Agent::monitor).collect()
}

#[divan::bench(args = ["/metrics", "/stats.json", "/"])]
fn messages_200(bencher: Bencher<'_, '_>, path: &str) {
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()
        .expect("a runtime");
    let (mut stream, mut answer) = runtime.block_on(async {
        let admin = Admin::bind("127.0.0.1:0").expect("a free port");
        let address = admin.address().to_owned();
        tokio::spawn(admin.serve(monitors()));
        let stream = TcpStream::connect(address).await.expect("it listens");
        (stream, vec![0; 16 << 20])
    });
    let request = format!(
        "GET {path} HTTP/1.1\r\nhost: x\r\naccept: application/openmetrics-text; version=1.0.0\r\n\r\n"
    );
    bencher.bench_local(|| {
        runtime.block_on(async {
            stream
                .write_all(request.as_bytes())
                .await
                .expect("it reads");
            read(&mut stream, &mut answer).await
        })
    });
}

/// Reads an answer; returns how many bytes it has.
async fn read(stream: &mut TcpStream, answer: &mut [u8]) -> usize {
    let (mut read, mut whole) = (0, usize::MAX);
    while read < whole {
        read += stream.read(&mut answer[read..]).await.expect("it writes");
        if whole == usize::MAX {
            let text = &answer[..read];
            if let Some(end) = text.windows(4).position(|it| it == b"\r\n\r\n") {
                let head = String::from_utf8_lossy(&text[..end]).to_lowercase();
                assert!(head.starts_with("http/1.1 200"), "{head}");
                let length = head.split("content-length: ").nth(1).expect("a length");
                let length = length.lines().next().and_then(|it| it.trim().parse().ok());
                whole = end + 4 + length.unwrap_or(0_usize);
            }
        }
    }
    read
}
