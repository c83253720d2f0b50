//! Questions, and the passes that clients make of them.
//!
//! A question is `EXPIRY.SIGNATURE`: when the pass ends, and that this agent has signed it for the client's network. A pass
//! is `EXPIRY.SIGNATURE.NONCE`, whose SHA-256 hash begins with some zero bits: the work.

use ring::{digest, hmac};
use spoa::run::read_lines;
use std::net::IpAddr;
use std::path::Path;
use std::time::{Duration, SystemTime, UNIX_EPOCH};

/// The shortest key, in bytes.
const SHORTEST: usize = 32;

/// The longest pass: longer cookies are not hashed.
const LONGEST: usize = 128;

/// The reason to refuse a pass.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Refused {
    /// It is not one, or of another client, or was signed by an unknown key, or has no proof.
    Wrong,
    Expired,
}

/// The keys that sign questions: the first one signs, all are accepted.
pub struct Keys(Vec<hmac::Key>);

impl Keys {
    /// Reads a file with a key on each line.
    pub fn load(path: &Path) -> Result<Self, String> {
        match read_lines::<_, Vec<_>, _>(path, key)? {
            keys if keys.is_empty() => Err(format!("{}: the file has no key", path.display())),
            keys => Ok(Keys(keys)),
        }
    }

    /// Returns the question for a client.
    pub fn question(&self, address: IpAddr, ends: SystemTime) -> String {
        let ends = seconds(ends);
        let signature = hmac::sign(&self.0[0], signed(ends, address).as_bytes());
        format!("{ends}.{}", hex::encode(signature))
    }

    /// Checks a pass.
    pub fn check(
        &self,
        pass: &[u8],
        address: IpAddr,
        now: SystemTime,
        difficulty: u32,
    ) -> Result<(), Refused> {
        let pass = Some(pass).filter(|pass| pass.len() <= LONGEST);
        let text = pass.and_then(|pass| std::str::from_utf8(pass).ok());
        let mut parts = text.ok_or(Refused::Wrong)?.splitn(3, '.');
        let (ends, signature) = (
            parts.next(),
            parts.next().and_then(|text| hex::decode(text).ok()),
        );
        let ends: Option<u64> = ends.and_then(|ends| ends.parse().ok());
        let (Some(ends), Some(signature)) = (ends, signature) else {
            return Err(Refused::Wrong);
        };
        let signed = signed(ends, address);
        let is_by = |key| hmac::verify(key, signed.as_bytes(), &signature).is_ok();
        if !self.0.iter().any(is_by) {
            return Err(Refused::Wrong);
        }
        if ends <= seconds(now) {
            return Err(Refused::Expired);
        }
        if zeros(digest::digest(&digest::SHA256, pass.unwrap_or_default()).as_ref()) < difficulty {
            return Err(Refused::Wrong);
        }
        Ok(())
    }
}

fn key(line: &str) -> Result<hmac::Key, String> {
    match line.len() >= SHORTEST {
        true => Ok(hmac::Key::new(hmac::HMAC_SHA256, line.as_bytes())),
        false => Err(format!("a key has at least {SHORTEST} characters")),
    }
}

/// Returns what is signed. A pass is for an IPv4 address, or for an IPv6 network of 64 bits.
fn signed(ends: u64, address: IpAddr) -> String {
    let network = match address.to_canonical() {
        IpAddr::V6(v6) => IpAddr::V6((v6.to_bits() >> 64 << 64).into()),
        v4 => v4,
    };
    format!("{ends} {network}")
}

fn seconds(time: SystemTime) -> u64 {
    let since = time.duration_since(UNIX_EPOCH);
    since.map_or(0, |since: Duration| since.as_secs())
}

/// Returns the number of zero bits at the start.
fn zeros(hash: &[u8]) -> u32 {
    let whole = hash.iter().take_while(|byte| **byte == 0).count();
    let rest = hash.get(whole).map_or(0, |byte| byte.leading_zeros());
    8 * u32::try_from(whole).unwrap_or_default() + rest
}

#[cfg(test)]
mod tests {
    use super::*;

    const NOW: u64 = 1_000_000;

    fn at(seconds: u64) -> SystemTime {
        UNIX_EPOCH + Duration::from_secs(seconds)
    }

    fn keys(letters: &str) -> Keys {
        let lines: Vec<_> = letters.chars().map(|c| c.to_string().repeat(32)).collect();
        Keys(lines.iter().map(|line| key(line).unwrap()).collect())
    }

    /// Returns a pass with the first nonce that fits.
    fn solved(question: &str) -> String {
        let mut passes = (0_u32..).map(|nonce| format!("{question}.{nonce}"));
        let fits =
            |pass: &String| zeros(digest::digest(&digest::SHA256, pass.as_bytes()).as_ref()) >= 8;
        passes.find(fits).unwrap()
    }

    #[test]
    fn a_pass_is_of_one_client_for_a_time() {
        let keys = keys("a");
        let address: IpAddr = "192.0.2.7".parse().unwrap();
        let pass = solved(&keys.question(address, at(NOW + 60)));
        let check = |pass: &str, address: &str, now| {
            keys.check(pass.as_bytes(), address.parse().unwrap(), at(now), 8)
        };
        assert_eq!(check(&pass, "192.0.2.7", NOW), Ok(()));
        assert_eq!(check(&pass, "::ffff:192.0.2.7", NOW), Ok(()));
        assert_eq!(check(&pass, "192.0.2.8", NOW), Err(Refused::Wrong));
        assert_eq!(check(&pass, "192.0.2.7", NOW + 60), Err(Refused::Expired));
        // The client cannot make it last longer, nor do less work.
        let longer = pass.replacen(&(NOW + 60).to_string(), &(NOW + 99).to_string(), 1);
        assert_eq!(check(&longer, "192.0.2.7", NOW), Err(Refused::Wrong));
        let question = keys.question(address, at(NOW + 60));
        let lazy = (0..).map(|nonce| format!("{question}.{nonce}"));
        let mut lazy = lazy
            .filter(|pass| zeros(digest::digest(&digest::SHA256, pass.as_bytes()).as_ref()) < 8);
        assert_eq!(
            check(&lazy.next().unwrap(), "192.0.2.7", NOW),
            Err(Refused::Wrong)
        );
        for wrong in ["", ".", "..", "1.zz.3", "1.abc.3", &"9".repeat(200)] {
            assert_eq!(
                check(wrong, "192.0.2.7", NOW),
                Err(Refused::Wrong),
                "{wrong}"
            );
        }
    }

    #[test]
    fn a_key_that_was_replaced_is_accepted_until_it_is_removed() {
        let address: IpAddr = "2001:db8::1".parse().unwrap();
        let pass = solved(&keys("a").question(address, at(NOW + 60)));
        let other: IpAddr = "2001:db8::2".parse().unwrap();
        let check = |keys: Keys| keys.check(pass.as_bytes(), other, at(NOW), 8);
        assert_eq!(check(keys("ba")), Ok(()));
        assert_eq!(check(keys("cb")), Err(Refused::Wrong));
    }

    #[test]
    fn a_file_without_good_keys_is_refused() {
        let path = std::env::temp_dir().join(format!("challenge-{}.txt", std::process::id()));
        for (text, problem) in [
            ("# none\n\n", "the file has no key"),
            ("# one\nshort", "line 2: a key has at least 32 characters"),
        ] {
            std::fs::write(&path, text).unwrap();
            let error = Keys::load(&path).err().unwrap();
            assert_eq!(error, format!("{}: {problem}", path.display()));
        }
        std::fs::remove_file(path).unwrap();
    }
}
