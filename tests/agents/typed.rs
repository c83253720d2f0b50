//! An agent with a handler for each type of `spoa::http`. The types name their samples.

use spoa::handler::State;
use spoa::http::{
    BasicAuth, BearerToken, Body, ClientHello, ClientIp, Cookies, Form, FormFields, Headers, Host,
    Json, Method, Path, Query, QueryFields, TraceParent, TrustedProxies, UniqueId,
};
use spoa::prelude::*;
use std::collections::BTreeMap;

type Fields = BTreeMap<String, Vec<String>>;

/// Declares a handler that takes one value, for requests to a path of its own.
macro_rules! takes {
    ($($function:ident $name:literal $event:literal $condition:literal $argument:ident: $type:ty;)*) => {$(
        #[spoe_message($name, event = $event, condition = $condition)]
        fn $function($argument: $type) -> SetVar<bool> {
            let _ = $argument;
            SetVar::transaction("seen", true)
        }
    )*};
}

takes! {
    method "method" "on-frontend-http-request" "if { path /method }" method: Method<'_>;
    path "path" "on-frontend-http-request" "if { path /path }" path: Path<'_>;
    query "query" "on-frontend-http-request" "if { path /query }" query: Query<'_>;
    headers "headers" "on-frontend-http-request" "if { path /headers }" headers: Headers<'_>;
    cookies "cookies" "on-frontend-http-request" "if { path /cookies }" cookies: Cookies<'_>;
    host "host" "on-frontend-http-request" "if { path /host }" host: Option<Host<'_>>;
    bearer "bearer" "on-frontend-http-request" "if { path /bearer }" token: Result<Option<BearerToken<'_>>, Mismatch>;
    basic "basic" "on-frontend-http-request" "if { path /basic }" user: Result<Option<BasicAuth>, Mismatch>;
    trace "trace" "on-frontend-http-request" "if { path /trace }" trace: Result<Option<TraceParent>, Mismatch>;
    id "id" "on-frontend-http-request" "if { path /id }" id: UniqueId<'_>;
    client "client" "on-frontend-http-request" "if { path /client }" client: ClientIp;
    form "form" "on-frontend-http-request" "if { path /form }" form: Form<'_>;
    body "body" "on-frontend-http-request" "if { path /body }" body: Body<'_>;
    query_fields "query-fields" "on-frontend-http-request" "if { path /query-fields }" query: Result<QueryFields<Fields>, Mismatch>;
    form_fields "form-fields" "on-frontend-http-request" "if { path /form-fields }" form: Result<FormFields<Fields>, Mismatch>;
    json "json" "on-frontend-http-request" "if { path /json }" json: Result<Json<Fields>, Mismatch>;
    hello "hello" "on-frontend-http-request" "if { path /hello }" hello: ClientHello<'_>;
    late_method "late-method" "on-http-response" "if { status 200 }" method: Method<'_>;
    late_headers "late-headers" "on-http-response" "if { status 201 }" headers: Headers<'_>;
    late_body "late-body" "on-http-response" "if { status 202 }" body: Body<'_>;
}

/// Takes the state that [`ClientIp`] needs, too.
#[spoe_message("proxies", event = "on-client-session")]
fn proxies(_proxies: State<'_, TrustedProxies>) {}

fn main() {
    spoa::run!(state = TrustedProxies::none())
}
