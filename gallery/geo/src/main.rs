//! Tells the country, the network and the autonomous system of a client, and denies those that nobody wants.

mod database;

use database::{Asns, Countries};
use spoa::State;
use spoa::http::{HeaderSet, Verdict};
use spoa::prelude::*;
use std::net::IpAddr;
use std::path::PathBuf;

#[derive(clap::Args)]
struct Options {
    /// Database of countries or cities
    #[arg(long, default_value = "/var/lib/GeoIP/GeoLite2-Country.mmdb")]
    country_db: PathBuf,
    /// Database of autonomous systems
    #[arg(long, default_value = "/var/lib/GeoIP/GeoLite2-ASN.mmdb")]
    asn_db: PathBuf,
    /// Country or autonomous system to deny: `SE`, `AS1221`
    #[arg(long, value_name = "CODE")]
    deny: Vec<String>,
}

spoa::outcomes! {
    /// The verdicts on a request.
    pub struct Geo {
        deny: 403;
        request: set "x-geo-country", set "x-geo-asn";
    }
}

/// Data about a client. A field that is `None` sets no variable.
#[derive(IntoActions)]
#[spoa(scope = "txn")]
struct Client {
    #[spoa(flatten)]
    verdict: Verdict<Geo>,
    country: Option<String>,
    continent: Option<String>,
    /// The network for which the database of countries has one entry.
    network: Option<String>,
    asn: Option<u32>,
    organisation: Option<String>,
}

/// Looks up an address in both databases.
#[spoe_message("geo", event = "on-frontend-http-request")]
fn geo(
    #[arg(sample = "src")] address: IpAddr,
    State(countries): State<'_, Countries>,
    State(asns): State<'_, Asns>,
    State(options): State<'_, Options>,
) -> Result<Client, Box<dyn std::error::Error + Send + Sync>> {
    let address = address.to_canonical();
    let place = countries.look_up(address)?;
    let system = asns.look_up(address)?;
    let asn = system.asn.map(|asn| format!("AS{asn}"));
    let headers = HeaderSet::new()
        .set_some("x-geo-country", place.country.as_deref())?
        .set_some("x-geo-asn", asn.as_deref())?;
    let mut codes = [place.country.clone(), asn].into_iter().flatten();
    let verdict = match codes.find(|code| options.deny.contains(code)) {
        Some(code) => Verdict::deny::<403>().reason(code),
        None => Verdict::allow().request_headers(headers),
    };
    Ok(Client {
        verdict,
        country: place.country,
        continent: place.continent,
        network: place.network,
        asn: system.asn,
        organisation: system.organisation,
    })
}

fn main() {
    spoa::run!(
        options = Options,
        reload = Countries::open(&options.country_db)?,
        watch = options.country_db,
        reload = Asns::open(&options.asn_db)?,
        watch = options.asn_db,
    )
}
