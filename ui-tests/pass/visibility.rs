#![deny(warnings, unreachable_pub)]

use spoa::prelude::*;

mod private {
    use spoa::prelude::*;

    /// Is named from outside only through `pub use`.
    #[spoe_message("reexported")]
    pub fn reexported() {}

    #[spoe_message("in-crate")]
    pub(crate) fn in_crate() {}

    #[spoe_message("above")]
    pub(super) fn above() {}
}

pub use private::reexported;

pub fn main() {
    let through_glob = {
        use private::*;
        handlers![in_crate, above]
    };
    assert_eq!(through_glob.len(), 2);
    assert_eq!(
        handlers![reexported, private::in_crate, crate::private::above].len(),
        3
    );
}
