//! The table, and the handler inside a whole agent. HAProxy is not needed.

use super::*;
use spoa::agent::Agent;
use spoa::testing::TestAgent;

fn networks() -> Networks {
    Networks::read("# network country\n192.0.2.0/24 ZZ\n192.0.2.128/25 YY\n2001:db8::/32 XX\n")
        .unwrap()
}

#[test]
fn the_smallest_network_counts() {
    let networks = networks();
    for (ip, country) in [
        ("192.0.2.7", Some("ZZ")),
        ("192.0.2.200", Some("YY")),
        ("::ffff:192.0.2.7", Some("ZZ")),
        ("2001:db8::1", Some("XX")),
        ("198.51.100.1", None),
    ] {
        assert_eq!(networks.country(ip.parse().unwrap()), country, "{ip}");
    }
}

#[test]
fn an_unknown_address_sets_no_variable() -> Result<(), HandlerError> {
    let agent = Agent::builder()
        .handlers(handlers![locate])
        .state(networks());
    let agent = TestAgent::build(agent)?;
    let known = agent.call_blocking("locate", &[("ip", &"192.0.2.7")])?;
    assert_eq!(known.get("txn.country"), Some("ZZ"));
    let unknown = agent.call_blocking("locate", &[("ip", &"198.51.100.1")])?;
    assert!(unknown.actions().is_empty());
    Ok(())
}

#[test]
fn a_mistake_in_the_file_has_its_line() {
    let error = Networks::read("192.0.2.0/24 ZZ\n192.0.2.0/33 ZZ\n")
        .err()
        .unwrap();
    assert!(error.to_string().starts_with("line 2: `192.0.2.0/33`: "));
}
