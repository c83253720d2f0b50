//! The messages of spoe-auth, whose handlers decide together: LDAP or OIDC lets a client in.
//!
//! The agent has 34 lines, without blank ones. An agent for these messages that was written by hand with this crate, before it had types
//! for requests, has 53.

use spoa::http::{BasicAuth, Host};
use spoa::prelude::*;
use spoa_tests::{Background, Config, Message, Reply, Request, for_each_haproxy};

// The agent begins here.
/// Lets a client in, or not: it is the first of the group, so its answer counts unless a later message sets another.
#[spoe_message("try-auth-ldap", group = "try-auth-all")]
fn ldap(authorization: Result<BasicAuth, Mismatch>) -> Actions {
    let user = authorization
        .ok()
        .filter(|login| login.password() == "open:sesame");
    let in_ldap = SetVar::session("is_authenticated", user.is_some());
    Actions::new()
        .with(in_ldap)
        .with(user.map(|login| SetVar::session("authenticated_user", login.user().to_owned())))
}

/// Lets a client with a session in, and sends others to the provider.
#[spoe_message("try-auth-oidc", group = "try-auth-all")]
fn oidc(
    ssl: bool,
    #[arg(reject)] host: Host<'_>,
    pathq: Text<'_>,
    cookie: Text<'_>,
    client_id: &str,
) -> Result<Actions, HandlerError> {
    if client_id.is_empty() {
        return Err("there is no client id".into());
    }
    let scheme = if ssl { "https" } else { "http" };
    Ok(match cookie.strip_prefix("user-") {
        Some(user) => Actions::new()
            .with(SetVar::session("is_authenticated", true))
            .with(SetVar::session("token_claim_name", user.to_owned())),
        None => Actions::new().with(SetVar::session(
            "redirect_url",
            format!("https://idp.example/?client={client_id}&back={scheme}://{host}{pathq}"),
        )),
    })
}
// The agent ends here.

fn site(haproxy: &spoa_tests::Haproxy, agent: &Background) -> spoa_tests::Proxy {
    let oidc = "ssl=ssl_fc host=req.hdr(Host) pathq=pathq cookie=req.cook(authsession) \
         client_id=var(txn.oidc_client_id)";
    Config::new(agent.addr())
        .var_prefix("auth")
        .message(
            Message::new("try-auth-ldap")
                .args("authorization=req.hdr(Authorization)")
                .only_in_groups(),
        )
        .message(Message::new("try-auth-oidc").args(oidc).only_in_groups())
        .group("try-auth-all", &["try-auth-ldap", "try-auth-oidc"])
        .frontend("http-request set-var(txn.oidc_client_id) str(app1)")
        .frontend(
            "http-request set-var(txn.oidc_client_id) str() if { req.fhdr(x-broken) -m found }",
        )
        .frontend("http-request send-spoe-group iprep try-auth-all")
        .frontend("http-request deny deny_status 500 if { var(sess.auth.has_error) -m bool }")
        .frontend(
            "http-request redirect location %[var(sess.auth.redirect_url)] unless \
             { var(sess.auth.is_authenticated) -m bool }",
        )
        .vars(["sess.auth.authenticated_user", "sess.auth.token_claim_name"])
        .start(haproxy)
}

#[test]
fn either_message_lets_a_client_in() {
    for_each_haproxy(|haproxy| {
        let agent = Background::agent(|agent| {
            agent
                .handlers(handlers![ldap, oidc])
                .on_failure(|_| SetVar::session("has_error", true))
        });
        let proxy = site(haproxy, &agent);
        let ask = |headers: &[(&str, &str)]| -> Reply {
            let request = headers
                .iter()
                .fold(Request::get("/a?b=c"), |request, (name, value)| {
                    request.header(name, value)
                });
            // Variables of the session stay, so each request has a connection of its own.
            proxy.send(&request)
        };
        let nobody = ask(&[("host", "app.example")]);
        assert_eq!(nobody.status, 302, "{haproxy}");
        let location = "https://idp.example/?client=app1&back=http://app.example/a?b=c";
        assert_eq!(nobody.header("location"), Some(location), "{haproxy}");
        let basic = ("authorization", "Basic YWxpY2U6b3BlbjpzZXNhbWU=");
        let by_ldap = ask(&[basic]);
        assert_eq!(by_ldap.status, 200, "{haproxy}");
        assert_eq!(by_ldap.var("sess.auth.authenticated_user"), Some("alice"));
        let by_oidc = ask(&[("cookie", "authsession=user-bob")]);
        assert_eq!(by_oidc.status, 200, "{haproxy}");
        assert_eq!(by_oidc.var("sess.auth.token_claim_name"), Some("bob"));
        let both = ask(&[basic, ("cookie", "authsession=user-bob")]);
        assert_eq!(both.status, 200, "{haproxy}");
        assert_eq!(
            ask(&[("authorization", "Basic eDp5")]).status,
            302,
            "{haproxy}"
        );
        assert_eq!(ask(&[basic, ("x-broken", "1")]).status, 500, "{haproxy}");
        agent.wait_for_warning("there is no client id");
    });
}
