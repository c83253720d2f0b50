//! An agent of HAProxy: it finds the country of each client.

use ipnet::IpNet;
use spoa::State;
use spoa::prelude::*;
use std::collections::HashMap;
use std::net::IpAddr;
use std::path::{Path, PathBuf};

#[derive(clap::Args)]
struct Options {
    /// File with a network and a country on each line
    #[arg(long, value_name = "FILE", default_value = "networks.txt")]
    networks: PathBuf,
}

/// Finds the country of the client. An address in no network of the file sets no variable.
#[spoe_message("locate", event = "on-frontend-http-request")]
fn locate(
    #[arg(sample = "src")] ip: IpAddr,
    State(networks): State<'_, Networks>,
) -> Option<SetVar<String>> {
    let country = networks.country(ip)?;
    Some(SetVar::transaction("country", country.to_owned()))
}

/// The countries by their networks. For a file of MaxMind, load it with the crate `maxminddb` instead.
struct Networks(HashMap<IpNet, String>);

impl Networks {
    fn load(path: &Path) -> Result<Self, HandlerError> {
        let text = std::fs::read_to_string(path)
            .map_err(|error| format!("cannot read `{}`: {error}", path.display()))?;
        Networks::read(&text)
    }

    fn read(text: &str) -> Result<Self, HandlerError> {
        let mut countries = HashMap::new();
        for (number, line) in (1..).zip(text.lines()) {
            let words: Vec<&str> = line.split_whitespace().collect();
            match words[..] {
                [] => {}
                [first, ..] if first.starts_with('#') => {}
                [network, country] => {
                    let network: IpNet = network
                        .parse()
                        .map_err(|error| format!("line {number}: `{network}`: {error}"))?;
                    countries.insert(network.trunc(), country.to_owned());
                }
                _ => return Err(format!("line {number}: write a network and a country").into()),
            }
        }
        Ok(Networks(countries))
    }

    /// Returns the country of the smallest network that has the address.
    fn country(&self, ip: IpAddr) -> Option<&str> {
        let ip = ip.to_canonical();
        let longest = IpNet::from(ip).prefix_len();
        let networks = (0..=longest).rev().map(|length| IpNet::new(ip, length));
        let mut countries = networks.filter_map(|network| self.0.get(&network.ok()?.trunc()));
        countries.next().map(String::as_str)
    }
}

fn main() {
    spoa::run!(
        name = env!("CARGO_PKG_NAME"),
        options = Options,
        reload = Networks::load(&options.networks)?,
        watch = options.networks,
    )
}

#[cfg(test)]
mod tests;
