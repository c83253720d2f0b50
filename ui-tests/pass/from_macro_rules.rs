#![deny(warnings)]

use spoa::handler::Definition;
use spoa::prelude::*;
use spoa::testing::{CallArgs, TestAgent};

/// A handler whose parts are fragments of every kind.
macro_rules! echo {
    ($(#[$meta:meta])* $vis:vis $name:ident: $message:literal, $set:literal, $arg:ident: $ty:ty = $default:expr) => {
        $(#[$meta])*
        #[spoe_message($message, set = $set)]
        $vis fn $name(#[arg("x", default = $default)] $arg: $ty) -> $ty {
            $arg
        }
    };
}

echo!(/// A number.
    pub(crate) number: "number", "sess.n", value: u8 = 7);
echo!(text: "text", "txn.t", request: &str = "none");

/// A handler with names that the macro chooses.
macro_rules! own {
    ($($name:ident)*) => {$(
        #[spoe_message("own", timeout = "20ms")]
        async fn $name(x: u8, #[arg(index = 0)] y: u8) -> SetVar<u8> {
            SetVar::session("sum", x + y)
        }
    )*};
}

own!(own);

/// A module whose names all come from the macro.
macro_rules! hidden {
    () => {
        mod hidden {
            use spoa::prelude::*;

            #[derive(FromMessage)]
            pub struct Pair {
                a: u8,
                b: u8,
            }

            #[spoe_message("hidden")]
            pub fn hidden(pair: Pair) -> SetVar<u8> {
                SetVar::session("sum", pair.a + pair.b)
            }
        }
    };
}

hidden!();

macro_rules! list {
    ($($handler:path),*) => { handlers![$($handler),*] };
}

fn call(handlers: &[&'static Definition], message: &str, args: &CallArgs<'_>) -> String {
    let agent = TestAgent::new(handlers.iter().copied());
    let answer = agent.call_blocking(message, args).unwrap();
    assert!(answer.failure().is_none(), "{:?}", answer.failure());
    answer
        .actions()
        .iter()
        .map(|action| format!("{};", action.as_action()))
        .collect()
}

pub fn main() {
    let all = list![number, text, own, hidden::hidden];
    assert_eq!(call(&all, "number", &[]), "set-var sess.n = 7;");
    assert_eq!(call(&all, "text", &[("x", &"y")]), "set-var txn.t = \"y\";");
    assert_eq!(
        call(&all, "own", &[("x", &1), ("", &2)]),
        "set-var sess.sum = 2;"
    );
    assert_eq!(
        call(&all, "hidden", &[("a", &1), ("b", &2)]),
        "set-var sess.sum = 3;"
    );
}
