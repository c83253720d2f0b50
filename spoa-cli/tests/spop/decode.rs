//! `spop decode`, on HAProxy's own frames and on other bytes.

use super::{spop, spop_with};
use serde_json::Value;
use std::fs;
use std::path::{Path, PathBuf};

fn golden() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../tests/golden")
}

fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}

/// The expected words about a frame, by the line about it in the index, which another decoder made.
fn expected(line: &Value) -> Vec<String> {
    let datum = |name: &Value, kind: &Value, value: &Value, depth: usize| {
        let name = match name.as_str() {
            Some("") => "(no name)",
            name => name.unwrap_or_default(),
        };
        let value = match (kind.as_str(), value) {
            (Some("NULL"), _) => "null".to_owned(),
            (Some("STRING"), Value::String(text)) => {
                format!("\"{}\"", text.as_bytes().escape_ascii())
            }
            (Some("BINARY"), Value::String(digits)) if digits.is_empty() => "no bytes".to_owned(),
            (Some("BINARY"), Value::String(digits)) => format!("0x{digits}"),
            (_, Value::String(text)) => text.clone(),
            (_, value) => value.to_string(),
        };
        let kind = kind.as_str().unwrap_or_default();
        format!("{}{name} = {value} ({kind})", "  ".repeat(depth))
    };
    let mut lines = Vec::new();
    for pair in line["kv"].as_array().into_iter().flatten() {
        lines.push(datum(&pair[0], &pair[1], &pair[2], 1));
    }
    for message in line["messages"].as_array().into_iter().flatten() {
        lines.push(format!(
            "  {}",
            message["name"].as_str().unwrap_or_default()
        ));
        for arg in message["args"].as_array().into_iter().flatten() {
            lines.push(datum(&arg[0], &arg[1], &arg[2], 2));
        }
    }
    lines
}

#[test]
fn frames_of_haproxy_decode_as_in_another_decoder() {
    let mut frames = 0;
    for generation in ["2.6", "2.8", "3.0", "3.2", "3.4"] {
        let folder = golden().join(generation);
        let index = fs::read_to_string(folder.join("golden.jsonl")).unwrap();
        let lines: Vec<Value> = index
            .lines()
            .map(|line| serde_json::from_str(line).unwrap())
            .collect();
        // All in one pipe, but for beginnings of NOTIFYs, which say nothing alone.
        let whole: Vec<&Value> = lines.iter().filter(|line| line["flags"] == 1).collect();
        let whole: Vec<&&Value> = whole
            .iter()
            .filter(|line| line["type"] != "UNSET")
            .collect();
        let bytes: Vec<Vec<u8>> = whole
            .iter()
            .map(|line| fs::read(folder.join(line["file"].as_str().unwrap())).unwrap())
            .collect();
        let text = spop_with(&["decode", "--full"], &bytes.concat()).good();
        let mut at = 0;
        let mut words = Vec::new();
        for (line, bytes) in whole.iter().zip(&bytes) {
            let (kind, size) = (line["type"].as_str().unwrap(), bytes.len() - 4);
            let ids = if kind.starts_with("HAPROXY") {
                String::new()
            } else {
                format!("  stream {} frame {}", line["sid"], line["fid"])
            };
            words.push(format!("{kind}{ids}  {size} bytes at {at}"));
            words.extend(expected(line));
            at += bytes.len();
        }
        let read: Vec<&str> = text
            .lines()
            .filter(|line| !line.starts_with("  # "))
            .collect();
        for (expected, read) in words.iter().zip(&read) {
            assert_eq!(expected, read, "{generation}");
        }
        assert_eq!(words.len(), read.len(), "{generation}");
        frames += whole.len();
    }
    assert!(frames > 100, "only {frames} frames");
}

#[test]
fn fragments_are_joined() {
    let path = golden().join("3.0/fragmented-notify-mfs256.bin");
    let text = spop(&["decode", path.to_str().unwrap()]).good();
    assert!(text.starts_with("NOTIFY  stream 2 frame 1  231 bytes at 0\n  # the first fragment"));
    let (_, whole) = text
        .split_once("# the last fragment; ")
        .expect("it is there");
    assert!(whole.starts_with("3037 bytes of messages in all\n  m\n    ip = 127.0.0.1 (IPV4)\n"));
    assert!(whole.contains("HHH\"… 3000 bytes (STRING)\n"), "{whole}");
    assert!(
        whole.ends_with("    tail = \"end\" (STRING)\n  m2\n    a = 1 (INT64)\n"),
        "{whole}"
    );
    let begun = fs::read(path).unwrap();
    let done = spop_with(&["decode", "-"], &begun[..235]);
    assert_eq!(done.status, 1);
    assert!(
        done.out
            .contains("! the last fragment of stream 2 frame 1 is missing")
    );
}

#[test]
fn hexadecimal_is_read_from_arguments_and_standard_input() {
    let frame = fs::read(golden().join("3.4/02-notify-out-of-order.bin")).unwrap();
    let expected = "NOTIFY  stream 1 frame 1  18 bytes at 0\n  m\n    ip = 127.0.0.1 (IPV4)\n";
    assert_eq!(spop(&["decode", &hex(&frame)]).good(), expected);
    let apart: Vec<String> = frame.iter().map(|byte| format!("{byte:02x}")).collect();
    let words: Vec<&str> = apart.iter().map(String::as_str).collect();
    assert_eq!(spop(&[&["decode"], &words[..]].concat()).good(), expected);
    assert_eq!(
        spop_with(&["decode"], apart.join(":").as_bytes()).good(),
        expected
    );
    assert_eq!(spop_with(&["decode", "-"], &frame).good(), expected);
}

#[test]
fn dumps_are_read_as_the_tools_print_them() {
    for (tool, dump) in [
        (
            "hexdump -C",
            "00000000  00 00 00 15 67 00 00 00  01 01 01 01 03 01 08 69  |....g..........i|\n\
             00000010  70 5f 73 63 6f 72 65 03  14                       |p_score..|\n\
             00000019\n",
        ),
        (
            "hexdump -C, from the middle of a file",
            "00000020  00 00 00 15 67 00 00 00  01 01 01 01 03 01 08 69  |....g..........i|\n\
             00000030  70 5f 73 63 6f 72 65 03  14                       |p_score..|\n\
             00000039\n",
        ),
        (
            "xxd",
            "00000000: 0000 0015 6700 0000 0101 0101 0301 0869  ....g..........i\n\
             00000010: 705f 7363 6f72 6503 14                   p_score..\n",
        ),
        (
            "wireshark",
            "00000000  00 00 00 15 67 00 00 00  01 01 01 01 03 01 08 69   ....g... .......i\n\
             00000010  70 5f 73 63 6f 72 65 03  14                        p_score. .\n",
        ),
        (
            "wireshark, the side of the server",
            "    00000000  00 00 00 15 67 00 00 00  01 01 01 01 03 01 08 69   ....g... .......i\n    \
             00000010  70 5f 73 63 6f 72 65 03  14                        p_score. .\n",
        ),
        (
            "\\x",
            "\\x00\\x00\\x00\\x15\\x67\\x00\\x00\\x00\\x01\\x01\\x01\\x01\\x03\\x01\\x08\\x69\n\
             \"\\x70\\x5f\\x73\\x63\\x6f\\x72\\x65\\x03\\x14\"\n",
        ),
    ] {
        let done = spop_with(&["decode"], dump.as_bytes());
        let expected =
            "ACK  stream 1 frame 1  21 bytes at 0\n  set-var sess.ip_score = 20 (UINT32)\n";
        assert_eq!(
            (done.status, done.out.as_str()),
            (0, expected),
            "{tool}: {}",
            done.err
        );
    }
}

#[test]
fn repeated_rows_that_a_dump_omits_are_restored() {
    let rows = "00000000  00 00 00 4b 67 00 00 00  01 01 01 01 03 01 01 62  |...Kg..........b|\n\
                00000010  09 3d 00 00 00 00 00 00  00 00 00 00 00 00 00 00  |.=..............|\n\
                00000020  00 00 00 00 00 00 00 00  00 00 00 00 00 00 00 00  |................|\n\
                *\n";
    let last = "00000040  00 00 00 00 00 00 00 00  00 00 00 00 00 00 00     |...............|\n\
                0000004f\n";
    let text = spop_with(&["decode"], format!("{rows}{last}").as_bytes()).good();
    assert!(
        text.contains("75 bytes at 0\n  set-var sess.b = 0x00000000"),
        "{text}"
    );
    // The last rows may be what is left out.
    let begun = spop_with(&["decode"], format!("{rows}00000040\n").as_bytes());
    assert!(
        begun.out.contains("60 of its 75 bytes are there"),
        "{}",
        begun.out
    );
    for lie in ["ffffffff\n", "00000010\n", "00000041  00 |.|\n"] {
        let done = spop_with(&["decode"], format!("{rows}{lie}").as_bytes());
        assert_eq!((done.status, done.out.as_str()), (2, ""), "{lie}");
        assert!(
            done.err.contains("line 5 of the dump"),
            "{lie}: {}",
            done.err
        );
    }
}

#[test]
fn dumps_that_cannot_be_read_say_how_to_make_one_that_can() {
    for (tool, dump, part) in [
        (
            "hexdump",
            "0000000 0000 1500 0067 0000 0101 0101 0103 6908\n0000010 5f70\n0000012\n",
            "`hexdump -C`",
        ),
        (
            "od",
            "0000000 000000 012400 000147\n0000006\n",
            "`hexdump -C`",
        ),
        ("od -Ax", "000000 00 00 00 15 67\n000005\n", "`hexdump -C`"),
        (
            "tcpdump -X",
            "\t0x0000:  4500 0034 1c46 4000 4006 0000 7f00 0001  E..4.F@.@.......\n",
            "headers of the packets",
        ),
    ] {
        let done = spop_with(&["decode"], dump.as_bytes());
        assert_eq!((done.status, done.out.as_str()), (2, ""), "{tool}");
        assert!(done.err.contains(part), "{tool}: {}", done.err);
    }
}

#[test]
fn a_long_hex_dump_is_read_to_its_end() {
    let mut frames = Vec::new();
    while frames.len() < 100_000 {
        frames.extend([0, 0, 0, 7, 103, 0, 0, 0, 1, 1, 1]);
    }
    let rows = frames.chunks(16).enumerate().map(|(row, bytes)| {
        let digits: Vec<String> = bytes.iter().map(|byte| format!("{byte:02x}")).collect();
        format!("{:08x}: {}  ................\n", row * 16, digits.join(" "))
    });
    let text = spop_with(&["decode"], rows.collect::<String>().as_bytes()).good();
    assert_eq!(text.lines().count(), frames.len() / 11);
}

#[test]
fn text_that_is_not_hexadecimal_is_called_text() {
    let done = spop_with(&["decode"], b"SSH-2.0-OpenSSH_9.2\r\n");
    assert_eq!(done.status, 1);
    assert!(
        done.out
            .contains("at 0: that is text (`SSH-2.0-OpenSSH_9.2`), neither SPOP nor hexadecimal"),
        "{}",
        done.out
    );
}

#[test]
fn decode_refuses_a_folder() {
    let done = spop(&["decode", "."]);
    assert_eq!((done.status, done.out.as_str()), (2, ""));
    assert!(
        done.err.starts_with("error: `.` is a folder"),
        "{}",
        done.err
    );
}

/// An ACK with these actions, in hexadecimal.
fn ack(actions: &[u8]) -> String {
    let head = [103, 0, 0, 0, 1, 1, 1];
    let size = (head.len() + actions.len()) as u32;
    hex(&[&size.to_be_bytes()[..], &head, actions].concat())
}

#[test]
fn an_answer_is_judged_as_haproxy_would() {
    let text = spop(&["decode", &ack(b"\x01\x03\x01\x03a-b\x01\x02\x02\x02\x01v")]).good();
    assert_eq!(
        text,
        "ACK  stream 1 frame 1  20 bytes at 0\n  set-var sess.a-b = false (BOOL)\n  \
         # HAProxy drops the variable `sess.a-b`: `-` is not allowed in a name; use letters, digits, \
         `_` and `.`\n  unset-var txn.v\n"
    );
    let text = spop(&["decode", &ack(b"\x01\x03\x01\x01b\xf1")]).good();
    assert!(
        text.contains("# HAProxy takes the flags 0xf of a BOOL for false"),
        "{text}"
    );
}

#[test]
fn a_negative_number_that_lost_its_sign_is_reported() {
    let mut actions = b"\x01\x03\x01\x01n\x02".to_vec();
    spoa::spop::varint::encode(4_294_967_291, &mut actions);
    let text = spop(&["decode", &ack(&actions)]).good();
    assert!(
        text.contains("if -5 is meant, HAProxy reads 4294967291"),
        "{text}"
    );
}

#[test]
fn the_first_invalid_byte_is_reported_and_later_frames_are_read() {
    let ack = "0000000767000000010101";
    for (bytes, expected) in [
        (
            // An action of no known code, then a frame that is fine.
            format!("0000000a67000000010101090909{ack}"),
            "ACK  stream 1 frame 1  10 bytes at 0\n  \
             ! byte 11: there is no action of code 9, only 1 and 2\n  \
             ! from there: 09 09 09\n\
             ACK  stream 1 frame 1  7 bytes at 14\n",
        ),
        (
            format!("00000003616263{ack}"),
            "  ! at 0: a frame of 3 bytes is shorter than a head, which has 7 at the least\n  \
             ! from there: 61 62 63\n\
             ACK  stream 1 frame 1  7 bytes at 7\n",
        ),
        (
            ack[..20].to_owned(),
            "a frame?  7 bytes at 0\n  \
             ! its head cannot be read: the frame ends inside a value\n  \
             ! from there: 67 00 00 00 01 01\n  \
             ! the input ends inside this frame: 6 of its 7 bytes are there\n",
        ),
        (
            format!("{ack}0000"),
            "ACK  stream 1 frame 1  7 bytes at 0\n  \
             ! the input ends inside the length of a frame\n  \
             ! from there: 00 00\n",
        ),
        (
            hex(b"GET / HTTP/1.1"),
            "  ! at 0: that is HTTP, not SPOP\n  \
             ! from there: 47 45 54 20 2f 20 48 54 54 50 2f 31 2e 31\n",
        ),
    ] {
        let done = spop(&["decode", &bytes]);
        assert_eq!(done.out, expected, "{bytes}");
        assert_eq!((done.status, done.err.as_str()), (1, ""), "{bytes}");
    }
}

#[test]
fn the_error_for_input_that_cannot_be_decoded_says_what_to_give() {
    let done = spop(&["decode", "no-such-file"]);
    assert_eq!((done.status, done.out.as_str()), (2, ""));
    assert!(
        done.err
            .starts_with("error: `no-such-file` is neither a file nor hexadecimal;")
    );
    let done = spop_with(&["decode"], b"");
    assert_eq!(
        (done.status, done.out.as_str()),
        (1, "  ! there are no bytes\n")
    );
}
