#![deny(warnings)]

use spoa::prelude::*;

mod requests {
    pub mod inner {
        #[spoa::spoe_message("inner")]
        pub(in crate::requests) fn check(x: u8) -> spoa::handler::SetVar<u8> {
            spoa::handler::SetVar::session("x", x)
        }
    }

    pub use self::outer::check as outer_check;
    mod outer {
        /// A type of the module, which only the handler sees.
        #[derive(spoa::FromValue)]
        struct Local(u8);

        #[spoa::spoe_message("outer")]
        pub fn check(x: u8) {
            #[spoa::spoe_message("nested")]
            fn nested(local: Local) {
                let _ = local.0;
            }
            let _ = (x, spoa::handlers![nested]);
        }
    }

    pub fn all() -> [&'static spoa::handler::Definition; 2] {
        spoa::handlers![inner::check, outer_check]
    }
}

impl Service {
    fn handlers(&self) -> Vec<&'static spoa::handler::Definition> {
        /// A function with the name of the method.
        #[spoe_message("handlers")]
        fn handlers() {}

        handlers![handlers, self::requests::outer_check].into()
    }
}

struct Service;

pub fn main() {
    #[derive(FromMessage)]
    struct Request<'a> {
        path: Text<'a>,
    }

    #[spoe_message("local", set = "sess.len")]
    fn local(request: Request<'_>) -> usize {
        request.path.len()
    }

    let closure = || {
        #[spoe_message("closure")]
        async fn in_closure() {}
        handlers![in_closure]
    };

    let all: Vec<_> = [
        requests::all().to_vec(),
        Service.handlers(),
        handlers![local].to_vec(),
        closure().to_vec(),
    ]
    .concat()
    .iter()
    .map(|handler| handler.message_name().unwrap_or_default())
    .collect();
    assert_eq!(
        all,
        ["inner", "outer", "handlers", "outer", "local", "closure"]
    );
}
