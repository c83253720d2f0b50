//! An agent whose types implement the traits of arguments and results by hand.

use spoa::handler::{
    Accepts, ActionWriter, Description, Expected, Failure, FromMessage, FromValue, IncomingMessage,
    IntoActions, Mismatch,
};
use spoa::prelude::*;
use spoa::spop::{Scope, Value};
use std::net::IpAddr;

/// A country code: two letters.
struct Country(String);

impl FromValue<'_> for Country {
    const EXPECTED: Expected = Expected::Other("a country code");
    const ACCEPTS: Accepts = Accepts::SOME;

    fn from_value(value: Value<'_>) -> Result<Self, Mismatch> {
        let text = String::from_value(value)?;
        if text.len() == 2 {
            Ok(Country(text))
        } else {
            Err(Mismatch::Syntax)
        }
    }
}

/// A type that says nothing of what it expects.
struct Plain;

impl FromValue<'_> for Plain {
    fn from_value(_: Value<'_>) -> Result<Self, Mismatch> {
        Ok(Plain)
    }
}

/// The address of the client, from a header or from the connection.
struct Client(IpAddr);

impl<'a> FromMessage<'a> for Client {
    fn from_message(incoming: &IncomingMessage<'a>) -> Result<Self, Failure> {
        let args = incoming.message().args();
        let address = |name| {
            args.get(name)
                .and_then(|value| IpAddr::from_value(value).ok())
        };
        let client = address("forwarded").or_else(|| address("src"));
        client
            .map(Client)
            .ok_or_else(|| Failure::Error("no address".into()))
    }

    fn describe(description: &mut Description) {
        description
            .argument::<Result<IpAddr, Mismatch>>("forwarded")
            .sample("req.hdr(x-forwarded-for)");
        description.argument::<IpAddr>("src").sample("src");
        description.argument::<Option<Country>>("country-of-proxy");
    }
}

impl<'a> FromValue<'a> for Vec2<'a> {
    fn from_value(_: Value<'a>) -> Result<Self, Mismatch> {
        Ok(Vec2(&[]))
    }
}

/// A type with a lifetime.
struct Vec2<'a>(&'a [u8]);

/// Sets one of two variables.
struct Either(bool);

impl IntoActions for Either {
    fn into_actions(self, out: &mut ActionWriter<'_>) -> Result<(), Failure> {
        let name = if self.0 { "yes" } else { "no" };
        Ok(out.set_var(Scope::Transaction, name, Value::Bool(true))?)
    }

    fn describe(description: &mut Description) {
        description.may_set(Scope::Transaction, "yes");
        description.may_set(Scope::Transaction, "no");
    }
}

#[spoe_message("locate", event = "on-frontend-http-request")]
fn locate(client: Client, country: Country, _plain: Plain, bytes: Vec2<'_>) -> Either {
    Either(client.0.is_loopback() && country.0 == "XX" && bytes.0.is_empty())
}

fn main() {
    spoa::run!()
}
