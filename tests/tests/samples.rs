//! Compares the judgement of `spoa-facts` on expressions with HAProxy's on configurations with them.

use std::collections::BTreeMap;
use std::fmt::Write;
use std::process::Command;

use spoa_facts::{Event, Expression, Keyword, Proxy, Series, converters, fetches};
use spoa_tests::{Haproxy, TempDir, for_each_haproxy};

/// HAProxy reads no further after 50 errors.
const AT_ONCE: usize = 40;

const PROXIES: [(Proxy, &str); 3] = [
    (Proxy::Frontend, "frontend"),
    (Proxy::Backend, "backend"),
    (Proxy::Listen, "listen"),
];

fn series(haproxy: &Haproxy) -> Series {
    let (major, minor) = haproxy.series();
    format!("{major}.{minor}").parse().expect("a series")
}

/// One message, alone in its file, at one event of a section of some kind.
struct Case {
    section: &'static str,
    event: Event,
    expressions: Vec<String>,
}

impl Case {
    fn new(section: &'static str, event: Event, expression: &str) -> Self {
        Case {
            section,
            event,
            expressions: vec![expression.to_owned()],
        }
    }
}

/// For each case what HAProxy finds wrong with it, if anything.
fn verdicts(haproxy: &Haproxy, cases: &[Case]) -> Vec<Option<String>> {
    cases
        .chunks(AT_ONCE)
        .flat_map(|chunk| one_run(haproxy, chunk))
        .collect()
}

fn one_run(haproxy: &Haproxy, cases: &[Case]) -> Vec<Option<String>> {
    let dir = TempDir::new();
    let mut configuration = String::from(
        "defaults\n mode http\n timeout client 1s\n timeout connect 1s\n timeout server 1s\n\
         userlist users\n user u insecure-password p\n\
         backend agents\n mode tcp\n server s 127.0.0.1:1\n\
         backend table\n stick-table type ip size 1k store gpc0\n\
         frontend front\n bind 127.0.0.1:1\n",
    );
    // The place of each case's filter.
    let mut lines = Vec::new();
    for (number, case) in cases.iter().enumerate() {
        let mut spoe = String::from(
            "spoe-agent a\n messages m\n option var-prefix a\n timeout processing 1s\n \
             use-backend agents\nspoe-message m\n",
        );
        for expression in &case.expressions {
            writeln!(spoe, " args x={expression}").expect("a string");
        }
        writeln!(spoe, " event {}", case.event).expect("a string");
        let file = dir.write(&format!("{number}.conf"), &spoe);
        let section = case.section;
        write!(
            configuration,
            "{section} c{number}\n filter spoe config {}\n",
            file.display()
        )
        .expect("a string");
        lines.push(configuration.lines().count());
    }
    let file = dir.write("haproxy.cfg", &configuration);
    let output = Command::new(haproxy.path())
        .args(["-c", "-f"])
        .arg(&file)
        .output()
        .expect("HAProxy runs");
    let said = String::from_utf8_lossy(&output.stderr).into_owned();
    assert!(!said.contains("too many fatal errors"), "{said}");
    let verdicts: Vec<_> = lines
        .iter()
        .enumerate()
        .map(|(number, line)| {
            let (at, inner) = (
                format!("{}:{line}]", file.display()),
                format!("/{number}.conf:"),
            );
            let about = |text: &&str| {
                text.contains("[ALERT]") && (text.contains(&at) || text.contains(&inner))
            };
            let about: Vec<_> = said.lines().filter(about).collect();
            (!about.is_empty()).then(|| about.join("\n"))
        })
        .collect();
    // An error that belongs to no case would make all verdicts worthless.
    let others = said.lines().filter(|line| {
        line.contains("[ALERT]")
            && !line.contains("/haproxy.cfg:")
            && !line.contains(".conf:")
            && !line.contains("configuration")
    });
    assert_eq!(others.collect::<Vec<_>>(), [""; 0], "{said}");
    let failed = verdicts.iter().any(Option::is_some);
    assert_eq!(failed, !output.status.success(), "{said}");
    verdicts
}

/// The fetch or converter with arguments that its function takes, besides being of the right kinds.
fn call(keyword: Keyword) -> String {
    let Keyword {
        name, signature, ..
    } = keyword;
    let given = match name {
        // The converter of that name takes none.
        "bool" if signature.is_empty() => "",
        "bin" => "00",
        "bool" => "true",
        "fc_pp_tlv" => "1",
        "distcc_body" | "distcc_param" => "TOKN",
        "req.payload" | "res.payload" | "payload" => "0,10",
        "req.payload_lv" | "res.payload_lv" | "payload_lv" => "0,2",
        name if name.starts_with("internal.htx_blk.") => "first",
        _ => "",
    };
    if !given.is_empty() {
        return format!("{name}({given})");
    }
    let required = signature.split('[').next().unwrap_or_default();
    let arguments: Vec<_> = required
        .split(',')
        .filter(|what| !what.is_empty())
        .map(|what| match what {
            "integer" => "1",
            "backend" => "agents",
            "frontend" => "front",
            "server" => "agents/s",
            "table" => "table",
            "user list" => "users",
            "IPv4 address" => "192.0.2.7",
            "IPv6 address" => "2001:db8::7",
            "IPv4 mask" => "24",
            "Protocol buffers field number" => "1",
            "regex" => "a",
            // A name of a variable is text like any other.
            _ => "txn.x",
        })
        .collect();
    match arguments.as_slice() {
        [] => name.to_owned(),
        arguments => format!("{name}({})", arguments.join(",")),
    }
}

#[test]
fn a_fetch_is_available_at_the_events_that_haproxy_says() {
    for_each_haproxy(|haproxy| {
        let series = series(haproxy);
        let (mut fine, mut wrong) = (BTreeMap::<_, Vec<String>>::new(), Vec::new());
        for keyword in fetches(series) {
            // It names an ACL of the message, which HAProxy looks for while it reads.
            if keyword.name == "acl" {
                continue;
            }
            let text = call(keyword);
            let expression = Expression::parse(&text).expect("it has HAProxy's syntax");
            let sample = expression.check(series).expect("it is in the list");
            for (proxy, section) in PROXIES {
                for event in Event::ALL {
                    if proxy == Proxy::Backend && event <= Event::FrontendHttpRequest {
                        // HAProxy passes over a frontend's events there, with a warning.
                        assert!(!sample.at_in(event, proxy));
                    } else if sample.at_in(event, proxy) {
                        fine.entry((section, event)).or_default().push(text.clone());
                    } else {
                        wrong.push(Case::new(section, event, &text));
                    }
                }
            }
        }
        let (fine_count, wrong_count) = (fine.values().map(Vec::len).sum::<usize>(), wrong.len());
        assert!(
            fine_count > 7_000 && wrong_count > 1_500,
            "{fine_count} {wrong_count}"
        );
        let fine: Vec<_> = fine
            .into_iter()
            .map(|((section, event), expressions)| Case {
                section,
                event,
                expressions,
            })
            .collect();
        for (case, verdict) in fine.iter().zip(verdicts(haproxy, &fine)) {
            assert_eq!(verdict, None, "{} in {}", case.event, case.section);
        }
        for (case, verdict) in wrong.iter().zip(verdicts(haproxy, &wrong)) {
            let refused = verdict
                .as_ref()
                .is_some_and(|words| words.contains("none of which is available here"));
            assert!(
                refused,
                "{:?} at {} in {}: {verdict:?}",
                case.expressions, case.event, case.section
            );
        }
    });
}

/// A fetch for each type.
const INPUTS: [&str; 9] = [
    "var(txn.x)",
    "always_true",
    "int(1)",
    "src",
    "ipv4(192.0.2.7)",
    "ipv6(2001:db8::7)",
    "str(a)",
    "bin(00)",
    "method",
];

#[test]
fn a_converter_takes_the_types_that_haproxy_says() {
    for_each_haproxy(|haproxy| {
        let series = series(haproxy);
        let mut cases = Vec::new();
        let mut ours = Vec::new();
        for converter in converters(series).map(call) {
            for input in INPUTS {
                let text = format!("{input},{converter}");
                let expression = Expression::parse(&text).expect("it has HAProxy's syntax");
                ours.push(expression.check(series).err());
                cases.push(Case::new("frontend", Event::HttpResponse, &text));
            }
        }
        let refused = ours.iter().flatten().count();
        assert!(
            refused > 50 && ours.len() > 1_000,
            "{refused} of {}",
            ours.len()
        );
        for ((case, ours), theirs) in cases.iter().zip(ours).zip(verdicts(haproxy, &cases)) {
            let theirs = theirs.unwrap_or_default();
            assert_eq!(
                ours.is_some(),
                theirs.contains("cannot be applied"),
                "{:?}: {ours:?} {theirs}",
                case.expressions
            );
        }
    });
}

#[test]
fn arguments_are_judged_as_haproxy_does() {
    let refused = [
        "",
        ",lower",
        "lower",
        "no_such",
        "path,no_such",
        "path,src",
        "path(",
        "path(x)",
        "path,lower(x)",
        "req.hdr(a,x)",
        "req.hdr(a,1,2)",
        "req.hdr(a",
        "req.hdr(a)lower",
        "ipv4(1.2.3)",
        "ipv4",
        "ipv6(1.2.3.4)",
        "path,word",
        "path,word(1)",
        "path,word()",
        "path,word(x,y)",
        "src,ipmask",
        "src,ipmask(33)",
        "src,ipmask(24,129)",
        "src,ipmask(24,64,1)",
        "rand(x)",
        "req.payload(0)",
        "bytes(1)",
        "SRC",
    ];
    let taken = [
        "src",
        "src()",
        "rand()",
        "rand(-1)",
        "rand(+1)",
        "req.hdr()",
        "req.hdr(a,)",
        "req.hdr(a,-1)",
        "path,lower",
        "path,,lower,",
        "path,lower,",
        "src,ipmask(24)",
        "src,ipmask(255.255.255.0)",
        "src,ipmask(24,64)",
        "src,ipmask(24,ffff::)",
        "be_conn(agents)",
        "path,word(1,/)",
        "path,word(1,/,-1)",
        "path,field(-1,/)",
        "str(a\\ b)",
        "\"str(a b)\"",
        "'str(\"a,) b\")'",
        "str(a\"\"b)",
    ];
    for_each_haproxy(|haproxy| {
        let series = series(haproxy);
        let all: Vec<_> = refused.iter().chain(&taken).collect();
        let cases: Vec<_> = all
            .iter()
            .map(|text| Case::new("frontend", Event::FrontendHttpRequest, text))
            .collect();
        for (text, theirs) in all.iter().zip(verdicts(haproxy, &cases)) {
            let ours = Expression::parse_word(text).and_then(|expression| expression.check(series));
            assert_eq!(ours.is_ok(), taken.contains(text), "`{text}`: {ours:?}");
            assert_eq!(
                theirs.is_none(),
                taken.contains(text),
                "`{text}`: {theirs:?}"
            );
        }
    });
}
