//! The limiter, and the handler inside a whole agent. HAProxy is not needed.

use super::*;
use spoa::agent::Agent;
use spoa::testing::TestAgent;

const ONE: IpAddr = IpAddr::V6(Ipv6Addr::new(0x2001, 0xdb8, 0, 1, 0, 0, 0, 1));
const OTHER: IpAddr = IpAddr::V6(Ipv6Addr::new(0x2001, 0xdb8, 0, 2, 0, 0, 0, 1));

#[test]
fn each_client_has_its_own_count_in_each_minute() {
    let limiter = Limiter::new(2, 10);
    let now = Instant::now();
    let allows = |client, seconds| limiter.allows(client, now + Duration::from_secs(seconds));
    assert_eq!([(); 3].map(|()| allows(ONE, 1)), [true, true, false]);
    assert!(allows(OTHER, 1));
    assert!(allows(ONE, 61));
}

#[test]
fn clients_beyond_the_limit_are_not_counted() {
    let limiter = Limiter::new(0, 1);
    assert!(!limiter.allows(ONE, Instant::now()));
    assert!(limiter.allows(OTHER, Instant::now()));
}

#[test]
fn one_network_is_one_client() {
    assert_eq!(
        client("2001:db8::1:2:3:4".parse().unwrap()),
        client("2001:db8::".parse().unwrap())
    );
}

#[test]
fn the_agent_denies_requests_beyond_the_limit() -> Result<(), HandlerError> {
    let agent = Agent::builder()
        .handlers(handlers![limit])
        .state(Limiter::new(1, 10));
    let agent = TestAgent::build(agent)?;
    for action in ["allow", "deny"] {
        let answer = agent.call_blocking("limit", &[("ip", &"192.0.2.7")])?;
        assert_eq!(answer.get("txn.action"), Some(action));
    }
    Ok(())
}
