//! Hexadecimal as people copy it, and the dumps of tools.

use std::fmt;

/// A dump with more left out than this is a mistake: no capture repeats itself so.
const LARGEST: u64 = 64 << 20;

/// Where the data of a line ends that has no `|` after it: 16 bytes, a gap in the middle.
const COLUMNS: usize = 16 * 3 + 1;

/// Why a text has no bytes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum NotHex {
    /// It is not hexadecimal at all.
    Text,
    /// A dump of words, whose bytes are in this machine's order.
    Words,
    /// A dump of packets, whose headers are not frames.
    Packets,
    /// The offset in this line is not where its data belongs.
    Offset(usize),
}

impl fmt::Display for NotHex {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            NotHex::Text => f.write_str("that is not hexadecimal"),
            NotHex::Words => f.write_str(
                "that is a dump of words, not of bytes, or one of `od`; use `xxd` or `hexdump -C`",
            ),
            NotHex::Packets => f.write_str(
                "that dump holds the headers of the packets, too; write the capture to a file \
                 with `tcpdump -w` and take the data of its stream: `tshark -r FILE -q -z \
                 follow,tcp,raw,0`, or Wireshark's \"Follow TCP Stream\" as \"Hex Dump\"",
            ),
            NotHex::Offset(line) => write!(
                f,
                "line {line} of the dump has an offset that does not fit its data: is a part \
                 missing, or are these two dumps?"
            ),
        }
    }
}

/// Reads hexadecimal: digits in a row or apart, `00:00`, `0x00,`, `\x00`, and the dumps of xxd,
/// `hexdump -C` and Wireshark.
pub(super) fn read(text: &[u8]) -> Result<Vec<u8>, NotHex> {
    let text = std::str::from_utf8(text).map_err(|_| NotHex::Text)?;
    let mut dump = Dump::default();
    for (index, line) in text.lines().enumerate() {
        dump.line(line, index + 1)?;
    }
    if dump.bytes.is_empty() {
        Err(NotHex::Text)
    } else {
        Ok(dump.bytes)
    }
}

/// The bytes of a text.
#[derive(Debug, Default)]
struct Dump {
    bytes: Vec<u8>,
    /// The offset of the first byte, once there was a row with one.
    base: Option<u64>,
    /// The last row, and whether a `*` came after it: equal rows are left out.
    row: Vec<u8>,
    starred: bool,
}

impl Dump {
    fn line(&mut self, line: &str, number: usize) -> Result<(), NotHex> {
        let wrong = NotHex::Offset(number);
        match DumpLine::read(line, self.base.is_some())? {
            DumpLine::Data(data) => digits(data, &mut self.bytes),
            DumpLine::Star => {
                self.starred = true;
                Ok(())
            }
            DumpLine::End(offset) => self.reach(offset).ok_or(wrong),
            DumpLine::Row(offset, data) => {
                self.base.get_or_insert(offset);
                self.reach(offset).ok_or(wrong)?;
                self.row.clear();
                digits(data, &mut self.row)?;
                self.bytes.extend_from_slice(&self.row);
                Ok(())
            }
            // Each side of a conversation has offsets of its own.
            DumpLine::Side(data) => {
                self.base.get_or_insert(0);
                digits(data, &mut self.bytes)
            }
        }
    }

    /// Puts rows back that are left out before this offset.
    fn reach(&mut self, offset: u64) -> Option<()> {
        let here = self.base? + self.bytes.len() as u64;
        let missing = offset.checked_sub(here).filter(|count| *count <= LARGEST)?;
        let whole = missing
            .checked_rem(self.row.len() as u64)
            .unwrap_or(missing)
            == 0;
        if !whole || (missing > 0 && !self.starred) {
            return None;
        }
        while !self.row.is_empty() && self.base? + (self.bytes.len() as u64) < offset {
            self.bytes.extend_from_slice(&self.row);
        }
        self.starred = false;
        Some(())
    }
}

/// A kind of line.
enum DumpLine<'a> {
    /// Only data.
    Data(&'a str),
    /// An offset and data.
    Row(u64, &'a str),
    /// Bytes with their offset in one direction of a connection.
    Side(&'a str),
    /// `*`, in place of rows like the last.
    Star,
    /// The offset after the last row.
    End(u64),
}

impl<'a> DumpLine<'a> {
    /// Reads a line, of a dump that has begun or not: the lines of one say less than its first.
    fn read(line: &'a str, begun: bool) -> Result<Self, NotHex> {
        let line = line.trim();
        let (first, _) = line.split_once(char::is_whitespace).unwrap_or((line, ""));
        let offset = match first.strip_suffix(':') {
            Some(word) if word.len() == 6 && word.starts_with("0x") => {
                return Err(NotHex::Packets);
            }
            Some(word) => offset(word),
            None => offset(first),
        };
        // `hexdump` without -C and `od` have offsets of other lengths, and end with one.
        if !begun && matches!(first, "0000000" | "000000") && first.len() < line.len() {
            return Err(NotHex::Words);
        }
        let rest = line.get(first.len()..).unwrap_or_default();
        Ok(match offset {
            _ if line == "*" => DumpLine::Star,
            // xxd: `00000010: 7072 6f70  prop`
            Some(offset) if first.ends_with(':') => {
                let data = rest.trim_start().split("  ").next();
                DumpLine::Row(offset, data.unwrap_or_default())
            }
            Some(offset) if begun && rest.is_empty() => DumpLine::End(offset),
            // hexdump -C: `00000010  70 72 6f 70  |prop|`
            Some(offset) if before_the_text(rest).is_some() => {
                DumpLine::Row(offset, before_the_text(rest).unwrap_or_default())
            }
            // Wireshark: `00000010  70 72 6f 70   prop`
            Some(offset) if rest.starts_with("  ") && (begun || offset == 0) => {
                let data = rest.trim_start();
                DumpLine::Side(data.get(..COLUMNS).unwrap_or(data))
            }
            _ => DumpLine::Data(line),
        })
    }
}

/// The offset in front of a row: eight digits, as no byte has.
fn offset(word: &str) -> Option<u64> {
    let whole = word.len() == 8 && word.chars().all(|c| c.is_ascii_hexdigit());
    whole.then(|| u64::from_str_radix(word, 16).ok()).flatten()
}

/// The data of a row of `hexdump -C`. A `|` elsewhere is one of Wireshark's text.
fn before_the_text(row: &str) -> Option<&str> {
    let (data, _) = row.strip_prefix("  ")?.split_once('|')?;
    let data = data.trim();
    let is_data = |c: char| c.is_ascii_hexdigit() || c == ' ';
    (data.len() < COLUMNS && data.chars().all(is_data)).then_some(data)
}

/// Appends the bytes that these digits are.
fn digits(data: &str, out: &mut Vec<u8>) -> Result<(), NotHex> {
    let separator = |c: char| c.is_whitespace() || matches!(c, ':' | ',' | ';' | '{' | '}' | '"');
    for word in data.split(separator) {
        for part in word.split("\\x").flat_map(|part| part.split("0x")) {
            let digits: Option<Vec<u8>> =
                part.chars().map(|c| Some(c.to_digit(16)? as u8)).collect();
            let digits = digits.ok_or(NotHex::Text)?;
            let pairs = digits.chunks_exact(2);
            // A digit alone could be either half of a byte.
            if !pairs.remainder().is_empty() {
                return Err(NotHex::Text);
            }
            out.extend(pairs.map(|pair| pair.iter().fold(0, |byte, digit| byte << 4 | digit)));
        }
    }
    Ok(())
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
            if text.contains(", 0,") {
                assert_eq!(read(text.as_bytes()), Err(NotHex::Text), "{text}")
            } else {
                assert_eq!(read(text.as_bytes()).as_deref(), Ok(&ACK[..]), "{text}")
            }
        }
    }

    #[test]
    fn other_text_is_not_read_as_hexadecimal() {
        for text in ["", "GET / HTTP/1.1", "0000000", "0g"] {
            assert_eq!(read(text.as_bytes()), Err(NotHex::Text), "{text}");
        }
    }
}
