//! A configuration file as it grows: sections, lines, comments.

/// The width at which a comment or a list is wrapped.
const WIDTH: usize = 100;

/// The indentation of the lines of a section.
const INDENT: &str = "    ";

/// The text of a file.
#[derive(Debug, Default)]
pub(super) struct Text(String);

impl Text {
    /// A section's first line, with a blank one before it.
    pub(super) fn section(&mut self, title: &str) {
        self.blank();
        self.0.push_str(title);
        self.0.push('\n');
    }

    /// A section's first line, right after its comment.
    pub(super) fn touching(&mut self, title: &str) {
        self.0.push_str(title);
        self.0.push('\n');
    }

    /// A line of a section.
    pub(super) fn line(&mut self, line: &str) {
        self.0.push_str(INDENT);
        self.0.push_str(line);
        self.0.push('\n');
    }

    /// Words after a keyword, on as many lines as they take.
    pub(super) fn list<'a>(&mut self, keyword: &str, words: impl IntoIterator<Item = &'a str>) {
        let mut line = String::new();
        for word in words {
            if !line.is_empty() && INDENT.len() + line.len() + 1 + word.len() > WIDTH {
                self.line(&line);
                line.clear();
            }
            if line.is_empty() {
                line.push_str(keyword);
            }
            line.push(' ');
            line.push_str(word);
        }
        if !line.is_empty() {
            self.line(&line);
        }
    }

    /// An empty line, unless there is one or nothing before it.
    pub(super) fn blank(&mut self) {
        if !self.0.is_empty() && !self.0.ends_with("\n\n") {
            self.0.push('\n');
        }
    }

    /// A comment in a section.
    pub(super) fn comment(&mut self, text: &str) {
        self.commented(INDENT, text);
    }

    /// A line of a section that a reader may want.
    pub(super) fn commented_line(&mut self, line: &str) {
        self.0.push_str(&format!("{INDENT}#     {line}\n"));
    }

    /// A comment at the margin.
    pub(super) fn heading(&mut self, text: &str) {
        self.commented("", text);
    }

    /// The lines of a text as a comment at the margin, each as it is.
    pub(super) fn verbatim_comment(&mut self, text: &str) {
        for line in text.lines() {
            self.0.push_str(format!("# {line}").trim_end());
            self.0.push('\n');
        }
    }

    /// Adds lines from elsewhere, unchanged.
    pub(super) fn verbatim(&mut self, text: &str) {
        self.0.push_str(text.trim_end());
        self.0.push('\n');
    }

    pub(super) fn into_string(self) -> String {
        self.0
    }

    fn commented(&mut self, indent: &str, text: &str) {
        let mut line = String::new();
        let width = WIDTH - indent.len() - 2;
        for word in text.split(' ') {
            if !line.is_empty() && line.chars().count() + 1 + word.chars().count() > width {
                self.0.push_str(&format!("{indent}# {line}\n"));
                line.clear();
            }
            if !line.is_empty() {
                line.push(' ');
            }
            line.push_str(word);
        }
        self.0.push_str(&format!("{indent}# {line}\n"));
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn comments_and_lists_are_broken_between_words() {
        let mut text = Text::default();
        text.section("spoe-message m");
        text.comment(&"word ".repeat(30));
        text.list("args", ["a=b"; 30]);
        let text = text.into_string();
        assert!(text.lines().all(|line| line.len() <= WIDTH), "{text}");
        let args = text.lines().filter(|line| line.starts_with("    args a=b"));
        assert_eq!(args.count(), 2);
        assert_eq!(text.matches("a=b").count(), 30);
    }

    #[test]
    fn sections_are_one_line_apart() {
        let mut text = Text::default();
        text.section("a");
        text.blank();
        text.section("b");
        assert_eq!(text.into_string(), "a\n\nb\n");
    }
}
