//! Runs the agent with real HAProxies and MaxMind's databases for tests, and compares it with `mmdblookup`.

use spoa::testing::{HaProxy, HaProxyBuilder, free_port, http_get};
use std::fs;
use std::net::IpAddr;
use std::path::{Path, PathBuf};
use std::process::Command;

/// Returns a file of the databases for tests.
fn database(name: &str) -> PathBuf {
    let output = Command::new("tests/get-databases.sh").output().unwrap();
    assert!(output.status.success(), "{output:?}");
    Path::new(String::from_utf8(output.stdout).unwrap().trim()).join(name)
}

/// Databases in a folder of their own, which can be replaced.
struct Databases(PathBuf);

impl Databases {
    fn new(name: &str) -> Self {
        let folder = Path::new(env!("CARGO_TARGET_TMPDIR")).join(name);
        fs::remove_dir_all(&folder).ok();
        fs::create_dir_all(&folder).unwrap();
        let databases = Databases(folder);
        databases.replace("country", &database("GeoLite2-Country-Test.mmdb"));
        databases.replace("asn", &database("GeoLite2-ASN-Test.mmdb"));
        databases
    }

    fn path(&self, name: &str) -> PathBuf {
        self.0.join(name)
    }

    /// Replaces a database as `geoipupdate` does, by renaming.
    fn replace(&self, name: &str, by: &Path) {
        fs::copy(by, self.path("new")).unwrap();
        fs::rename(self.path("new"), self.path(name)).unwrap();
    }

    fn agent(&self) -> Command {
        let mut command = Command::new(env!("CARGO_BIN_EXE_geo"));
        command.arg("--country-db").arg(self.path("country"));
        command.arg("--asn-db").arg(self.path("asn"));
        command.args(["--deny", "BT", "--deny", "AS29518"]);
        command
    }
}

fn with(agent: Command) -> HaProxyBuilder {
    HaProxy::program(agent).rules("    bind 127.0.0.1:8080")
}

/// Returns what `mmdblookup` prints for an address, without quotes and the type.
fn mmdblookup(file: &str, address: &str, path: &[&str]) -> Option<String> {
    let mut command = Command::new("mmdblookup");
    command
        .arg("--file")
        .arg(database(file))
        .args(["--ip", address]);
    let output = command.args(path).output().expect("mmdb-bin is installed");
    let text = String::from_utf8(output.stdout).unwrap();
    let value = text.trim().rsplit_once(" <")?.0;
    Some(value.trim_matches('"').to_owned())
}

#[test]
fn answers_are_those_of_mmdblookup() {
    let databases = Databases::new("same");
    for installed in HaProxy::oldest_middle_newest() {
        let haproxy = with(databases.agent()).on(&installed).start();
        for address in [
            "2.125.160.216",
            "1.128.0.1",
            "2001:218::1",
            "216.160.83.57",
            "2c0f:ff80::1",
            "192.0.2.7",
        ] {
            let reply = haproxy
                .get("/")
                .from(address.parse::<IpAddr>().unwrap())
                .send();
            assert_eq!(reply.status, 200, "{installed}");
            let (country, asn) = ("GeoLite2-Country-Test.mmdb", "GeoLite2-ASN-Test.mmdb");
            for (variable, file, path) in [
                ("txn.country", country, &["country", "iso_code"][..]),
                ("txn.continent", country, &["continent", "code"]),
                ("txn.asn", asn, &["autonomous_system_number"]),
                ("txn.organisation", asn, &["autonomous_system_organization"]),
            ] {
                let expected = mmdblookup(file, address, path);
                assert_eq!(
                    reply.var(variable),
                    expected.as_deref(),
                    "{variable} of {address}, {installed}"
                );
            }
        }
    }
}

#[test]
fn countries_and_networks_are_denied_and_servers_see_headers() {
    let databases = Databases::new("verdicts");
    for installed in HaProxy::oldest_middle_newest() {
        let haproxy = with(databases.agent()).on(&installed).start();
        let get = |address: [u8; 4]| {
            haproxy
                .get("/")
                .header("x-geo-country", "forged")
                .from(address)
        };
        for (address, reason) in [([67, 43, 156, 1], "BT"), ([89, 160, 20, 128], "AS29518")] {
            let reply = get(address).send();
            assert_eq!(
                (reply.status, reply.var("txn.reason")),
                (403, Some(reason)),
                "{installed}"
            );
        }
        let reply = get([216, 160, 83, 57]).send();
        assert_eq!(
            reply.var("txn.network"),
            Some("216.160.83.56/29"),
            "{installed}"
        );
        get([127, 0, 0, 1]).send();
        let received = haproxy.received();
        let headers = |number: usize, name| received[number].header(name);
        assert_eq!(
            headers(0, "x-geo-country").as_deref(),
            Some("US"),
            "{installed}"
        );
        assert_eq!(
            headers(0, "x-geo-asn").as_deref(),
            Some("AS209"),
            "{installed}"
        );
        assert_eq!(
            headers(1, "x-geo-country"),
            None,
            "a client forged it, {installed}"
        );
    }
}

#[test]
fn a_database_is_replaced_while_the_agent_serves_and_a_bad_one_is_not_taken() {
    let databases = Databases::new("replaced");
    for installed in HaProxy::oldest_middle_newest() {
        databases.replace("country", &database("GeoIP2-City-Test.mmdb"));
        let haproxy = with(databases.agent()).on(&installed).start();
        let country = |address: [u8; 4]| {
            haproxy
                .get("/")
                .from(address)
                .send()
                .var("txn.country")
                .map(str::to_owned)
        };
        let british = [2, 125, 160, 216];
        // Only the database of countries has this one.
        let chinese = [111, 235, 160, 1];
        assert_eq!(country(chinese), None, "{installed}");
        assert_eq!(country(british).as_deref(), Some("GB"), "{installed}");
        // A file that is cut, a database of another type, and none at all.
        let cut = databases.path("cut");
        let whole = fs::read(database("GeoLite2-Country-Test.mmdb")).unwrap();
        fs::write(&cut, &whole[..whole.len() / 2]).unwrap();
        let logged = |text: &str| haproxy.wait_for_agent_log(text);
        databases.replace("country", &cut);
        logged("reload failed, the old value is kept");
        databases.replace("country", &database("GeoLite2-ASN-Test.mmdb"));
        logged("the type is `GeoLite2-ASN`");
        fs::remove_file(databases.path("country")).unwrap();
        logged("No such file");
        assert_eq!(country(british).as_deref(), Some("GB"), "{installed}");
        databases.replace("country", &database("GeoLite2-Country-Test.mmdb"));
        logged("after 3 failures");
        assert_eq!(country(chinese).as_deref(), Some("CN"), "{installed}");
    }
}

#[test]
fn without_a_database_the_agent_does_not_start() {
    let databases = Databases::new("missing");
    fs::remove_file(databases.path("asn")).unwrap();
    let output = databases.agent().arg("check").output().unwrap();
    let error = String::from_utf8(output.stderr).unwrap();
    assert_eq!(output.status.code(), Some(1));
    assert!(
        error.contains("asn: ") && error.contains("No such file"),
        "{error}"
    );
}

#[test]
fn metrics_count_lookups_and_show_the_age_of_the_databases() {
    let databases = Databases::new("metrics");
    let admin = format!("127.0.0.1:{}", free_port());
    let mut agent = databases.agent();
    agent.args(["--admin", &admin]);
    let haproxy = with(agent).start();
    for address in [[216, 160, 83, 57], [192, 0, 2, 7]] {
        haproxy.get("/").from(address).send();
    }
    let text = http_get(&admin, "/metrics").text();
    for line in [
        "geo_lookups_total{database=\"country\",result=\"found\"} 1",
        "geo_lookups_total{database=\"asn\",result=\"unknown\"} 1",
        "geo_database_built_timestamp_seconds{database=\"asn\"} 1",
    ] {
        assert!(text.contains(line), "{line} is not in {text}");
    }
}

#[test]
fn the_configuration_is_what_config_writes() {
    let mut config = Command::new(env!("CARGO_BIN_EXE_geo"));
    config.args(["config", "--haproxy", "2.6", "--rules", "site.cfg"]);
    let diff = config.args(["--output", ".", "--diff"]).output().unwrap();
    assert_eq!(
        String::from_utf8(diff.stdout).unwrap(),
        "nothing would change\n"
    );
}
