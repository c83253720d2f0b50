//! User code whose panic becomes the failure of its handler.

use super::Failure;
use super::panics::{catch, panicked};

/// Runs user code and turns its panic into a failure. Failures are boxed, so that results stay small.
#[inline(always)]
pub(crate) fn guard<T>(run: impl FnOnce() -> Result<T, Failure>) -> Result<T, Box<Failure>> {
    let result = catch(|| run().map_err(Box::new));
    result.unwrap_or_else(|panic| Err(Box::new(Failure::Panicked(panicked(panic)))))
}
