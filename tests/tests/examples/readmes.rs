//! The commands in READMEs that need no HAProxy print the output shown there.

use spoa_tests::example;

use crate::top;

/// A command in a README, the example it runs, and what it is said to print.
struct Promise {
    command: String,
    example: String,
    args: Vec<String>,
    output: Vec<String>,
}

/// Every `cargo run --example NAME -- …` in this text.
fn promises(readme: &str) -> Vec<Promise> {
    let mut promises: Vec<Promise> = Vec::new();
    let mut open = false;
    for line in readme.lines() {
        if let Some(command) = line.strip_prefix("$ ") {
            let words: Vec<_> = command.split_whitespace().map(str::to_owned).collect();
            open = command.starts_with("cargo run --example ")
                && words.get(4).is_some_and(|word| word == "--")
                // `config` writes files and `dev` does not end: other tests compare what they print.
                && words.get(5).is_some_and(|word| word != "config" && word != "dev");
            if open {
                promises.push(Promise {
                    command: command.to_owned(),
                    example: words[3].clone(),
                    args: words[5..].to_vec(),
                    output: Vec::new(),
                });
            }
        } else if line.starts_with("```") {
            open = false;
        } else if let (true, Some(promise)) = (open, promises.last_mut()) {
            promise.output.push(line.to_owned());
        }
    }
    promises
}

#[test]
fn commands_of_the_readmes_print_the_output_shown_there() {
    let mut kept = 0;
    for readme in [
        "",
        "examples/ip-reputation",
        "examples/inspect",
        "examples/multi",
    ] {
        let text =
            std::fs::read_to_string(top().join(readme).join("README.md")).expect("it is there");
        for promise in promises(&text) {
            let ran = example(&promise.example)
                .args(&promise.args)
                .output()
                .expect("it runs");
            let printed =
                String::from_utf8([ran.stdout, ran.stderr].concat()).expect("it prints text");
            let lines: Vec<_> = printed.lines().collect();
            for (said, line) in promise.output.iter().zip(&lines) {
                // Some lines are shown in part.
                let (begin, whole) = match said.strip_suffix('…') {
                    Some(begin) => (begin, false),
                    None => (said.as_str(), true),
                };
                assert!(
                    line.starts_with(begin) && (!whole || *line == begin),
                    "`{}` printed:\n{printed}",
                    promise.command
                );
            }
            let complete = promise.output.is_empty() || promise.output.len() == lines.len();
            assert!(complete, "`{}` printed:\n{printed}", promise.command);
            kept += 1;
        }
    }
    assert!(kept >= 5, "the READMEs have {kept} such commands only");
}
