//! Compiles programs as a user would write them, and compares the output of the compiler with the
//! `.stderr` file beside each.

use std::panic::{catch_unwind, resume_unwind};

/// Programs in `pass/` compile and run; those in `fail/` fail with the errors in their `.stderr` files.
#[test]
fn ui() {
    let result = catch_unwind(|| {
        let cases = trybuild::TestCases::new();
        cases.pass("pass/*.rs");
        cases.compile_fail("fail/*/*.rs");
    });
    if let Err(panic) = result {
        eprintln!(
            "if the errors above are right, or come from another version of the compiler, write \
             them with `TRYBUILD=overwrite cargo test -p spoa-ui-tests`, and read the difference \
             as a user would"
        );
        resume_unwind(panic);
    }
}
