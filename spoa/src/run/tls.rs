//! The options of TLS: a certificate, its key, and the CA of clients.

use super::StartError;
use super::command_line::Options;
use super::settings::SettingKind;
use crate::agent::AgentBuilder;

/// Gives the agent the certificate of the options, if there is one.
pub(super) fn apply(options: &Options, builder: AgentBuilder) -> Result<AgentBuilder, StartError> {
    let given = TlsOptions {
        cert: options.text(|kind| matches!(kind, SettingKind::TlsCert)),
        key: options.text(|kind| matches!(kind, SettingKind::TlsKey)),
        client_ca: options.text(|kind| matches!(kind, SettingKind::TlsClientCa)),
        min_version: options.text(|kind| matches!(kind, SettingKind::TlsMinVersion)),
    };
    given.apply(builder)
}

/// The options of TLS.
#[derive(Debug, Default)]
struct TlsOptions<'a> {
    cert: Option<&'a str>,
    key: Option<&'a str>,
    client_ca: Option<&'a str>,
    min_version: Option<&'a str>,
}

impl TlsOptions<'_> {
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
                    "option `{option}` needs a certificate: name its file with `--tls-cert`"
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

    /// Does nothing: `settings` refuses the values of these options.
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
    fn options_of_tls_need_a_certificate() {
        let given = TlsOptions {
            client_ca: Some("ca.pem"),
            ..TlsOptions::default()
        };
        let error = given.apply(Agent::builder()).unwrap_err();
        assert_eq!(
            error.to_string(),
            "option `--tls-client-ca` needs a certificate: name its file with `--tls-cert`"
        );
        assert_eq!(error.status(), 2);
        assert!(TlsOptions::default().apply(Agent::builder()).is_ok());
    }
}
