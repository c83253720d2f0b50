//! The cases of `pass/` as modules of a crate of the edition 2021, except those with paths of their own `crate`.

// The modules are whole programs.
#![allow(missing_docs, clippy::needless_doctest_main)]

#[path = "../../pass/conditional.rs"]
pub mod conditional;
#[path = "../../pass/const_fn.rs"]
pub mod const_fn;
#[path = "../../pass/denied_lints.rs"]
pub mod denied_lints;
#[path = "../../pass/from_macro_rules.rs"]
pub mod from_macro_rules;
#[path = "../../pass/generic_derives.rs"]
pub mod generic_derives;
#[path = "../../pass/hello.rs"]
pub mod hello;
#[path = "../../pass/lifetimes.rs"]
pub mod lifetimes;
#[path = "../../pass/names_in_the_body.rs"]
pub mod names_in_the_body;
#[path = "../../pass/names_of_messages.rs"]
pub mod names_of_messages;
#[path = "../../pass/no_implicit_prelude.rs"]
pub mod no_implicit_prelude;
#[path = "../../pass/patterns.rs"]
pub mod patterns;
#[path = "../../pass/raw_identifiers.rs"]
pub mod raw_identifiers;
#[path = "../../pass/reload.rs"]
pub mod reload;
#[path = "../../pass/shadowed_prelude.rs"]
pub mod shadowed_prelude;
#[path = "../../pass/state.rs"]
pub mod state;
#[path = "../../pass/types_named_like_ours.rs"]
pub mod types_named_like_ours;

#[test]
fn they_run() {
    conditional::main();
    denied_lints::main();
    from_macro_rules::main();
    generic_derives::main();
    hello::main();
    lifetimes::main();
    names_in_the_body::main();
    names_of_messages::main();
    no_implicit_prelude::main();
    patterns::main();
    raw_identifiers::main();
    reload::main();
    shadowed_prelude::main();
    state::main();
    types_named_like_ours::main();
}
#[path = "../../pass/type_from_macro_rules.rs"]
pub mod type_from_macro_rules;
#[path = "../../pass/with_derives_of_clap.rs"]
pub mod with_derives_of_clap;
