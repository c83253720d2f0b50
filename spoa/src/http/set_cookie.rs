//! A cookie that an agent sends to a client.

use super::token::is_token;
use std::fmt;
use std::time::Duration;

/// A cookie in a header `Set-Cookie`.
///
/// ```
/// use spoa::http::{HeaderSet, SameSite, SetCookie};
/// use std::time::Duration;
///
/// let cookie = SetCookie::new("session", "d41d8cd9")?
///     .path("/")?
///     .max_age(Duration::from_secs(3600))
///     .same_site(SameSite::Lax)
///     .secure()
///     .http_only();
///
/// assert_eq!(
///     cookie.to_string(),
///     "session=d41d8cd9; Path=/; Max-Age=3600; SameSite=Lax; Secure; HttpOnly"
/// );
/// let headers = HeaderSet::new().cookie(&cookie);
/// # Ok::<(), spoa::http::BadCookie>(())
/// ```
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SetCookie {
    name: String,
    value: String,
    path: Option<String>,
    domain: Option<String>,
    max_age: Option<Duration>,
    same_site: Option<SameSite>,
    secure: bool,
    http_only: bool,
}

/// The requests from other sites with which a browser sends a cookie.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum SameSite {
    /// No requests from other sites.
    Strict,
    /// Requests that open a page of the cookie's site.
    Lax,
    /// All requests. Browsers take such a cookie only if it is secure, so it becomes secure.
    None,
}

impl SetCookie {
    /// Creates a cookie that lasts until the browser is closed, and to which the defaults of browsers apply.
    ///
    /// Browsers take a name that begins with `__Secure-` only from secure cookies, and one that begins
    /// with `__Host-` only from secure ones with the path `/` and no domain: such a name sets these attributes.
    ///
    /// # Errors
    /// [`BadCookie`] if the name is not a token, or the value has characters that RFC 6265 excludes:
    /// control characters, blanks, `"`, `,`, `;`, `\`, and those that are not ASCII. Encode such a value
    /// first, for instance in hexadecimal.
    pub fn new(name: impl Into<String>, value: impl Into<String>) -> Result<Self, BadCookie> {
        let (name, value) = (name.into(), value.into());
        if name.is_empty() || !name.chars().all(is_token) {
            return Err(BadCookie::Name(name));
        }
        let allowed = |c: char| c.is_ascii_graphic() && !"\",;\\".contains(c);
        if let Some(stranger) = value.chars().find(|c| !allowed(*c)) {
            return Err(BadCookie::Value(name, stranger));
        }
        let begins = |prefix: &str| {
            let begin = name.get(..prefix.len());
            begin.is_some_and(|begin| begin.eq_ignore_ascii_case(prefix))
        };
        let of_host = begins("__Host-");
        Ok(SetCookie {
            secure: of_host || begins("__Secure-"),
            path: of_host.then(|| "/".to_owned()),
            name,
            value,
            domain: None,
            max_age: None,
            same_site: None,
            http_only: false,
        })
    }

    /// Creates a cookie that removes the one of that name. Path and domain have to be those of the cookie
    /// to remove.
    ///
    /// # Errors
    /// [`BadCookie`] if the name is not a token.
    pub fn removal(name: impl Into<String>) -> Result<Self, BadCookie> {
        Ok(SetCookie::new(name, "")?.max_age(Duration::ZERO))
    }

    /// Limits the cookie to paths that begin so.
    ///
    /// # Errors
    /// [`BadCookie`] if the path does not begin with `/`, has control characters or `;`, or if the cookie's
    /// name begins with `__Host-` and the path is not `/`.
    pub fn path(mut self, path: impl Into<String>) -> Result<Self, BadCookie> {
        let path = path.into();
        let is_fixed = self.is_of_host() && path != "/";
        if !path.starts_with('/') || !is_attribute(&path) || is_fixed {
            return Err(BadCookie::Path(path));
        }
        self.path = Some(path);
        Ok(self)
    }

    /// Has browsers send the cookie to this domain and to all below it, not only to the host that sets it.
    ///
    /// # Errors
    /// [`BadCookie`] if it is not a name of a host, or if the cookie's name begins with `__Host-`.
    pub fn domain(mut self, domain: impl Into<String>) -> Result<Self, BadCookie> {
        let domain = domain.into();
        let fits = |c: char| c.is_ascii_alphanumeric() || matches!(c, '-' | '.');
        if self.is_of_host() || domain.is_empty() || !domain.chars().all(fits) {
            return Err(BadCookie::Domain(domain));
        }
        self.domain = Some(domain);
        Ok(self)
    }

    /// Has browsers keep the cookie for this time, in whole seconds, also when they are closed.
    #[must_use]
    pub fn max_age(mut self, age: Duration) -> Self {
        self.max_age = Some(age);
        self
    }

    /// Says with which requests of other sites browsers send the cookie.
    #[must_use]
    pub fn same_site(mut self, same_site: SameSite) -> Self {
        self.secure |= same_site == SameSite::None;
        self.same_site = Some(same_site);
        self
    }

    /// Has browsers send the cookie by TLS only.
    #[must_use]
    pub fn secure(mut self) -> Self {
        self.secure = true;
        self
    }

    /// Keeps the cookie from scripts.
    #[must_use]
    pub fn http_only(mut self) -> Self {
        self.http_only = true;
        self
    }

    fn is_of_host(&self) -> bool {
        let begin = self.name.get(.."__Host-".len());
        begin.is_some_and(|begin| begin.eq_ignore_ascii_case("__Host-"))
    }
}

/// Whether a text may be the value of an attribute (RFC 6265 4.1.1).
fn is_attribute(text: &str) -> bool {
    text.chars()
        .all(|c| c != ';' && (c == ' ' || c.is_ascii_graphic()))
}

impl fmt::Display for SetCookie {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}={}", self.name, self.value)?;
        if let Some(path) = &self.path {
            write!(f, "; Path={path}")?;
        }
        if let Some(domain) = &self.domain {
            write!(f, "; Domain={domain}")?;
        }
        if let Some(age) = self.max_age {
            write!(f, "; Max-Age={}", age.as_secs())?;
        }
        match self.same_site {
            Some(SameSite::Strict) => f.write_str("; SameSite=Strict")?,
            Some(SameSite::Lax) => f.write_str("; SameSite=Lax")?,
            Some(SameSite::None) => f.write_str("; SameSite=None")?,
            None => {}
        }
        if self.secure {
            f.write_str("; Secure")?;
        }
        if self.http_only {
            f.write_str("; HttpOnly")?;
        }
        Ok(())
    }
}

/// The error for a cookie that browsers would not take.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum BadCookie {
    /// The name is not a token.
    Name(String),
    /// The value of the cookie of this name has this character.
    Value(String, char),
    /// The path cannot be that of the cookie.
    Path(String),
    /// The domain cannot be that of the cookie.
    Domain(String),
}

impl fmt::Display for BadCookie {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            BadCookie::Name(name) => write!(
                f,
                "{name:?} cannot be the name of a cookie: use letters, digits, `-` and `_`"
            ),
            BadCookie::Value(name, stranger) => write!(
                f,
                "the value of cookie `{name}` has {stranger:?}, which cookies do not have: encode it, for \
                 instance in hexadecimal"
            ),
            BadCookie::Path(path) => write!(
                f,
                "{path:?} cannot be the path of the cookie: it begins with `/`, has neither `;` nor control \
                 characters, and that of a `__Host-` cookie is `/`"
            ),
            BadCookie::Domain(domain) => write!(
                f,
                "{domain:?} cannot be the domain of the cookie: it is a host's name, and a `__Host-` cookie \
                 has none"
            ),
        }
    }
}

impl std::error::Error for BadCookie {}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn cookies_with_reserved_prefixes_get_their_attributes() {
        let cookie = SetCookie::new("__Host-id", "1").unwrap();
        assert_eq!(cookie.to_string(), "__Host-id=1; Path=/; Secure");
        assert!(cookie.clone().path("/a").is_err());
        assert!(cookie.domain("example.org").is_err());
        let cookie = SetCookie::new("__Secure-id", "1").unwrap();
        assert_eq!(cookie.to_string(), "__Secure-id=1; Secure");
        let cookie = SetCookie::new("id", "1").unwrap().same_site(SameSite::None);
        assert_eq!(cookie.to_string(), "id=1; SameSite=None; Secure");
        assert_eq!(
            SetCookie::removal("id").unwrap().to_string(),
            "id=; Max-Age=0"
        );
    }

    #[test]
    fn nothing_that_ends_a_line_or_an_attribute_gets_in() {
        for bad in ["\r\nx: y", "\0", ";", "a;b", "é", "\u{7f}"] {
            assert!(SetCookie::new("id", bad).is_err(), "{bad:?}");
            assert!(SetCookie::new(bad, "").is_err(), "{bad:?}");
            let cookie = || SetCookie::new("id", "1").unwrap();
            assert!(cookie().path(format!("/{bad}")).is_err(), "{bad:?}");
            assert!(cookie().domain(bad).is_err(), "{bad:?}");
        }
        for bad in ["a b", "\"a\"", "a,b", "a\\b"] {
            assert!(SetCookie::new("id", bad).is_err(), "{bad:?}");
        }
        assert!(SetCookie::new("", "1").is_err());
        assert_eq!(
            SetCookie::new("id", "a b").unwrap_err().to_string(),
            "the value of cookie `id` has ' ', which cookies do not have: encode it, for instance in hexadecimal"
        );
    }
}
