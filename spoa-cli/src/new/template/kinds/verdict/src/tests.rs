//! The handler inside a whole agent, with the arguments that HAProxy sends for a request. HAProxy is not needed.

use super::*;
use spoa::testing::{CallError, HttpRequest, TestAgent};

#[test]
fn hidden_files_are_denied() -> Result<(), CallError> {
    let agent = TestAgent::new(handlers![inspect]);
    for (request, action) in [
        ("GET / HTTP/1.1\nhost: example.org\n\n", "allow"),
        ("GET /.env HTTP/1.1\nhost: example.org\n\n", "deny"),
        ("GET /a/%2Egit/ HTTP/1.1\nhost: example.org\n\n", "deny"),
        ("GET /a%2f.env HTTP/1.1\nhost: example.org\n\n", "deny"),
        ("GET / HTTP/1.0\n\n", "deny"),
    ] {
        let answer = agent.request_blocking("inspect", &HttpRequest::new(request))?;
        assert_eq!(answer.get("txn.action"), Some(action), "{request}");
    }
    Ok(())
}
