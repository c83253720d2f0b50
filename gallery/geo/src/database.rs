//! Databases in MaxMind's format.

use maxminddb::{MaxMindDbError, Reader, path};
use spoa::admin::Counters;
use spoa::admin::prometheus_client::metrics::{family::Family, gauge::Gauge};
use std::net::IpAddr;
use std::path::Path;
use std::sync::LazyLock;

/// The database of countries.
pub struct Countries(Reader<Vec<u8>>);

/// The database of autonomous systems.
pub struct Asns(Reader<Vec<u8>>);

/// Data of a database of countries.
#[derive(Debug, Default, PartialEq)]
pub struct Place {
    pub country: Option<String>,
    pub continent: Option<String>,
    pub network: Option<String>,
}

/// Data of a database of autonomous systems.
#[derive(Debug, Default, PartialEq)]
pub struct System {
    pub asn: Option<u32>,
    pub organisation: Option<String>,
}

impl Countries {
    /// Reads a database.
    pub fn open(path: &Path) -> Result<Self, String> {
        open(path, "country", &["Country", "City", "Enterprise"]).map(Countries)
    }

    /// Looks up an address. Fields are `None` if the database does not have it.
    pub fn look_up(&self, address: IpAddr) -> Result<Place, MaxMindDbError> {
        let found = self.0.lookup(address)?;
        count("country", found.has_data());
        let network = found.has_data().then(|| found.network()).transpose()?;
        Ok(Place {
            country: found.decode_path(&path!["country", "iso_code"])?,
            continent: found.decode_path(&path!["continent", "code"])?,
            network: network.map(|network| network.to_string()),
        })
    }
}

impl Asns {
    /// Reads a database.
    pub fn open(path: &Path) -> Result<Self, String> {
        open(path, "asn", &["ASN", "ISP"]).map(Asns)
    }

    /// Looks up an address. Fields are `None` if the database does not have it.
    pub fn look_up(&self, address: IpAddr) -> Result<System, MaxMindDbError> {
        let found = self.0.lookup(address)?;
        count("asn", found.has_data());
        Ok(System {
            asn: found.decode_path(&path!["autonomous_system_number"])?,
            organisation: found.decode_path(&path!["autonomous_system_organization"])?,
        })
    }
}

/// Reads a database of one of these types, and checks all of it, so that a corrupt file never replaces a good one.
fn open(path: &Path, name: &'static str, types: &[&str]) -> Result<Reader<Vec<u8>>, String> {
    let read = Reader::open_readfile(path).and_then(|reader| reader.verify().map(|()| reader));
    let reader = read.map_err(|error| format!("{}: {error}", path.display()))?;
    let found = &reader.metadata().database_type;
    if !types.iter().any(|of| found.contains(of)) {
        let expected = types.join(" or ");
        let path = path.display();
        return Err(format!(
            "{path}: the type is `{found}`, expected {expected}"
        ));
    }
    let built = i64::try_from(reader.metadata().build_epoch).unwrap_or(0);
    BUILT.get_or_create(&[("database", name)]).set(built);
    Ok(reader)
}

fn count(database: &'static str, found: bool) {
    LOOKUPS.inc([database, if found { "found" } else { "unknown" }]);
}

static LOOKUPS: Counters<2> = Counters::new(
    "geo_lookups",
    "Lookups by database and result",
    ["database", "result"],
);

/// When each database was built, in seconds since 1970. It stays when a database is replaced.
static BUILT: LazyLock<Family<[(&str, &str); 1], Gauge>> = LazyLock::new(|| {
    let built = Family::default();
    let (name, help) = (
        "geo_database_built_timestamp_seconds",
        "When a database was built",
    );
    spoa::admin::register(|registry| registry.register(name, help, built.clone()));
    built
});

#[cfg(test)]
mod tests {
    use super::*;
    use std::path::PathBuf;
    use std::process::Command;

    fn file(name: &str) -> PathBuf {
        let output = Command::new("tests/get-databases.sh").output().unwrap();
        Path::new(String::from_utf8(output.stdout).unwrap().trim()).join(name)
    }

    #[test]
    fn an_address_that_is_unknown_has_no_data() {
        let countries = Countries::open(&file("GeoLite2-Country-Test.mmdb")).unwrap();
        let address = "127.0.0.1".parse().unwrap();
        assert_eq!(countries.look_up(address).unwrap(), Place::default());
        let asns = Asns::open(&file("GeoLite2-ASN-Test.mmdb")).unwrap();
        assert_eq!(asns.look_up(address).unwrap(), System::default());
    }

    #[test]
    fn a_database_of_another_type_is_refused() {
        let error = Asns::open(&file("GeoIP2-City-Test.mmdb")).err().unwrap();
        assert!(
            error.ends_with("the type is `GeoIP2-City`, expected ASN or ISP"),
            "{error}"
        );
    }

    #[test]
    fn a_corrupt_database_is_refused() {
        for name in [
            "GeoIP2-City-Test-Broken-Double-Format.mmdb",
            "GeoIP2-City-Test-Invalid-Node-Count.mmdb",
        ] {
            assert!(Countries::open(&file(name)).is_err(), "{name}");
        }
    }
}
