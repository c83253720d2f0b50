//! The text of an error and its sources, even if their code panics or never ends.

use super::panics::{catch, panicked};
use crate::text::{Excerpt, MOST};
use std::fmt::{self, Write};

/// The largest number of errors shown from one chain, which may be endless: an error can be its own source.
const CAUSES: usize = 16;

/// Returns the text of an error and the texts of its sources, except those that an earlier text contains.
///
/// The code of an error is user code: it may panic, fail or never end.
#[cold]
pub(super) fn error_text(error: &(dyn std::error::Error + 'static)) -> String {
    let mut text = text(error);
    let mut next = Some(error);
    for _ in 1..CAUSES {
        let source = catch(|| next.and_then(std::error::Error::source));
        let cause = match source {
            Ok(None) => break,
            Ok(Some(cause)) => {
                next = Some(cause);
                self::text(cause)
            }
            Err(panic) => {
                next = None;
                format!(
                    "its source cannot be shown: `source` panicked: {}",
                    panicked(panic)
                )
            }
        };
        if text.len() + cause.len() > MOST {
            text.push_str(": …");
            break;
        }
        if !holds(&text, &cause) {
            text.push_str(": ");
            text.push_str(&cause);
        }
    }
    text
}

/// Returns the text of one error.
fn text(error: &dyn std::error::Error) -> String {
    let mut text = Excerpt::default();
    match catch(|| write!(text, "{error}")) {
        Ok(Ok(())) if text.0.is_empty() => "an error without a text".to_owned(),
        Ok(Ok(())) => text.0,
        Ok(Err(fmt::Error)) if text.is_full() => text.0 + "…",
        Ok(Err(fmt::Error)) => {
            "an error whose text cannot be shown: its `Display` returned an error".to_owned()
        }
        Err(panic) => {
            let panic = panicked(panic);
            format!("an error whose text cannot be shown: its `Display` panicked: {panic}")
        }
    }
}

/// Returns whether a text contains another one as whole words.
fn holds(text: &str, part: &str) -> bool {
    let joins = |c: Option<char>| c.is_some_and(char::is_alphanumeric);
    text.match_indices(part).any(|(at, part)| {
        let (before, rest) = text.split_at(at);
        let after = rest.get(part.len()..).unwrap_or_default();
        !joins(before.chars().next_back()) && !joins(after.chars().next())
    })
}
