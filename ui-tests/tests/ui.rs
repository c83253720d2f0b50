//! What the macros accept, and what they say to what they do not.
//!
//! It must not know how: a case is a program as a user would write it, beside the compiler's words.

/// `pass/` compiles, warning-free where it says so, and runs; each of `fail/` gives its `.stderr`.
#[test]
fn ui() {
    let cases = trybuild::TestCases::new();
    cases.pass("pass/*.rs");
    cases.compile_fail("fail/*/*.rs");
}
