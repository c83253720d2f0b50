//! The variable that a function's result sets, if its last expression is `SetVar::session("ip_score", …)`.
//!
//! This is a heuristic on the text of the body. The return type says whether each success sets the
//! variable.

use super::body_variables;
use crate::haproxy::variables::Variable;
use proc_macro2::{TokenStream, TokenTree};
use quote::ToTokens;
use syn::{Block, Expr, Stmt};

/// Returns the variable that each result sets; `None` if the text does not show one.
pub(super) fn of(body: &TokenStream) -> Option<Variable> {
    if returns(body.clone()) {
        return None;
    }
    of_block(&syn::parse2(body.clone()).ok()?)
}

fn returns(tokens: TokenStream) -> bool {
    tokens.into_iter().any(|token| match token {
        TokenTree::Ident(ident) => ident == "return",
        TokenTree::Group(group) => returns(group.stream()),
        _ => false,
    })
}

fn of_block(block: &Block) -> Option<Variable> {
    match block.stmts.last()? {
        Stmt::Expr(expr, None) => of_expr(expr),
        _ => None,
    }
}

/// Returns the variable that each result of an expression sets.
pub(super) fn of_expr(expr: &Expr) -> Option<Variable> {
    match expr {
        Expr::Paren(paren) => of_expr(&paren.expr),
        Expr::Group(group) => of_expr(&group.expr),
        Expr::Block(block) if block.label.is_none() => of_block(&block.block),
        Expr::If(branches) => {
            let (_, otherwise) = branches.else_branch.as_ref()?;
            same([of_block(&branches.then_branch), of_expr(otherwise)])
        }
        Expr::Match(matched) => same(matched.arms.iter().map(|arm| of_expr(&arm.body))),
        Expr::Call(call) => {
            let Expr::Path(path) = &*call.func else {
                return None;
            };
            let segments = &path.path.segments;
            match (segments.last()?, call.args.len()) {
                (last, 1)
                    if segments.len() == 1
                        && ["Ok", "Some"].contains(&&*last.ident.to_string()) =>
                {
                    of_expr(call.args.first()?)
                }
                _ if segments.iter().rev().nth(1)?.ident == "SetVar" => {
                    body_variables::constructor(call.to_token_stream())
                }
                _ => None,
            }
        }
        // The result is a `Result` or an `Option`: the return type says which.
        Expr::MethodCall(call) if call.method == "map" => match call.args.first()? {
            Expr::Closure(closure) => of_expr(&closure.body),
            _ => None,
        },
        _ => None,
    }
}

/// Returns the variable that all of them set.
fn same(of: impl IntoIterator<Item = Option<Variable>>) -> Option<Variable> {
    let mut of = of.into_iter();
    let first = of.next()??;
    of.all(|other| other.as_ref() == Some(&first))
        .then_some(first)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn found(body: &str) -> Option<String> {
        let found = of(&body.parse().unwrap())?;
        Some(format!("{}.{}", found.scope, found.name))
    }

    #[test]
    fn a_function_whose_values_all_set_one_variable_is_known() {
        for body in [
            r#"{ SetVar::session("a", 1) }"#,
            r#"{ let x = 2; spoa::SetVar::<u8>::new(Scope::Session, "a", x) }"#,
            r#"{ if b { SetVar::session("a", 1) } else { SetVar::session("a", 2) } }"#,
            r#"{ match b { 1 => SetVar::session("a", 1), _ => { f(); SetVar::session("a", 2) } } }"#,
            r#"{ Ok(SetVar::session("a", f()?)) }"#,
            r#"{ f().map(|x| SetVar::session("a", x)) }"#,
        ] {
            assert_eq!(found(body).as_deref(), Some("sess.a"), "{body}");
        }
    }

    #[test]
    fn a_function_with_another_exit_has_no_known_variable() {
        for body in [
            r#"{ SetVar::session("a", 1); }"#,
            r#"{ let _ = SetVar::session("a", 1); f() }"#,
            r#"{ if b { return f(); } SetVar::session("a", 1) }"#,
            r#"{ if b { f() } else { SetVar::session("a", 1) } }"#,
            r#"{ if b { SetVar::session("a", 1) } else { SetVar::session("b", 1) } }"#,
            r#"{ SetVar::session(name, SetVar::session("a", 1)) }"#,
            r#"{ 'a: { break 'a f(); SetVar::session("a", 1) } }"#,
            r#"{ f(SetVar::session("a", 1)) }"#,
            "{ }",
        ] {
            assert_eq!(found(body), None, "{body}");
        }
    }
}
