//! Whether a message is about a connection, a request or a response.

/// The subject of a message.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum MessageSubject {
    /// The connection, or a subject that is not known.
    Connection,
    /// The request.
    Request,
    /// The response, which has headers and a body of its own.
    Response,
}

impl MessageSubject {
    /// Returns the subject of a message. Its event decides; without an event, the samples of its arguments do.
    #[cfg_attr(not(feature = "run"), allow(dead_code))]
    pub(crate) fn of<'a>(
        event: Option<&str>,
        samples: impl Iterator<Item = &'a str>,
    ) -> MessageSubject {
        match event {
            Some("on-http-response" | "on-tcp-response") => MessageSubject::Response,
            Some("on-client-session") => MessageSubject::Connection,
            Some(_) => MessageSubject::Request,
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
                    MessageSubject::Response
                } else {
                    MessageSubject::Connection
                }
            }
        }
    }
}
