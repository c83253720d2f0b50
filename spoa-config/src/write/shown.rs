//! The rules that show variables: to servers, or to clients for trying things out.

use super::plan::{ERROR, Plan, Planned};
use super::text::Text;
use super::verdict_rules;
use crate::{UNREAD, Variable};
use spoa_facts::Event;

/// Writes rules that read each variable.
pub(super) fn variables(plan: &Plan<'_>, text: &mut Text) {
    let mut early: Vec<&Variable> = Vec::new();
    let mut late: Vec<&Variable> = Vec::new();
    for planned in &plan.messages {
        let known = if in_time(plan, planned) {
            &mut early
        } else {
            &mut late
        };
        for variable in &planned.message.variables {
            if !known.contains(&variable) {
                known.push(variable);
            }
        }
    }
    // The scope `res` begins with the answer.
    early.retain(|variable| variable.scope != "res");
    late.retain(|variable| !early.contains(variable));
    let apart = if plan.options.show {
        verdict_rules::hides
    } else {
        verdict_rules::owns
    };
    early.retain(|variable| !apart(plan, variable));
    late.retain(|variable| !apart(plan, variable));
    let mut headers = Headers::default();
    if !early.is_empty() && !plan.options.show {
        text.comment(
            "Your servers get the variables in these headers, which no client can set. Your own rules can \
             test the variables in the same way: `-m found`, `-m int lt 50`, `-m bool`, `-m str bot`.",
        );
        text.line("http-request del-header x-spoa- -m beg");
        for variable in &early {
            headers.set("http-request", &plan.variable(variable), text);
        }
    }
    if !late.is_empty() && !plan.options.show {
        text.comment(
            "The agent sets these with the response. Servers have no use for them, and clients must not see \
             them, so no rule reads their values until you write one.",
        );
        for variable in &late {
            text.comment(&format!("{UNREAD} {}", plan.variable(variable)));
        }
    }
    if plan.options.show {
        early.extend(late.iter().copied().filter(|it| it.scope != "req"));
        text.comment("Only for trying things out: clients see the variables in these headers.");
        for variable in &early {
            headers.set("http-after-response", &plan.variable(variable), text);
        }
        let error = format!("txn.{}.{ERROR}", plan.prefix);
        headers.set("http-after-response", &error, text);
    }
}

/// The headers that show variables.
#[derive(Default)]
struct Headers(Vec<String>);

impl Headers {
    /// Shows a variable, under a name that no other has.
    fn set(&mut self, rules: &str, variable: &str, text: &mut Text) {
        // Servers drop headers with a `_` or a `.` in their names.
        let plain = format!("x-spoa-{}", variable.replace(['.', '_'], "-"));
        let mut name = plain.clone();
        let mut number = 1;
        while self.0.iter().any(|taken| taken.eq_ignore_ascii_case(&name)) {
            number += 1;
            name = format!("{plain}-{number}");
        }
        text.line(&format!(
            "{rules} set-header {name} %[var({variable})] if {{ var({variable}) -m found }}"
        ));
        self.0.push(name);
    }
}

/// Returns whether the answer is there when `http-request` rules are run.
fn in_time(plan: &Plan<'_>, planned: &Planned<'_>) -> bool {
    let before = [
        "on-client-session",
        "on-frontend-tcp-request",
        "on-frontend-http-request",
    ];
    match planned.event {
        Some(event) => before.contains(&event),
        None => plan
            .group(planned)
            .is_some_and(|group| group.earliest < Event::HttpResponse),
    }
}
