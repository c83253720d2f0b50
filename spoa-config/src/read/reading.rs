//! Reads a configuration from files: HAProxy's own, and the SPOE files that its filters name.

use super::Surroundings;
use super::configuration::{Configuration, Filter, Found, ReadError, SpoeFile, asks_agent};
use super::environment::Environment;
use super::environment_value::EnvironmentValue;
use super::files::{Files, configurations};
use super::sections::{FileKind, Line, Parsed, parse};
use super::words::Word;
use spoa_facts::Series;
use std::io;
use std::path::{Path, PathBuf};

impl Configuration {
    /// Reads files and directories as `haproxy -f` does, and the SPOE files that the filters name.
    ///
    /// A path may also name a SPOE file. It is then read in place of the file of that name that a filter names.
    ///
    /// # Errors
    ///
    /// If one of the paths cannot be read or is not text. A file that a filter names need not exist.
    pub fn read<P: AsRef<Path>>(
        paths: &[P],
        files: &dyn Files,
        around: &Surroundings<'_>,
    ) -> Result<Self, ReadError> {
        let mut reading = Reading {
            files,
            around,
            environment: Environment::new(around.environment),
            base: Base::Current,
            read: Configuration::default(),
        };
        let paths = paths
            .iter()
            .flat_map(|path| configurations(files, path.as_ref()));
        let mut texts = Vec::new();
        for path in paths {
            let bytes = files.read(&path).map_err(|error| ReadError {
                path: path.clone(),
                error,
            })?;
            if bytes.contains(&0) {
                let error = "the file is not text";
                let error = io::Error::new(io::ErrorKind::InvalidData, error);
                return Err(ReadError { path, error });
            }
            texts.push((path, bytes));
        }
        if around.series.is_none_or(|series| series > Series::V3_0) {
            reading.read_global(&texts);
        }
        let mut filters = Vec::new();
        for (path, bytes) in texts {
            reading.take(&path, &bytes, &mut filters);
        }
        for (filter, origin) in filters {
            let filter = reading.follow(filter, &origin);
            reading.read.filters.push(filter);
        }
        Ok(reading.read)
    }
}

/// Where relative paths begin: `default-path`.
#[derive(Clone, Debug)]
enum Base {
    Current,
    Config,
    Parent,
    Origin(PathBuf),
}

/// The directories that a filter's path may be relative to.
struct Origin {
    base: Base,
    /// The directory of the file that the filter is in.
    beside: PathBuf,
}

struct Reading<'a> {
    files: &'a dyn Files,
    around: &'a Surroundings<'a>,
    /// The environment, with what the files put into it.
    environment: Environment<'a>,
    base: Base,
    read: Configuration,
}

impl Reading<'_> {
    /// Has the lines of `global` change the environment before the files are read.
    fn read_global(&mut self, files: &[(PathBuf, Vec<u8>)]) {
        let mut environment = Environment::new(self.around.environment);
        for (_, bytes) in files {
            let text = String::from_utf8_lossy(bytes);
            let kind = FileKind::of(&text);
            if kind != FileKind::Spoe {
                parse(kind, &text, 0, self.around.series, &mut environment);
            }
        }
        self.environment = environment.read_again();
    }

    /// Takes in one of the files that were given.
    fn take(&mut self, path: &Path, bytes: &[u8], filters: &mut Vec<(Filter, Origin)>) {
        let kind = FileKind::of(&String::from_utf8_lossy(bytes));
        let (source, parsed) = self.parse(kind, path, bytes);
        if kind == FileKind::Spoe {
            self.add(source, parsed);
            return;
        }
        self.read.stray.extend(parsed.stray);
        let beside = path.parent().unwrap_or(Path::new("")).to_owned();
        for section in parsed.sections {
            for line in section.all(&["default-path"]) {
                self.base = match line.word(1) {
                    "config" => Base::Config,
                    "parent" => Base::Parent,
                    "origin" => Base::Origin(line.word(2).into()),
                    _ => Base::Current,
                };
            }
            for line in section.lines.iter().filter(|line| asks_agent(line)) {
                let filter = filter(self.read.sections.len(), line);
                let origin = Origin {
                    base: self.base.clone(),
                    beside: beside.clone(),
                };
                filters.push((filter, origin));
            }
            self.read.sections.push(section);
        }
    }

    fn parse(&mut self, kind: FileKind, path: &Path, bytes: &[u8]) -> (usize, Parsed) {
        let source = self.read.sources.add(path, bytes);
        let text = self.read.sources.get(source).map(|source| &source.text);
        let text = text.map_or("", String::as_str);
        let parsed = parse(
            kind,
            text,
            source,
            self.around.series,
            &mut self.environment,
        );
        (source, parsed)
    }

    fn add(&mut self, source: usize, parsed: Parsed) -> usize {
        self.read.spoe.push(SpoeFile {
            source,
            sections: parsed.sections,
            scopes: parsed.scopes,
            stray: parsed.stray,
        });
        self.read.spoe.len() - 1
    }

    /// Finds the file that a filter names.
    fn follow(&mut self, filter: Filter, origin: &Origin) -> Filter {
        let path = match &filter.config {
            Some(config) if config.known => PathBuf::from(&config.text),
            Some(config) => {
                let file = self.unset(config);
                return Filter { file, ..filter };
            }
            None => return filter,
        };
        let from = match &origin.base {
            Base::Current => PathBuf::new(),
            Base::Config => origin.beside.clone(),
            Base::Parent => origin.beside.join(".."),
            Base::Origin(origin) => origin.clone(),
        };
        let (there, beside) = (from.join(&path), origin.beside.join(&path));
        let file = if let Some(file) = self.known(&there).or_else(|| self.fetch(&there)) {
            Found::There(file)
        } else if let Some(file) = self.known(&beside).or_else(|| self.fetch(&beside)) {
            Found::Beside(file, origin.beside.clone())
        } else if let Some(file) = self.given(&path) {
            Found::There(file)
        } else if there == beside {
            Found::Nowhere(vec![there])
        } else {
            Found::Nowhere(vec![there, beside])
        };
        let name = path
            .file_name()
            .filter(|_| matches!(file, Found::Nowhere(_)));
        let beside = name.map(|name| origin.beside.join(name));
        let beside = beside.filter(|path| self.files.read(path).is_ok());
        Filter {
            file,
            beside,
            ..filter
        }
    }

    /// Looks for a path with variables that are not known: finds a file that was given, if the path ends in
    /// its name.
    fn unset(&self, config: &Word) -> Found {
        let source = self.read.sources.get(config.span.source);
        let raw = source.and_then(|source| source.text.get(config.span.start..config.span.end));
        let raw = raw.unwrap_or_default();
        let name = raw.rsplit(['/', '}']).next().unwrap_or(raw);
        let name = name.trim_matches(['"', '\'']);
        let given = if name.contains('$') || name.is_empty() {
            Some(0).filter(|_| self.read.spoe.len() == 1)
        } else {
            self.given(Path::new(name))
        };
        if let Some(file) = given {
            return Found::There(file);
        }
        let (mut missing, mut uncertain) = (Vec::new(), Vec::new());
        for part in raw.split('$').skip(1) {
            let part = part.strip_prefix('{').unwrap_or(part);
            let is_part = |c: char| c.is_ascii_alphanumeric() || matches!(c, '_' | '.');
            let end = part.find(|c| !is_part(c)).unwrap_or(part.len());
            let name = part.get(..end).unwrap_or_default();
            let default = part.get(end..).is_some_and(|rest| rest.starts_with('-'));
            // A value that is known now was set by a later line.
            let names = match self.environment.get(name) {
                EnvironmentValue::Missing if default => continue,
                EnvironmentValue::Missing => &mut missing,
                _ => &mut uncertain,
            };
            if !names.iter().any(|known| known == name) {
                names.push(name.to_owned());
            }
        }
        if missing.is_empty() {
            Found::Uncertain(uncertain)
        } else {
            Found::Unset(missing)
        }
    }

    /// A SPOE file that was read already.
    fn known(&self, path: &Path) -> Option<usize> {
        let path_of = |file: &SpoeFile| self.read.sources.get(file.source).map(|one| &*one.path);
        self.read
            .spoe
            .iter()
            .position(|file| path_of(file) == Some(path))
    }

    fn fetch(&mut self, path: &Path) -> Option<usize> {
        let bytes = self.files.read(path).ok()?;
        let (source, parsed) = self.parse(FileKind::Spoe, path, &bytes);
        Some(self.add(source, parsed))
    }

    /// Returns the SPOE file of this name that was given, for a path that does not exist on this machine.
    fn given(&self, path: &Path) -> Option<usize> {
        self.read.spoe.iter().position(|file| {
            let source = self.read.sources.get(file.source);
            source.is_some_and(|source| source.path.file_name() == path.file_name())
        })
    }
}

fn filter(proxy: usize, line: &Line) -> Filter {
    let mut words = line.after(2).iter();
    let (mut engine, mut config) = (None, None);
    while let Some(word) = words.next() {
        match word.text.as_str() {
            "engine" => engine = words.next().cloned(),
            "config" => config = words.next().cloned(),
            _ => {}
        }
    }
    Filter {
        proxy,
        line: line.clone(),
        engine,
        config,
        file: Found::Unnamed,
        beside: None,
    }
}
