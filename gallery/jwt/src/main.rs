//! Verifies the token of a request against the keys of its issuer, and tells HAProxy and the servers its claims.

mod keys;

use jsonwebtoken::errors::ErrorKind;
use jsonwebtoken::{Algorithm, Validation};
use keys::Keys;
use serde_json::{Map, Value};
use spoa::State;
use spoa::admin::Counters;
use spoa::http::{BadHeader, HeaderSet, Headers, Verdict};
use spoa::prelude::*;
use spoa::run::duration;
use std::time::Duration;

#[derive(clap::Args)]
struct Options {
    /// Address of the issuer's keys (JWKS), `http` or `https`
    #[arg(long, value_name = "URL")]
    jwks: String,
    /// Issuer that tokens must name
    #[arg(long, value_name = "URL")]
    issuer: String,
    /// Audience that tokens must name
    #[arg(long, value_name = "NAME")]
    audience: String,
    /// Cookie with a token, for requests without a bearer token
    #[arg(long, value_name = "NAME", default_value = "token")]
    cookie: String,
    /// Whether requests without a token pass
    #[arg(long)]
    optional: bool,
    /// Difference of clocks that is tolerated
    #[arg(long, value_name = "TIME", default_value = "30s", value_parser = duration)]
    leeway: Duration,
    /// Time between two fetches of the keys
    #[arg(long, value_name = "TIME", default_value = "10m", value_parser = duration)]
    refresh: Duration,
    /// Time for a fetch of the keys
    #[arg(long, value_name = "TIME", default_value = "2s", value_parser = duration)]
    fetch_timeout: Duration,
    /// Shortest time between two fetches for unknown keys
    #[arg(long, value_name = "TIME", default_value = "10s", value_parser = duration)]
    refetch_pause: Duration,
}

spoa::outcomes! {
    /// The verdicts on a request.
    pub struct Access {
        deny: 401, 503;
        request: set "x-jwt-subject", set "x-jwt-scope";
        response: set "www-authenticate";
    }
}

static TOKENS: Counters<1> = Counters::new("jwt_tokens", "Tokens by result", ["result"]);

/// The verdict, and the claims of a valid token.
#[derive(IntoActions)]
#[spoa(scope = "txn")]
struct Verified {
    #[spoa(flatten)]
    verdict: Verdict<Access>,
    subject: Option<String>,
    scope: Option<String>,
    /// All claims as JSON, for `json_query`.
    claims: Option<String>,
}

/// Verifies the bearer token of a request, or that of a cookie.
#[spoe_message("verify-token", event = "on-frontend-http-request", timeout = "3s")]
async fn verify_token(
    headers: Headers<'_>,
    State(keys): State<'_, Keys>,
    State(options): State<'_, Options>,
) -> Result<Verified, BadHeader> {
    let cookie = headers.cookies().text(&options.cookie);
    let verified = match (headers.bearer_token(), &cookie) {
        (Some(token), _) => claims(token.as_str(), keys, options).await,
        // Another scheme, or several headers: the server may read another one.
        (None, _) if headers.get("authorization").is_some() => Err("malformed"),
        (None, Some(token)) => claims(token, keys, options).await,
        (None, None) => Err("missing"),
    };
    TOKENS.inc([*verified.as_ref().err().unwrap_or(&"valid")]);
    let claims = match verified {
        Ok(claims) => claims,
        Err("missing") if options.optional => Map::new(),
        Err(reason) => return denied(reason),
    };
    let text = |name: &str| claims.get(name).and_then(Value::as_str).map(str::to_owned);
    let (subject, scope) = (text("sub"), text("scope"));
    let headers = HeaderSet::new()
        .set_some("x-jwt-subject", subject.as_deref())?
        .set_some("x-jwt-scope", scope.as_deref())?;
    let verdict = Verdict::allow().request_headers(headers);
    let claims = (!claims.is_empty()).then(|| Value::Object(claims).to_string());
    Ok(Verified {
        verdict,
        subject,
        scope,
        claims,
    })
}

fn denied(reason: &'static str) -> Result<Verified, BadHeader> {
    let verdict = match reason {
        "no_keys" => Verdict::deny::<503>(),
        "missing" => challenge("Bearer")?,
        _ => challenge("Bearer error=\"invalid_token\"")?,
    };
    let verdict = verdict.reason(reason);
    Ok(Verified {
        verdict,
        subject: None,
        scope: None,
        claims: None,
    })
}

fn challenge(header: &str) -> Result<Verdict<Access>, BadHeader> {
    let headers = HeaderSet::new().set("www-authenticate", header)?;
    Ok(Verdict::deny::<401>().response_headers(headers))
}

/// Returns the claims of a token, or why it is not valid.
async fn claims(
    token: &str,
    keys: &Keys,
    options: &Options,
) -> Result<Map<String, Value>, &'static str> {
    let header = jsonwebtoken::decode_header(token).map_err(|_| "malformed")?;
    // A secret that both sides share is never a key of a JWKS.
    if matches!(
        header.alg,
        Algorithm::HS256 | Algorithm::HS384 | Algorithm::HS512
    ) {
        return Err("algorithm");
    }
    let id = header.kid.ok_or("malformed")?;
    let key = keys
        .get(&id, options)
        .await
        .map_err(|_| "no_keys")?
        .ok_or("unknown_key")?;
    let mut validation = Validation::new(header.alg);
    validation.set_issuer(&[&options.issuer]);
    validation.set_audience(&[&options.audience]);
    validation.set_required_spec_claims(&["exp", "iss", "aud"]);
    validation.validate_nbf = true;
    validation.leeway = options.leeway.as_secs();
    let decoded = jsonwebtoken::decode(token, &key, &validation);
    decoded
        .map(|token| token.claims)
        .map_err(|error| match error.kind() {
            ErrorKind::ExpiredSignature => "expired",
            ErrorKind::InvalidIssuer => "issuer",
            ErrorKind::InvalidAudience => "audience",
            _ => "invalid",
        })
}

fn main() {
    spoa::run!(
        options = Options,
        reload = Keys::fetch(options).await?,
        every = options.refresh,
    )
}
