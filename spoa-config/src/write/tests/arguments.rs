//! The words after `args`.

use super::*;

#[test]
fn an_argument_without_a_sample_is_left_out_or_a_placeholder() {
    let mut optional = argument("cart", None);
    optional.required = false;
    let mut number = argument("level", None);
    number.expected = Expected::Integer;
    let mut guessed = argument("ua", None);
    guessed.guess = Some("req.fhdr(user-agent)".to_owned());
    let written = plain(&agent(vec![message(
        "m",
        vec![optional, number, guessed],
        &[],
    )]));
    has(
        &written.spoe,
        &[
            "args level=int(0) ua=req.fhdr(user-agent)",
            "# TODO: say where HAProxy gets `cart`; until then the handler runs without it.",
            "# TODO: say where HAProxy gets `level`; until then it is a placeholder.",
        ],
    );
    let warnings: Vec<_> = written.warnings.iter().map(Warning::to_string).collect();
    assert_eq!(
        warnings,
        [
            "src/main.rs:7: argument `cart: &str` of message `m` is not sent, since nothing says \
             where HAProxy gets it: write `#[arg(sample = \"…\")]` before it",
            "src/main.rs:7: argument `level: &str` of message `m` is `int(0)`, since nothing says \
             where HAProxy gets it: write `#[arg(sample = \"…\")]` before it",
        ]
    );
}

#[test]
fn a_sample_is_one_word() {
    for (sample, word) in [
        ("str(a b)", r"str(a\ b)"),
        (r"str(a\ b)", r"str(a\ b)"),
        ("str('a b') ", "str('a b')"),
        (
            r#"req.fhdr(a),regsub(" ",#)"#,
            r#"req.fhdr(a),regsub(" ",\#)"#,
        ),
    ] {
        let message = message("m", vec![argument("a", Some(sample))], &[]);
        has(
            &plain(&agent(vec![message])).spoe,
            &[&format!("args a={word}")],
        );
    }
}

#[test]
fn arguments_with_a_position_are_at_their_positions() {
    let placed = |index, sample| Argument {
        index: Some(index),
        ..argument("x", Some(sample))
    };
    let arguments = vec![
        argument("ip", Some("src")),
        placed(3, "path"),
        placed(0, "method"),
    ];
    let written = plain(&agent(vec![message("m", arguments, &[])]));
    has(&written.spoe, &["args method ip=src str() path"]);
    assert!(written.spoe.contains("event on-frontend-http-request"));
}
