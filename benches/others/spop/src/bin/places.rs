//! `places ADDRESS COUNTRY-DB ASN-DB`: looks up the country, the network and the autonomous system of an address.

use anyhow::{Context, Result, anyhow};
use maxminddb::{Reader, path};
use spop::{TypedData, actions::VarScope, frame::Message};
use spop_agent::run;
use std::net::IpAddr;

fn main() -> Result<()> {
    let arguments: Vec<_> = std::env::args().skip(1).collect();
    let [address, countries, asns] = arguments
        .try_into()
        .map_err(|_| anyhow!("usage: places ADDRESS COUNTRY-DB ASN-DB"))?;
    let countries = Reader::open_readfile(countries)?;
    let asns = Reader::open_readfile(asns)?;
    run(&address, move |ack, message| {
        let variables = look_up(message, &countries, &asns).unwrap_or_default();
        let ack = ack.set_var(VarScope::Transaction, "action", "allow".to_string());
        variables.into_iter().fold(ack, |ack, (name, value)| {
            ack.set_var(VarScope::Transaction, name, value)
        })
    })
}

fn look_up(
    message: &Message,
    countries: &Reader<Vec<u8>>,
    asns: &Reader<Vec<u8>>,
) -> Result<Vec<(&'static str, TypedData)>> {
    let address: IpAddr = match message.get("address").context("no address")? {
        TypedData::IPv4(address) => (*address).into(),
        TypedData::IPv6(address) => (*address).into(),
        _ => return Err(anyhow!("not an address")),
    };
    let (place, system) = (countries.lookup(address)?, asns.lookup(address)?);
    let mut variables = Vec::new();
    let country: Option<String> = place.decode_path(&path!["country", "iso_code"])?;
    let continent: Option<String> = place.decode_path(&path!["continent", "code"])?;
    let organisation: Option<String> =
        system.decode_path(&path!["autonomous_system_organization"])?;
    let network = place.has_data().then(|| place.network()).transpose()?;
    let network = network.map(|network| network.to_string());
    for (name, text) in [
        ("country", country),
        ("continent", continent),
        ("network", network),
        ("organisation", organisation),
    ] {
        variables.extend(text.map(|text| (name, TypedData::String(text))));
    }
    let asn: Option<u32> = system.decode_path(&path!["autonomous_system_number"])?;
    variables.extend(asn.map(|asn| ("asn", TypedData::UInt32(asn))));
    Ok(variables)
}
