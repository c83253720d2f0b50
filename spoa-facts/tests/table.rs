//! The table is what the generator makes of the lists.

#[path = "../generate/mod.rs"]
mod generate;

use generate::{Lists, SERIES, table};
use spoa_facts::Series;
use std::fs;
use std::path::Path;

fn lists() -> Vec<Lists> {
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    let list = |what, series| {
        let path = root.join(format!("data/{what}-{series}.txt"));
        fs::read_to_string(&path).unwrap_or_else(|error| panic!("{}: {error}", path.display()))
    };
    let of = |series| Lists {
        samples: list("samples", series),
        converters: list("converters", series),
    };
    SERIES.map(of).into()
}

#[test]
fn the_table_is_what_the_generator_makes() {
    let made = table(&lists());
    let committed = include_str!("../src/table.rs");
    assert!(
        made == committed,
        "run `cargo run -p haproxy-spoa-facts --example generate`"
    );
    assert!(made.lines().count() > 700, "{} lines", made.lines().count());
}

#[test]
fn the_series_are_those_of_the_library() {
    assert_eq!(Series::ALL.map(|series| series.to_string()), SERIES);
}

#[test]
fn every_line_of_the_lists_is_in_the_table() {
    for lists in lists() {
        for line in lists.samples.lines().filter(|line| line.starts_with('[')) {
            let name = line.split_once("] ").unwrap().1;
            let name = name.split(['(', ':']).next().unwrap();
            assert!(made_of(name, "F"), "{name}");
        }
        for line in lists
            .converters
            .lines()
            .filter(|line| line.contains(" => "))
        {
            let name = line.split(['(', ':']).next().unwrap();
            assert!(made_of(name, "C"), "{name}");
        }
    }
}

fn made_of(name: &str, row: &str) -> bool {
    include_str!("../src/table.rs").contains(&format!("    {row}({name:?}, "))
}
