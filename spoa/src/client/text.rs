//! Peers that are not agents and speak in lines of text.

use crate::spop::session::Foreign;

/// The number of characters quoted from a line.
const QUOTED: usize = 60;

/// Returns the first line of a peer that sends plain text in place of a frame; `None` if these bytes may be
/// a frame, or are of a protocol that has a name ([`Foreign`]). A frame begins with its length, and one
/// that begins with four printable characters would have hundreds of megabytes.
///
/// ```
/// use spoa::client::plain_text;
///
/// let line = plain_text(b"SSH-2.0-OpenSSH_9.2\r\n");
/// assert_eq!(line.as_deref(), Some("SSH-2.0-OpenSSH_9.2"));
/// assert_eq!(plain_text(&[0, 0, 0, 7]), None);
/// ```
#[must_use]
pub fn plain_text(first: &[u8]) -> Option<String> {
    let printable = |byte: &&u8| byte.is_ascii_graphic() || **byte == b' ';
    let line: Vec<u8> = first.iter().take_while(printable).copied().collect();
    if line.len() < 4 || Foreign::known_by(first).is_some() {
        return None;
    }
    let line: String = line.into_iter().map(char::from).collect();
    Some(match line.get(..QUOTED) {
        Some(beginning) if line.len() > QUOTED => format!("{beginning}…"),
        _ => line,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn long_lines_are_cut() {
        let quoted = plain_text(&[b'x'; 61]);
        assert_eq!(quoted, Some(format!("{}…", "x".repeat(60))));
        let whole = "x".repeat(60);
        assert_eq!(plain_text(whole.as_bytes()), Some(whole));
    }

    #[test]
    fn frames_and_protocols_that_have_a_name_are_not_text() {
        for bytes in [
            &b"HTTP/1.1 400 Bad Request\r\n"[..],
            b"a\r\nb",
            b"",
            &[0, 0, 9, 9],
        ] {
            assert_eq!(plain_text(bytes), None);
        }
    }
}
