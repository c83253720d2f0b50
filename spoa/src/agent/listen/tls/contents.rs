//! The contents of a certificate, read from its bytes (X.509, DER).
//!
//! rustls tells neither whether a certificate is one of a CA, nor, in words to rely on, that it refused
//! one for that.

/// A certificate's parts that matter here.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct CertificateContents {
    /// Whether its basic constraints say `CA:TRUE`.
    pub(super) is_ca: bool,
    /// Whether it may have signed others, or itself: one of a CA, one whose issuer has its own name,
    /// or one of before X.509 version 3, which cannot say what it is.
    pub(super) may_sign: bool,
}

/// The tags of DER that occur on the way to the extensions.
mod tag {
    pub(super) const BOOLEAN: u8 = 0x01;
    pub(super) const OCTETS: u8 = 0x04;
    pub(super) const OID: u8 = 0x06;
    pub(super) const SEQUENCE: u8 = 0x30;
    pub(super) const VERSION: u8 = 0xa0;
    pub(super) const EXTENSIONS: u8 = 0xa3;
}

/// 2.5.29.19.
const BASIC_CONSTRAINTS: &[u8] = &[0x55, 0x1d, 0x13];

/// Reads a certificate; `None` if it is not one.
pub(super) fn read(certificate: &[u8]) -> Option<CertificateContents> {
    let mut outer = Der(certificate);
    let mut signed = Der(Der(outer.next_of(tag::SEQUENCE)?).next_of(tag::SEQUENCE)?);
    let has_version = signed.next_if(tag::VERSION).is_some();
    let _serial = signed.next()?;
    let _algorithm = signed.next_of(tag::SEQUENCE)?;
    let issuer = signed.next_of(tag::SEQUENCE)?;
    let _validity = signed.next_of(tag::SEQUENCE)?;
    let subject = signed.next_of(tag::SEQUENCE)?;
    let _key = signed.next_of(tag::SEQUENCE)?;
    let mut is_ca = false;
    while !signed.0.is_empty() {
        let (tag, value) = signed.next()?;
        if tag == tag::EXTENSIONS {
            is_ca = says_ca(Der(Der(value).next_of(tag::SEQUENCE)?))?;
        }
    }
    Some(CertificateContents {
        is_ca,
        may_sign: is_ca || issuer == subject || !has_version,
    })
}

/// Whether the extensions have basic constraints, and these say `CA:TRUE`.
fn says_ca(mut extensions: Der<'_>) -> Option<bool> {
    while !extensions.0.is_empty() {
        let mut extension = Der(extensions.next_of(tag::SEQUENCE)?);
        if extension.next_of(tag::OID)? != BASIC_CONSTRAINTS {
            continue;
        }
        let _critical = extension.next_if(tag::BOOLEAN);
        let mut constraints = Der(Der(extension.next_of(tag::OCTETS)?).next_of(tag::SEQUENCE)?);
        let ca = constraints.next_if(tag::BOOLEAN);
        return Some(ca.is_some_and(|ca| ca != [0]));
    }
    Some(false)
}

/// Values of DER, one after another.
struct Der<'a>(&'a [u8]);

impl<'a> Der<'a> {
    /// Takes the next value and its tag.
    fn next(&mut self) -> Option<(u8, &'a [u8])> {
        let (&tag, rest) = self.0.split_first()?;
        let (&first, rest) = rest.split_first()?;
        let (length, rest) = match first {
            ..0x80 => (usize::from(first), rest),
            _ => {
                let (bytes, rest) = rest.split_at_checked(usize::from(first & 0x7f))?;
                // No certificate has 4 GiB.
                if bytes.len() > 4 {
                    return None;
                }
                let add = |length, byte: &u8| length << 8 | usize::from(*byte);
                (bytes.iter().fold(0, add), rest)
            }
        };
        let (value, rest) = rest.split_at_checked(length)?;
        self.0 = rest;
        Some((tag, value))
    }

    /// Takes the next value, which must have this tag.
    fn next_of(&mut self, tag: u8) -> Option<&'a [u8]> {
        self.next().filter(|next| next.0 == tag).map(|next| next.1)
    }

    /// Takes the next value if it has this tag.
    fn next_if(&mut self, tag: u8) -> Option<&'a [u8]> {
        match self.0.first() {
            Some(first) if *first == tag => self.next_of(tag),
            _ => None,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn der(tag: u8, parts: &[&[u8]]) -> Vec<u8> {
        let value = parts.concat();
        let length = match value.len() {
            short @ ..0x80 => vec![short as u8],
            long => vec![0x82, (long >> 8) as u8, long as u8],
        };
        [&[tag][..], &length, &value].concat()
    }

    fn sequence(parts: &[&[u8]]) -> Vec<u8> {
        der(tag::SEQUENCE, parts)
    }

    fn extension(oid: &[u8], critical: bool, value: &[u8]) -> Vec<u8> {
        let critical = if critical {
            der(tag::BOOLEAN, &[&[0xff]])
        } else {
            Vec::new()
        };
        sequence(&[
            &der(tag::OID, &[oid]),
            &critical,
            &der(tag::OCTETS, &[value]),
        ])
    }

    /// A certificate with these names and extensions, which have a version if there are any.
    fn certificate(issuer: &str, subject: &str, extensions: Option<&[Vec<u8>]>) -> Vec<u8> {
        let version = der(tag::VERSION, &[&der(2, &[&[2]])]);
        let listed = extensions.map(|all| {
            let all: Vec<_> = all.iter().map(Vec::as_slice).collect();
            der(tag::EXTENSIONS, &[&sequence(&all)])
        });
        let name = |name: &str| sequence(&[&der(0x0c, &[name.as_bytes()])]);
        let signed = sequence(&[
            extensions.map_or(&[], |_| &*version),
            &der(2, &[&[1]]),
            &sequence(&[]),
            &name(issuer),
            &sequence(&[]),
            &name(subject),
            &sequence(&[&[0; 300]]),
            &listed.unwrap_or_default(),
        ]);
        sequence(&[&signed, &sequence(&[]), &der(3, &[&[0; 64]])])
    }

    fn constraints(value: &[u8]) -> Vec<u8> {
        extension(BASIC_CONSTRAINTS, true, &sequence(&[value]))
    }

    #[test]
    fn certificates_of_authorities_are_recognised() {
        let yes = der(tag::BOOLEAN, &[&[0xff]]);
        let no = der(tag::BOOLEAN, &[&[0]]);
        let length = der(2, &[&[0]]);
        let other = extension(&[0x55, 0x1d, 0x0f], true, &der(3, &[&[1, 6]]));
        let read = |issuer, subject, extensions: Option<&[Vec<u8>]>| {
            let bytes = certificate(issuer, subject, extensions);
            let contents = read(&bytes).unwrap();
            (contents.is_ca, contents.may_sign)
        };
        let ca = [other.clone(), constraints(&[yes.clone(), length].concat())];
        assert_eq!(read("root", "middle", Some(&ca)), (true, true));
        assert_eq!(read("root", "root", Some(&ca)), (true, true));
        let plain = extension(BASIC_CONSTRAINTS, false, &sequence(&[&yes]));
        assert_eq!(read("root", "middle", Some(&[plain])), (true, true));
        for leaf in [
            vec![other.clone()],
            vec![constraints(&[])],
            vec![other, constraints(&no)],
            vec![],
        ] {
            assert_eq!(read("root", "haproxy", Some(&leaf)), (false, false));
            assert_eq!(read("haproxy", "haproxy", Some(&leaf)), (false, true));
        }
        assert_eq!(read("root", "old", None), (false, true));
    }

    #[test]
    fn cut_or_damaged_bytes_are_not_a_certificate() {
        let whole = certificate("a", "b", Some(&[constraints(&[])]));
        assert!(read(&whole).is_some());
        for length in 0..whole.len() {
            assert_eq!(read(whole.get(..length).unwrap()), None, "{length}");
        }
        assert_eq!(
            read(&[tag::SEQUENCE, 0x89, 1, 2, 3, 4, 5, 6, 7, 8, 9]),
            None
        );
        assert_eq!(read(b"-----BEGIN"), None);
    }
}
