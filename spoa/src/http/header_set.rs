//! Headers that an agent sets, adds and removes, encoded as HAProxy takes them.

use super::checked_header::{Header, check_length, checked_name};
use super::{BadHeader, SetCookie};
use crate::spop::varint;

/// Changes to the headers of a request or a response.
///
/// Names and values are checked when they are added, so no set holds a line end or a NUL. The order of the
/// changes counts: a header that is removed and then set is set.
///
/// A handler returns a set with its [`Verdict`](super::Verdict). From 3.4 on, HAProxy also applies each
/// of [`to_set`](HeaderSet::to_set), [`to_add`](HeaderSet::to_add) and [`to_remove`](HeaderSet::to_remove)
/// as a variable, with `set-headers-bin`, `add-headers-bin` and `del-headers-bin`.
///
/// ```
/// use spoa::http::HeaderSet;
///
/// let headers = HeaderSet::new()
///     .set("X-User", "alice")?
///     .add("Via", "1.1 agent")?
///     .remove("Authorization")?;
///
/// assert_eq!(headers.to_set().as_deref(), Some(&b"\x06x-user\x05alice\0\0"[..]));
/// # Ok::<(), spoa::http::BadHeader>(())
/// ```
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct HeaderSet {
    set: Vec<Header>,
    added: Vec<Header>,
    removed: Vec<String>,
}

impl HeaderSet {
    /// Creates a set without changes.
    #[must_use]
    pub const fn new() -> Self {
        HeaderSet {
            set: Vec::new(),
            added: Vec::new(),
            removed: Vec::new(),
        }
    }

    /// Sets a header: its lines are replaced by one.
    ///
    /// # Errors
    /// [`BadHeader`] if HTTP does not allow the name or the value.
    pub fn set(mut self, name: &str, value: impl AsRef<[u8]>) -> Result<Self, BadHeader> {
        let header = Header::new(name, value.as_ref())?;
        self.forget(&header.name);
        self.set.push(header);
        Ok(self)
    }

    /// [Sets](Self::set) a header if there is a value, and changes nothing without one.
    ///
    /// ```
    /// use spoa::http::HeaderSet;
    ///
    /// let (user, group) = (Some("alice"), None::<&str>);
    /// let headers = HeaderSet::new().set_some("x-user", user)?.set_some("x-group", group)?;
    /// assert_eq!(headers, HeaderSet::new().set("x-user", "alice")?);
    /// # Ok::<(), spoa::http::BadHeader>(())
    /// ```
    ///
    /// # Errors
    /// [`BadHeader`] if there is a value, and HTTP does not allow the name or the value.
    pub fn set_some(self, name: &str, value: Option<impl AsRef<[u8]>>) -> Result<Self, BadHeader> {
        match value {
            Some(value) => self.set(name, value),
            None => Ok(self),
        }
    }

    /// Adds a line to a header, and keeps its other lines.
    ///
    /// # Errors
    /// [`BadHeader`] if HTTP does not allow the name or the value.
    pub fn add(mut self, name: &str, value: impl AsRef<[u8]>) -> Result<Self, BadHeader> {
        self.added.push(Header::new(name, value.as_ref())?);
        Ok(self)
    }

    /// Appends an element to the comma-separated list that this set gives a header, or sets the header to
    /// that element.
    ///
    /// ```
    /// use spoa::http::HeaderSet;
    ///
    /// let vary = HeaderSet::new().append("vary", "accept")?.append("vary", "cookie")?;
    /// assert_eq!(vary, HeaderSet::new().set("vary", "accept, cookie")?);
    /// # Ok::<(), spoa::http::BadHeader>(())
    /// ```
    ///
    /// An empty element changes nothing in a list. A `set-cookie` is not a list, so it is [added](Self::add).
    ///
    /// # Errors
    /// [`BadHeader`] if HTTP does not allow the name or the value.
    pub fn append(mut self, name: &str, element: impl AsRef<[u8]>) -> Result<Self, BadHeader> {
        let header = Header::new(name, element.as_ref())?;
        if header.name == "set-cookie" {
            self.added.push(header);
            return Ok(self);
        }
        let mut set = self.set.iter_mut().chain(&mut self.added);
        match set.find(|it| it.name == header.name) {
            Some(_) if header.value.is_empty() => {}
            Some(list) if list.value.is_empty() => list.value = header.value,
            Some(list) => {
                list.value.extend_from_slice(b", ");
                list.value.extend_from_slice(&header.value);
                check_length(&list.name, list.value.len())?;
            }
            None => return self.set(name, element),
        }
        Ok(self)
    }

    /// Removes all lines of a header.
    ///
    /// # Errors
    /// [`BadHeader`] if HTTP does not allow the name.
    pub fn remove(mut self, name: &str) -> Result<Self, BadHeader> {
        let name = checked_name(name)?;
        self.forget(&name);
        self.removed.push(name);
        Ok(self)
    }

    /// Adds a cookie: one more line `set-cookie`.
    #[must_use]
    pub fn cookie(mut self, cookie: &SetCookie) -> Self {
        self.added.push(Header {
            name: "set-cookie".to_owned(),
            value: cookie.to_string().into_bytes(),
        });
        self
    }

    /// Makes the changes of another set after those of this one.
    #[must_use]
    pub fn and(mut self, other: HeaderSet) -> Self {
        for name in &other.removed {
            self.forget(name);
        }
        for header in &other.set {
            self.forget(&header.name);
        }
        self.removed.extend(other.removed);
        self.set.extend(other.set);
        self.added.extend(other.added);
        self
    }

    /// Returns whether there are no changes.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.set.is_empty() && self.added.is_empty() && self.removed.is_empty()
    }

    /// Returns the headers to set, encoded for `set-headers-bin` of HAProxy; `None` without such headers.
    ///
    /// In HAProxy, `del-headers-bin` has to come before it, and `add-headers-bin` after it.
    #[must_use]
    pub fn to_set(&self) -> Option<Vec<u8>> {
        block(&self.set)
    }

    /// Returns the headers to add, encoded for `add-headers-bin` of HAProxy; `None` without such headers.
    #[must_use]
    pub fn to_add(&self) -> Option<Vec<u8>> {
        block(&self.added)
    }

    /// Returns the names to remove, encoded for `del-headers-bin` of HAProxy; `None` without such names.
    #[must_use]
    pub fn to_remove(&self) -> Option<Vec<u8>> {
        if self.removed.is_empty() {
            return None;
        }
        let mut block = Vec::new();
        for name in &self.removed {
            append(name.as_bytes(), &mut block);
        }
        // Names alone end with one empty name.
        block.push(0);
        Some(block)
    }

    /// [Sets](Self::set) a header that is not set yet.
    pub(super) fn set_once(self, name: &str, value: impl AsRef<[u8]>) -> Result<Self, BadHeader> {
        if self.set.iter().any(|it| it.name.eq_ignore_ascii_case(name)) {
            return Err(BadHeader::Repeated(name.to_ascii_lowercase()));
        }
        self.set(name, value)
    }

    /// [Adds](Self::add) a header that is not added yet.
    pub(super) fn add_once(self, name: &str, value: impl AsRef<[u8]>) -> Result<Self, BadHeader> {
        if self
            .added
            .iter()
            .any(|it| it.name.eq_ignore_ascii_case(name))
        {
            return Err(BadHeader::Repeated(name.to_ascii_lowercase()));
        }
        self.add(name, value)
    }

    pub(crate) fn set_headers(&self) -> &[Header] {
        &self.set
    }

    pub(crate) fn added_headers(&self) -> &[Header] {
        &self.added
    }

    pub(crate) fn removed_names(&self) -> &[String] {
        &self.removed
    }

    /// Drops the earlier changes of a header.
    fn forget(&mut self, name: &str) {
        self.set.retain(|it| it.name != name);
        self.added.retain(|it| it.name != name);
        self.removed.retain(|it| it != name);
    }
}

/// Encodes headers as `req.hdrs_bin` does. HAProxy answers a request with 500 if the end is missing.
fn block(headers: &[Header]) -> Option<Vec<u8>> {
    if headers.is_empty() {
        return None;
    }
    let mut block = Vec::new();
    for header in headers {
        append(header.name.as_bytes(), &mut block);
        append(&header.value, &mut block);
    }
    block.extend([0, 0]);
    Some(block)
}

fn append(text: &[u8], out: &mut Vec<u8>) {
    varint::encode(text.len() as u64, out);
    out.extend_from_slice(text);
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn decoded(mut block: &[u8]) -> Vec<(Vec<u8>, Vec<u8>)> {
        let mut headers = Vec::new();
        let mut text = || {
            let (length, rest) = varint::decode(block).unwrap();
            let (text, rest) = rest.split_at(length as usize);
            block = rest;
            text.to_vec()
        };
        loop {
            let (name, value) = (text(), text());
            if name.is_empty() {
                assert!(value.is_empty() && block.is_empty());
                return headers;
            }
            headers.push((name, value));
        }
    }

    #[test]
    fn changes_count_in_their_order() {
        let set = HeaderSet::new();
        let set = set.add("a", "1").unwrap().set("A", "2").unwrap();
        assert_eq!(set, HeaderSet::new().set("a", "2").unwrap());
        let set = set.remove("a").unwrap();
        assert_eq!(set.to_remove().unwrap(), b"\x01a\0");
        assert_eq!(set.to_set(), None);
        let set = set.add("a", "3").unwrap().add("a", "4").unwrap();
        assert_eq!(set.to_remove().unwrap(), b"\x01a\0");
        assert_eq!(set.to_add().unwrap(), b"\x01a\x013\x01a\x014\0\0");
        let other = HeaderSet::new().set("a", "5").unwrap();
        assert_eq!(set.and(other.clone()), other);
    }

    #[test]
    fn append_extends_a_list_but_adds_a_line_for_a_cookie() {
        let set = HeaderSet::new().append("vary", "").unwrap();
        let set = set.append("vary", "a").unwrap().append("Vary", "").unwrap();
        assert_eq!(set, HeaderSet::new().set("vary", "a").unwrap());
        let set = HeaderSet::new().append("set-cookie", "a=1").unwrap();
        let set = set.append("Set-Cookie", "b=2").unwrap();
        let lines = HeaderSet::new().add("set-cookie", "a=1").unwrap();
        assert_eq!(set, lines.add("set-cookie", "b=2").unwrap());
    }

    #[test]
    fn invalid_names_and_values_are_refused_with_a_reason() {
        for (name, value, error) in [
            ("", "x", "\"\" cannot be the name of a header: it is empty"),
            (
                "x y",
                "x",
                "\"x y\" cannot be the name of a header: ' ' is not allowed in it",
            ),
            (
                "x\r\ny",
                "x",
                "\"x\\r\\ny\" cannot be the name of a header: '\\r' is not allowed in it",
            ),
            (
                "x:",
                "x",
                "\"x:\" cannot be the name of a header: ':' is not allowed in it",
            ),
            (
                "Content-Length",
                "1",
                "header `content-length` frames the message, so HAProxy sets it and an agent cannot",
            ),
            (
                "x",
                "a\r\nb: c",
                "the value of header `x` has the byte 0x0d, and headers have no control characters",
            ),
            (
                "x",
                "a\0b",
                "the value of header `x` has the byte 0x00, and headers have no control characters",
            ),
        ] {
            let set = HeaderSet::new();
            assert_eq!(set.set(name, value).unwrap_err().to_string(), error);
            assert!(HeaderSet::new().add(name, value).is_err());
            assert!(HeaderSet::new().append(name, value).is_err());
        }
        assert!(HeaderSet::new().remove("a b").is_err());
        assert!(HeaderSet::new().set(&"n".repeat(256), "").is_err());
        assert!(HeaderSet::new().set("n", "v".repeat(1 << 20)).is_err());
    }

    #[test]
    fn values_are_trimmed_may_be_empty_and_need_not_be_text() {
        let set = HeaderSet::new().set("a", b" \t\xff\x80\tx ").unwrap();
        let set = set.set("b", "").unwrap();
        let expected = [
            (b"a".to_vec(), b"\xff\x80\tx".to_vec()),
            (b"b".to_vec(), Vec::new()),
        ];
        assert_eq!(decoded(&set.to_set().unwrap()), expected);
    }

    proptest! {
        #[test]
        fn no_line_end_and_no_nul_gets_through(
            headers in proptest::collection::vec((".{0,8}", proptest::collection::vec(any::<u8>(), 0..300)), 0..8)
        ) {
            let mut set = HeaderSet::new();
            let mut expected = Vec::new();
            for (name, value) in &headers {
                if let Ok(more) = set.clone().add(name, value) {
                    expected.push((name.to_ascii_lowercase().into_bytes(), value.trim_ascii().to_vec()));
                    set = more;
                }
            }
            let found = set.to_add().map(|block| decoded(&block)).unwrap_or_default();
            for (name, value) in &found {
                prop_assert!(!name.iter().chain(value).any(|byte| b"\r\n\0".contains(byte)));
            }
            prop_assert_eq!(found, expected);
        }
    }
}
