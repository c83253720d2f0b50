//! `tokens ADDRESS JWKS ISSUER AUDIENCE`: verifies the bearer token of a request with the keys that the issuer had at the start.

use anyhow::{Context, Result, anyhow};
use jsonwebtoken::{DecodingKey, Validation, decode, decode_header, jwk::JwkSet};
use serde_json::{Map, Value};
use spop::{TypedData, actions::VarScope, frame::Message};
use spop_agent::{block::headers, run};
use std::collections::HashMap;

type Keys = HashMap<String, DecodingKey>;

fn main() -> Result<()> {
    let arguments: Vec<_> = std::env::args().skip(1).collect();
    let [address, jwks, issuer, audience] = arguments
        .try_into()
        .map_err(|_| anyhow!("usage: tokens ADDRESS JWKS ISSUER AUDIENCE"))?;
    let set: JwkSet = ureq::get(&jwks).call()?.body_mut().read_json()?;
    let keys = set.keys.iter().filter_map(|jwk| {
        let key = DecodingKey::from_jwk(jwk).ok()?;
        Some((jwk.common.key_id.clone()?, key))
    });
    let keys: Keys = keys.collect();
    run(&address, move |ack, message| {
        let Ok(claims) = claims(message, &keys, &issuer, &audience) else {
            return ack.set_var(VarScope::Transaction, "action", "deny".to_string());
        };
        let mut ack = ack.set_var(VarScope::Transaction, "action", "allow".to_string());
        for (variable, claim) in [("subject", "sub"), ("scope", "scope")] {
            if let Some(Value::String(text)) = claims.get(claim) {
                ack = ack.set_var(VarScope::Transaction, variable, text.clone());
            }
        }
        let claims = Value::Object(claims).to_string();
        ack.set_var(VarScope::Transaction, "claims", claims)
    })
}

fn claims(
    message: &Message,
    keys: &Keys,
    issuer: &str,
    audience: &str,
) -> Result<Map<String, Value>> {
    let Some(TypedData::Binary(block)) = message.get("headers") else {
        return Err(anyhow!("no headers"));
    };
    let (_, header) = headers(block)
        .find(|(name, _)| *name == b"authorization")
        .context("no header")?;
    let token = header.strip_prefix(b"Bearer ").context("no token")?;
    let token = std::str::from_utf8(token)?;
    let header = decode_header(token)?;
    let key = keys.get(&header.kid.context("no key id")?);
    let mut validation = Validation::new(header.alg);
    validation.set_issuer(&[issuer]);
    validation.set_audience(&[audience]);
    validation.set_required_spec_claims(&["exp", "iss", "aud"]);
    validation.leeway = 60;
    Ok(decode(token, key.context("unknown key")?, &validation)?.claims)
}
