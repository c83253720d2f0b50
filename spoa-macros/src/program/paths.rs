//! The paths of handlers in a list.

use crate::errors::Errors;
use crate::options::ungroup;
use quote::ToTokens;
use syn::{Expr, ExprPath, Path};

/// Reads the paths in a list, and reports each that is there twice.
pub(super) fn paths<'e>(
    list: impl IntoIterator<Item = &'e Expr>,
    errors: &mut Errors,
) -> Vec<Path> {
    let mut paths: Vec<Path> = Vec::new();
    for item in list {
        let path = match ungroup(item) {
            Expr::Path(ExprPath {
                qself: None, path, ..
            }) => path,
            Expr::Call(call) => {
                errors.on(
                    item,
                    format_args!(
                        "name the handler instead of calling it: {}",
                        remedy(&call.func)
                    ),
                );
                continue;
            }
            other => {
                errors.on(
                    other,
                    "name a handler by the path of its function, as in `handlers![a, m::b]`",
                );
                continue;
            }
        };
        let text = path.to_token_stream().to_string();
        if paths
            .iter()
            .any(|before| before.to_token_stream().to_string() == text)
        {
            let text = text.replace(' ', "");
            errors.on(
                path,
                format_args!("`{text}` is in this list twice: remove it here"),
            );
        } else {
            paths.push(path.clone());
        }
    }
    paths
}

fn remedy(function: &Expr) -> String {
    format!(
        "write `{}`",
        function.to_token_stream().to_string().replace(' ', "")
    )
}
