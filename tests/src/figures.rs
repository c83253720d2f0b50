//! How much a test of endurance does, and where its figures go.
//!
//! In the bounded form, as everybody runs it, they are printed. In the long form (`tests/long`) they
//! are gathered as Markdown tables.

use std::env;
use std::fs::OpenOptions;
use std::io::Write;
use std::path::PathBuf;
use std::sync::Mutex;

/// Returns whether this is the long form: `SPOA_LONG=1`.
pub fn long() -> bool {
    env::var("SPOA_LONG").is_ok_and(|value| value == "1")
}

/// Returns the first value in the short form, the second in the long one.
pub fn bounded_or_long<T>(bounded: T, in_full: T) -> T {
    if long() { in_full } else { bounded }
}

/// Held while a table is written: tests may end at once.
static WRITING: Mutex<()> = Mutex::new(());

/// Rows of a table, kept until they are complete.
#[derive(Debug)]
pub struct Figures {
    table: &'static str,
    columns: &'static [&'static str],
    rows: Mutex<Vec<String>>,
}

impl Figures {
    /// Returns the table with this name, without rows.
    pub fn of(table: &'static str, columns: &'static [&'static str]) -> Figures {
        Figures {
            table,
            columns,
            rows: Mutex::default(),
        }
    }

    /// Adds a row, with a cell for each column.
    pub fn row(&self, cells: &[String]) {
        assert_eq!(cells.len(), self.columns.len(), "a cell for each column");
        let mut rows = self.rows.lock().expect("nobody panics with the rows");
        rows.push(format!("| {} |\n", cells.join(" | ")));
    }

    fn head(&self) -> String {
        let line = "---|".repeat(self.columns.len());
        format!("| {} |\n|{line}\n", self.columns.join(" | "))
    }
}

impl Drop for Figures {
    /// Prints the rows, and puts them into `<table>.md` of the directory that `SPOA_FIGURES` names.
    fn drop(&mut self) {
        let rows = self.rows.get_mut().map(|rows| rows.concat());
        let rows = rows.unwrap_or_default();
        println!("\n{}\n\n{}{rows}", self.table, self.head());
        let Some(directory) = env::var_os("SPOA_FIGURES") else {
            return;
        };
        let file = PathBuf::from(directory).join(format!("{}.md", self.table));
        let _alone = WRITING.lock();
        let new = OpenOptions::new().append(true).create_new(true).open(&file);
        let (file, text) = match new {
            Ok(file) => (Ok(file), self.head() + &rows),
            Err(_) => (OpenOptions::new().append(true).open(&file), rows),
        };
        let written = file.and_then(|mut file| file.write_all(text.as_bytes()));
        if let Err(error) = written {
            eprintln!("the figures of `{}` are lost: {error}", self.table);
        }
    }
}
