//! Checks the certificates of peers with rustls, and explains its refusal of a CA's own certificate.

use super::contents;
use rustls::client::danger::HandshakeSignatureValid;
use rustls::pki_types::{CertificateDer, UnixTime};
use rustls::server::danger::{ClientCertVerified, ClientCertVerifier};
use rustls::{
    CertificateError, DigitallySignedStruct, DistinguishedName, Error, OtherError, SignatureScheme,
};
use std::sync::Arc;

/// A peer showed the certificate of a CA as its own.
#[derive(Debug, thiserror::Error)]
#[error("it is the certificate of a CA (`CA:TRUE`)")]
pub(super) struct IsCaCertificate;

impl IsCaCertificate {
    /// Whether a certificate was refused for that.
    pub(super) fn is(error: &CertificateError) -> bool {
        matches!(error, CertificateError::Other(other) if other.0.is::<IsCaCertificate>())
    }
}

/// Judges as another verifier does.
#[derive(Debug)]
pub(super) struct Verifier(pub(super) Arc<dyn ClientCertVerifier>);

impl ClientCertVerifier for Verifier {
    fn offer_client_auth(&self) -> bool {
        self.0.offer_client_auth()
    }

    fn client_auth_mandatory(&self) -> bool {
        self.0.client_auth_mandatory()
    }

    fn root_hint_subjects(&self) -> &[DistinguishedName] {
        self.0.root_hint_subjects()
    }

    fn verify_client_cert(
        &self,
        end_entity: &CertificateDer<'_>,
        intermediates: &[CertificateDer<'_>],
        now: UnixTime,
    ) -> Result<ClientCertVerified, Error> {
        let verified = self.0.verify_client_cert(end_entity, intermediates, now);
        verified.map_err(|error| match error {
            // For this there is no error of rustls's own.
            Error::InvalidCertificate(CertificateError::Other(_)) if is_of_a_ca(end_entity) => {
                CertificateError::Other(OtherError(Arc::new(IsCaCertificate))).into()
            }
            error => error,
        })
    }

    fn verify_tls12_signature(
        &self,
        message: &[u8],
        cert: &CertificateDer<'_>,
        signed: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, Error> {
        self.0.verify_tls12_signature(message, cert, signed)
    }

    fn verify_tls13_signature(
        &self,
        message: &[u8],
        cert: &CertificateDer<'_>,
        signed: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, Error> {
        self.0.verify_tls13_signature(message, cert, signed)
    }

    fn supported_verify_schemes(&self) -> Vec<SignatureScheme> {
        self.0.supported_verify_schemes()
    }

    fn requires_raw_public_keys(&self) -> bool {
        self.0.requires_raw_public_keys()
    }
}

fn is_of_a_ca(certificate: &CertificateDer<'_>) -> bool {
    contents::read(certificate).is_some_and(|contents| contents.is_ca)
}
