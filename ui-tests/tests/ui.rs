//! What the macros accept, and what they say to what they do not.
//!
//! It must not know how: a case is a program as a user would write it, beside the compiler's words.

use std::panic::{catch_unwind, resume_unwind};

/// `pass/` compiles and runs; `fail/` says what its `.stderr` says.
#[test]
fn ui() {
    let result = catch_unwind(|| {
        let cases = trybuild::TestCases::new();
        cases.pass("pass/*.rs");
        cases.compile_fail("fail/*/*.rs");
    });
    if let Err(panic) = result {
        eprintln!(
            "if the words above are as they should be, or come from another version of the \
             compiler, keep them with `TRYBUILD=overwrite cargo test -p spoa-ui-tests` and read \
             the difference as a user would"
        );
        resume_unwind(panic);
    }
}
