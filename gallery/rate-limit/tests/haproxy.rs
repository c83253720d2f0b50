//! Runs the agent with real HAProxies, and a real Redis that is killed, stopped and started again.

use spoa::testing::{HaProxy, InstalledHaProxy, Reply, Service, eventually, free_port, http_get};
use std::io::{Read, Write};
use std::net::{TcpListener, TcpStream};
use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::{Duration, Instant};

/// Starts a Redis without a disk.
fn start_redis(port: u16) -> Service {
    let mut command = Command::new("redis-server");
    command.args(["--bind", "127.0.0.1", "--save", ""]);
    Service::start(command.args(["--port", &port.to_string()]), port)
}

/// Sends one command to a Redis.
fn say(port: u16, command: &str) {
    let mut stream = TcpStream::connect(("127.0.0.1", port)).unwrap();
    stream
        .write_all(format!("{command}\r\n").as_bytes())
        .unwrap();
    let answer = stream.read(&mut [0; 64]).unwrap();
    assert!(answer > 0);
}

/// A file of limits in a folder of its own.
struct Limits(PathBuf);

impl Limits {
    fn new(name: &str, text: &str) -> Self {
        let folder = Path::new(env!("CARGO_TARGET_TMPDIR")).join(name);
        std::fs::create_dir_all(&folder).unwrap();
        let limits = Limits(folder.join("limits.txt"));
        limits.write(text);
        limits
    }

    fn write(&self, text: &str) {
        std::fs::write(self.0.with_extension("new"), text).unwrap();
        std::fs::rename(self.0.with_extension("new"), &self.0).unwrap();
    }
}

fn agent(limits: &Limits, port: u16, options: &[&str]) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_rate-limit"));
    command.arg("--limits").arg(&limits.0);
    command.args(["--redis", &format!("redis://127.0.0.1:{port}")]);
    command.env("SPOA_REDIS_RETRY", "200ms");
    // The longest that the option takes, since a machine that runs tests is busy.
    command.env("SPOA_REDIS_TIMEOUT", "500ms").args(options);
    command
}

fn start(haproxy: &InstalledHaProxy, agent: Command) -> HaProxy {
    HaProxy::program(agent)
        .rules(include_str!("../site.cfg"))
        .on(haproxy)
        .start()
}

/// Starts HAProxy, and waits until Redis counts. The first request connects and loads the script: on a busy machine its
/// answer may be late, and then the agent counts by itself.
fn start_with_redis(haproxy: &InstalledHaProxy, mut agent: Command) -> HaProxy {
    let admin = format!("127.0.0.1:{}", free_port());
    agent.args(["--admin", &admin]);
    let haproxy = start(haproxy, agent);
    eventually("Redis counts", || {
        get(&haproxy, "warm-up");
        let metrics = http_get(&admin, "/metrics").text();
        metrics.contains("store=\"redis\"")
    });
    haproxy
}

/// Waits until Redis counts, and returns the user of the request that it counted. Each attempt has a user of its own,
/// since Redis may count a request whose answer is late. With `--agents 2`, the agent itself would leave fewer.
fn counted(haproxy: &HaProxy, name: &str, left: &str) -> String {
    let mut attempts = 0;
    eventually("a user has the count of Redis", || {
        attempts += 1;
        let user = format!("{name}{attempts}");
        let reply = get(haproxy, &user);
        assert_eq!(reply.status, 200, "{user}");
        (reply.header("ratelimit-remaining") == Some(left)).then_some(user)
    })
}

fn get(haproxy: &HaProxy, user: &str) -> Reply {
    haproxy.get("/").header("x-user", user).send()
}

fn statuses(haproxy: &HaProxy, user: &str, count: usize) -> Vec<u16> {
    (0..count).map(|_| get(haproxy, user).status).collect()
}

#[test]
fn users_addresses_and_keys_have_their_limits() {
    let port = free_port();
    let _redis = start_redis(port);
    let limits = Limits::new(
        "kinds",
        "address 4/1h\nuser 2/1h\nkey 1/1h\nuser batch 3/1h\n",
    );
    for installed in HaProxy::oldest_middle_newest() {
        say(port, "FLUSHALL");
        let haproxy = start_with_redis(&installed, agent(&limits, port, &[]));
        let from = |address: [u8; 4]| haproxy.get("/").from(address);
        let reply = from([192, 0, 2, 1]).send();
        assert_eq!(
            (reply.status, reply.header("ratelimit-remaining")),
            (200, Some("3")),
            "{installed}"
        );
        // The user is out of requests before the address is.
        let user = |name| from([192, 0, 2, 1]).header("x-user", name).send();
        assert_eq!(
            [(); 3].map(|()| user("alice").status),
            [200, 200, 429],
            "{installed}"
        );
        // A denied request does not count for the address.
        assert_eq!(
            [(); 2].map(|()| user("bob").status),
            [200, 429],
            "{installed}"
        );
        let denied = from([192, 0, 2, 1]).send();
        assert_eq!(
            denied.var("txn.reason"),
            Some("too many requests"),
            "{installed}"
        );
        // 900 seconds after the first request, some of which may be over.
        let wait = denied.header("retry-after").map(str::parse::<u64>);
        assert!(matches!(wait, Some(Ok(840..=900))), "{installed}: {wait:?}");
        assert_eq!(
            denied.header("ratelimit-remaining"),
            Some("0"),
            "{installed}"
        );
        let user = |name| from([192, 0, 2, 2]).header("x-user", name).send();
        assert_eq!(
            [(); 4].map(|()| user("batch").status),
            [200, 200, 200, 429],
            "{installed}"
        );
        let key = |name| from([192, 0, 2, 3]).header("x-api-key", name).send().status;
        assert_eq!(
            [key("a"), key("a"), key("b"), key("\u{e9}")],
            [200, 429, 200, 200],
            "{installed}"
        );
    }
}

#[test]
fn three_agents_under_load_share_one_limit() {
    let port = free_port();
    let _redis = start_redis(port);
    let limits = Limits::new("fleet", "address 100/1h\n");
    let options = ["--agents", "0"];
    let fleet = [(); 3].map(|()| {
        HaProxy::program(agent(&limits, port, &options))
            .rules(include_str!("../site.cfg"))
            .fail_closed()
            .start()
    });
    let statuses = std::thread::scope(|scope| {
        let clients = fleet.iter().chain(&fleet);
        let clients: Vec<_> = clients
            .map(|haproxy| scope.spawn(|| statuses(haproxy, "", 50)))
            .collect();
        let statuses = clients.into_iter().map(|client| client.join().unwrap());
        statuses.collect::<Vec<_>>().concat()
    });
    let count = |status: u16| statuses.iter().filter(|it| **it == status).count();
    let (allowed, unanswered) = (count(200), count(503));
    // An answer that is late on a busy machine was counted all the same.
    assert!(
        allowed <= 100 && allowed + unanswered >= 100,
        "{allowed} were allowed, {unanswered} had no answer"
    );
}

#[test]
fn without_redis_each_agent_counts_its_share_until_it_is_back() {
    let port = free_port();
    let limits = Limits::new("away", "user 4/1h\n");
    for installed in HaProxy::oldest_middle_newest() {
        let begin = Instant::now();
        // Down at start.
        let haproxy = start(&installed, agent(&limits, port, &["--agents", "2"]));
        assert_eq!(statuses(&haproxy, "a", 3), [200, 200, 429], "{installed}");
        // Redis comes, and counts for all agents.
        let redis = start_redis(port);
        let user = counted(&haproxy, "b", "3");
        assert_eq!(
            statuses(&haproxy, &user, 4),
            [200, 200, 200, 429],
            "{installed}"
        );
        // Killed in the middle: no request fails.
        drop(redis);
        assert_eq!(statuses(&haproxy, "c", 3), [200, 200, 429], "{installed}");
        // Back again, without its data.
        let redis = start_redis(port);
        counted(&haproxy, "d", "3");
        // One line for each outage, or for both if they follow within a second. A late answer is one more outage, but
        // there is one line a second at most.
        eventually("the log says that each outage is over", || {
            let log = haproxy.agent_log().join("\n");
            let lines = |text: &str| log.matches(text).count();
            let away = lines("Redis is unavailable, handlers run without it");
            let most = 2 + begin.elapsed().as_secs() as usize;
            (1..=most).contains(&away) && lines("Redis answers again") == away
        });
        drop(redis);
    }
}

#[test]
fn a_redis_that_hangs_costs_one_timeout_and_not_one_for_each_request() {
    let port = free_port();
    let redis = start_redis(port);
    let limits = Limits::new("slow", "user 10000/1h\n");
    let options = ["--redis-retry", "10s", "--agents", "2"];
    let haproxy = start(&HaProxy::newest(), agent(&limits, port, &options));
    counted(&haproxy, "a", "9999");
    redis.pause();
    let start = Instant::now();
    assert_eq!(statuses(&haproxy, "a", 60), [200; 60]);
    let elapsed = start.elapsed();
    // Half of what they take with one timeout for each.
    assert!(
        elapsed < Duration::from_secs(15),
        "60 requests took {elapsed:?}"
    );
    redis.resume();
    counted(&haproxy, "b", "9999");
    haproxy.wait_for_agent_log("Redis answers again");
}

#[test]
fn without_redis_and_local_counts_haproxy_decides() {
    let limits = Limits::new("policy", "user 1/1h\n");
    let port = free_port();
    let admin = format!("127.0.0.1:{}", free_port());
    let site = || {
        let agent = agent(&limits, port, &["--agents", "0", "--admin", &admin]);
        HaProxy::program(agent).rules(include_str!("../site.cfg"))
    };
    for installed in HaProxy::oldest_middle_newest() {
        let open = site().on(&installed).start();
        assert_eq!(statuses(&open, "a", 3), [200; 3], "{installed}");
        let text = http_get(&admin, "/metrics").text();
        assert!(text.contains("outcome=\"error\"} 3"), "{text}");
        drop(open);
        let closed = site().fail_closed().on(&installed).start();
        assert_eq!(statuses(&closed, "a", 3), [503; 3], "{installed}");
        // Without a user, nothing is limited.
        assert_eq!(closed.get("/").send().status, 200, "{installed}");
    }
}

#[test]
fn wrong_answers_count_as_no_answer() {
    let limits = Limits::new("wrong", "user 2/1h\n");
    // A value of another type under the key of a user.
    let port = free_port();
    let _redis = start_redis(port);
    say(port, "LPUSH rate-limit:user:a:2/3600s 1");
    let haproxy = start(&HaProxy::newest(), agent(&limits, port, &[]));
    assert_eq!(statuses(&haproxy, "a", 3), [200, 200, 429]);
    eventually("`b` has its count", || {
        get(&haproxy, "b").header("ratelimit-remaining") == Some("0")
    });
    // A server that is not a Redis.
    let other = TcpListener::bind("127.0.0.1:0").unwrap();
    let port = other.local_addr().unwrap().port();
    std::thread::spawn(move || {
        for mut stream in other.incoming().flatten() {
            stream.write_all(b"HTTP/1.1 400 Bad Request\r\n\r\n").ok();
        }
    });
    let haproxy = start(&HaProxy::newest(), agent(&limits, port, &[]));
    assert_eq!(statuses(&haproxy, "a", 3), [200, 200, 429]);
}

#[test]
fn limits_change_while_the_agent_serves() {
    let port = free_port();
    let _redis = start_redis(port);
    let limits = Limits::new("watch", "user 1/1h\n");
    let haproxy = start_with_redis(&HaProxy::newest(), agent(&limits, port, &[]));
    assert_eq!(statuses(&haproxy, "a", 2), [200, 429]);
    limits.write("user 1/1h\nuser b 1000/1h\n");
    eventually("`b` has its count", || {
        get(&haproxy, "b").header("ratelimit-remaining") > Some("9")
    });
    // A mistake keeps the limits that were there.
    limits.write("user many\n");
    haproxy.wait_for_agent_log("limits.txt: line 1: expected `address 100/10s`");
    assert_eq!(get(&haproxy, "b").status, 200);
}

#[test]
fn metrics_say_which_store_decided() {
    let limits = Limits::new("metrics", "user 1/1h\n");
    let admin = format!("127.0.0.1:{}", free_port());
    let agent = agent(&limits, free_port(), &["--admin", &admin]);
    let haproxy = start(&HaProxy::newest(), agent);
    assert_eq!(statuses(&haproxy, "a", 3), [200, 429, 429]);
    let text = http_get(&admin, "/metrics").text();
    let line = "rate_limit_requests_total{outcome=\"deny\",store=\"local\"} 2";
    assert!(text.contains(line), "{text}");
}

#[test]
fn the_configuration_is_what_config_writes() {
    let mut config = Command::new(env!("CARGO_BIN_EXE_rate-limit"));
    config.args(["config", "--haproxy", "2.6", "--rules", "site.cfg"]);
    let diff = config.args(["--output", ".", "--diff"]).output().unwrap();
    assert_eq!(
        String::from_utf8(diff.stdout).unwrap(),
        "nothing would change\n"
    );
}
