//! The keys of an issuer.

use crate::Options;
use http_body_util::{BodyExt, Empty, Limited};
use hyper::body::Bytes;
use hyper_util::client::legacy::Client;
use hyper_util::rt::TokioExecutor;
use jsonwebtoken::DecodingKey;
use jsonwebtoken::jwk::{AlgorithmParameters, JwkSet};
use std::collections::HashMap;
use std::error::Error;
use std::sync::{Arc, PoisonError, RwLock};
use tokio::sync::Mutex;
use tokio::time::{Instant, timeout};

/// The largest set of keys.
const MAX_BYTES: usize = 1 << 20;

type Set = HashMap<String, Arc<DecodingKey>>;

/// The keys of an issuer, by their identifiers.
pub struct Keys {
    set: RwLock<Set>,
    fetched: Mutex<Instant>,
}

impl Keys {
    /// Fetches all keys.
    pub async fn fetch(options: &Options) -> Result<Self, String> {
        Ok(Keys {
            set: RwLock::new(fetch(options).await?),
            fetched: Mutex::new(Instant::now()),
        })
    }

    /// Returns a key. If it is unknown, fetches the keys again, but only once for each pause. An error is the reason to
    /// deny the token.
    pub async fn get(&self, id: &str, options: &Options) -> Result<Arc<DecodingKey>, &'static str> {
        if let Some(key) = self.known(id) {
            return Ok(key);
        }
        // Other handlers wait here for the fetch of the first.
        let mut fetched = self.fetched.lock().await;
        if self.known(id).is_none() && fetched.elapsed() >= options.refetch_pause {
            *fetched = Instant::now();
            let set = fetch(options).await.map_err(|_| "no_keys")?;
            *self.set.write().unwrap_or_else(PoisonError::into_inner) = set;
        }
        self.known(id).ok_or("unknown_key")
    }

    fn known(&self, id: &str) -> Option<Arc<DecodingKey>> {
        let set = self.set.read().unwrap_or_else(PoisonError::into_inner);
        set.get(id).cloned()
    }
}

async fn fetch(options: &Options) -> Result<Set, String> {
    let fetched = timeout(options.fetch_timeout, download(&options.jwks)).await;
    let text = fetched.unwrap_or_else(|_| Err("no answer in time".into()));
    let keys = text.and_then(|text| parse(&text));
    keys.map_err(|error| format!("cannot fetch the keys at {}: {error}", options.jwks))
}

async fn download(url: &str) -> Result<Bytes, Box<dyn Error + Send + Sync>> {
    let https = hyper_rustls::HttpsConnectorBuilder::new().with_native_roots()?;
    let https = https.https_or_http().enable_http1().build();
    let client = Client::builder(TokioExecutor::new()).build::<_, Empty<Bytes>>(https);
    let response = client.get(url.parse()?).await?;
    if !response.status().is_success() {
        return Err(format!("status {}", response.status()).into());
    }
    Ok(Limited::new(response, MAX_BYTES)
        .collect()
        .await?
        .to_bytes())
}

/// Reads a JSON Web Key Set. Keys that are not for signatures, or of an unknown kind, are left out.
fn parse(text: &[u8]) -> Result<Set, Box<dyn Error + Send + Sync>> {
    let set: JwkSet = serde_json::from_slice(text)?;
    let keys = set.keys.iter().filter_map(|jwk| {
        // A secret that both sides share is not a key to publish.
        if matches!(jwk.algorithm, AlgorithmParameters::OctetKey(_)) {
            return None;
        }
        let key = DecodingKey::from_jwk(jwk).ok()?;
        Some((jwk.common.key_id.clone()?, Arc::new(key)))
    });
    let keys: Set = keys.collect();
    if keys.is_empty() {
        Err("the key set has no key for signatures".into())
    } else {
        Ok(keys)
    }
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
        let without_id = br#"{"keys": [{"kty": "OKP", "crv": "Ed25519", "x": "11qYAYKxCrfVS_7TyWQHOg7hcvPapiMlrwIaaPcHURo"}]}"#;
        assert!(parse(without_id).is_err());
    }

    #[test]
    fn keys_are_found_by_their_identifiers() {
        let set = br#"{"keys": [{"kid": "a", "kty": "OKP", "crv": "Ed25519", "x": "11qYAYKxCrfVS_7TyWQHOg7hcvPapiMlrwIaaPcHURo"}]}"#;
        assert_eq!(parse(set).unwrap().keys().collect::<Vec<_>>(), ["a"]);
    }
}
