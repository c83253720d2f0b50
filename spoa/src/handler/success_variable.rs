//! The variable that tells HAProxy that a handler has succeeded.

use super::{ActionWriter, Failure};
use crate::spop::{Scope, Value};

/// Sets the variable that tells HAProxy that a handler has succeeded, after the handler's own actions. HAProxy asks
/// for the variable by its name with its scope. If an action before it did not fit, this one is left out, too.
#[cold]
pub(crate) fn set_success_variable(
    variable: &str,
    out: &mut ActionWriter<'_>,
) -> Result<(), Failure> {
    let scopes = [
        Scope::Session,
        Scope::Transaction,
        Scope::Request,
        Scope::Response,
    ];
    let parts = variable.split_once('.');
    let scope = parts.and_then(|(scope, name)| {
        let scope = scopes.into_iter().find(|it| it.name() == scope)?;
        Some((scope, name))
    });
    match scope {
        Some((scope, name)) => Ok(out.set_var(scope, name, Value::Bool(true))?),
        // Without the variable, a rule that tests it denies the request.
        None => Ok(()),
    }
}
