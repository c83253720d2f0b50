//! The mistakes found in one expansion, reported together.

use proc_macro2::{Span, TokenStream};
use quote::ToTokens;
use std::fmt::Display;

/// Collects mistakes in the order they are found. One expansion reports all of them, so that users do
/// not have to compile once for each.
///
/// [`Errors::check`] or [`Errors::append`] must take them in the end: dropping them panics, because an
/// error that nobody looks at lets wrong code through.
#[must_use = "unreported mistakes let wrong code through"]
#[derive(Default)]
pub(crate) struct Errors {
    combined: Option<syn::Error>,
    count: usize,
    taken: bool,
}

impl Errors {
    /// Adds a mistake at one token.
    pub(crate) fn at(&mut self, span: Span, text: impl Display) {
        self.push(syn::Error::new(span, text));
    }

    /// Adds a mistake that spans several tokens.
    pub(crate) fn on(&mut self, tokens: impl ToTokens, text: impl Display) {
        self.push(syn::Error::new_spanned(tokens, text));
    }

    /// Adds an error of the parser's.
    pub(crate) fn push(&mut self, error: syn::Error) {
        self.count += 1;
        match &mut self.combined {
            Some(errors) => errors.combine(error),
            None => self.combined = Some(error),
        }
    }

    /// Adds the mistakes that another collection holds.
    pub(crate) fn append(&mut self, mut others: Errors) {
        others.taken = true;
        if let Some(error) = others.combined.take() {
            self.push(error);
        }
    }

    /// Returns how many mistakes there are: two counts tell whether there were any in between.
    pub(crate) fn count(&self) -> usize {
        self.count
    }

    /// Ends the collection.
    ///
    /// # Errors
    ///
    /// Returns a `compile_error!` for each mistake if there are any.
    pub(crate) fn check(mut self) -> Result<(), TokenStream> {
        self.taken = true;
        match self.combined.take() {
            Some(errors) => Err(errors.into_compile_error()),
            None => Ok(()),
        }
    }
}

impl Drop for Errors {
    fn drop(&mut self) {
        assert!(
            self.taken || std::thread::panicking(),
            "errors were dropped without a check"
        );
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(text: &str) -> Errors {
        let mut errors = Errors::default();
        errors.at(Span::call_site(), text);
        errors
    }

    #[test]
    fn every_mistake_is_reported() {
        let mut errors = at("one");
        errors.append(at("two"));
        errors.at(Span::call_site(), "three");
        assert_eq!(errors.count(), 3);
        let reported = errors.check().unwrap_err().to_string();
        for text in ["\"one\"", "\"two\"", "\"three\""] {
            assert!(reported.contains(text), "{reported}");
        }
    }

    #[test]
    #[should_panic(expected = "errors were dropped without a check")]
    fn errors_cannot_be_dropped_unseen() {
        drop(at("a mistake"));
    }

    #[test]
    #[should_panic(expected = "errors were dropped without a check")]
    fn errors_without_a_mistake_cannot_be_dropped_unseen_either() {
        drop(Errors::default());
    }

    #[test]
    #[should_panic(expected = "the cause")]
    fn a_panic_is_not_followed_by_a_second_one() {
        let _errors = at("a mistake");
        panic!("the cause");
    }
}
