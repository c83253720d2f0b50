//! Verifies the token of a request against the keys of its issuer, and tells HAProxy and the servers its claims.

mod keys;

use jsonwebtoken::Validation;
use jsonwebtoken::errors::ErrorKind;
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
    let (verdict, challenge) = match verified {
        Ok(_) => (Verdict::allow(), None),
        Err("missing") if options.optional => (Verdict::allow(), None),
        Err("no_keys") => (Verdict::deny::<503>().reason("no_keys"), None),
        Err("missing") => (Verdict::deny::<401>().reason("missing"), Some("Bearer")),
        Err(reason) => (
            Verdict::deny::<401>().reason(reason),
            Some("Bearer error=\"invalid_token\""),
        ),
    };
    let claims = verified.unwrap_or_default();
    let text = |name: &str| claims.get(name).and_then(Value::as_str).map(str::to_owned);
    let (subject, scope) = (text("sub"), text("scope"));
    let to_server = HeaderSet::new()
        .set_some("x-jwt-subject", subject.as_deref())?
        .set_some("x-jwt-scope", scope.as_deref())?;
    let to_client = HeaderSet::new().set_some("www-authenticate", challenge)?;
    Ok(Verified {
        verdict: verdict
            .request_headers(to_server)
            .response_headers(to_client),
        subject,
        scope,
        claims: (!claims.is_empty()).then(|| Value::Object(claims).to_string()),
    })
}

/// Returns the claims of a token, or why it is not valid.
async fn claims(
    token: &str,
    keys: &Keys,
    options: &Options,
) -> Result<Map<String, Value>, &'static str> {
    let header = jsonwebtoken::decode_header(token).map_err(|_| "malformed")?;
    let id = header.kid.ok_or("malformed")?;
    let key = keys.get(&id, options).await?;
    let mut validation = Validation::new(header.alg);
    validation.set_issuer(&[&options.issuer]);
    validation.set_audience(&[&options.audience]);
    validation.set_required_spec_claims(&["exp", "iss", "aud"]);
    validation.validate_nbf = true;
    validation.leeway = options.leeway.as_secs();
    match jsonwebtoken::decode(token, &key, &validation) {
        Ok(token) => Ok(token.claims),
        Err(error) => Err(match error.kind() {
            ErrorKind::ExpiredSignature => "expired",
            ErrorKind::InvalidIssuer => "issuer",
            ErrorKind::InvalidAudience => "audience",
            // Another algorithm than that of the key.
            ErrorKind::InvalidAlgorithm => "algorithm",
            _ => "invalid",
        }),
    }
}

fn main() {
    spoa::run!(
        options = Options,
        reload = Keys::fetch(options).await?,
        every = options.refresh,
    )
}
