//! Whether a message is about a connection, a request or a response.

/// The subject of a message.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum When {
    /// The connection, or a subject that is not known.
    Connection,
    /// The request.
    Request,
    /// The response, which has headers and a body of its own.
    Response,
}

impl When {
    /// Returns the subject of a message. Its event decides; without an event, the samples of its arguments do.
    #[cfg_attr(not(feature = "run"), allow(dead_code))]
    pub(crate) fn of<'a>(event: Option<&str>, samples: impl Iterator<Item = &'a str>) -> When {
        match event {
            Some("on-http-response" | "on-tcp-response") => When::Response,
            Some("on-client-session") => When::Connection,
            Some(_) => When::Request,
            None => {
                let response = |sample: &str| {
                    let own = [
                        "res.",
                        "status",
                        "shdr",
                        "scook",
                        "srv_",
                        "bc_",
                        "capture.res",
                    ];
                    own.iter().any(|own| sample.starts_with(own))
                };
                if samples.into_iter().any(response) {
                    When::Response
                } else {
                    When::Connection
                }
            }
        }
    }
}
