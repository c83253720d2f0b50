#![deny(warnings)]
//! The body is searched for names that HAProxy would drop; similar text is accepted.

use spoa::prelude::*;

mod own {
    pub struct UnsetVar;

    impl UnsetVar {
        pub fn elsewhere(_: &str) -> Self {
            UnsetVar
        }
    }
}

#[spoe_message("check")]
fn check(name: &str) -> Option<SetVar<u8>> {
    let _ = own::UnsetVar::elsewhere("not-a-variable");
    let _ = "SetVar::session(\"in-a-string\", 1)";
    // SetVar::session("in-a-comment", 1)
    let _ = SetVar::session(format!("a-{name}"), 1);
    let computed = SetVar::session(["a", "b-c"].concat(), 1);
    (name == "x").then_some(computed)
}

pub fn main() {
    assert!(check("y").is_none());
}
