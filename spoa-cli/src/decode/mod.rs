//! `spop decode`: frames in words, however they come.
//!
//! Each frame is read by itself, except for the fragments of a NOTIFY.

mod cursor;
mod frame;
mod hex;
mod input;
mod payload;

use crate::failure::{FOUND_WRONG, Failure};
use crate::output::print;
use clap::{Arg, ArgAction, ArgMatches, Command};
use frame::Writer;
use hex::NotHex;
use input::Input;
use spoa::spop::session::Foreign;
use spoa::spop::{LENGTH_PREFIX, MIN_FRAME_SIZE};
use spoa_tools::terminal::Paint;
use std::io::stdout;
use std::process::ExitCode;

/// No frame is larger: HAProxy's are as large as its buffers.
const LARGEST: u32 = (1 << 24) - 1;

/// The number of characters quoted from a text.
const QUOTED: usize = 60;

pub(crate) fn command() -> Command {
    Command::new("decode")
        .about("Describe frames in words; say where and why bytes are malformed")
        .arg(Arg::new("INPUT").num_args(0..).help(
            "A file, `-` for standard input (the default), or hexadecimal; files and pipes may hold \
             frames as on the wire, or hexadecimal",
        ))
        .arg(
            Arg::new("full")
                .long("full")
                .action(ArgAction::SetTrue)
                .help("Show long values in full"),
        )
        .after_help(
            "Hexadecimal may have any form that people copy: digits with or without spaces, 00:00, 0x00, \\x00, \
             and the dumps\nof xxd, `hexdump -C` and Wireshark (\"Follow TCP Stream\"). In the output, `#` begins a remark, `!` an \
             error.\n\nExamples:\n  \
             spop decode 0000000767000000010101\n  \
             spop decode capture.bin",
        )
}

pub(crate) fn run(matches: &ArgMatches) -> Result<ExitCode, Failure> {
    let words: Vec<String> = matches
        .get_many("INPUT")
        .unwrap_or_default()
        .cloned()
        .collect();
    let writer = Writer::new(Paint::of(&stdout()), matches.get_flag("full"));
    let mut decoder = Decoder::new(writer);
    match Input::open(&words)? {
        Input::Bytes(bytes) => decoder.take(&bytes),
        Input::Stream(mut stream) => decoder.follow(&mut *stream)?,
    }
    decoder.end();
    decoder.show()?;
    Ok(if !decoder.writer.nonsense {
        ExitCode::SUCCESS
    } else {
        ExitCode::from(FOUND_WRONG)
    })
}

/// The frames in some bytes, in words.
pub(crate) fn words(bytes: &[u8], paint: Paint) -> String {
    let mut decoder = Decoder::new(Writer::new(paint, false));
    decoder.take(bytes);
    decoder.end();
    decoder.out
}

/// Returns the first line of a text, cut if it is long.
fn first_line(text: &[u8]) -> String {
    let line = text.split(|byte| matches!(byte, b'\r' | b'\n')).next();
    let line = line.unwrap_or_default();
    String::from_utf8_lossy(line.get(..QUOTED).unwrap_or(line)).into_owned()
}

/// Takes bytes as they come and puts each frame in words when it is whole.
struct Decoder {
    writer: Writer,
    /// Text that is not shown yet.
    out: String,
    /// Whether there was anything.
    any: bool,
    /// Bytes that are not a whole frame yet.
    pending: Vec<u8>,
    /// The offset of `pending` in the input.
    at: u64,
    /// The rest of the input cannot be decoded.
    lost: bool,
}

impl Decoder {
    fn new(writer: Writer) -> Self {
        Decoder {
            writer,
            out: String::new(),
            any: false,
            pending: Vec::new(),
            at: 0,
            lost: false,
        }
    }

    /// Reads a stream to its end. Frames are shown when they come; hexadecimal at the end.
    fn follow(&mut self, stream: &mut dyn std::io::Read) -> Result<(), Failure> {
        let cannot = |error| Failure::failed(format!("cannot read on: {error}"));
        let mut text = Vec::new();
        let mut is_text = true;
        loop {
            let mut came = Vec::new();
            if input::read(stream, &mut came).map_err(cannot)? == 0 {
                break;
            }
            is_text = is_text && input::is_text(&came);
            if is_text {
                text.append(&mut came)
            } else {
                let all = [std::mem::take(&mut text), came].concat();
                self.take(&all);
                if !self.show()? {
                    return Ok(());
                }
            }
        }
        match hex::read(&text) {
            Ok(bytes) => self.take(&bytes),
            Err(NotHex::Text) => self.take(&text),
            Err(unreadable) => return Err(Failure::usage(unreadable)),
        }
        Ok(())
    }

    /// Takes all frames that are whole.
    fn take(&mut self, bytes: &[u8]) {
        self.any |= !bytes.is_empty();
        if self.lost {
            return;
        }
        self.pending.extend_from_slice(bytes);
        let pending = std::mem::take(&mut self.pending);
        let mut rest = pending.as_slice();
        while let Some((prefix, after)) = rest.split_first_chunk::<LENGTH_PREFIX>() {
            let size = u32::from_be_bytes(*prefix);
            if size > LARGEST {
                return self.lose(rest, size);
            }
            if after.len() < size as usize {
                break;
            }
            let (frame, after) = rest.split_at(LENGTH_PREFIX + size as usize);
            self.frame(frame, size);
            rest = after;
        }
        self.pending = rest.to_vec();
    }

    /// Ends the input.
    fn end(&mut self) {
        let pending = std::mem::take(&mut self.pending);
        match pending.first_chunk::<LENGTH_PREFIX>() {
            _ if !self.any => self.wrong("there are no bytes", &[]),
            _ if self.lost || pending.is_empty() => {}
            Some(prefix) => self.frame(&pending, u32::from_be_bytes(*prefix)),
            None => self.wrong("the input ends inside the length of a frame", &pending),
        }
        self.out += &self.writer.unfinished();
    }

    fn frame(&mut self, bytes: &[u8], size: u32) {
        if size < MIN_FRAME_SIZE {
            let problem = format!(
                "at {}: a frame of {size} bytes is shorter than a head, which has \
                 {MIN_FRAME_SIZE} at the least",
                self.at
            );
            self.wrong(&problem, bytes.get(LENGTH_PREFIX..).unwrap_or_default());
        } else {
            self.out += &self.writer.frame(bytes, self.at, size as usize)
        }
        self.at += bytes.len() as u64;
    }

    /// Where the next frame begins is not known any more.
    fn lose(&mut self, rest: &[u8], size: u32) {
        self.lost = true;
        let problem = match Foreign::known_by(rest) {
            Some(foreign) => format!("at {}: that is {foreign}, not SPOP", self.at),
            None if input::is_text(rest) => format!(
                "at {}: that is text (`{}`), neither SPOP nor hexadecimal",
                self.at,
                first_line(rest)
            ),
            None => format!(
                "at {}: no frame has {size} bytes; where the next one begins cannot be told",
                self.at
            ),
        };
        self.wrong(&problem, rest);
    }

    fn wrong(&mut self, problem: &str, rest: &[u8]) {
        self.writer.wrong(&mut self.out, problem, rest);
    }

    /// Shows each frame when it comes; whether anybody looks.
    fn show(&mut self) -> Result<bool, Failure> {
        print(&std::mem::take(&mut self.out))
    }
}
