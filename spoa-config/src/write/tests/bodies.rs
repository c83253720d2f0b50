//! Bodies: what waits for them, and where they are cut.

use super::*;

#[test]
fn a_body_of_a_response_is_waited_for() {
    let mut late = message("late", vec![argument("b", Some("res.body"))], &["res.bad"]);
    late.condition = Some("if { status 200 }".to_owned());
    let mut own = message("own", vec![argument("b", Some("res.body,lower"))], &[]);
    own.group = Some("late".to_owned());
    let told = written(&agent(vec![late, own]), &closed());
    let rules: Vec<_> = told.frontend.lines().map(str::trim).collect();
    let rules: Vec<_> = rules
        .iter()
        .filter(|it| it.starts_with("http-response"))
        .collect();
    assert_eq!(
        rules,
        [
            &"http-response wait-for-body time 1h if { res.fhdr(content-length) -m found } \
             { nbsrv(waf-agents) gt 0 } { status 200 }",
            &"http-response send-spoe-group waf late-body if { nbsrv(waf-agents) gt 0 } { status 200 }",
            &"http-response wait-for-body time 1h if { res.fhdr(content-length) -m found } \
             { nbsrv(waf-agents) gt 0 }",
            &"http-response send-spoe-group waf late if { nbsrv(waf-agents) gt 0 }",
            &"http-response deny deny_status 503 if !{ var(res.waf.bad) -m found } { status 200 }",
            &"http-response deny deny_status 503 if !{ var(txn.waf.answered_own) -m found }",
        ]
    );
    has(&told.spoe, &["groups late-body late"]);
    assert!(!told.spoe.contains("    event "), "{}", told.spoe);
}

#[test]
fn a_message_that_a_client_can_make_too_large_for_a_frame_is_reported() {
    let twice = |event: Option<&str>| {
        let mut twice = message(
            "check",
            vec![
                argument("all", Some("req.hdrs_bin")),
                argument("own", Some("req.fhdr(authorization)")),
            ],
            &["txn.x"],
        );
        twice.condition = event.map(str::to_owned);
        twice
    };
    let warnings = |messages: Vec<Message>| -> Vec<String> {
        let warnings = plain(&agent(messages)).warnings;
        warnings.iter().map(Warning::to_string).collect()
    };
    let said = warnings(vec![twice(None)]);
    assert_eq!(said.len(), 1, "{said:?}");
    assert!(
        said[0].starts_with(
            "src/main.rs:7: a client can make message `check` too large for a frame: "
        ),
        "{said:?}"
    );
    let one = message("one", vec![argument("b", Some("url"))], &[]);
    let mut other = message("other", vec![argument("c", Some("url"))], &[]);
    let said = warnings(vec![one.clone(), other.clone()]);
    assert!(
        said[0].contains("messages `one` and `other`, which travel together,"),
        "{said:?}"
    );
    // Whether these travel together nobody knows.
    other.condition = Some("if { path / }".to_owned());
    assert_eq!(warnings(vec![one, other]), [""; 0]);
}

/// Returns the rules of the frontend that wait for bodies or send groups.
fn sends(written: &WrittenConfiguration) -> Vec<&str> {
    let rules = written.frontend.lines().map(str::trim);
    let sends = ["wait-for-body", "send-spoe-group"];
    rules
        .filter(|it| !it.starts_with('#') && sends.iter().any(|word| it.contains(word)))
        .collect()
}

/// Returns the lines with arguments.
fn args(written: &WrittenConfiguration) -> Vec<&str> {
    let lines = written.spoe.lines().map(str::trim);
    lines.filter(|it| it.starts_with("args ")).collect()
}

#[test]
fn a_body_of_a_request_is_waited_for_and_cut() {
    let mut scan = message("scan", vec![argument("b", Some("req.body"))], &["txn.x"]);
    scan.condition = Some("if { path_beg /up }".to_owned());
    let mut form = message("form", vec![argument("b", Some("req.body_param(a)"))], &[]);
    form.event = Some("on-frontend-http-request".to_owned());
    let plain_one = message("plain", vec![argument("a", Some("path"))], &[]);
    let told = written(
        &agent(vec![scan, form, plain_one]),
        &Options::new(Series::V2_6),
    );
    assert_eq!(
        sends(&told),
        [
            "http-request wait-for-body time 10s if { nbsrv(waf-agents) gt 0 } { path_beg /up }",
            "http-request send-spoe-group waf scan if { nbsrv(waf-agents) gt 0 } { path_beg /up }",
            "http-request wait-for-body time 10s if { nbsrv(waf-agents) gt 0 }",
            "http-request send-spoe-group waf form if { nbsrv(waf-agents) gt 0 }",
        ]
    );
    assert!(!told.frontend.contains("option http-buffer-request"));
    assert_eq!(
        args(&told),
        [
            "args a=path",
            "args b=req.body,bytes(0,16335)",
            "args b=req.body_param(a)"
        ]
    );
    assert_eq!(told.warnings, []);
}

#[test]
fn a_body_for_a_backend_or_for_rules_of_the_site_is_waited_for_in_the_frontend() {
    let mut late = message("late", vec![argument("b", Some("req.body"))], &[]);
    late.event = Some("on-backend-http-request".to_owned());
    let mut own = message("own", vec![argument("b", Some("req.body_len"))], &[]);
    own.group = Some("own".to_owned());
    let agent = agent(vec![late, own]);
    let mut options = Options::new(Series::V3_2);
    let send = "http-request send-spoe-group waf own";
    options.rules = Some(send.to_owned());
    let wait = "http-request wait-for-body time 10s if { nbsrv(waf-agents) gt 0 }";
    assert_eq!(sends(&written(&agent, &options)), [wait, send]);
    for rule in [
        "option http-buffer-request",
        "http-request wait-for-body time 5s",
    ] {
        options.rules = Some(format!("{rule}\n{send}"));
        let told = written(&agent, &options);
        assert!(!sends(&told).contains(&wait), "{}", told.frontend);
    }
}

#[test]
fn an_option_of_the_site_keeps_bodies_at_their_event() {
    let scan = message("scan", vec![argument("b", Some("req.body"))], &[]);
    let mut options = Options::new(Series::V3_2);
    options.rules = Some("option http-buffer-request".to_owned());
    let told = written(&agent(vec![scan]), &options);
    assert_eq!(sends(&told), [""; 0]);
    has(
        &told.spoe,
        &["event on-frontend-http-request if { nbsrv(waf-agents) gt 0 }"],
    );
}

#[test]
fn a_body_is_cut_to_the_rest_of_its_frame() {
    let length = |samples: &[&str], max_frame_size: u32, options: &Options| {
        let arguments = samples.iter().map(|it| argument("a", Some(it))).collect();
        let mut agent = agent(vec![message("m", arguments, &[])]);
        agent.max_frame_size = max_frame_size;
        let told = written(&agent, options);
        let args = args(&told).concat();
        let (_, rest) = args.split_once("bytes(0,").expect("a body that is cut");
        let length = rest.split(')').next().expect("an end");
        assert_eq!(told.warnings, [], "{samples:?}");
        length.parse::<u32>().expect("a number")
    };
    let usual = Options::new(Series::V3_2);
    let large = Options {
        buffers: Buffers::of_size(65_536),
        ..Options::new(Series::V3_2)
    };
    assert_eq!(length(&["req.body"], 1 << 20, &usual), 16_338);
    assert_eq!(length(&["req.body"], 1 << 20, &large), 65_490);
    assert_eq!(length(&["req.body"], 4_096, &usual), 4_054);
    // One copy of the request fits whatever the client makes large.
    let all = ["req.hdrs_bin", "url", "req.body"];
    assert!(length(&all, 1 << 20, &usual) > 16_000);
    // A growing body, and two copies.
    let hex = length(&["req.body,hex"], 1 << 20, &usual);
    assert!((16_000..=16_338).contains(&hex), "{hex}");
    let two = length(&["req.body", "req.body"], 1 << 20, &usual);
    assert!((8_100..8_170).contains(&two), "{two}");
    // A site that cuts the body itself is not corrected.
    assert_eq!(length(&["req.body,bytes(0,100)"], 1 << 20, &usual), 100);
    has(
        &written(&agent(vec![message("m", Vec::new(), &[])]), &large).haproxy,
        &["tune.bufsize 65536"],
    );
}

#[test]
fn headers_and_a_body_with_its_length_fit() {
    let arguments = [
        ("headers", "req.hdrs_bin"),
        ("body", "req.body"),
        ("body_size", "req.body_size"),
        ("content_length", "req.fhdr(content-length)"),
    ];
    let arguments = arguments.map(|(name, sample)| argument(name, Some(sample)));
    let told = plain(&agent(vec![message("m", arguments.to_vec(), &[])]));
    assert_eq!(told.warnings, []);
}
