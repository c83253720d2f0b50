//! The public API of the crate `spoa`, as `api.txt` lists it: a change of it shows in a review.
//!
//! The listing is read from the source, item by item. An item that a macro of the crate makes shows as the tokens
//! that the macro was given.

mod listing;
mod modules;
mod tokens;

use listing::listing;
use std::collections::BTreeSet;
use std::path::Path;

#[test]
fn the_public_api_is_what_api_txt_lists() {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("..");
    let mut lines: Vec<_> = listing(&root.join("spoa/src/lib.rs")).into_iter().collect();
    // By their paths, not by the attributes before them.
    lines.sort_by_cached_key(|line| match line.rsplit_once("] pub ") {
        Some((_, item)) => format!("pub {item}"),
        None => line.clone(),
    });
    let text = lines.iter().fold(
        "The public API of the crate spoa. `API=overwrite cargo test -p spoa-tests --test api` writes it.\n\n".to_owned(),
        |text, line| text + line + "\n",
    );
    let file = root.join("api.txt");
    if std::env::var("API").is_ok_and(|value| value == "overwrite") {
        std::fs::write(&file, &text).expect("api.txt can be written");
    }
    let committed = std::fs::read_to_string(&file).unwrap_or_default();
    if committed == text {
        return;
    }
    let old: BTreeSet<_> = committed.lines().skip(2).collect();
    let new: BTreeSet<_> = text.lines().skip(2).collect();
    let gone = old.difference(&new).map(|line| format!("- {line}\n"));
    let came = new.difference(&old).map(|line| format!("+ {line}\n"));
    panic!(
        "the public API differs from api.txt:\n{}if that is meant, write it with \
         `API=overwrite cargo test -p spoa-tests --test api`",
        gone.chain(came).collect::<String>()
    );
}
