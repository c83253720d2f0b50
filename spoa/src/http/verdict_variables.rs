//! A verdict as the variables that HAProxy's rules enforce.

use super::{HeaderSet, Outcomes, Undeclared, Verdict};
use crate::handler::__macros::{
    Description, HeaderChange, HeaderDescription, Presence, VariableDescription,
};
use crate::handler::{ActionWriter, Failure, IntoActions};
use crate::spop::{Scope, Value};

impl<O: Outcomes> IntoActions for Verdict<O> {
    fn into_actions(self, out: &mut ActionWriter<'_>) -> Result<(), Failure> {
        let names = &O::DESCRIPTION.variables;
        let mut set = |name: &str, value| out.set_var(Scope::Transaction, name, value);
        set(names.action, Value::from(self.outcome.as_str()))?;
        if self.status != 0 {
            set(names.status, Value::Int32(i32::from(self.status)))?;
        }
        if let Some(content_type) = &self.content_type {
            set(names.content_type, Value::from(&**content_type))?;
        }
        if let Some(reason) = &self.reason {
            set(names.reason, Value::from(&**reason))?;
        }
        if let Some(headers) = &self.headers {
            write_headers::<O>(&headers.request, false, out)?;
            write_headers::<O>(&headers.response, true, out)?;
        }
        // Last, since it may not fit: the rest counts without it.
        if let Some(data) = &self.data {
            out.set_var(Scope::Transaction, names.data, Value::from(&**data))?;
        }
        Ok(())
    }

    fn describe(description: &mut Description) {
        let verdict = O::DESCRIPTION;
        let names = &verdict.variables;
        let mut add = |name, rust_type, presence| {
            description.variable(VariableDescription {
                scope: Scope::Transaction,
                name,
                rust_type: Some(rust_type),
                presence,
            });
        };
        add(names.action, "&str", Presence::Always);
        let outcomes = [
            (
                &["deny", "redirect", "respond", "challenge", "tarpit"][..],
                names.status,
                "i32",
            ),
            (
                &["redirect", "respond", "challenge"],
                names.data,
                "Cow<str>",
            ),
            (&["respond"], names.content_type, "Cow<str>"),
        ];
        for (actions, name, rust_type) in outcomes {
            if verdict.has(actions) {
                add(name, rust_type, Presence::Sometimes);
            }
        }
        add(names.reason, "Cow<str>", Presence::Sometimes);
        for header in verdict.headers {
            let rust_type = match (header.name, header.change) {
                (None, _) => "Vec<u8>",
                (Some(_), HeaderChange::Remove) => "bool",
                (Some(_), _) => "&str",
            };
            add(header.variable, rust_type, Presence::Sometimes);
        }
        description.verdicts.push(verdict);
    }
}

/// Sets the variables of headers.
fn write_headers<O: Outcomes>(
    headers: &HeaderSet,
    of_response: bool,
    out: &mut ActionWriter<'_>,
) -> Result<(), Failure> {
    let find = |change, name: Option<&str>| {
        let mut declared = O::DESCRIPTION.headers.iter();
        declared.find(|it| (it.of_response, it.change, it.name) == (of_response, change, name))
    };
    let undeclared = |change: &str, name: &str| {
        let side = if of_response { "response" } else { "request" };
        Failure::Error(Box::new(Undeclared {
            declared_by: O::DESCRIPTION.declared_by,
            what: format!("{side}: {change} \"{name}\""),
        }))
    };
    // If headers of any names are declared, one variable has them all.
    let all = [
        (HeaderChange::Remove, headers.to_remove()),
        (HeaderChange::Set, headers.to_set()),
        (HeaderChange::Add, headers.to_add()),
    ];
    if find(HeaderChange::Set, None).is_some() {
        for (change, block) in all {
            if let (Some(block), Some(variable)) = (block, find(change, None)) {
                out.set_var(Scope::Transaction, variable.variable, Value::Binary(&block))?;
            }
        }
        return Ok(());
    }
    for name in headers.removed_names() {
        match find(HeaderChange::Remove, Some(name)) {
            Some(header) => out.set_var(Scope::Transaction, header.variable, Value::Bool(true))?,
            // The rules remove the client's header of that name anyway.
            None if !of_response && find(HeaderChange::Set, Some(name)).is_some() => {}
            None => return Err(undeclared("remove", name)),
        }
    }
    for header in headers.set_headers() {
        match find(HeaderChange::Set, Some(&header.name)) {
            Some(it) => out.set_var(
                Scope::Transaction,
                it.variable,
                Value::String(&header.value),
            )?,
            None => return Err(undeclared("set", &header.name)),
        }
    }
    let mut added: Vec<&HeaderDescription> = Vec::new();
    for header in headers.added_headers() {
        let Some(it) = find(HeaderChange::Add, Some(&header.name)) else {
            return Err(undeclared("add", &header.name));
        };
        if added.contains(&it) {
            let text = format!(
                "header `{}` is added twice, and its variable holds one line: declare `{}: any;`, which takes \
                 HAProxy 3.4",
                header.name,
                if of_response { "response" } else { "request" },
            );
            return Err(Failure::Error(text.into()));
        }
        added.push(it);
        out.set_var(
            Scope::Transaction,
            it.variable,
            Value::String(&header.value),
        )?;
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::http::{BadHeader, Outcome, SetCookie};
    use crate::spop::ActionIter;

    crate::outcomes! {
        /// All there is.
        #[derive(Debug, PartialEq)]
        struct All {
            deny: 403, 418;
            redirect: 307;
            respond: 200;
            challenge: 403;
            tarpit: 429;
            drop;
            request: set "x-user", add "via", remove "authorization";
            response: set "x-frame-options", add "set-cookie";
        }
    }

    crate::outcomes! {
        #[derive(Debug)]
        struct Any as "bots" {
            request: any;
            response: any;
        }
    }

    fn actions<O: Outcomes>(verdict: Verdict<O>) -> Result<Vec<String>, String> {
        let mut out = Vec::new();
        verdict
            .into_actions(&mut ActionWriter::new(&mut out))
            .map_err(|f| f.to_string())?;
        let actions = ActionIter::new(&out).map(|action| action.unwrap().to_string());
        Ok(actions
            .map(|action| action.replacen("set-var txn.", "", 1))
            .collect())
    }

    #[test]
    fn a_verdict_sets_its_variables() {
        type V = Verdict<All>;
        for (verdict, variables) in [
            (V::allow(), &["action = \"allow\""][..]),
            (
                V::deny::<403>().reason("rule 7"),
                &["action = \"deny\"", "status = 403", "reason = \"rule 7\""],
            ),
            (
                V::redirect::<307>("/login"),
                &["action = \"redirect\"", "status = 307", "data = \"/login\""],
            ),
            (
                V::respond::<200>("text/plain", "hello"),
                &[
                    "action = \"respond\"",
                    "status = 200",
                    "content_type = \"text/plain\"",
                    "data = \"hello\"",
                ],
            ),
            (
                V::challenge::<403>("t0ken"),
                &["action = \"challenge\"", "status = 403", "data = \"t0ken\""],
            ),
            (V::tarpit::<429>(), &["action = \"tarpit\"", "status = 429"]),
            (V::drop_silently(), &["action = \"drop\""]),
        ] {
            assert_eq!(actions(verdict).unwrap(), variables);
        }
    }

    #[test]
    fn declared_headers_have_a_variable_each() {
        let request = HeaderSet::new()
            .set("X-User", "alice")
            .unwrap()
            .add("via", "x")
            .unwrap()
            .remove("authorization")
            .unwrap();
        let cookie = SetCookie::new("id", "7").unwrap();
        let response = HeaderSet::new()
            .set("x-frame-options", "DENY")
            .unwrap()
            .cookie(&cookie);
        let verdict = Verdict::<All>::allow()
            .request_headers(request)
            .response_headers(response.clone());
        let expected = [
            "action = \"allow\"",
            "remove_authorization = true",
            "set_x_user = \"alice\"",
            "add_via = \"x\"",
            "response_set_x_frame_options = \"DENY\"",
            "response_add_set_cookie = \"id=7\"",
        ];
        assert_eq!(actions(verdict).unwrap(), expected);
        // Only the agent sets it, so it is removed if the agent does not set it.
        let removed = HeaderSet::new().remove("x-user").unwrap();
        let verdict = Verdict::<All>::allow().request_headers(removed);
        assert_eq!(actions(verdict).unwrap(), ["action = \"allow\""]);
        let twice = Verdict::<All>::allow().response_headers(response.cookie(&cookie));
        assert_eq!(
            actions(twice).unwrap_err(),
            "header `set-cookie` is added twice, and its variable holds one line: declare `response: any;`, which \
             takes HAProxy 3.4"
        );
    }

    #[test]
    fn declared_headers_of_an_answer_are_copied() {
        let answer = [
            ("Date", "today"),
            ("X-User", "alice"),
            ("x-user", "root"),
            ("authorization", "Bearer t0ken"),
            ("via", "x"),
            ("set-cookie", "id=7"),
            ("x-frame-options", "DENY"),
        ];
        let expected = [
            "action = \"deny\"",
            "status = 403",
            "set_x_user = \"alice, root\"",
            "add_via = \"x\"",
            "response_set_x_frame_options = \"DENY\"",
            "response_add_set_cookie = \"id=7\"",
        ];
        let earlier = HeaderSet::new().set("x-user", "mallory").unwrap();
        let verdict = Verdict::<All>::deny::<403>().request_headers(earlier);
        assert_eq!(
            actions(verdict.copy_headers(answer).unwrap()).unwrap(),
            expected
        );
        let plain = Verdict::<All>::allow();
        assert_eq!(
            plain.clone().copy_headers([("date", "\n")]),
            Ok(plain.clone())
        );
        assert!(plain.clone().copy_headers([("via", "a\nb")]).is_err());
        let error = plain.copy_headers([("set-cookie", "a=1"), ("Set-Cookie", "b=2")]);
        assert_eq!(
            error.unwrap_err().to_string(),
            "header `set-cookie` has several lines, and its variable holds one"
        );
        // `any` names no header.
        assert_eq!(
            Verdict::<Any>::allow().copy_headers(answer),
            Ok(Verdict::allow())
        );
    }

    #[test]
    fn a_cookie_that_is_declared_with_set_is_copied() {
        crate::outcomes! {
            struct SetsCookie {
                response: set "set-cookie";
            }
        }
        let copied = |answer: &[(&str, &str)]| {
            Verdict::<SetsCookie>::allow().copy_headers(answer.iter().copied())
        };
        let verdict = copied(&[("Set-Cookie", "a=1")]).unwrap();
        assert_eq!(
            actions(verdict).unwrap(),
            ["action = \"allow\"", "response_set_set_cookie = \"a=1\""]
        );
        let twice = copied(&[("Set-Cookie", "a=1"), ("set-cookie", "b=2")]);
        assert!(matches!(twice, Err(BadHeader::Repeated(_))), "{twice:?}");
    }

    #[test]
    fn headers_of_any_names_are_one_variable_for_each_change() {
        let headers = HeaderSet::new().set("a", "1").unwrap().remove("b").unwrap();
        let verdict = Verdict::<Any>::allow()
            .request_headers(headers.clone())
            .response_headers(headers.add("c", "").unwrap());
        let expected = [
            "bots_action = \"allow\"",
            "bots_remove_headers = 0x016200",
            "bots_set_headers = 0x016101310000",
            "bots_remove_response_headers = 0x016200",
            "bots_set_response_headers = 0x016101310000",
            "bots_add_response_headers = 0x0163000000",
        ];
        assert_eq!(actions(verdict).unwrap(), expected);
    }

    #[test]
    fn undeclared_verdicts_fail_with_the_declaration_to_write() {
        let headers = HeaderSet::new().set("x-other", "1").unwrap();
        let verdict = Verdict::<All>::allow().request_headers(headers.clone());
        assert_eq!(
            actions(verdict).unwrap_err(),
            "`All` does not declare `request: set \"x-other\"`, so HAProxy has no rule for it"
        );
        assert!(actions(Verdict::<All>::allow().response_headers(headers)).is_err());
        assert!(Verdict::<All>::try_redirect(302, "/").is_err());
        assert!(Verdict::<All>::try_respond(404, "a/b", "").is_err());
        assert_eq!(Verdict::try_deny(418), Ok(Verdict::<All>::deny::<418>()));
    }

    #[test]
    fn combined_verdicts_keep_the_stricter_one_and_all_headers() {
        let user = HeaderSet::new().set("x-user", "alice").unwrap();
        let via = HeaderSet::new().add("via", "x").unwrap();
        let allow = Verdict::<All>::allow().request_headers(user);
        let deny = Verdict::deny::<403>().request_headers(via);
        let expected = [
            "action = \"deny\"",
            "status = 403",
            "set_x_user = \"alice\"",
            "add_via = \"x\"",
        ];
        assert_eq!(actions(allow.stricter(deny)).unwrap(), expected);
        let first = Verdict::<All>::deny::<418>().stricter(Verdict::deny::<403>());
        assert_eq!(first.status(), Some(418));
        let drop = first.stricter(Verdict::drop_silently());
        assert_eq!((drop.outcome(), drop.status()), (Outcome::Drop, None));
    }

    #[test]
    fn a_body_that_does_not_fit_leaves_the_verdict_in_force() {
        let verdict = Verdict::<All>::respond::<200>("text/plain", "x".repeat(1000));
        let mut out = Vec::new();
        let mut writer = ActionWriter::within(&mut out, 200);
        verdict.into_actions(&mut writer).unwrap();
        assert!(writer.left_out().is_some());
        let first = ActionIter::new(&out).next().unwrap().unwrap();
        assert_eq!(first.to_string(), "set-var txn.action = \"respond\"");
    }

    #[test]
    fn the_declaration_is_described() {
        let mut description = Description::default();
        <(Verdict<All>, Option<crate::handler::SetVar<u8>>)>::describe(&mut description);
        let variables = description.variables.iter();
        let always: Vec<_> = variables
            .filter(|it| it.presence == Presence::Always)
            .map(|it| it.name)
            .collect();
        assert_eq!(always, ["action"]);
        assert_eq!(description.verdicts, [All::DESCRIPTION]);
        let mut description = Description::default();
        <Verdict>::describe(&mut description);
        let names: Vec<_> = description.variables.iter().map(|it| it.name).collect();
        assert_eq!(names, ["action", "status", "data", "reason"]);
        assert!(!description.open);
    }
}
