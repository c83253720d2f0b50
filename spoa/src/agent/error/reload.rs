//! Why a value could not be made again.

use std::error::Error;
use std::fmt;
use std::path::Path;

/// A value that could not be made.
#[derive(Debug)]
pub(crate) struct ReloadError {
    pub(crate) part: String,
    /// Made where the error came from: to show it is user code, which may panic.
    pub(crate) text: String,
}

impl ReloadError {
    /// Returns the name of the value: an expression of `reload = …`, or the name of a type.
    #[must_use]
    pub(crate) fn part(&self) -> &str {
        &self.part
    }

    /// Adds the names of the files that the value watches, unless the text has them: errors of `std::fs` do not name
    /// the file.
    pub(crate) fn watching<'p>(mut self, files: impl IntoIterator<Item = &'p Path>) -> Self {
        for file in files {
            let file = file.display().to_string();
            if !self.text.contains(&file) {
                self.text += &format!("; it watches `{file}`");
            }
        }
        self
    }
}

impl fmt::Display for ReloadError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "`{}` failed: {}", self.part, self.text)
    }
}

// Its causes are part of its text.
impl Error for ReloadError {}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_watched_file_is_named_once() {
        let error = |text: &str| ReloadError {
            part: "reload = Rules::load()?".to_owned(),
            text: text.to_owned(),
        };
        let files = ["/etc/rules", "/etc/more"].map(Path::new);
        let shown = |text| error(text).watching(files).to_string();
        assert_eq!(
            shown("No such file"),
            "`reload = Rules::load()?` failed: No such file; it watches `/etc/rules`; it watches `/etc/more`"
        );
        assert_eq!(
            shown("/etc/rules: No such file"),
            "`reload = Rules::load()?` failed: /etc/rules: No such file; it watches `/etc/more`"
        );
    }
}
