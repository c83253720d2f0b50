//! Where the bytes come from: a file, a pipe, or hexadecimal as people copy it.
//!
//! It must not know what a frame is.

use crate::failure::Failure;
use std::fs::File;
use std::io::{self, IsTerminal, Read, stdin};
use std::path::Path;

/// What is to be decoded.
pub(super) enum Input {
    /// Bytes that are there.
    Bytes(Vec<u8>),
    /// Bytes that come, and whether they are hexadecimal is seen when they do.
    Stream(Box<dyn Read>),
}

impl Input {
    /// From what was typed: nothing or `-` is standard input, the name of a file is that file, and
    /// all else has to be hexadecimal.
    pub(super) fn open(words: &[String]) -> Result<Self, Failure> {
        let [word] = words else {
            return match words {
                [] => Input::open(&["-".to_owned()]),
                words => hexadecimal(&words.join(" ")),
            };
        };
        match word.as_str() {
            "-" if stdin().is_terminal() => Err(Failure::usage(
                "there is nothing to decode: give a file, hexadecimal, or pipe the frames in",
            )),
            "-" => Ok(Input::Stream(Box::new(stdin()))),
            path if Path::new(path).exists() => match File::open(path) {
                Ok(file) => Ok(Input::Stream(Box::new(file))),
                Err(error) => Err(Failure::failed(format!("cannot read `{path}`: {error}"))),
            },
            text => hexadecimal(text),
        }
    }
}

fn hexadecimal(text: &str) -> Result<Input, Failure> {
    match hex(text.as_bytes()) {
        Some(bytes) => Ok(Input::Bytes(bytes)),
        None => Err(Failure::usage(format!(
            "`{text}` is no file and no hexadecimal; give the name of a file, `-` for standard \
             input, or hexadecimal such as `0000000767000000010101`"
        ))),
    }
}

/// Whether bytes are text: those of a frame begin with its length, whose first byte is 0 for all but
/// absurd ones.
pub(super) fn is_text(bytes: &[u8]) -> bool {
    bytes.first().is_some_and(|byte| is_hex_text(*byte)) && hex_or_dump(bytes)
}

fn is_hex_text(byte: u8) -> bool {
    byte.is_ascii_hexdigit() || byte.is_ascii_whitespace()
}

fn hex_or_dump(bytes: &[u8]) -> bool {
    bytes
        .iter()
        .all(|byte| byte.is_ascii_graphic() || byte.is_ascii_whitespace())
}

/// Reads hexadecimal: digits in a row or apart, `00:00`, `0x00,`, `\x00`, and the dumps of xxd and of
/// `hexdump -C`. `None` if it is something else.
pub(super) fn hex(text: &[u8]) -> Option<Vec<u8>> {
    let text = std::str::from_utf8(text).ok()?;
    let mut bytes = Vec::new();
    for line in text.lines() {
        let separator =
            |c: char| c.is_whitespace() || matches!(c, ':' | ',' | ';' | '{' | '}' | '"');
        for word in data(line).split(separator) {
            for part in word.split("\\x").flat_map(|part| part.split("0x")) {
                digits(part, &mut bytes)?;
            }
        }
    }
    (!bytes.is_empty()).then_some(bytes)
}

/// The part of a line that is data: dumps have an offset in front and text behind.
fn data(line: &str) -> &str {
    let is_offset = |word: &str| word.len() == 8 && word.chars().all(|c| c.is_ascii_hexdigit());
    // xxd: `00000010: 7072 6f70  prop`
    if let Some((offset, rest)) = line.split_once(": ") {
        if is_offset(offset) {
            return rest.split("  ").next().unwrap_or_default();
        }
    }
    // hexdump -C: `00000010  70 72 6f 70  |prop|`, and a last line of an offset alone
    match line.split_once("  ") {
        Some((offset, rest)) if is_offset(offset) && rest.contains('|') => {
            rest.split('|').next().unwrap_or_default()
        }
        _ => line,
    }
}

fn digits(word: &str, out: &mut Vec<u8>) -> Option<()> {
    let digits: Option<Vec<u8>> = word.chars().map(|c| Some(c.to_digit(16)? as u8)).collect();
    let digits = digits?;
    let pairs = digits.chunks_exact(2);
    let whole = pairs.remainder().is_empty();
    out.extend(pairs.map(|pair| pair.iter().fold(0, |byte, digit| byte << 4 | digit)));
    whole.then_some(())
}

/// Reads what is there, and no more than is asked for at a time.
pub(super) fn read(stream: &mut dyn Read, into: &mut Vec<u8>) -> io::Result<usize> {
    let mut buffer = [0; 64 << 10];
    loop {
        match stream.read(&mut buffer) {
            Ok(count) => {
                into.extend_from_slice(buffer.get(..count).unwrap_or_default());
                return Ok(count);
            }
            Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
            Err(error) => return Err(error),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const ACK: [u8; 11] = [0, 0, 0, 7, 103, 0, 0, 0, 1, 1, 1];

    #[test]
    fn hexadecimal_is_read_as_people_copy_it() {
        for text in [
            "0000000767000000010101",
            "00 00 00 07 67 00 00 00 01 01 01\n",
            "0000 0007 6700\n0000 0101 01",
            "00:00:00:07:67:00:00:00:01:01:01",
            "0x00, 0x00, 0x00, 0x07, 0x67, 0, 0",
            "\\x00\\x00\\x00\\x07\\x67\\x00\\x00\\x00\\x01\\x01\\x01",
            "00000000: 0000 0007 6700 0000 0101 01              ....g......\n",
            "00000000  00 00 00 07 67 00 00 00  01 01 01                |....g......|\n",
        ] {
            match text.contains(", 0,") {
                // A digit alone could be either half of a byte.
                true => assert_eq!(hex(text.as_bytes()), None, "{text}"),
                false => assert_eq!(hex(text.as_bytes()).as_deref(), Some(&ACK[..]), "{text}"),
            }
        }
    }

    #[test]
    fn what_is_no_hexadecimal_is_none() {
        for text in ["", "GET / HTTP/1.1", "0000000", "0g"] {
            assert_eq!(hex(text.as_bytes()), None, "{text}");
        }
    }

    #[test]
    fn frames_are_never_taken_for_text() {
        assert!(!is_text(&ACK));
        assert!(is_text(b"00 00 00 07"));
        assert!(is_text(b"\n0000\n"));
    }

    #[test]
    fn what_is_neither_file_nor_hexadecimal_says_what_to_give() {
        let words = ["no-such-file".to_owned()];
        let Err(failure) = Input::open(&words) else {
            panic!("`no-such-file` is neither");
        };
        assert!(
            failure.to_string().contains("no file and no hexadecimal"),
            "{failure}"
        );
    }
}
