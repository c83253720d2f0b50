//! The first line of a file: its writer, and the hash of the rest, which shows edits.

const SIGNATURE: &str = "# Written by `";
const HASH: &str = "# Written by `NAME config`, hash ";

/// The writer of a file.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Writer {
    /// `config`; the file has not changed since.
    Config,
    /// `config`; the file has changed since.
    Edited,
    /// Another program, or a person.
    Other,
}

/// Returns a text with the line before it that [`writer`] reads.
///
/// ```
/// use spoa_config::write::{Writer, signed, writer};
///
/// let file = signed("my-agent", "backend agents\n");
/// assert_eq!(writer(&file), Writer::Config);
/// assert_eq!(writer(&format!("{file}    # mine\n")), Writer::Edited);
/// assert_eq!(writer("backend agents\n"), Writer::Other);
/// ```
#[must_use]
pub fn signed(agent: &str, text: &str) -> String {
    let agent = agent.replace(char::is_control, " ");
    let head = HASH.replace("NAME", &agent);
    format!(
        "{head}{:016x}: run it again when handlers change.\n{text}",
        hash(text)
    )
}

/// Returns the writer of a file, by its first line.
#[must_use]
pub fn writer(text: &str) -> Writer {
    let (first, rest) = text.split_once('\n').unwrap_or((text, ""));
    if !first.starts_with(SIGNATURE) || !first.contains(" config`") {
        return Writer::Other;
    }
    let hash = first.rsplit_once("config`, hash ").and_then(|(_, hash)| {
        let hash = hash.get(..16)?;
        u64::from_str_radix(hash, 16).ok()
    });
    if hash == Some(self::hash(rest)) {
        Writer::Config
    } else {
        Writer::Edited
    }
}

/// Returns the 64 bits of FNV-1a. They show an edit, and do not prevent a forgery.
fn hash(text: &str) -> u64 {
    text.bytes().fold(0xcbf2_9ce4_8422_2325, |hash, byte| {
        (hash ^ u64::from(byte)).wrapping_mul(0x0100_0000_01b3)
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The line has no version: the hash tells whether a file was edited, whichever version wrote it.
    #[test]
    fn files_of_earlier_versions_are_known() {
        let file = "# Written by `a config`, hash 40806808fdf0580c: run it again when handlers change.\nglobal\n";
        assert_eq!(writer(file), Writer::Config, "{}", signed("a", "global\n"));
        // Before there were hashes.
        let file = "# Written by `a config`: run it again when handlers change.\nglobal\n";
        assert_eq!(writer(file), Writer::Edited);
    }

    #[test]
    fn any_change_is_seen() {
        let file = signed("a b", "global\n\n    maxconn 100\n");
        assert_eq!(writer(&file), Writer::Config);
        for edited in [
            file.replace("100", "101"),
            file.replace("\n\n", "\n"),
            format!("{file}\n"),
            file.trim_end().to_owned(),
            file.replace("hash ", "hash x"),
            file.replace('\n', "\r\n"),
        ] {
            assert_eq!(writer(&edited), Writer::Edited, "{edited}");
        }
        let later = format!("# mine\n{file}");
        assert_eq!(writer(&later), Writer::Other);
        assert_eq!(writer(""), Writer::Other);
    }
}
