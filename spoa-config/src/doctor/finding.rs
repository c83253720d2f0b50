//! A finding: a fault, its place, and how to fix it.

use super::{Code, Severity};
use crate::read::Span;

/// A place, and a text about it.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct Label {
    /// The place.
    pub span: Span,
    /// The text at the place; may be empty.
    pub text: String,
}

/// One finding.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct Finding {
    /// The code.
    pub code: Code,
    /// The severity.
    pub severity: Severity,
    /// The fault in one sentence.
    pub title: String,
    /// The place of the fault.
    pub primary: Label,
    /// Other places that belong to the fault.
    pub context: Vec<Label>,
    /// Further facts.
    pub notes: Vec<String>,
    /// Ways to fix it.
    pub help: Vec<String>,
}

impl Finding {
    pub(super) fn new(code: Code, title: impl Into<String>, span: Span) -> Self {
        Finding {
            code,
            severity: code.severity(),
            title: title.into(),
            primary: Label {
                span,
                text: String::new(),
            },
            context: Vec::new(),
            notes: Vec::new(),
            help: Vec::new(),
        }
    }

    pub(super) fn severity(self, severity: Severity) -> Self {
        Finding { severity, ..self }
    }

    /// Sets the text under the carets.
    pub(super) fn label(mut self, text: impl Into<String>) -> Self {
        self.primary.text = text.into();
        self
    }

    pub(super) fn context(mut self, span: Span, text: impl Into<String>) -> Self {
        let text = text.into();
        self.context.push(Label { span, text });
        self
    }

    pub(super) fn note(mut self, text: impl Into<String>) -> Self {
        self.notes.push(text.into());
        self
    }

    pub(super) fn notes(mut self, texts: impl IntoIterator<Item = String>) -> Self {
        self.notes.extend(texts);
        self
    }

    pub(super) fn help(mut self, text: impl Into<String>) -> Self {
        self.help.push(text.into());
        self
    }
}
