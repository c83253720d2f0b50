//! Where the bytes come from: a file, a pipe, or hexadecimal as people copy it.

use super::hex::{self, NotHex};
use crate::failure::Failure;
use std::fs::File;
use std::io::{self, IsTerminal, Read, stdin};
use std::path::Path;

/// The input to decode.
pub(super) enum Input {
    /// Bytes that are complete.
    Bytes(Vec<u8>),
    /// A stream of bytes. Whether they are hexadecimal is found out as they arrive.
    Stream(Box<dyn Read>),
}

impl Input {
    /// Returns the input for the words typed: nothing or `-` is standard input, the name of a file is that file, and
    /// all else must be hexadecimal.
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
            path if Path::new(path).is_dir() => Err(Failure::usage(format!(
                "`{path}` is a folder: give a file, hexadecimal, or pipe the frames in"
            ))),
            path if Path::new(path).exists() => match File::open(path) {
                Ok(file) => Ok(Input::Stream(Box::new(file))),
                Err(error) => Err(Failure::usage(format!("cannot read `{path}`: {error}"))),
            },
            text => hexadecimal(text),
        }
    }
}

fn hexadecimal(text: &str) -> Result<Input, Failure> {
    match hex::read(text.as_bytes()) {
        Ok(bytes) => Ok(Input::Bytes(bytes)),
        Err(NotHex::Text) => Err(Failure::usage(format!(
            "`{text}` is neither a file nor hexadecimal; give the name of a file, `-` for standard \
             input, or hexadecimal such as `0000000767000000010101`"
        ))),
        Err(unreadable) => Err(Failure::usage(unreadable)),
    }
}

/// Whether bytes may be text. Those of a frame begin with its length, whose first byte is 0 for all
/// but absurd ones.
pub(super) fn is_text(bytes: &[u8]) -> bool {
    bytes
        .iter()
        .all(|byte| byte.is_ascii_graphic() || byte.is_ascii_whitespace())
}

/// Reads the bytes that are available, up to a limit.
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

    #[test]
    fn frames_are_never_read_as_text() {
        assert!(!is_text(&[0, 0, 0, 7, 103, 0, 0, 0, 1, 1, 1]));
        assert!(is_text(b"00 00 00 07"));
        assert!(is_text(b"\\x00\\x00"));
        assert!(is_text(b"\n0000\n"));
    }

    #[test]
    fn the_error_for_unreadable_input_says_what_to_give() {
        let words = ["no-such-file".to_owned()];
        let Err(failure) = Input::open(&words) else {
            panic!("`no-such-file` is neither");
        };
        assert!(
            failure
                .to_string()
                .contains("neither a file nor hexadecimal"),
            "{failure}"
        );
    }
}
