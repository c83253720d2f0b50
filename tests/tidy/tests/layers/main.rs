//! Imports run one way: between crates, between the folders of a crate, and between the files of a folder.
//!
//! `tests/tidy/layers.txt` is the table. A section `[FOLDER]` lists the rooms of a folder, which are its files and
//! folders, from the top down: a room may name the rooms on the lines below its own, and nothing else.
//! A line `! ROOM -> ROOM` is an exception that is to go. In every other folder imports need only be
//! free of circles; `[circles]` has the number of rooms that are in one, and that number only shrinks.
//! `[never]` names words that the code of a folder does not have, such as the crates it does without.
//! `LAYERS=list cargo test -p spoa-tidy --test layers -- --nocapture` prints all edges and circles.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt::Write as _;
use std::fs;
use std::path::{Path, PathBuf};

use serde_json::Value;
use spoa_tidy::{metadata, workspace};

mod imports;

use imports::Source;

/// A module of a crate: a file, with the modules it declares.
struct Module {
    file: PathBuf,
    source: Source,
    children: BTreeMap<String, usize>,
    parent: Option<usize>,
}

/// One crate's modules; the first is its root.
struct Modules(Vec<Module>);

impl Modules {
    fn read(root: &Path) -> Self {
        let mut modules = Self(Vec::new());
        modules.add(root.to_owned(), None);
        modules
    }

    fn add(&mut self, file: PathBuf, parent: Option<usize>) -> usize {
        let text = fs::read_to_string(workspace().join(&file));
        let text = text.unwrap_or_else(|error| panic!("{}: {error}", file.display()));
        let source = imports::read(&text);
        let stem = file.file_stem().expect("a file has a name").to_owned();
        let folder = file.parent().expect("a file is in a folder");
        let folder = match stem.to_str() {
            Some("mod" | "lib" | "main") => folder.to_owned(),
            _ => folder.join(stem),
        };
        let here = self.0.len();
        let declared = source.modules.clone();
        let children = BTreeMap::new();
        self.0.push(Module {
            file: file.clone(),
            source,
            children,
            parent,
        });
        for (name, path) in declared {
            let candidates = match path {
                Some(path) => vec![file.with_file_name(path)],
                None => vec![
                    folder.join(format!("{name}.rs")),
                    folder.join(&name).join("mod.rs"),
                ],
            };
            let exists = |path: &&PathBuf| workspace().join(path).is_file();
            let child = candidates.iter().find(exists).cloned();
            let child = child.unwrap_or_else(|| panic!("{}: no file for {name}", file.display()));
            let child = self.add(child, Some(here));
            self.0[here].children.insert(name, child);
        }
        here
    }

    /// Returns the module that has what a path names, as seen from a module. `None` for other crates.
    fn resolve(&self, from: usize, path: &[String], steps: usize) -> Option<usize> {
        let (mut here, mut rest) = match path.first()?.as_str() {
            "crate" => (0, &path[1..]),
            "self" => (from, &path[1..]),
            "super" => (self.0[from].parent?, &path[1..]),
            name if self.0[from].children.contains_key(name) => (from, path),
            _ => return None,
        };
        while let Some((name, after)) = rest.split_first() {
            if name == "super" {
                here = self.0[here].parent?;
            } else if let Some(child) = self.0[here].children.get(name) {
                here = *child;
            } else {
                let exports = self.0[here].source.imports.iter();
                let named = |last: &String| last == name;
                let export =
                    exports.filter(|one| one.exported && one.path.last().is_some_and(named));
                let found = export
                    .filter(|_| steps > 0)
                    .find_map(|export| self.resolve(here, &export.path, steps - 1));
                return found.or(Some(here));
            }
            rest = after;
        }
        Some(here)
    }

    /// Returns all imports between two files: line, from, to.
    fn edges(&self) -> Vec<(usize, usize, usize)> {
        let mut edges = Vec::new();
        for (from, module) in self.0.iter().enumerate() {
            for import in &module.source.imports {
                if let Some(to) = self.resolve(from, &import.path, 8).filter(|to| *to != from) {
                    edges.push((import.line, from, to));
                }
            }
        }
        edges
    }
}

/// Returns the room of `folder` that a file is in: `mod` for the folder's own file.
fn room(folder: &Path, file: &Path) -> Option<String> {
    let inside = file.strip_prefix(folder).ok()?;
    let first = inside.iter().next()?.to_str()?;
    match first.trim_end_matches(".rs") {
        "lib" | "main" => Some("mod".to_owned()),
        room => Some(room.to_owned()),
    }
}

/// Whether a file belongs to tests.
fn is_test(file: &Path) -> bool {
    file.iter()
        .any(|part| part == "tests" || part == "tests.rs")
}

#[derive(Default)]
struct Table {
    /// For each section the rooms, each with its line; the first line is the top.
    sections: BTreeMap<String, BTreeMap<String, usize>>,
    exceptions: BTreeSet<(String, String, String)>,
    circles: BTreeMap<String, usize>,
    never: Vec<(PathBuf, Vec<String>)>,
}

fn table() -> Table {
    let text =
        fs::read_to_string(workspace().join("tests/tidy/layers.txt")).expect("the table is there");
    let mut table = Table::default();
    let mut section = String::new();
    for (at, line) in text.lines().enumerate() {
        if line.is_empty() || line.starts_with('#') {
        } else if let Some(name) = line.strip_prefix('[') {
            section = name.trim_end_matches(']').to_owned();
        } else if section == "circles" {
            let (count, folder) = line.split_once(' ').expect("`COUNT FOLDER`");
            let count = count.parse().expect("a count is a number");
            table.circles.insert(folder.to_owned(), count);
        } else if section == "never" {
            let (folder, words) = line.split_once(": ").expect("`FOLDER: WORD…`");
            let words = words.split(' ').map(str::to_owned).collect();
            table.never.push((folder.into(), words));
        } else if let Some(exception) = line.strip_prefix("! ") {
            let (from, to) = exception.split_once(" -> ").expect("`! ROOM -> ROOM`");
            table
                .exceptions
                .insert((section.clone(), from.to_owned(), to.to_owned()));
        } else {
            let rooms = table.sections.entry(section.clone()).or_default();
            rooms.extend(line.split_whitespace().map(|room| (room.to_owned(), at)));
        }
    }
    table
}

/// Judges edges between the rooms of a section, each with a place to show.
fn judge(
    table: &Table,
    section: &str,
    edges: &BTreeMap<(String, String), Vec<String>>,
    wrong: &mut String,
) {
    let rooms = &table.sections[section];
    for ((from, to), places) in edges {
        let unknown = [from, to]
            .into_iter()
            .find(|room| !rooms.contains_key(*room));
        if let Some(unknown) = unknown {
            let line =
                format!("[{section}] has no room `{unknown}`: add it to a line of the table\n");
            if !wrong.contains(&line) {
                wrong.push_str(&line);
            }
            continue;
        }
        let known = (section.to_owned(), from.clone(), to.clone());
        if rooms[from] >= rooms[to] && !table.exceptions.contains(&known) {
            let places = places.join("\n    ");
            let _ = writeln!(
                wrong,
                "[{section}] `{from}` must not name `{to}`:\n    {places}"
            );
        }
    }
    let parent = match section {
        "crates" => workspace().to_owned(),
        folder => workspace().join(folder),
    };
    let is_there = |room: &str| {
        room == "mod" || parent.join(room).is_dir() || parent.join(format!("{room}.rs")).is_file()
    };
    for room in rooms.keys().filter(|room| !is_there(room)) {
        let _ = writeln!(
            wrong,
            "[{section}] has `{room}`, which is not there: remove it"
        );
    }
    for (_, from, to) in table.exceptions.iter().filter(|(one, ..)| one == section) {
        if !edges.contains_key(&(from.clone(), to.clone())) {
            let _ = writeln!(
                wrong,
                "[{section}] remove `! {from} -> {to}`: no import needs it"
            );
        }
    }
}

/// The crates, by the folder that has them, and the file that is their root.
fn roots() -> Vec<PathBuf> {
    let mut roots = Vec::new();
    for entry in fs::read_dir(workspace()).expect("readable").flatten() {
        let folder = PathBuf::from(entry.file_name());
        let ours = folder
            .to_str()
            .is_some_and(|name| name == "spoa" || name.starts_with("spoa-"));
        let files = ["src/lib.rs", "src/main.rs"].map(|file| folder.join(file));
        roots.extend(
            files
                .into_iter()
                .filter(|file| ours && workspace().join(file).is_file()),
        );
    }
    roots.sort();
    assert!(
        roots.len() >= 5,
        "the crates are not where they are looked for: {roots:?}"
    );
    roots
}

/// Returns the imports between the rooms of a folder, each with the places that have it.
fn between(folder: &Path, modules: &Modules) -> BTreeMap<(String, String), Vec<String>> {
    let mut between: BTreeMap<_, Vec<String>> = BTreeMap::new();
    for (line, from, to) in modules.edges() {
        let (from, to) = (&modules.0[from].file, &modules.0[to].file);
        let rooms = (room(folder, from), room(folder, to));
        if let (Some(one), Some(other)) = rooms
            && one != other
            && one != "mod"
            && !is_test(from)
        {
            let place = format!("{}:{line} names {}", from.display(), to.display());
            between.entry((one, other)).or_default().push(place);
        }
    }
    between
}

#[test]
fn imports_run_one_way() {
    let list = std::env::var("LAYERS").is_ok_and(|value| value == "list");
    let table = table();
    let mut wrong = String::new();
    let mut unused: BTreeSet<_> = table.sections.keys().cloned().collect();
    unused.remove("crates");
    let mut counts = BTreeMap::new();
    for root in roots() {
        let modules = Modules::read(&root);
        let source = root.parent().expect("a root is in a folder");
        let inside = |file: &PathBuf| -> Vec<PathBuf> {
            let folders = file
                .ancestors()
                .skip(1)
                .take_while(|up| up.starts_with(source));
            folders.map(Path::to_owned).collect()
        };
        let folders = modules.0.iter().flat_map(|module| inside(&module.file));
        for folder in folders.collect::<BTreeSet<_>>() {
            let name = folder.display().to_string();
            let between = between(&folder, &modules);
            if list {
                for ((from, to), places) in &between {
                    println!("[{name}] {from} -> {to}: {}", places[0]);
                }
            }
            if table.sections.contains_key(&name) {
                unused.remove(&name);
                judge(&table, &name, &between, &mut wrong);
                continue;
            }
            let circles = find_circles(&between);
            let count: usize = circles.iter().map(BTreeSet::len).sum();
            let most = table.circles.get(&name).copied().unwrap_or(0);
            for circle in &circles {
                let rooms: Vec<_> = circle.iter().map(String::as_str).collect();
                let mut text = format!("a circle in {name}: {}\n", rooms.join(" "));
                for ((from, to), places) in &between {
                    if circle.contains(from) && circle.contains(to) {
                        let _ = writeln!(text, "    {}", places[0]);
                    }
                }
                if list {
                    println!("{text}");
                } else if count > most {
                    wrong.push_str(&text);
                }
            }
            if count != most {
                let _ = writeln!(
                    wrong,
                    "{name}: rooms in circles: {count}, the table has {most}"
                );
            }
            counts.insert(name, count);
        }
        for module in modules.0.iter().filter(|module| !is_test(&module.file)) {
            let never = table
                .never
                .iter()
                .filter(|(folder, _)| module.file.starts_with(folder));
            for (folder, words) in never {
                for (line, word) in module
                    .source
                    .words
                    .iter()
                    .filter(|(_, word)| words.contains(word))
                {
                    let place = module.file.display();
                    let folder = folder.display();
                    let _ = writeln!(
                        wrong,
                        "{folder} must not name `{word}`:\n    {place}:{line}"
                    );
                }
            }
        }
    }
    for section in unused {
        let _ = writeln!(
            wrong,
            "[{section}] is not a folder of a crate: remove the section"
        );
    }
    for folder in table
        .circles
        .keys()
        .filter(|folder| !counts.contains_key(*folder))
    {
        let _ = writeln!(
            wrong,
            "[circles] has {folder}, which is not there: remove the line"
        );
    }
    assert!(
        wrong.is_empty(),
        "\n{wrong}\nThe table is tests/tidy/layers.txt."
    );
}

/// Returns the sets of rooms that reach each other.
fn find_circles<T>(edges: &BTreeMap<(String, String), T>) -> BTreeSet<BTreeSet<String>> {
    // The folder's own file declares the others, so they may well use what it has.
    let edges = || {
        edges
            .keys()
            .filter(|(from, to)| from != "mod" && to != "mod")
    };
    let reach = |start: &String| {
        let mut seen = BTreeSet::new();
        let mut next = vec![start];
        while let Some(room) = next.pop() {
            for (from, to) in edges() {
                if from == room && seen.insert(to.clone()) {
                    next.push(to);
                }
            }
        }
        seen
    };
    let rooms: BTreeSet<_> = edges().map(|(from, _)| from).collect();
    let reached: BTreeMap<_, _> = rooms.iter().map(|room| (*room, reach(room))).collect();
    let circle = |room: &String| -> BTreeSet<String> {
        let back = |other: &&String| reached.get(other).is_some_and(|back| back.contains(room));
        reached[room].iter().filter(back).cloned().collect()
    };
    rooms
        .iter()
        .map(|room| circle(room))
        .filter(|circle| circle.len() > 1)
        .collect()
}

#[test]
fn crates_depend_one_way() {
    let metadata = metadata();
    let folder = |path: &Value| {
        let path = Path::new(path.as_str()?).strip_prefix(workspace()).ok()?;
        Some(path.to_str()?.trim_end_matches("/Cargo.toml").to_owned())
    };
    let mut edges: BTreeMap<_, Vec<String>> = BTreeMap::new();
    for package in metadata["packages"].as_array().expect("a list") {
        // Packages of a registry are elsewhere.
        let Some(from) = folder(&package["manifest_path"]) else {
            continue;
        };
        for dependency in package["dependencies"].as_array().expect("a list") {
            // A test may use a crate that is above.
            if let Some(to) = folder(&dependency["path"]).filter(|_| dependency["kind"] != "dev") {
                let place = format!("{from}/Cargo.toml");
                edges.entry((from.clone(), to)).or_default().push(place);
            }
        }
    }
    let mut wrong = String::new();
    judge(&table(), "crates", &edges, &mut wrong);
    assert!(
        wrong.is_empty(),
        "\n{wrong}\nThe table is tests/tidy/layers.txt."
    );
}

#[test]
fn circles_are_found() {
    let edges = [
        ("a", "b"),
        ("b", "c"),
        ("c", "a"),
        ("c", "d"),
        ("e", "f"),
        ("f", "e"),
        ("g", "mod"),
    ];
    let edges = edges.map(|(from, to)| ((from.to_owned(), to.to_owned()), ()));
    let circles = find_circles(&BTreeMap::from(edges));
    let shown: Vec<_> = circles
        .iter()
        .map(|one| one.iter().cloned().collect::<String>())
        .collect();
    assert_eq!(shown, ["abc", "ef"]);
}
