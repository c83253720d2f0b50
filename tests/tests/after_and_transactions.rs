//! Work after the answer, and values between messages: an agent that stops, starts again, is flooded, or is one of
//! two.

mod common;

use common::program;
use spoa::client::{Ack, Client};
use spoa::spop::Value;
use spoa_tests::{
    Config, Message, PATIENCE, Port, Process, TempDir, Vitals, eventually, for_each_haproxy, mib,
};
use std::collections::HashMap;
use std::io::{Read, Write};
use std::net::{SocketAddr, TcpStream};
use std::path::PathBuf;

/// An agent, its addresses, and the file with a byte for each work that is done.
struct Keeping {
    process: Process,
    address: SocketAddr,
    admin: SocketAddr,
    done: PathBuf,
    _dir: TempDir,
    _ports: [Port; 2],
}

impl Keeping {
    fn start(args: &[&str]) -> Keeping {
        let (dir, ports) = (TempDir::new(), [Port::free(), Port::free()]);
        let (address, admin) = (ports[0].addr(), ports[1].addr());
        let done = dir.join("done");
        let mut keeping = Keeping {
            process: launch(address, admin, &done, args),
            address,
            admin,
            done,
            _dir: dir,
            _ports: ports,
        };
        assert!(keeping.process.is_running());
        keeping
    }

    /// Stops the agent and starts it again on its addresses.
    fn restart(&mut self) {
        self.stop();
        self.process = launch(self.address, self.admin, &self.done, &[]);
    }

    fn stop(&mut self) {
        self.process.signal("TERM");
        assert_eq!(self.process.wait(PATIENCE).code(), Some(0));
    }

    async fn client(&self) -> Client {
        let client = Client::options().ack_timeout(PATIENCE).max_in_flight(200);
        let client = client.connect(&self.address.to_string()).await;
        client.expect("it listens")
    }

    /// Returns how much work is done.
    fn done(&self) -> usize {
        std::fs::read(&self.done).expect("the agent made it").len()
    }

    /// Returns the number at this JSON pointer in the part of `/stats.json` about the agent.
    fn stat(&self, name: &str) -> u64 {
        let mut stream = TcpStream::connect(self.admin).expect("it listens");
        let request = b"GET /stats.json HTTP/1.1\r\nhost: x\r\nconnection: close\r\n\r\n";
        stream.write_all(request).expect("it is sent");
        let mut text = String::new();
        stream.read_to_string(&mut text).expect("an answer");
        let (_, body) = text.split_once("\r\n\r\n").expect("a head");
        let json: serde_json::Value = serde_json::from_str(body).expect("JSON");
        let number = json["agents"][0]
            .pointer(name)
            .and_then(serde_json::Value::as_u64);
        number.unwrap_or_else(|| panic!("no `{name}` in {body}"))
    }
}

fn launch(
    address: SocketAddr,
    admin: SocketAddr,
    done: &std::path::Path,
    args: &[&str],
) -> Process {
    let mut command = program(env!("CARGO_BIN_EXE_agent-after-and-transactions"));
    command.args(["--listen", &address.to_string()]);
    command.args(["--admin", &admin.to_string()]);
    command.arg("--done").arg(done).args(args);
    let process = Process::start(&mut command);
    process.wait_for_line("INFO started: ");
    process
}

fn var<'a>(ack: &'a Ack, name: &str) -> Option<&'a str> {
    ack.get(name)?.as_str()
}

/// Sends messages whose work takes this long; returns how much work was taken.
async fn send_later(client: &Client, count: usize, ms: u64) -> usize {
    let mut taken = 0;
    for _ in 0..count {
        let ack = client.send("later", &[("ms", Value::Uint64(ms))]).await;
        let is_taken = ack
            .expect("an ACK")
            .get("txn.taken")
            .map(ToString::to_string);
        taken += usize::from(is_taken.as_deref() == Some("true"));
    }
    taken
}

#[tokio::test]
async fn work_that_waits_when_sigterm_comes_is_done() {
    let mut agent = Keeping::start(&[]);
    let client = agent.client().await;
    // It is not done when the last ACK is here.
    assert_eq!(send_later(&client, 300, 1000).await, 300);
    agent.stop();
    assert_eq!(agent.done(), 300);
    let lines = agent.process.output();
    assert!(
        !lines.iter().any(|line| line.contains("`After`")),
        "{lines:#?}"
    );
}

#[tokio::test]
async fn work_that_is_not_done_before_the_end_of_the_drain_is_counted() {
    let mut agent = Keeping::start(&["--drain-timeout", "300ms", "--max-after-work", "100"]);
    let client = agent.client().await;
    let endless = 3_600_000;
    assert_eq!(send_later(&client, 70, endless).await, 70);
    let done = 50;
    for _ in 0..done {
        assert_eq!(send_later(&client, 1, 0).await, 1);
        eventually("the short work is done", || {
            agent.stat("/after_work/in_flight") == 70
        });
    }
    assert_eq!(send_later(&client, 60, endless).await, 30);
    agent
        .process
        .wait_for_line("work of `After` was dropped: 100 futures are kept");
    assert_eq!(agent.stat("/after_work/dropped"), 30);
    agent.stop();
    agent.process.wait_for_line(
        "WARN work of `After`: 100 futures not done within 300ms were cancelled; see what takes so long, or \
         raise `--drain-timeout`",
    );
    assert_eq!(agent.done(), done);
}

/// Sends a request with this id and path.
async fn request(client: &Client, id: &str, path: &str) {
    let args = [("unique-id", Value::from(id)), ("path", Value::from(path))];
    let ack = client.send("request", &args).await.expect("an ACK");
    assert!(ack.get("txn.kept").is_some(), "{ack:?}");
}

/// Sends the response to the request with this id; returns the path that was kept.
async fn response(client: &Client, id: &str) -> Option<String> {
    let args = [("unique-id", Value::from(id))];
    let ack = client.send("response", &args).await.expect("an ACK");
    var(&ack, "txn.path").map(str::to_owned)
}

#[tokio::test]
async fn values_are_gone_when_the_agent_starts_again() {
    let mut agent = Keeping::start(&[]);
    let client = agent.client().await;
    request(&client, "a", "/a").await;
    request(&client, "b", "/b").await;
    assert_eq!(response(&client, "b").await.as_deref(), Some("/b"));
    drop(client);
    agent.restart();
    let client = agent.client().await;
    assert_eq!(response(&client, "a").await, None);
    request(&client, "a", "/again").await;
    assert_eq!(response(&client, "a").await.as_deref(), Some("/again"));
}

/// Requests that get no response, with values of 16 KiB: fifty times as many bytes as are allowed.
#[tokio::test]
async fn a_flood_of_values_stays_within_the_limit() {
    let limit = 4 << 20;
    let agent = Keeping::start(&["--max-transaction-bytes", "4m"]);
    let path = format!("/{}", "x".repeat(12 << 10));
    let before = Vitals::of(agent.process.id()).memory;
    let mut flood = tokio::task::JoinSet::new();
    let (clients, each) = (4_u64, 4000_u64);
    for number in 0..clients {
        let (client, path) = (agent.client().await, path.clone());
        flood.spawn(async move {
            let mut taken = 0;
            for id in 0..each {
                request(&client, &format!("{number}-{id}"), &path).await;
                // One in a hundred gets its response at once, and its value, unless values of the other clients
                // have taken its place meanwhile.
                if id % 100 == 0 {
                    let kept = response(&client, &format!("{number}-{id}")).await;
                    assert!(kept.as_ref().is_none_or(|kept| *kept == path), "{kept:?}");
                    taken += u64::from(kept.is_some());
                }
            }
            taken
        });
    }
    let taken: u64 = flood.join_all().await.into_iter().sum();
    assert!(taken > clients * each / 200, "{taken} were taken");
    let after = Vitals::of(agent.process.id()).memory;
    let (kept, evicted) = (
        agent.stat("/transactions/kept"),
        agent.stat("/transactions/evicted"),
    );
    assert_eq!(kept + evicted, clients * each - taken);
    let bytes = agent.stat("/transactions/bytes");
    assert!(bytes <= limit && kept > 100, "{bytes} bytes, {kept} values");
    println!(
        "{kept} values kept, RSS {} before, {} after",
        mib(before),
        mib(after)
    );
    // The values, the buffers of the connections, and what the allocator keeps.
    assert!(after < before + 6 * limit, "{} {}", mib(before), mib(after));
}

/// HAProxy sends the two messages of a request to two agents at times: then there is no value, and never another's.
#[test]
fn of_two_agents_each_has_the_values_of_its_own_messages() {
    for_each_haproxy(|haproxy| {
        // On a busy machine the requests take a minute.
        let start = || Keeping::start(&["--transaction-timeout", "30m"]);
        let agents = [start(), start()];
        let proxy = Config::new(agents[0].address)
            .message(Message::new("request").args("unique-id=unique-id path=path"))
            .message(
                Message::new("response")
                    .args("unique-id=unique-id")
                    .event("on-http-response"),
            )
            .frontend("unique-id-format %[uuid]")
            .agent_backend(&format!("server second {}", agents[1].address))
            .vars(["txn.iprep.path", "txn.iprep.kept"])
            .start(haproxy);
        let mut outcomes = HashMap::<bool, u64>::new();
        let requests = 60;
        for number in 0..requests {
            let path = format!("/{number}");
            let reply = proxy.get(&path);
            assert_eq!(reply.status, 200);
            assert_eq!(reply.var("txn.iprep.kept"), Some("1"), "{path}");
            let kept = reply.var("txn.iprep.path").filter(|kept| !kept.is_empty());
            assert!(kept.is_none_or(|kept| kept == path), "{kept:?} of {path}");
            *outcomes.entry(kept.is_some()).or_default() += 1;
        }
        println!("{haproxy}: whether the value was there: {outcomes:?}");
        let missing = outcomes.get(&false).copied().unwrap_or_default();
        let left: u64 = agents.iter().map(|it| it.stat("/transactions/kept")).sum();
        assert_eq!(left, missing);
    });
}
