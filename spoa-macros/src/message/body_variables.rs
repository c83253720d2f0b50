//! The variables that a body sets, as far as its text tells: `SetVar::session("ip_score", …)`.
//!
//! This is a heuristic. It supplies the table that `handlers` prints, and reports literal names that HAProxy
//! would drop. It looks for a `SetVar` or `UnsetVar` followed by a constructor and a string literal, whatever
//! type that is. A computed name is invisible to it, which is also the way out if the heuristic is wrong:
//! `let name = "ip-score"; SetVar::session(name, …)`.

use crate::haproxy::variables::{self, Scope, Variable};
use proc_macro2::{Delimiter, Span, TokenStream, TokenTree};
use syn::LitStr;

/// The variables that were found.
#[derive(Default)]
pub(crate) struct Scan {
    pub(crate) variables: Vec<Variable>,
    /// Names that HAProxy would drop silently, and why.
    pub(crate) problems: Vec<(Span, String)>,
}

pub(crate) fn scan(body: &TokenStream) -> Scan {
    let mut scan = Scan::default();
    scan.tokens(body.clone());
    scan
}

/// Returns the variable of a constructor, whose call is all of these tokens: `spoa::SetVar::session("a", 1)`.
pub(super) fn constructor(call: TokenStream) -> Option<Variable> {
    let tokens: Vec<TokenTree> = call.into_iter().collect();
    let is_name =
        |token: &TokenTree| matches!(token, TokenTree::Ident(ident) if *ident == "SetVar");
    let place = tokens.iter().rposition(is_name)?;
    let mut scan = Scan::default();
    scan.constructor(tokens.get(place + 1..)?)?;
    scan.variables.pop()
}

impl Scan {
    fn tokens(&mut self, tokens: TokenStream) {
        let tokens: Vec<TokenTree> = tokens.into_iter().collect();
        for (i, token) in tokens.iter().enumerate() {
            match token {
                TokenTree::Ident(ident) if *ident == "SetVar" || *ident == "UnsetVar" => {
                    self.constructor(tokens.get(i + 1..).unwrap_or_default());
                }
                TokenTree::Group(group) => self.tokens(group.stream()),
                _ => {}
            }
        }
    }

    /// Reads what follows `SetVar`: `::session("name", …)`, `::new(Scope::Session, "name", …)`, perhaps
    /// with `::<T>` before.
    fn constructor(&mut self, rest: &[TokenTree]) -> Option<()> {
        let rest = path_separator(rest)?;
        let rest = turbofish(rest).and_then(path_separator).unwrap_or(rest);
        let [TokenTree::Ident(function), rest @ ..] = rest else {
            return None;
        };
        let rest = path_separator(rest).and_then(turbofish).unwrap_or(rest);
        let TokenTree::Group(group) = rest.first()? else {
            return None;
        };
        if group.delimiter() != Delimiter::Parenthesis {
            return None;
        }
        let arguments: Vec<TokenTree> = group.stream().into_iter().collect();
        let (scope, name) = if *function == "new" {
            let comma = arguments.iter().position(is_comma)?;
            let TokenTree::Ident(variant) = arguments.get(comma.checked_sub(1)?)? else {
                return None;
            };
            let scope = Scope::ALL
                .into_iter()
                .find(|scope| variant == variables::variant(*scope).as_str())?;
            (scope, arguments.get(comma + 1..)?)
        } else {
            let scope = Scope::ALL
                .into_iter()
                .find(|scope| function == variables::function(*scope))?;
            (scope, &*arguments)
        };
        // The literal must be all of the argument: `"a".to_owned() + b` is computed.
        match name {
            [TokenTree::Literal(literal)] => self.found(scope, literal),
            [TokenTree::Literal(literal), next, ..] if is_comma(next) => self.found(scope, literal),
            _ => return None,
        }
        Some(())
    }

    fn found(&mut self, scope: Scope, literal: &proc_macro2::Literal) {
        let Ok(text) = syn::parse2::<LitStr>(TokenTree::from(literal.clone()).into()) else {
            return;
        };
        let name = text.value();
        match variables::variable(scope, &name) {
            Ok(()) => {
                let variable = Variable { scope, name };
                if !self.variables.contains(&variable) {
                    self.variables.push(variable);
                }
            }
            Err(problem) => self.problems.push((text.span(), problem)),
        }
    }
}

fn is_comma(token: &TokenTree) -> bool {
    is_punct(token, ',')
}

fn is_punct(token: &TokenTree, c: char) -> bool {
    matches!(token, TokenTree::Punct(punct) if punct.as_char() == c)
}

fn path_separator(tokens: &[TokenTree]) -> Option<&[TokenTree]> {
    match tokens {
        [first, second, rest @ ..] if is_punct(first, ':') && is_punct(second, ':') => Some(rest),
        _ => None,
    }
}

/// Skips `<…>`.
fn turbofish(tokens: &[TokenTree]) -> Option<&[TokenTree]> {
    if !is_punct(tokens.first()?, '<') {
        return None;
    }
    let mut depth = 0usize;
    for (i, token) in tokens.iter().enumerate() {
        if is_punct(token, '<') {
            depth += 1;
        } else if is_punct(token, '>') {
            depth -= 1;
        }
        if depth == 0 {
            return tokens.get(i + 1..);
        }
    }
    None
}

#[cfg(test)]
mod tests {
    use super::*;

    fn found(body: &str) -> Vec<String> {
        let scan = scan(&body.parse().unwrap());
        let variables = scan
            .variables
            .iter()
            .map(|found| format!("{}.{}", found.scope, found.name));
        let problems = scan.problems.into_iter().map(|(_, problem)| problem);
        variables.chain(problems).collect()
    }

    #[test]
    fn literal_names_are_found_in_any_place() {
        let body = r#"
            let a = SetVar::session("a", 1);
            if x { vec![Some(spoa::SetVar::<u8>::request("b", 2)), SetVar::request::<u8>("b", 3)] }
            (SetVar::new(Scope::Response, "c", 1), UnsetVar::new(spoa::Scope::Process, "d"))
        "#;
        assert_eq!(found(body), ["sess.a", "req.b", "res.c", "proc.d"]);
    }

    #[test]
    fn computed_names_and_other_functions_are_not_found() {
        for body in [
            "SetVar::session(name, 1)",
            "SetVar::session(\"a\".to_owned() + b, 1)",
            "SetVar::new(scope, \"a\", 1)",
            "SetVar::other(\"a\")",
            "session(\"a\")",
            "SetVar { }",
            "SetVar::<",
        ] {
            assert!(found(body).is_empty(), "{body}");
        }
    }

    #[test]
    fn a_name_that_haproxy_drops_is_a_problem() {
        let problems = found("SetVar::session(\"ip-score\", 1)");
        assert!(
            problems.len() == 1 && problems.concat().contains("`ip_score`"),
            "{problems:?}"
        );
    }
}
