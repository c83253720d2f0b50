//! Checks that the charts of the guide are what their tables give.

use spoa_tidy::workspace;
use std::process::Command;

#[test]
fn charts_show_the_numbers_of_their_tables() {
    let output = Command::new("python3")
        .arg(workspace().join("docs/pictures/charts"))
        .arg("--check")
        .output()
        .expect("python3 is installed: apt-get install python3");
    let error = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success(), "{error}");
}
