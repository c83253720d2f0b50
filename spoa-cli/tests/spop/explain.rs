//! `spop explain`.

use super::spop;

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
        "error: `timeout` is not a code: write a number such as `257`, or nothing for all of them\n"
    );
}
