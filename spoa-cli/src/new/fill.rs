//! Fills a template: `{{word}}`, and lines between `{%- if word != "" %}` and `{%- endif %}`.
//!
//! This is a part of Liquid, the language of cargo-generate, which reads the same files.

/// The words of a template with their values.
pub(super) struct Words(Vec<(&'static str, String)>);

impl Words {
    pub(super) fn new<const N: usize>(words: [(&'static str, String); N]) -> Self {
        Words(words.into())
    }

    /// Returns the words and their values.
    #[cfg(test)]
    pub(super) fn iter(&self) -> impl Iterator<Item = (&'static str, &str)> {
        self.0.iter().map(|(word, value)| (*word, value.as_str()))
    }

    fn value(&self, word: &str) -> &str {
        let found = self.0.iter().find(|(known, _)| *known == word);
        match found {
            Some((_, value)) => value,
            None => unreachable!("a test fills every template, and `{word}` is unknown"),
        }
    }

    /// Fills a template.
    pub(super) fn fill(&self, template: &str) -> String {
        let mut text = String::with_capacity(template.len());
        let mut shows = true;
        for line in template.split_inclusive('\n') {
            let condition = line.trim().strip_prefix("{%- if ");
            if let Some(word) = condition.and_then(|rest| rest.strip_suffix(" != \"\" %}")) {
                shows = !self.value(word).is_empty();
            } else if line.trim() == "{%- endif %}" {
                shows = true;
            } else if shows {
                self.fill_line(line, &mut text);
            }
        }
        text
    }

    fn fill_line(&self, mut line: &str, text: &mut String) {
        while let Some((before, rest)) = line.split_once("{{") {
            let Some((word, after)) = rest.split_once("}}") else {
                break;
            };
            text.push_str(before);
            text.push_str(self.value(word));
            line = after;
        }
        text.push_str(line);
    }
}

#[cfg(test)]
mod tests {
    use super::Words;

    #[test]
    fn words_and_conditions_are_filled() {
        let words = Words::new([("name", "geo".to_owned()), ("table", String::new())]);
        let template =
            "a {{name}}-{{name}}\n{%- if table != \"\" %}\nb {{table}}\n{%- endif %}\nc\n";
        assert_eq!(words.fill(template), "a geo-geo\nc\n");
        let template = "{%- if name != \"\" %}\nb {{name}}\n{%- endif %}\nc\n";
        assert_eq!(words.fill(template), "b geo\nc\n");
    }
}
