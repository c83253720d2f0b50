use spoa::handler::Expected;
use spoa::{prelude::*, spop::Value};

struct Token;

impl<'a> FromValue<'a> for Token {
    const EXPECTED: Expected = Expected::Bytes;

    fn from_value(_: Value<'a>) -> Result<Self, Mismatch> {
        Err(Mismatch::Syntax)
    }
}

#[spoe_message("check")]
fn check(#[arg(sample = "req.fhdr(authorization)")] token: Option<Token>) {
    let _ = token;
}

fn main() {}
