//! Header blocks as five generations of HAProxy wrote them, in files: each is read as the headers that were sent.
//!
//! `GOLDEN=overwrite cargo test -p spoa-tests --test http golden` writes the files again.

use crate::h2;
use crate::requests::raw;
use crate::seen::{Pairs, pairs};
use spoa::handler::FromValue;
use spoa::http::Headers;
use spoa::prelude::*;
use spoa::spop::{Frame, FrameType, Messages, Value};
use spoa_tests::{Background, Config, Message, Port, Relay, eventually, for_each_haproxy};
use std::fs;
use std::path::PathBuf;

const GENERATIONS: [&str; 5] = ["2.6", "2.8", "3.0", "3.2", "3.4"];

#[derive(Clone, Copy, Debug)]
enum Http {
    One,
    Two,
}

const BOTH: [Http; 2] = [Http::One, Http::Two];

fn file(generation: &str, http: Http) -> PathBuf {
    let version = match http {
        Http::One => "h1",
        Http::Two => "h2",
    };
    let folder = PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("golden/headers");
    folder.join(format!("{generation}-{version}.bin"))
}

/// The headers that are sent, after the host: what is empty, repeated, long, and not ASCII.
fn sent() -> Pairs {
    let high: Vec<u8> = (0x80..=0xff).collect();
    let headers: [(&str, &[u8]); 14] = [
        ("user-agent", b"caf\xc3\xa9 \xff"),
        ("x-empty", b""),
        ("x-twice", b"1"),
        ("cookie", b"a=1"),
        ("x-twice", b"2, \"3: 4\""),
        ("cookie", b"b="),
        ("x-high", &high),
        ("x-tab", b"a\tb"),
        ("x-239", &[b'v'; 239]),
        ("x-240", &[b'v'; 240]),
        ("x-2287", &[b'v'; 2287]),
        ("x-2288", &[b'v'; 2288]),
        (&"n".repeat(240), b"name"),
        ("x-last", b""),
    ];
    let own = |(name, value): (&str, &[u8])| (name.as_bytes().to_vec(), value.to_vec());
    headers.map(own).to_vec()
}

/// The headers that an agent gets.
fn expected(http: Http) -> Pairs {
    let mut all = sent();
    all.insert(0, (b"host".to_vec(), b"example.org".to_vec()));
    if let Http::Two = http {
        // Over HTTP/2, clients may send each cookie apart, and HAProxy puts them together at the end.
        all.retain(|(name, _)| name != b"cookie");
        all.push((b"cookie".to_vec(), b"a=1; b=".to_vec()));
    }
    all
}

/// Returns the NOTIFY in a file or a record.
fn notify(bytes: &[u8]) -> Frame<'_> {
    let mut rest = bytes;
    let frame = Frame::split(&mut rest, 1 << 20)
        .expect("a frame")
        .expect("all of it");
    assert_eq!((frame.frame_type, rest), (FrameType::NOTIFY, &[][..]));
    frame
}

#[test]
fn golden_blocks_are_the_headers_that_were_sent() {
    for generation in GENERATIONS {
        for http in BOTH {
            let path = file(generation, http);
            let bytes = fs::read(&path).expect("the file is there");
            let messages = Messages::parse(notify(&bytes).payload).expect("messages");
            let message = messages.iter().next().expect("one message");
            for name in ["binary", "text"] {
                let value = message.get(name).expect("the argument");
                let is_binary = matches!(value, Value::Binary(_));
                assert_eq!(is_binary, name == "binary", "{}", path.display());
                let headers = Headers::from_value(value).expect("a whole block");
                let what = format!("{name} of {}", path.display());
                assert_eq!(pairs(headers), expected(http), "{what}");
                assert_eq!(headers.cookies().get("a"), Some(&b"1"[..]), "{what}");
                assert_eq!(headers.cookies().get("b"), Some(&b""[..]), "{what}");
                for (name, _) in sent() {
                    let name = String::from_utf8(name).expect("ASCII").to_uppercase();
                    let all: Vec<_> = headers.get_all(&name).map(<[u8]>::to_vec).collect();
                    let expected = expected(http).into_iter();
                    let expected =
                        expected.filter(|(it, _)| it.eq_ignore_ascii_case(name.as_bytes()));
                    let expected: Vec<_> = expected.map(|(_, value)| value).collect();
                    assert_eq!(all, expected, "{name} of {what}");
                }
            }
        }
    }
}

#[spoe_message("block")]
fn block() {}

#[test]
fn haproxy_writes_the_blocks_that_the_golden_files_have() {
    for_each_haproxy(|haproxy| {
        let agent = Background::agent(|agent| agent.handlers(handlers![block]));
        let relay = Relay::to(agent.addr());
        let port = Port::free();
        let proxy = Config::new(relay.addr())
            .frontend(&format!("bind {} proto h2", port.addr()))
            .message(
                Message::new("block")
                    .args("binary=req.hdrs_bin text=req.hdrs")
                    .event("on-frontend-http-request"),
            )
            .start(haproxy);
        for http in BOTH {
            relay.record();
            let sent = sent();
            match http {
                Http::One => {
                    let mut text = b"GET / HTTP/1.1\r\nHost: example.org\r\n".to_vec();
                    for (name, value) in &sent {
                        let name = name.to_ascii_uppercase();
                        text.extend([&name[..], b": ", value, b"\r\n"].concat());
                    }
                    text.extend(b"\r\n");
                    assert!(raw(proxy.addr(), &text).ends_with("200"), "{haproxy}");
                }
                Http::Two => {
                    let mut fields: Vec<(&[u8], &[u8])> = vec![
                        (b":method", b"GET"),
                        (b":scheme", b"http"),
                        (b":authority", b"example.org"),
                        (b":path", b"/"),
                    ];
                    fields.extend(sent.iter().map(|(name, value)| (&name[..], &value[..])));
                    let status = h2::send(port.addr(), &fields, None).expect("HAProxy answers");
                    assert_eq!(status, Some(200), "{haproxy}");
                }
            }
            let notifies = || {
                let frames = relay.recorded().into_iter();
                frames
                    .filter(|frame| frame.get(4) == Some(&3))
                    .collect::<Vec<_>>()
            };
            eventually("the NOTIFY came", || !notifies().is_empty());
            let notifies = notifies();
            let [bytes] = notifies.as_slice() else {
                panic!("{haproxy}: {} NOTIFYs", notifies.len());
            };
            let (major, minor) = haproxy.series();
            let path = file(&format!("{major}.{minor}"), http);
            if std::env::var("GOLDEN").as_deref() == Ok("overwrite") {
                fs::write(&path, bytes).expect("the folder is there");
            }
            // Ids count the streams of a process. Others than the five generations have no file.
            if let Ok(golden) = fs::read(&path) {
                let same = notify(&golden).payload == notify(bytes).payload;
                assert!(same, "{haproxy}: not as in {}", path.display());
            }
        }
    });
}

/// Numbers that depend on nothing but the seed (xorshift).
struct Numbers(u64);

impl Numbers {
    fn below(&mut self, end: usize) -> usize {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        usize::try_from(self.0 % end.max(1) as u64).expect("it is below a usize")
    }

    /// Returns a range within `len`.
    fn range(&mut self, len: usize) -> std::ops::Range<usize> {
        let start = self.below(len + 1);
        let longest = (len - start).min(40);
        start..start + self.below(longest + 1)
    }
}

/// Damages a block in one place.
fn damage(block: &mut Vec<u8>, numbers: &mut Numbers) {
    const BYTES: [u8; 14] = *b"\0\x01\x06\xef\xf0\xff\x80 \r\n:;=c";
    let range = numbers.range(block.len());
    let at = range.start;
    match numbers.below(6) {
        0 => drop(block.drain(range)),
        1 => {
            let again = block[range].to_vec();
            drop(block.splice(at..at, again));
        }
        2 => block.truncate(at),
        3 => block.insert(at, BYTES[numbers.below(BYTES.len())]),
        _ if at == block.len() => block.push(0),
        4 => block[at] = BYTES[numbers.below(BYTES.len())],
        _ => block[at] ^= 1 << numbers.below(8),
    }
}

/// Some headers of the golden blocks, in both encodings, whole and damaged. `SPOA_HEADER_BLOCKS=600` goes on for 600
/// seconds.
#[test]
fn damaged_golden_blocks_hold_the_invariants_of_the_fuzz_target() {
    let bytes = fs::read(file("3.4", Http::One)).expect("the file is there");
    let messages = Messages::parse(notify(&bytes).payload).expect("messages");
    let value = messages.iter().next().and_then(|it| it.get("binary"));
    let all = pairs(Headers::from_value(value.expect("the block")).expect("a whole block"));
    let seconds = std::env::var("SPOA_HEADER_BLOCKS").ok();
    let seconds = seconds.map(|it| it.parse().expect("a number of seconds"));
    let started = std::time::Instant::now();
    let (mut numbers, mut count) = (Numbers(0x5eed), 0_u64);
    while match seconds {
        Some(seconds) => count % 1000 != 0 || started.elapsed().as_secs() < seconds,
        None => count < 20_000,
    } {
        let some: Pairs = (0..numbers.below(6))
            .map(|_| all[numbers.below(all.len())].clone())
            .collect();
        let mut block = if numbers.below(2) == 0 {
            crate::blocks::binary(&some)
        } else {
            crate::blocks::text(&some)
        };
        for _ in 0..numbers.below(5) {
            damage(&mut block, &mut numbers);
        }
        spoa_tests::invariants::header_blocks(&block);
        count += 1;
    }
    println!("{count} blocks in {:?}", started.elapsed());
}
