//! The function, and the handler inside a whole agent. HAProxy is not needed.

use super::*;
use spoa::testing::{CallError, TestAgent};

#[test]
fn this_machine_is_known() {
    assert_eq!(score(IpAddr::from([127, 0, 0, 1])), 100);
}

#[test]
fn a_message_sets_the_variable() -> Result<(), CallError> {
    let agent = TestAgent::new(handlers![score_client]);
    let answer = agent.call_blocking("score-client", &[("ip", &"192.0.2.7")])?;
    assert_eq!(answer.get("txn.score"), Some(0));
    Ok(())
}
