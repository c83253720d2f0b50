//! What the doctor finds.

use super::{Code, Severity};
use crate::read::Span;

/// A place, and what is to be said of it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Label {
    /// The place.
    pub span: Span,
    /// What is said of it; may be empty.
    pub text: String,
}

/// One finding.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct Finding {
    /// Which it is.
    pub code: Code,
    /// How bad it is.
    pub severity: Severity,
    /// What is wrong.
    pub title: String,
    /// Where.
    pub primary: Label,
    /// What else has to do with it.
    pub context: Vec<Label>,
    /// What one should know.
    pub notes: Vec<String>,
    /// What to write.
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

    /// What stands under the carets.
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
