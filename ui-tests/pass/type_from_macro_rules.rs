//! The description of a type does not depend on whether the type comes out of `macro_rules!`.

use spoa::__private::Description;
use spoa::handler::Definition;
use spoa::prelude::*;

macro_rules! handlers_of {
    ($returned:ty, $value:ty) => {
        #[spoe_message("whole")]
        fn whole(x: u8) -> $returned {
            Ok(SetVar::session("a", x))
        }

        #[spoe_message("inside")]
        fn inside(x: u8) -> Option<SetVar<$value>> {
            Some(SetVar::session("b", x))
        }

        #[spoe_message("value", set = "sess.c")]
        fn value(x: Option<$value>) -> Result<$value, std::io::Error> {
            Ok(x.unwrap_or_default())
        }
    };
}

handlers_of!(Result<SetVar<u8>, std::io::Error>, u8);

fn types(definition: &'static Definition) -> Vec<String> {
    let mut description = Description::default();
    (definition.describe)(&mut description);
    let arguments = description
        .arguments
        .iter()
        .map(|a| a.rust_type.to_string());
    let variables = description.variables.iter().chain(definition.variables);
    let variables = variables.map(|v| v.rust_type.unwrap_or("unknown").to_string());
    arguments.chain(variables).collect()
}

pub fn main() {
    let [whole, inside, value] = handlers![whole, inside, value];
    assert_eq!(types(whole), ["u8", "u8"]);
    assert_eq!(types(inside), ["u8", "Option<u8>"]);
    assert_eq!(types(value), ["Option<u8>", "u8"]);
}
