//! The options of TLS, together: what a certificate needs beside it.
//!
//! It must not know what is in the files.

use super::StartError;
use super::options::Options;
use super::settings::Kind;
use crate::agent::AgentBuilder;

/// Gives the agent the certificate that was named, if one was.
pub(super) fn apply(options: &Options, builder: AgentBuilder) -> Result<AgentBuilder, StartError> {
    let given = Given {
        cert: options.text(|kind| matches!(kind, Kind::TlsCert)),
        key: options.text(|kind| matches!(kind, Kind::TlsKey)),
        client_ca: options.text(|kind| matches!(kind, Kind::TlsClientCa)),
        min_version: options.text(|kind| matches!(kind, Kind::TlsMinVersion)),
    };
    given.apply(builder)
}

/// What HAProxy's side has to know of it.
pub(super) fn wiring(options: &Options) -> Option<spoa_config::Tls> {
    let certificate = options.text(|kind| matches!(kind, Kind::TlsCert))?;
    // HAProxy may be started in another directory.
    let path = std::path::absolute(certificate).unwrap_or_else(|_| certificate.into());
    Some(spoa_config::Tls {
        certificate: path.to_string_lossy().into_owned(),
        mutual: options
            .text(|kind| matches!(kind, Kind::TlsClientCa))
            .is_some(),
    })
}

/// What was said of TLS.
#[derive(Debug, Default)]
struct Given<'a> {
    cert: Option<&'a str>,
    key: Option<&'a str>,
    client_ca: Option<&'a str>,
    min_version: Option<&'a str>,
}

impl Given<'_> {
    fn apply(&self, builder: AgentBuilder) -> Result<AgentBuilder, StartError> {
        let Some(cert) = self.cert else {
            let without = [
                ("--tls-key", self.key),
                ("--tls-client-ca", self.client_ca),
                ("--tls-min-version", self.min_version),
            ];
            return match without.iter().find(|(_, given)| given.is_some()) {
                None => Ok(builder),
                Some((option, _)) => Err(StartError::Argument(format!(
                    "`{option}` is of no use without a certificate: name its file with `--tls-cert`"
                ))),
            };
        };
        Ok(self.with(cert, builder))
    }

    #[cfg(feature = "tls")]
    fn with(&self, cert: &str, builder: AgentBuilder) -> AgentBuilder {
        use crate::agent::{Tls, TlsVersion};
        let mut tls = Tls::files(cert, self.key.unwrap_or(cert));
        if let Some(path) = self.client_ca {
            tls = tls.client_ca(path);
        }
        if self.min_version == Some("1.3") {
            tls = tls.min_version(TlsVersion::V1_3);
        }
        builder.tls(tls)
    }

    /// A value of these options is refused where it is read.
    #[cfg(not(feature = "tls"))]
    fn with(&self, _: &str, builder: AgentBuilder) -> AgentBuilder {
        builder
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::agent::Agent;

    #[test]
    fn nothing_of_tls_is_of_use_without_a_certificate() {
        let given = Given {
            client_ca: Some("ca.pem"),
            ..Given::default()
        };
        let error = given.apply(Agent::builder()).unwrap_err();
        assert_eq!(
            error.to_string(),
            "`--tls-client-ca` is of no use without a certificate: name its file with `--tls-cert`"
        );
        assert_eq!(error.status(), 2);
        assert!(Given::default().apply(Agent::builder()).is_ok());
    }
}
