use spoa::prelude::*;

#[spoe_message("a")]
fn short() {}

#[spoe_message("Get.IP:reputation_2-x")]
fn punctuated() {}

#[spoe_message(r#"raw"#)]
fn raw() {}

#[spoe_message("many-lines", timeout = "1s", set = "txn.x")]
async fn many_lines() -> u8 {
    1
}

pub fn main() {
    let names = handlers![short, punctuated, raw, many_lines].map(|handler| handler.message_name());
    assert_eq!(
        names,
        ["a", "Get.IP:reputation_2-x", "raw", "many-lines"].map(Some)
    );
}
