//! The harness itself: starting, showing and stopping programs, without an agent.

use std::time::Duration;

use spoa_tests::{
    Config, Directory, Message, Origin, Port, Reply, Request, TempDir, at_once, eventually,
    for_each_haproxy,
};

/// A configuration whose agent is nowhere; HAProxy is not to wait for it long.
fn without_agent() -> Config {
    Config::new("127.0.0.1:9")
        .message(Message::new("get-ip-reputation").args("ip=src"))
        .processing_timeout(Duration::from_millis(20))
        .agent_backend("retries 0")
}

#[test]
fn variables_that_the_frontend_reads_are_in_the_answer() {
    for_each_haproxy(|haproxy| {
        let proxy = without_agent()
            .frontend("http-request set-var(req.word) path,length")
            .read("from", "src")
            .vars(["sess.iprep.ip_score"])
            .read("twice", "var(txn.none),add(1)")
            .request_vars(["req.word", "req.other"])
            .start(haproxy);

        let reply = proxy.get("/four");

        assert_eq!((reply.status, reply.text().as_str()), (200, "ok"));
        assert_eq!(reply.header("from"), Some("127.0.0.1"));
        assert_eq!(reply.var("req.word"), Some("5"));
        assert_eq!(reply.var("req.other"), None);
        assert_eq!(reply.var("sess.iprep.ip_score"), None);
        assert_eq!(proxy.origin().requests()[0].target, "/four");
    });
}

#[test]
fn an_agent_that_is_not_there_is_an_error_of_the_engine() {
    for_each_haproxy(|haproxy| {
        let proxy = without_agent()
            .set_on_error("error")
            .vars(["txn.iprep.error"])
            .start(haproxy);
        assert!(proxy.get("/").var("txn.iprep.error").is_some());
        assert!(proxy.wait_for_log("SPOE: [iprep-agent]").contains("st="));
    });
}

#[test]
fn a_connection_and_its_port_stay_the_same_between_requests() {
    for_each_haproxy(|haproxy| {
        let origin = Origin::answering(|request| Reply::new(201, request.body.clone()));
        let proxy = without_agent()
            .origin(origin.addr())
            .read("port", "src_port")
            .start(haproxy);
        let mut client = proxy.client();
        for body in ["one", "two"] {
            let reply = client.send(&Request::post("/", body).header("x-any", "y"));
            assert_eq!((reply.status, reply.text().as_str()), (201, body));
            assert_eq!(
                reply.header("port"),
                Some(&*client.local_addr().port().to_string())
            );
        }
        assert_eq!(origin.requests()[1].value("x-any"), Some("y"));
    });
}

#[test]
fn a_hundred_requests_go_at_once() {
    for_each_haproxy(|haproxy| {
        let proxy = without_agent().read_request("path", "path").start(haproxy);
        let replies = at_once(100, |number| proxy.get(&format!("/{number}")));
        for (number, reply) in replies.iter().enumerate() {
            assert_eq!(reply.header("path"), Some(&*format!("/{number}")));
        }
    });
}

#[test]
fn the_harness_reloads_and_soft_stops_haproxy() {
    for_each_haproxy(|haproxy| {
        let mut proxy = without_agent().start(haproxy);
        let before = proxy.serving_pid();
        proxy.reload();
        assert_ne!(proxy.serving_pid(), before);
        proxy.wait_until_the_old_one_left();
        assert_eq!(proxy.get("/").status, 200);
        proxy.soft_stop();
        assert!(proxy.wait(Duration::from_secs(10)).success());
    });
}

#[test]
fn a_master_reloads_its_worker() {
    for_each_haproxy(|haproxy| {
        let mut proxy = without_agent().master_worker().start(haproxy);
        let before = proxy.serving_pid();
        for _ in 0..2 {
            proxy.reload();
        }
        assert_ne!(proxy.serving_pid(), before);
        assert_eq!(proxy.get("/").status, 200);
    });
}

#[test]
fn the_harness_reads_and_switches_the_state_of_the_agents_server() {
    for_each_haproxy(|haproxy| {
        let proxy = without_agent().spop_check().start(haproxy);
        eventually("an agent that is not there is DOWN", || {
            proxy.agent_status().starts_with("DOWN")
        });
        proxy.disable_agent();
        assert_eq!(proxy.agent_status(), "MAINT");
        proxy.enable_agent();
        assert_ne!(proxy.agent_status(), "MAINT");
    });
}

#[test]
fn every_option_of_the_builder_is_accepted() {
    for_each_haproxy(|haproxy| {
        let dir = TempDir::new();
        without_agent()
            .message(
                Message::new("extra")
                    .only_in_groups()
                    .args("path")
                    .args("m=method"),
            )
            .message(
                Message::new("local")
                    .acl("here src 127.0.0.0/8")
                    .event("on-http-response if here"),
            )
            .group("late", &["extra"])
            .var_prefix("other")
            .processing_timeout(Duration::from_millis(50))
            .no_pipelining()
            .continue_on_error()
            .set_on_error("error")
            .max_frame_size(8000)
            .register_var_names("a b")
            .global("nbthread 1")
            .defaults("option dontlognull")
            .frontend("http-request send-spoe-group iprep late")
            .frontend(&format!("bind unix@{}", dir.join("front.sock").display()))
            .agent_backend("option tcpka")
            .origin_backend("option httpclose")
            .sections("backend unused\n    server none 127.0.0.1:9")
            .spoe_agent("option set-process-time spent")
            .start(haproxy);
    });
}

#[test]
fn a_refused_configuration_is_shown_with_what_haproxy_says() {
    for_each_haproxy(|haproxy| {
        let start = || without_agent().frontend("no-such-keyword").start(haproxy);
        let panic = std::panic::catch_unwind(start).expect_err("it is refused");
        let said = panic.downcast_ref::<String>().expect("a message");
        assert!(said.contains("unknown keyword 'no-such-keyword'"), "{said}");
    });
}

#[test]
fn the_harness_runs_the_files_of_a_directory_unchanged() {
    for_each_haproxy(|haproxy| {
        let port = Port::free();
        let dir = TempDir::new();
        let front = port.addr().to_string();
        dir.write(
            "haproxy.cfg",
            &format!(
                "defaults\n    mode http\n    timeout client 20s\n    timeout connect 20s\n    \
             timeout server 20s\nfrontend f\n    bind {front}\n    http-request return status 204\n",
            ),
        );
        let path = dir.path().to_str().expect("a plain path");
        let proxy = Directory::new(path, &front).start(haproxy);
        assert_eq!(proxy.get("/").status, 204);
    });
}
