//! The handler inside a whole agent, with the arguments that HAProxy sends for a request. HAProxy is not needed.

use super::*;
use spoa::agent::Agent;
use spoa::testing::{HttpRequest, TestAgent};

#[test]
fn only_a_known_token_is_allowed() -> Result<(), HandlerError> {
    let tokens = Tokens::read("# token user\n\nsecret alice\n")?;
    let agent = Agent::builder()
        .handlers(handlers![authenticate])
        .state(tokens);
    let agent = TestAgent::build(agent)?;
    for (header, action) in [
        ("authorization: Bearer secret", "allow"),
        ("authorization: Bearer guess", "deny"),
        ("authorization: Basic c2VjcmV0Og==", "deny"),
        ("accept: */*", "deny"),
    ] {
        let request = HttpRequest::new(format!("GET / HTTP/1.1\n{header}\n\n"));
        let answer = agent.request_blocking("authenticate", &request)?;
        assert_eq!(answer.get("txn.action"), Some(action), "{header}");
    }
    Ok(())
}

#[test]
fn a_mistake_in_the_file_has_its_line() {
    let error = Tokens::read("secret alice\nsecret\n").err().unwrap();
    assert_eq!(error.to_string(), "line 2: write a token and a user");
}
