//! `spop explain`.

use super::spop;
use spoa::spop::Status;

#[test]
fn a_code_is_explained_with_what_to_do() {
    let text = spop(&["explain", "257"]).good();
    assert!(text.starts_with("257: the connection failed"), "{text}");
    assert!(
        text.contains("what causes it:") && text.contains("what to do:"),
        "{text}"
    );
    let both = spop(&["explain", "st=1", "259"]).good();
    assert!(
        both.starts_with("1: no answer within `timeout processing`"),
        "{both}"
    );
    assert!(
        both.contains("\n259: a frame is larger than agreed"),
        "{both}"
    );
}

#[test]
fn without_a_code_all_are_explained() {
    let text = spop(&["explain"]).good();
    for code in ["1", "3", "255", "256", "259", "265", "269", "355"] {
        assert!(
            text.contains(&format!("\n{code}: ")),
            "{code} is not in {text}"
        );
    }
}

#[test]
fn an_unknown_code_says_what_to_type() {
    let done = spop(&["explain", "timeout"]);
    assert_eq!(done.status, 2);
    assert_eq!(
        done.err,
        "error: nothing is known about `timeout`: write a number such as `257`, a code of `doctor` such as `SPOA010`, a \
         line of a log in quotes, or nothing for all numbers\n"
    );
}

#[test]
fn status_codes_have_the_same_texts_as_in_the_library() {
    let text = spop(&["explain"]).good();
    let text: Vec<_> = text.split_whitespace().collect();
    let text = text.join(" ");
    for status in Status::ALL {
        let words = format!("256 and status {} (`{status}`)", status.code());
        assert!(text.contains(&words), "{words} is not in {text}");
    }
}

#[test]
fn findings_and_lines_of_logs_are_explained() {
    let text = spop(&["explain", "SPOA002"]).good();
    assert!(
        text.starts_with("SPOA002: a filter names no SPOE file\n\n"),
        "{text}"
    );
    let text = spop(&["explain", "cannot", "accept", "connections:", "no"]).good();
    assert!(text.contains("raise `LimitNOFILE`"), "{text}");
}
