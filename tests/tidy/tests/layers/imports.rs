//! Finds the paths that a Rust source names: in its `use` lines, and written out in its code.

/// A path such as `crate::spop::Value`, and the line where it is.
#[derive(Debug, PartialEq)]
pub(crate) struct Import {
    pub(crate) line: usize,
    pub(crate) path: Vec<String>,
    /// A `pub use`: others find the last name here, too.
    pub(crate) exported: bool,
    /// How many inline modules (`mod x { … }`) are around it.
    depth: usize,
}

/// The part of a source that matters for layers.
#[derive(Default)]
pub(crate) struct Source {
    pub(crate) imports: Vec<Import>,
    /// The names of `mod x;`, and the file that a `#[path]` gives.
    pub(crate) modules: Vec<(String, Option<String>)>,
    /// Every word of the code, with its line.
    pub(crate) words: Vec<(usize, String)>,
}

#[derive(Clone, Debug, PartialEq)]
enum Token {
    Word(String),
    /// The text of a string.
    Text(String),
    Mark(char),
}

/// Returns the paths and modules of a source, without those of its tests.
pub(crate) fn read(source: &str) -> Source {
    let tokens = without_tests(tokens(source));
    let mut found = Source::default();
    for (line, token) in &tokens {
        if let Token::Word(word) = token {
            found.words.push((*line, word.clone()));
        }
    }
    let mut inline = Vec::new();
    let mut depth = 0;
    let mut at = 0;
    while at < tokens.len() {
        match &tokens[at].1 {
            Token::Word(word) if word == "use" => {
                let exported = is_exported(&tokens, at);
                let first = found.imports.len();
                at = tree(&tokens, at + 1, &[], &mut found.imports);
                for import in &mut found.imports[first..] {
                    (import.exported, import.depth) = (exported, inline.len());
                }
                continue;
            }
            Token::Word(word) if word == "mod" => {
                match (word_at(&tokens, at + 1), mark_at(&tokens, at + 2)) {
                    (Some(name), Some(';')) => {
                        found
                            .modules
                            .push((name.to_owned(), path_attribute(&tokens, at)));
                    }
                    (Some(_), Some('{')) => inline.push(depth),
                    _ => {}
                }
            }
            Token::Word(word) if ["crate", "super", "self"].contains(&word.as_str()) => {
                let after = at.checked_sub(1).map(|before| &tokens[before].1);
                if !matches!(after, Some(Token::Mark('$' | ':'))) && is_path(&tokens, at + 1) {
                    let first = found.imports.len();
                    at = tree(&tokens, at, &[], &mut found.imports);
                    for import in &mut found.imports[first..] {
                        import.depth = inline.len();
                    }
                    continue;
                }
            }
            Token::Mark('{') => depth += 1,
            Token::Mark('}') => {
                depth -= 1;
                if inline.last() == Some(&depth) {
                    inline.pop();
                }
            }
            _ => {}
        }
        at += 1;
    }
    // Inside of an inline module the first `super` is this file.
    for import in &mut found.imports {
        for _ in 0..import.depth {
            if import.path.first().is_some_and(|first| first == "super") {
                import.path.remove(0);
                if import.path.first().is_none_or(|first| first != "super") {
                    import.path.insert(0, "self".to_owned());
                    break;
                }
            }
        }
    }
    found
}

/// Whether the `use` at `at` has a `pub` before it.
fn is_exported(tokens: &[(usize, Token)], at: usize) -> bool {
    let before = tokens[..at].iter().rev().take(6).map(|(_, token)| token);
    let mut before =
        before.take_while(|token| !matches!(token, Token::Mark(';' | '}' | '{' | ']')));
    before.any(|token| *token == Token::Word("pub".to_owned()))
}

/// Returns the file of the `#[path = "…"]` before the `mod` at `at`.
fn path_attribute(tokens: &[(usize, Token)], at: usize) -> Option<String> {
    let before = tokens[..at].iter().rev().take(8).map(|(_, token)| token);
    let mut before = before.take_while(|token| !matches!(token, Token::Mark(';' | '}' | '{')));
    before.find_map(|token| match token {
        Token::Text(text) if text.ends_with(".rs") => Some(text.clone()),
        _ => None,
    })
}

fn word_at(tokens: &[(usize, Token)], at: usize) -> Option<&str> {
    match tokens.get(at) {
        Some((_, Token::Word(word))) => Some(word),
        _ => None,
    }
}

fn mark_at(tokens: &[(usize, Token)], at: usize) -> Option<char> {
    match tokens.get(at) {
        Some((_, Token::Mark(mark))) => Some(*mark),
        _ => None,
    }
}

fn is_path(tokens: &[(usize, Token)], at: usize) -> bool {
    mark_at(tokens, at) == Some(':') && mark_at(tokens, at + 1) == Some(':')
}

/// Reads a path, or a tree such as `a::{b, c::d}`, and returns the place after it.
fn tree(
    tokens: &[(usize, Token)],
    mut at: usize,
    prefix: &[String],
    found: &mut Vec<Import>,
) -> usize {
    let mut path = prefix.to_vec();
    let line = tokens.get(at).map_or(0, |(line, _)| *line);
    loop {
        match tokens.get(at).map(|(_, token)| token) {
            Some(Token::Word(word)) if word != "as" => path.push(word.clone()),
            Some(Token::Mark('*')) => path.push("*".to_owned()),
            Some(Token::Mark('{')) => {
                at += 1;
                while mark_at(tokens, at) != Some('}') && at < tokens.len() {
                    at = tree(tokens, at, &path, found);
                    if mark_at(tokens, at) == Some(',') {
                        at += 1;
                    }
                }
                return at + 1;
            }
            _ => break,
        }
        at += 1;
        if word_at(tokens, at) == Some("as") {
            at += 2;
        }
        if !is_path(tokens, at) {
            break;
        }
        at += 2;
        // `::<T>` is not a part of the path.
        if mark_at(tokens, at) == Some('<') {
            break;
        }
    }
    if path.len() > prefix.len() {
        // `a::{self}` is `a`.
        if path.len() > 1 && path.last().is_some_and(|last| last == "self") {
            path.pop();
        }
        found.push(Import {
            line,
            path,
            exported: false,
            depth: 0,
        });
        at
    } else {
        at + 1
    }
}

/// Removes what follows `#[cfg(test)]`, up to the end of that item.
fn without_tests(tokens: Vec<(usize, Token)>) -> Vec<(usize, Token)> {
    let test: Vec<_> = "#[cfg(test)]"
        .chars()
        .filter(|c| !c.is_alphabetic())
        .collect();
    let opens = |at: usize| {
        let end = (at + 7).min(tokens.len());
        let marks: Vec<_> = (at..end).filter_map(|at| mark_at(&tokens, at)).collect();
        marks == test
            && word_at(&tokens, at + 2) == Some("cfg")
            && word_at(&tokens, at + 4) == Some("test")
    };
    let mut kept = Vec::with_capacity(tokens.len());
    let mut at = 0;
    while at < tokens.len() {
        if !opens(at) {
            kept.push(tokens[at].clone());
            at += 1;
            continue;
        }
        at += 7;
        let mut depth = 0;
        while at < tokens.len() {
            let mark = mark_at(&tokens, at);
            at += 1;
            match mark {
                Some('{') => depth += 1,
                Some('}') if depth == 1 => break,
                Some('}') => depth -= 1,
                Some(';') if depth == 0 => break,
                _ => {}
            }
        }
    }
    kept
}

/// Splits a source into words, strings and marks, each with its line. Comments and characters are left out.
fn tokens(source: &str) -> Vec<(usize, Token)> {
    let characters: Vec<_> = source.chars().collect();
    let get = |at: usize| characters.get(at).copied().unwrap_or('\0');
    let mut tokens = Vec::new();
    let (mut at, mut line) = (0, 1);
    while at < characters.len() {
        let c = get(at);
        let start = at;
        match c {
            '\n' => line += 1,
            '/' if get(at + 1) == '/' => {
                while at < characters.len() && get(at) != '\n' {
                    at += 1;
                }
                continue;
            }
            '"' => {
                at += 1;
                while at < characters.len() && get(at) != '"' {
                    at += if get(at) == '\\' { 2 } else { 1 };
                }
                let text: String = characters[start + 1..at.min(characters.len())]
                    .iter()
                    .collect();
                tokens.push((line, Token::Text(text.clone())));
                line += text.matches('\n').count();
            }
            'r' if get(at + 1) == '#' && get(at + 2) == '"' || get(at + 1) == '"' => {
                let end: String = if get(at + 1) == '#' {
                    "\"#".into()
                } else {
                    "\"".into()
                };
                let open = if get(at + 1) == '#' { 3 } else { 2 };
                let rest: String = characters[at + open..].iter().collect();
                let length = rest.find(&end).map_or(rest.len(), |bytes| bytes);
                let text = &rest[..length];
                tokens.push((line, Token::Text(text.to_owned())));
                line += text.matches('\n').count();
                at += open + text.chars().count() + end.len() - 1;
            }
            '\'' if get(at + 1) == '\\' => {
                at += 3;
                while at < characters.len() && get(at) != '\'' {
                    at += 1;
                }
            }
            '\'' if get(at + 2) == '\'' => at += 2,
            _ if c.is_alphanumeric() || c == '_' => {
                while get(at + 1).is_alphanumeric() || get(at + 1) == '_' {
                    at += 1;
                }
                let word = characters[start..=at].iter().collect();
                tokens.push((line, Token::Word(word)));
            }
            _ if c.is_whitespace() => {}
            _ => tokens.push((line, Token::Mark(c))),
        }
        at += 1;
    }
    tokens
}

#[cfg(test)]
mod tests {
    use super::read;

    fn paths(source: &str) -> Vec<String> {
        let imports = read(source).imports;
        let show = |import: super::Import| format!("{}: {}", import.line, import.path.join("::"));
        imports.into_iter().map(show).collect()
    }

    #[test]
    fn trees_and_written_paths_are_found() {
        let source = "use crate::a::{self, b::{C, D as E}, f};\n\
            fn g(x: &super::h::I) { crate::j::<T>(); $crate::k(); \"crate::l\"; 'c'; r#\"crate::m\"# }\n";
        let expected = [
            "1: crate::a",
            "1: crate::a::b::C",
            "1: crate::a::b::D",
            "1: crate::a::f",
            "2: super::h::I",
            "2: crate::j",
        ];
        assert_eq!(paths(source), expected);
    }

    #[test]
    fn tests_and_comments_are_ignored() {
        let source =
            "// use crate::a;\n#[cfg(test)]\nmod tests { use crate::b; fn f() {} }\nuse crate::c;";
        assert_eq!(paths(source), ["4: crate::c"]);
    }

    #[test]
    fn an_inline_module_counts_as_its_file() {
        let source = "mod inner { use super::a; use super::super::b; }\nuse super::c;";
        assert_eq!(paths(source), ["1: self::a", "1: super::b", "2: super::c"]);
    }
}
