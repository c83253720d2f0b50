#![deny(warnings)]

/// The crate as `haproxy = { package = "haproxy-spoa" }` names it, and as another crate re-exports it.
mod reexport {
    pub mod deep {
        pub use spoa as haproxy;
    }
}

mod handlers {
    use crate::reexport::deep::haproxy::{self, prelude::*};

    #[haproxy::spoe_message("path", crate = haproxy)]
    pub fn path(request: Request<'_>) -> Verdict {
        Verdict {
            len: request.path.len(),
            x: request.x.0,
        }
    }

    #[spoe_message("later", timeout = "20ms", crate = crate::reexport::deep::haproxy)]
    pub async fn later(#[arg(default)] x: u8) {
        let _ = x;
    }

    #[spoe_fallback(crate = super::reexport::deep::haproxy)]
    pub fn rest() {}

    #[derive(FromMessage)]
    #[spoa(crate = haproxy)]
    pub struct Request<'a> {
        path: Text<'a>,
        x: X,
    }

    #[derive(FromValue)]
    #[spoa(crate = haproxy)]
    pub struct X(u8);

    #[derive(IntoActions)]
    #[spoa(crate = haproxy, scope = "txn")]
    pub struct Verdict {
        len: usize,
        x: u8,
    }
}

pub fn main() {
    let all = reexport::deep::haproxy::handlers![handlers::path, handlers::later, handlers::rest];
    assert_eq!(all.len(), 3);
    if all.is_empty() {
        reexport::deep::haproxy::run!(handlers = [handlers::path])
    }
}
