//! An argument of a message as a person types it: `ip=192.0.2.7`, `bin:00ff`, `null`.

use super::OwnedValue;
use bytes::Bytes;
use std::ffi::OsStr;
use std::fmt::Display;
use std::fs::File;
use std::io::{self, Read};
use std::net::IpAddr;
use std::path::PathBuf;
use std::str::{FromStr, from_utf8};

/// An argument of a message, read as the command lines of agents and of `spop` write it.
///
/// ```
/// use spoa::client::{Argument, OwnedValue};
///
/// let argument: Argument = "port=u32:443".parse().unwrap();
/// assert_eq!((argument.name.as_str(), argument.value), ("port", OwnedValue::Uint32(443)));
/// ```
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Argument {
    /// The name of the argument; empty if it has none.
    pub name: String,
    /// The value of the argument.
    pub value: OwnedValue,
}

/// The reason why a text cannot be read as an [`Argument`] or an [`OwnedValue`].
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{0}")]
pub struct ParseError(String);

impl Argument {
    /// The syntax of arguments, for the help of a command.
    pub const SYNTAX: &str = "\
A value is an IP address, an integer (INT64, as HAProxy sends it), `true`, `false` or `null` if it looks
like one; anything else is a string. A prefix sets the type:
  str:TEXT  bin:HEX  bool:true  i32:N  u32:N  i64:N  u64:N  ip4:ADDRESS  ip6:ADDRESS
  hdrs:NAME:VALUE, a block of headers as `req.hdrs` gives it, with `\\n` between two headers
`@FILE` sends the bytes of a file, and `@-` those of standard input, as BINARY, the type of `req.body`.
The name of an argument ends at the first `=`. An argument without a name is `=value`, or `value` if
it has no `=` in it.";

    /// Reads one argument of a command line: as [`Argument::parse`], but a value `@FILE` is the bytes of
    /// that file as a BINARY, and `@-` those of standard input. Give it only what the user typed: it opens
    /// any file.
    ///
    /// # Errors
    /// [`ParseError`] if the file or standard input cannot be read or has more than 64 MiB, and as [`Argument::parse`].
    ///
    /// ```no_run
    /// use spoa::client::Argument;
    ///
    /// let argument = Argument::read("body=@request.json")?;
    /// assert_eq!(argument.name, "body");
    /// # Ok::<(), spoa::client::ParseError>(())
    /// ```
    pub fn read(text: impl AsRef<OsStr>) -> Result<Self, ParseError> {
        let text = text.as_ref();
        let (name, value) = split(text);
        let Some(path) = value.strip_prefix(b"@") else {
            return Argument::parse(text);
        };
        let name = name_of(name, text)?;
        let bytes = file(path).map_err(|problem| about(text, problem))?;
        Ok(Argument {
            name,
            value: OwnedValue::Binary(bytes.into()),
        })
    }

    /// Reads one argument. A value that is not UTF-8 is a STRING of those bytes.
    ///
    /// # Errors
    /// [`ParseError`] if the name is not UTF-8 or the value is not of the type that its prefix
    /// says.
    pub fn parse(text: impl AsRef<OsStr>) -> Result<Self, ParseError> {
        let text = text.as_ref();
        let (name, value) = split(text);
        let name = name_of(name, text)?;
        let value = match from_utf8(value) {
            Ok(value) => typed(value).map_err(|problem| about(text, problem))?,
            // Only a string can hold bytes that are not text: HAProxy passes on the bytes of headers.
            Err(_) => OwnedValue::String(Bytes::copy_from_slice(value)),
        };
        Ok(Argument { name, value })
    }
}

/// Returns the name and the value of an argument.
fn split(text: &OsStr) -> (&[u8], &[u8]) {
    let bytes = text.as_encoded_bytes();
    match bytes.iter().position(|byte| *byte == b'=') {
        Some(at) => (
            bytes.get(..at).unwrap_or_default(),
            bytes.get(at + 1..).unwrap_or_default(),
        ),
        None => (&[], bytes),
    }
}

fn name_of(name: &[u8], text: &OsStr) -> Result<String, ParseError> {
    let name = from_utf8(name).map_err(|_| about(text, "the name is not UTF-8"))?;
    Ok(name.to_owned())
}

fn about(text: &OsStr, problem: impl Display) -> ParseError {
    ParseError(format!("`{}`: {problem}", text.to_string_lossy()))
}

/// The largest value that is read from a file, in bytes: far more than HAProxy's frames have room for.
const MAX_FILE: u64 = 64 << 20;

/// Returns the bytes of a file, or of standard input for `-`.
fn file(path: &[u8]) -> Result<Vec<u8>, String> {
    if path == b"-" {
        let read = read(io::stdin().lock());
        return read.map_err(|error| format!("cannot read standard input: {error}"));
    }
    let path = path_of(path)?;
    let read = File::open(&path).and_then(read);
    read.map_err(|error| {
        format!(
            "cannot read the file `{}`: {error}; write `str:@…` for a text that begins with `@`",
            path.display()
        )
    })
}

/// Reads to the end, but no more than [`MAX_FILE`] bytes: `/dev/zero` has no end.
fn read(from: impl Read) -> io::Result<Vec<u8>> {
    let mut bytes = Vec::new();
    from.take(MAX_FILE + 1).read_to_end(&mut bytes)?;
    if bytes.len() as u64 > MAX_FILE {
        return Err(io::Error::other("it has more than 64 MiB"));
    }
    Ok(bytes)
}

#[cfg(unix)]
fn path_of(path: &[u8]) -> Result<PathBuf, String> {
    let path: &OsStr = std::os::unix::ffi::OsStrExt::from_bytes(path);
    Ok(path.into())
}

#[cfg(not(unix))]
fn path_of(path: &[u8]) -> Result<PathBuf, String> {
    let path = from_utf8(path).map_err(|_| "the name of the file is not UTF-8".to_owned())?;
    Ok(path.into())
}

impl FromStr for Argument {
    type Err = ParseError;

    fn from_str(text: &str) -> Result<Self, ParseError> {
        Argument::parse(text)
    }
}

/// Reads a value as an [`Argument`] has it after its `=`.
impl FromStr for OwnedValue {
    type Err = ParseError;

    fn from_str(text: &str) -> Result<Self, ParseError> {
        typed(text).map_err(ParseError)
    }
}

fn typed(text: &str) -> Result<OwnedValue, String> {
    if let Some((prefix, rest)) = text.split_once(':') {
        if let Some(value) = prefixed(prefix, rest) {
            return value;
        }
    }
    Ok(by_look(text))
}

/// Reads a value with a prefix; `None` if the prefix is unknown, for a text may hold a `:`.
fn prefixed(prefix: &str, text: &str) -> Option<Result<OwnedValue, String>> {
    Some(match prefix {
        "str" => Ok(OwnedValue::String(text.to_owned().into())),
        "bin" => hex(text).map(|bytes| OwnedValue::Binary(bytes.into())),
        "hdrs" => headers(text).map(|block| OwnedValue::String(block.into())),
        "bool" => match text {
            "true" | "1" => Ok(OwnedValue::Bool(true)),
            "false" | "0" => Ok(OwnedValue::Bool(false)),
            _ => Err("`bool:` is followed by `true` or `false`".to_owned()),
        },
        "i32" => number(text, OwnedValue::Int32, i32::MIN, i32::MAX),
        "u32" => number(text, OwnedValue::Uint32, u32::MIN, u32::MAX),
        "i64" => number(text, OwnedValue::Int64, i64::MIN, i64::MAX),
        "u64" => number(text, OwnedValue::Uint64, u64::MIN, u64::MAX),
        "ip4" => text
            .parse()
            .map(OwnedValue::Ipv4)
            .map_err(|_| "`ip4:` is followed by an address such as `192.0.2.7`".to_owned()),
        "ip6" => text
            .parse()
            .map(OwnedValue::Ipv6)
            .map_err(|_| "`ip6:` is followed by an address such as `2001:db8::7`".to_owned()),
        _ => return None,
    })
}

fn number<T: FromStr + Display>(
    text: &str,
    value: impl FnOnce(T) -> OwnedValue,
    least: T,
    most: T,
) -> Result<OwnedValue, String> {
    let number = text.parse().map(value);
    number.map_err(|_| format!("`{text}` is not an integer from {least} to {most}"))
}

fn hex(text: &str) -> Result<Vec<u8>, String> {
    let bad = || format!("`{text}` is not hexadecimal: write two digits for each byte");
    let digits: Option<Vec<u32>> = text.chars().map(|digit| digit.to_digit(16)).collect();
    let digits = digits.ok_or_else(bad)?;
    if digits.len() % 2 != 0 {
        return Err(bad());
    }
    let byte = |pair: &[u32]| pair.iter().fold(0, |byte, digit| byte << 4 | *digit as u8);
    Ok(digits.chunks(2).map(byte).collect())
}

/// Returns the block of headers that a person writes as `host:a\ncookie:b=1`.
fn headers(text: &str) -> Result<String, String> {
    let mut block = String::new();
    let lines = text.split("\\n").flat_map(str::lines);
    for line in lines {
        let Some((name, value)) = line.split_once(':').filter(|(name, _)| !name.is_empty()) else {
            return Err(format!(
                "`{line}` is not a header: write `hdrs:host:example.org\\ncookie:a=1`"
            ));
        };
        block.push_str(&format!(
            "{}: {}\r\n",
            name.to_ascii_lowercase(),
            value.trim()
        ));
    }
    Ok(block + "\r\n")
}

fn by_look(text: &str) -> OwnedValue {
    match text {
        "null" => return OwnedValue::Null,
        "true" => return OwnedValue::Bool(true),
        "false" => return OwnedValue::Bool(false),
        _ => {}
    }
    match text.parse() {
        Ok(IpAddr::V4(v4)) => return OwnedValue::Ipv4(v4),
        Ok(IpAddr::V6(v6)) => return OwnedValue::Ipv6(v6),
        Err(_) => {}
    }
    // `007` and `+1` are not how integers are written: they are names.
    match text.parse::<i64>() {
        Ok(number) if number.to_string() == text => OwnedValue::Int64(number),
        _ => OwnedValue::String(text.to_owned().into()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn value(text: &str) -> OwnedValue {
        let argument = Argument::parse(text).unwrap();
        assert_eq!(argument.name, "");
        assert_eq!(text.parse().as_ref(), Ok(&argument.value));
        argument.value
    }

    fn string(text: &'static str) -> OwnedValue {
        OwnedValue::String(text.into())
    }

    #[test]
    fn a_value_without_a_prefix_is_typed_by_its_form() {
        assert_eq!(value("192.0.2.7"), OwnedValue::Ipv4([192, 0, 2, 7].into()));
        assert_eq!(
            value("2001:db8::7"),
            OwnedValue::Ipv6("2001:db8::7".parse().unwrap())
        );
        assert_eq!(value("443"), OwnedValue::Int64(443));
        assert_eq!(value("-5"), OwnedValue::Int64(-5));
        assert_eq!(value("9223372036854775807"), OwnedValue::Int64(i64::MAX));
        assert_eq!(value("true"), OwnedValue::Bool(true));
        assert_eq!(value("false"), OwnedValue::Bool(false));
        assert_eq!(value("null"), OwnedValue::Null);
        for text in [
            "",
            "GET",
            "1.5",
            "007",
            "+1",
            "-0",
            "9223372036854775808",
            "localhost:80",
            "True",
        ] {
            assert_eq!(value(text), OwnedValue::String(text.to_owned().into()));
        }
    }

    #[test]
    fn a_prefix_says_the_type() {
        assert_eq!(value("str:443"), string("443"));
        assert_eq!(value("str:"), string(""));
        assert_eq!(value("str:bin:00"), string("bin:00"));
        assert_eq!(value("bin:00fF"), OwnedValue::Binary(vec![0, 255].into()));
        assert_eq!(value("bin:"), OwnedValue::Binary(Bytes::new()));
        assert_eq!(value("bool:1"), OwnedValue::Bool(true));
        assert_eq!(value("i32:-5"), OwnedValue::Int32(-5));
        assert_eq!(value("u32:4294967295"), OwnedValue::Uint32(u32::MAX));
        assert_eq!(
            value("i64:-9223372036854775808"),
            OwnedValue::Int64(i64::MIN)
        );
        assert_eq!(
            value("u64:18446744073709551615"),
            OwnedValue::Uint64(u64::MAX)
        );
        assert_eq!(
            value("ip4:192.0.2.7"),
            OwnedValue::Ipv4([192, 0, 2, 7].into())
        );
        assert_eq!(value("ip6:::1"), OwnedValue::Ipv6("::1".parse().unwrap()));
    }

    #[test]
    fn headers_become_a_block() {
        let block = string("host: a:80\r\nx: \r\n\r\n");
        assert_eq!(value("hdrs:Host: a:80\\nx:"), block);
        assert_eq!(value("hdrs:host:a:80\nx:"), block);
        assert_eq!(value("hdrs:"), string("\r\n"));
        let problem = Argument::parse("h=hdrs:host").unwrap_err().to_string();
        assert_eq!(
            problem,
            "`h=hdrs:host`: `host` is not a header: write `hdrs:host:example.org\\ncookie:a=1`"
        );
    }

    #[test]
    fn the_name_ends_at_the_first_equals_sign() {
        let read = |text: &str| {
            let Argument { name, value } = text.parse().unwrap();
            (name, value)
        };
        assert_eq!(read("url=/?a=b"), ("url".to_owned(), string("/?a=b")));
        assert_eq!(
            read("port=u32:80"),
            ("port".to_owned(), OwnedValue::Uint32(80))
        );
        assert_eq!(read("=/?a=b"), (String::new(), string("/?a=b")));
        assert_eq!(read("empty="), ("empty".to_owned(), string("")));
    }

    #[cfg(unix)]
    #[test]
    fn bytes_that_are_not_text_are_still_a_string() {
        let text: &OsStr = std::os::unix::ffi::OsStrExt::from_bytes(b"h=\xff");
        let Argument { name, value } = Argument::parse(text).unwrap();
        assert_eq!(
            (name.as_str(), value),
            ("h", OwnedValue::String(Bytes::from_static(b"\xff")))
        );
    }

    #[test]
    fn a_value_may_be_the_bytes_of_a_file() {
        let file = tempfile::NamedTempFile::new().unwrap();
        std::fs::write(file.path(), b"\x00\xff@").unwrap();
        let text = format!("body=@{}", file.path().display());
        let Argument { name, value } = Argument::read(&text).unwrap();
        let bytes = Bytes::from_static(b"\x00\xff@");
        assert_eq!(
            (name.as_str(), value),
            ("body", OwnedValue::Binary(bytes.clone()))
        );
        let unnamed = Argument::read(format!("@{}", file.path().display())).unwrap();
        assert_eq!(
            (unnamed.name.as_str(), unnamed.value),
            ("", OwnedValue::Binary(bytes))
        );
        // Only a value of a command line opens files.
        assert_eq!(
            Argument::parse(&text).unwrap().value.data_type().name(),
            "STRING"
        );
        assert_eq!(
            Argument::read("user=str:@bob").unwrap().value,
            string("@bob")
        );
        let problem = Argument::read("user=@/dev/zero").unwrap_err();
        assert!(
            problem.to_string().contains("it has more than 64 MiB"),
            "{problem}"
        );
        let problem = Argument::read("user=@/no/such/file")
            .unwrap_err()
            .to_string();
        assert!(
            problem.starts_with("`user=@/no/such/file`: cannot read the file `/no/such/file`: ")
                && problem.ends_with("write `str:@…` for a text that begins with `@`"),
            "{problem}"
        );
    }

    #[test]
    fn a_value_that_is_not_of_its_type_is_an_error() {
        let problem = |text: &str| Argument::parse(text).unwrap_err().to_string();
        assert_eq!(
            problem("b=bin:0"),
            "`b=bin:0`: `0` is not hexadecimal: write two digits for each byte"
        );
        assert_eq!(
            problem("n=u32:-1"),
            "`n=u32:-1`: `-1` is not an integer from 0 to 4294967295"
        );
        assert_eq!(
            problem("ip4:::1"),
            "`ip4:::1`: `ip4:` is followed by an address such as `192.0.2.7`"
        );
        assert_eq!(
            problem("bool:yes"),
            "`bool:yes`: `bool:` is followed by `true` or `false`"
        );
    }
}
