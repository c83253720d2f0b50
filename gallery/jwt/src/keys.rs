//! The keys of an issuer.

use anyhow::{Context, Result, ensure};
use jsonwebtoken::{DecodingKey, jwk::AlgorithmParameters, jwk::Jwk, jwk::JwkSet};
use std::time::{Duration, Instant};
use tokio::sync::{Mutex, RwLock};

/// The largest set of keys.
const MAX_BYTES: usize = 1 << 20;

/// The time for a fetch. A handler that waits for one has another second to answer.
const FETCH_TIMEOUT: Duration = Duration::from_secs(2);

/// The shortest time from any fetch to one for an unknown key.
const REFETCH_PAUSE: Duration = Duration::from_secs(1);

/// Why a request is denied, as in `txn.jwt.reason`.
pub type Reason = &'static str;

/// The keys of an issuer.
pub struct Keys {
    set: RwLock<JwkSet>,
    fetched: Mutex<Instant>,
}

impl Keys {
    /// Fetches all keys, from this address only: a redirect is an error.
    pub async fn fetch(url: &str) -> Result<Self> {
        let client = reqwest::Client::builder().timeout(FETCH_TIMEOUT);
        let client = client.redirect(reqwest::redirect::Policy::none()).build()?;
        let mut response = client.get(url).send().await?;
        ensure!(response.status() == 200, "{url}: {}", response.status());
        let mut text = Vec::new();
        while let Some(chunk) = response.chunk().await? {
            text.extend(chunk);
            ensure!(text.len() <= MAX_BYTES, "the key set is too large");
        }
        let (set, fetched) = (RwLock::new(parse(&text)?), Mutex::new(Instant::now()));
        Ok(Keys { set, fetched })
    }

    /// Returns a key. If it is unknown, fetches the keys, unless they were fetched less than [`REFETCH_PAUSE`] ago.
    pub async fn get(&self, id: &str, url: &str) -> Result<Jwk, Reason> {
        if self.set.read().await.find(id).is_none() {
            // Other handlers wait here for the fetch of the first. Then the pause keeps them from another one.
            let mut fetched = self.fetched.lock().await;
            if fetched.elapsed() >= REFETCH_PAUSE {
                let new = Keys::fetch(url).await;
                *fetched = Instant::now();
                *self.set.write().await = new.map_err(|_| "no_keys")?.set.into_inner();
            }
        }
        self.set.read().await.find(id).cloned().ok_or("unknown_key")
    }
}

/// Reads a JSON Web Key Set. Keys that cannot be used are left out.
fn parse(text: &[u8]) -> Result<JwkSet> {
    let set: serde_json::Value = serde_json::from_slice(text).context("the answer is not JSON")?;
    let keys = set["keys"].as_array().into_iter().flatten();
    let keys = keys.filter_map(|key| serde_json::from_value::<Jwk>(key.clone()).ok());
    // A secret that both sides share is not a key to publish.
    let keys = keys.filter(|key| !matches!(key.algorithm, AlgorithmParameters::OctetKey(_)));
    let keys = keys.filter(|key| DecodingKey::from_jwk(key).is_ok());
    let keys: Vec<_> = keys.filter(|key| key.common.key_id.is_some()).collect();
    ensure!(!keys.is_empty(), "the answer has no key that can be used");
    Ok(JwkSet { keys })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_set_without_a_usable_key_does_not_replace_the_old_one() {
        assert!(parse(br#"{"keys": []}"#).is_err());
        assert!(parse(b"<html>").is_err());
        let secret = br#"{"keys": [{"kid": "a", "kty": "oct", "k": "c2VjcmV0"}]}"#;
        assert!(parse(secret).is_err());
        let broken = br#"{"keys": [{"kid": "a", "kty": "RSA", "n": "!", "e": "AQAB"}]}"#;
        assert!(parse(broken).is_err());
        let without_id = br#"{"keys": [{"kty": "OKP", "crv": "Ed25519", "x": "11qYAYKxCrfVS_7TyWQHOg7hcvPapiMlrwIaaPcHURo"}]}"#;
        assert!(parse(without_id).is_err());
    }

    #[test]
    fn keys_of_an_unknown_kind_are_left_out() {
        let set = br#"{"keys": [{"kid": "a", "kty": "EC", "crv": "secp256k1", "x": "", "y": ""}, {"kid": "b", "kty": "OKP", "crv": "Ed25519", "x": "11qYAYKxCrfVS_7TyWQHOg7hcvPapiMlrwIaaPcHURo"}]}"#;
        let set = parse(set).unwrap();
        assert!(set.find("a").is_none() && set.find("b").is_some());
    }
}
