//! The address at which HAProxy reaches a listener of the agent's.
//!
//! It must not know sections or lines.

/// What stands behind `server NAME`, for an address as the agent was told to listen on it. `None` if
/// nobody knows before the agent runs.
pub(super) fn address(listener: &str) -> Option<String> {
    // What follows a comma is for whoever listens: mode, owner.
    let listener = listener.split(',').next().unwrap_or(listener).trim();
    if listener.starts_with("unix@") || listener.starts_with("abns") {
        return Some(listener.to_owned());
    }
    let (host, port) = listener.rsplit_once(':')?;
    if port.parse::<u16>().ok()? == 0 {
        return None;
    }
    // HAProxy on the same machine is meant until somebody says otherwise.
    let host = match host {
        "" | "*" | "0.0.0.0" | "[::]" => "127.0.0.1",
        host => host,
    };
    Some(format!("{host}:{port}"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn haproxy_connects_to_where_the_agent_listens() {
        for (listener, server) in [
            ("127.0.0.1:12345", Some("127.0.0.1:12345")),
            (":12345", Some("127.0.0.1:12345")),
            ("0.0.0.0:1", Some("127.0.0.1:1")),
            ("[::]:1", Some("127.0.0.1:1")),
            ("[::1]:1", Some("[::1]:1")),
            ("unix@/run/a.sock,mode=660", Some("unix@/run/a.sock")),
            ("abns@a", Some("abns@a")),
            ("127.0.0.1:0", None),
            ("fd@3", None),
        ] {
            assert_eq!(address(listener).as_deref(), server, "{listener}");
        }
    }
}
