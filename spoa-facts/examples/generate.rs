//! Makes `src/table.rs`, after asking the HAProxies that are named for their lists:
//!
//! ```console
//! $ cargo run -p haproxy-spoa-facts --example generate -- 3.4=/usr/sbin/haproxy
//! ```
//!
//! Without arguments it makes the table of the lists that are in `data/`. For a series of its own, a
//! line in `SERIES` of `generate/mod.rs` and a variant of `Series` come first.

#[path = "../generate/mod.rs"]
mod generate;

use generate::{Lists, SERIES, table};
use std::error::Error;
use std::path::Path;
use std::process::Command;
use std::{env, fs};

fn main() -> Result<(), Box<dyn Error>> {
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    for argument in env::args().skip(1) {
        let (series, haproxy) = argument
            .split_once('=')
            .filter(|(series, _)| SERIES.contains(series))
            .ok_or_else(|| {
                format!("`{argument}`: write a series and its HAProxy, as in `3.4=/usr/sbin/haproxy`; the series are {SERIES:?}")
            })?;
        for (what, option) in [("samples", "-dKsmp"), ("converters", "-dKcnv")] {
            let listed = ask(haproxy, option)?;
            fs::write(root.join(format!("data/{what}-{series}.txt")), listed)?;
        }
    }
    let lists: Result<Vec<_>, _> = SERIES.iter().map(|series| read(root, series)).collect();
    fs::write(root.join("src/table.rs"), table(&lists?))?;
    Ok(())
}

fn read(root: &Path, series: &str) -> std::io::Result<Lists> {
    let list = |what| fs::read_to_string(root.join(format!("data/{what}-{series}.txt")));
    Ok(Lists {
        samples: list("samples")?,
        converters: list("converters")?,
    })
}

fn ask(haproxy: &str, option: &str) -> Result<String, Box<dyn Error>> {
    let output = Command::new(haproxy)
        .args(["-c", option, "-f", "/dev/null"])
        .output()
        .map_err(|error| format!("{haproxy}: {error}"))?;
    let listed = String::from_utf8(output.stdout)?;
    let lines = listed
        .lines()
        .filter(|line| line.starts_with('[') || line.contains(" => "));
    let kept: String = lines.flat_map(|line| [line, "\n"]).collect();
    if kept.is_empty() {
        return Err(
            format!("{haproxy} lists nothing with `{option}`: it must be 2.6 or newer").into(),
        );
    }
    Ok(kept)
}
