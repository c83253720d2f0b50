//! Verifies the token of a request against the keys of its issuer, and tells HAProxy and the servers its claims.

mod keys;

use jsonwebtoken::{DecodingKey, Validation, errors::ErrorKind};
use keys::{Keys, Reason};
use serde_json::Value;
use spoa::State;
use spoa::admin::Counters;
use spoa::http::{BadHeader, HeaderSet, Headers, Verdict};
use spoa::prelude::*;
use spoa::run::duration;

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
    /// Time between two fetches of the keys
    #[arg(long, value_name = "TIME", default_value = "10m", value_parser = duration)]
    refresh: std::time::Duration,
}

spoa::outcomes! {
    /// The verdicts on a request.
    pub struct Access {
        deny: 401, 503;
        request: set "x-jwt-subject", set "x-jwt-scope";
        response: set "www-authenticate";
    }
}

static TOKENS: Counters<1> = Counters::new("jwt_tokens", "Requests by result", ["result"]);

/// The verdict, and the claims of a valid token.
#[derive(IntoActions)]
#[spoa(scope = "txn")]
struct Verified {
    #[spoa(flatten)]
    verdict: Verdict<Access>,
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
    let verified = verify(headers, keys, options).await;
    TOKENS.inc([*verified.as_ref().err().unwrap_or(&"valid")]);
    let verdict = match &verified {
        Ok(claims) => {
            let headers = HeaderSet::new()
                .set_some("x-jwt-subject", claims["sub"].as_str())?
                .set_some("x-jwt-scope", claims["scope"].as_str())?;
            Verdict::allow().request_headers(headers)
        }
        Err("missing") if options.optional => Verdict::allow(),
        Err("missing") => unauthorised("missing", "Bearer")?,
        Err("no_keys") => Verdict::deny::<503>().reason("no_keys"),
        Err(reason) => unauthorised(reason, "Bearer error=\"invalid_token\"")?,
    };
    let claims = verified.ok().map(|claims| claims.to_string());
    Ok(Verified { verdict, claims })
}

/// Denies a request, and tells the client to authenticate.
fn unauthorised(reason: Reason, challenge: &str) -> Result<Verdict<Access>, BadHeader> {
    let headers = HeaderSet::new().set("www-authenticate", challenge)?;
    let verdict = Verdict::deny::<401>().reason(reason);
    Ok(verdict.response_headers(headers))
}

/// Returns the claims of a request's token, or the reason to deny the request.
async fn verify(headers: Headers<'_>, keys: &Keys, options: &Options) -> Result<Value, Reason> {
    let cookie = headers.cookies().text(&options.cookie);
    let token = match headers.bearer_token() {
        Some(token) => token.as_str(),
        // With another scheme or several headers, the server may use other credentials.
        None if headers.contains("authorization") => return Err("malformed"),
        None => cookie.as_deref().ok_or("missing")?,
    };
    let header = jsonwebtoken::decode_header(token).map_err(|_| "malformed")?;
    let jwk = keys
        .get(&header.kid.ok_or("malformed")?, &options.jwks)
        .await?;
    let key = DecodingKey::from_jwk(&jwk).map_err(|_| "unknown_key")?;
    // Clocks may differ by a minute, the default of `leeway`.
    let mut validation = Validation::new(header.alg);
    validation.set_issuer(&[&options.issuer]);
    validation.set_audience(&[&options.audience]);
    validation.set_required_spec_claims(&["exp", "iss", "aud"]);
    validation.validate_nbf = true;
    let decoded = jsonwebtoken::decode(token, &key, &validation);
    let claims = decoded.map(|token| token.claims);
    claims.map_err(|error| match error.kind() {
        ErrorKind::ExpiredSignature => "expired",
        ErrorKind::InvalidIssuer => "issuer",
        ErrorKind::InvalidAudience => "audience",
        // Another algorithm than that of the key.
        ErrorKind::InvalidAlgorithm => "algorithm",
        _ => "invalid",
    })
}

fn main() {
    spoa::run!(
        options = Options,
        reload = Keys::fetch(&options.jwks).await?,
        every = options.refresh,
    )
}
