//! Expressions: their types, events and series, and the texts about mistakes.

use spoa_facts::{Event, Expression, Kind, Problem, Proxy, Sample, Series};

#[track_caller]
fn sample(text: &str) -> Sample {
    let expression = Expression::parse(text).unwrap_or_else(|problem| panic!("{text}: {problem}"));
    let sample = expression.check(Series::V3_0);
    sample.unwrap_or_else(|problem| panic!("{text}: {problem}"))
}

#[track_caller]
fn problem(text: &str) -> Problem {
    match Expression::parse(text).and_then(|expression| expression.check(Series::V3_0)) {
        Ok(sample) => panic!("{text}: {sample:?}"),
        Err(problem) => problem,
    }
}

/// The words, and the part of the expression they are about.
#[track_caller]
fn said(text: &str) -> (String, &str) {
    let problem = problem(text);
    (problem.to_string(), &text[problem.range()])
}

#[test]
fn an_expression_gives_what_its_last_converter_gives() {
    for (text, kind) in [
        ("src", Kind::Addr),
        ("src_port", Kind::Sint),
        ("req.hdr(host)", Kind::Str),
        ("req.hdr(host),lower", Kind::Str),
        ("req.hdr(host,-1),length", Kind::Sint),
        ("src,ipmask(24)", Kind::Addr),
        ("src,ipmask(24,64)", Kind::Addr),
        ("src,ipmask(255.255.255.0)", Kind::Addr),
        ("path,lower,sha1,hex", Kind::Str),
        ("src_port,add(1),mod(txn.x)", Kind::Sint),
        ("always_true,not", Kind::Bool),
        ("str(a),debug", Kind::Str),
        ("var(txn.x)", Kind::Any),
        ("var(txn.x),lower", Kind::Str),
        ("method", Kind::Meth),
        ("req.body", Kind::Bin),
        ("str(\"a, b) c\"),upper", Kind::Str),
        ("str(a\\ b),upper", Kind::Str),
        ("path,,lower,", Kind::Str),
        ("src()", Kind::Addr),
        ("be_conn", Kind::Sint),
        ("req.hdr()", Kind::Str),
        ("base32+src", Kind::Bin),
    ] {
        assert_eq!(sample(text).kind(), kind, "{text}");
    }
}

#[test]
fn a_sample_is_available_at_some_events() {
    let src = sample("src");
    assert!(Event::ALL.into_iter().all(|event| src.at(event)));
    let path = sample("path");
    assert!(!path.at(Event::ClientSession));
    assert!(path.at(Event::FrontendTcpRequest) && path.at(Event::BackendHttpRequest));
    let problem = path.check_event(Event::ClientSession).unwrap_err();
    assert_eq!(problem.range(), 0..4);
    let words = problem.to_string();
    assert!(words.starts_with("`path` is not available at `on-client-session`: send the message at `on-frontend-tcp-request`"), "{words}");
    // The frontend does not know the backend yet, and HAProxy looks no further where the filter
    // is in one.
    let backend = sample("be_name");
    assert!(backend.at_in(Event::BackendHttpRequest, Proxy::Backend));
    assert!(!backend.at_in(Event::BackendHttpRequest, Proxy::Frontend));
    assert!(backend.at(Event::BackendHttpRequest) && backend.at(Event::HttpResponse));
    assert!(!sample("status").at(Event::FrontendHttpRequest));
    assert!(!sample("path").at_in(Event::FrontendHttpRequest, Proxy::Backend));
}

#[test]
fn an_unknown_name_suggests_the_nearest_one() {
    for (text, words, part) in [
        (
            "scr",
            "HAProxy has no sample fetch `scr`: did you mean `src`?",
            "scr",
        ),
        (
            "lua.score",
            "HAProxy has no sample fetch `lua.score`",
            "lua.score",
        ),
        (
            "lower",
            "HAProxy has no sample fetch `lower`: this is a converter, write the fetch before it, \
             as in `path,lower`",
            "lower",
        ),
        (
            "path,lowr",
            "HAProxy has no converter `lowr`: did you mean `lower`?",
            "lowr",
        ),
        (
            "path,src",
            "HAProxy has no converter `src`: this is a sample fetch, which begins an \
             expression",
            "src",
        ),
    ] {
        assert_eq!(said(text), (words.to_owned(), part), "{text}");
    }
}

#[test]
fn a_converter_takes_what_comes_before_it() {
    let (words, part) = said("always_true,ipmask(24)");
    assert_eq!(part, "ipmask");
    assert_eq!(
        words,
        "`ipmask` takes an address, and the expression before it gives a boolean: remove it, or \
         convert that first"
    );
    assert_eq!(said("req.body,add(1)").1, "add");
}

#[test]
fn arguments_are_counted_and_read() {
    for (text, words, part) in [
        (
            "req.hdr(a,1,2)",
            "`req.hdr([string,integer])` takes 2 arguments at most: remove the others",
            "2",
        ),
        (
            "src(x)",
            "`src` takes no arguments: remove the parentheses",
            "x",
        ),
        (
            "req.hdr(a,x)",
            "`x` is not an `integer`: write for instance `10`",
            "x",
        ),
        (
            "ipv4(1.2.3)",
            "`1.2.3` is not an `IPv4 address`: write for instance `192.0.2.7`",
            "1.2.3",
        ),
        (
            "path,word",
            "an `integer` is missing: write `word(integer,string[,integer])`",
            "word",
        ),
        (
            "path,word(1)",
            "a `string` is missing: write `word(integer,string[,integer])`",
            "word(1)",
        ),
        (
            "src,ipmask(33)",
            "`33` is not an `IPv4 mask`: write for instance `24`",
            "33",
        ),
        (
            "path,ipmask(x)",
            "`x` is not an `IPv4 mask`: write for instance `24`",
            "x",
        ),
    ] {
        assert_eq!(said(text), (words.to_owned(), part), "{text}");
    }
}

#[test]
fn expressions_have_the_syntax_of_haproxy() {
    for (text, words, part) in [
        ("", "a sample fetch is missing here", ""),
        (
            ",lower",
            "no sample fetch or converter begins with `,`",
            ",",
        ),
        ("path lower", "a comma is missing after `path`", " "),
        ("req.hdr(a)lower", "a comma is missing after `req.hdr`", "l"),
        ("req.hdr(a", "this parenthesis is not closed", "("),
        ("str(\"a)", "this quote is not closed", "\""),
        (
            "path,(",
            "no sample fetch or converter begins with `(`",
            "(",
        ),
    ] {
        let (found, at) = said(text);
        assert!(found.starts_with(words), "{found}");
        assert_eq!(at, part, "{text}");
    }
}

#[test]
fn the_quotes_of_a_configuration_line_are_removed_first() {
    let word = |text| Expression::parse_word(text).unwrap();
    let argument = |expression: &Expression| {
        let arguments = expression.fetch().arguments.clone().unwrap();
        arguments.into_iter().next().unwrap().text
    };
    assert_eq!(argument(&word("str(a\\ b)")), "a b");
    assert_eq!(argument(&word("str(a b#)")), "a b#");
    assert_eq!(argument(&word("\"str(a b)\"")), "a b");
    assert_eq!(argument(&word("'str(\"a) b\")'")), "a) b");
    // The line takes the quotes away, so that the comma divides.
    assert_eq!(argument(&word("str(\"a,b\")")), "a");
    for (text, words, at) in [
        (
            "\"str($A)\"",
            "the value of an environment variable is not known here",
            5,
        ),
        ("'src", "this quote is not closed", 0),
    ] {
        let problem = Expression::parse_word(text).unwrap_err();
        assert!(problem.to_string().starts_with(words), "{problem}");
        assert_eq!(problem.range().start, at, "{text}");
    }
    let expression = word("'path,lowr'");
    let problem = expression.check_any().unwrap_err();
    assert_eq!(problem.range(), 6..10);
}

#[test]
fn an_expression_is_valid_in_the_series_that_list_it() {
    let old = Expression::parse("path,map_regm(f)").unwrap();
    assert!(old.check(Series::V2_6).is_ok());
    let new = Expression::parse("bc.timer.connect").unwrap();
    let series: Vec<_> = new.series().collect();
    assert_eq!(
        series,
        [Series::V3_0, Series::V3_2, Series::V3_4, Series::V3_5]
    );
    let problem = new.check(Series::V2_6).unwrap_err();
    assert_eq!(
        problem.to_string(),
        "HAProxy 2.6 does not have `bc.timer.connect`, which is in 3.0, 3.2, 3.4, 3.5"
    );
    assert!(new.check_any().is_ok());
}

#[test]
fn the_problem_of_an_invalid_sample_is_that_of_the_newest_series_with_its_names() {
    // In 3.4 only; elsewhere it is absent, and here its argument is wrong.
    let expression = Expression::parse("src,no_such").unwrap();
    let problem = expression.check_any().unwrap_err();
    assert!(problem.to_string().starts_with("HAProxy has no converter"));
    let expression = Expression::parse("bc.timer.connect(1)").unwrap();
    let problem = expression.check_any().unwrap_err();
    assert!(
        problem.to_string().contains("takes no arguments"),
        "{problem}"
    );
}

#[test]
fn a_header_may_be_missing_and_an_address_is_not() {
    assert!(sample("req.hdr(host)").may_be_missing());
    assert!(sample("src,map_ip(f)").may_be_missing());
    assert!(!sample("src").may_be_missing());
}
