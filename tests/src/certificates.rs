//! Certificates for one test: an authority, and what it signs.

use rcgen::{
    BasicConstraints, CertificateParams, CertifiedIssuer, DnType, ExtendedKeyUsagePurpose, IsCa,
    KeyPair, date_time_ymd,
};

/// A certificate authority of a test's own.
pub struct Authority(CertifiedIssuer<'static, KeyPair>);

impl Authority {
    /// Returns a new authority of that name.
    pub fn new(name: &str) -> Authority {
        let mut params = params(name);
        params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
        let issuer = CertifiedIssuer::self_signed(params, key());
        Authority(issuer.expect("an authority signs itself"))
    }

    /// Its own certificate, as PEM.
    pub fn pem(&self) -> String {
        self.0.pem()
    }

    /// Returns a certificate for an agent at 127.0.0.1 and its key.
    pub fn agent(&self) -> Signed {
        self.sign(params("agent"))
    }

    /// Returns a certificate for HAProxy as the client of an agent, and its key.
    pub fn client(&self) -> Signed {
        let mut params = params("haproxy");
        params.extended_key_usages = vec![ExtendedKeyUsagePurpose::ClientAuth];
        self.sign(params)
    }

    /// Returns a certificate for HAProxy that was valid in another century only.
    pub fn expired_client(&self) -> Signed {
        let mut params = params("haproxy");
        params.not_before = date_time_ymd(1990, 1, 1);
        params.not_after = date_time_ymd(1999, 12, 31);
        self.sign(params)
    }

    /// Returns the authority's own certificate and key, for tests that confuse it with one that it signs.
    pub fn itself(&self) -> Signed {
        Signed {
            cert: self.pem(),
            key: self.0.key().serialize_pem(),
        }
    }

    fn sign(&self, params: CertificateParams) -> Signed {
        let key = key();
        let cert = params.signed_by(&key, &self.0);
        Signed {
            cert: cert.expect("an authority signs").pem(),
            key: key.serialize_pem(),
        }
    }
}

/// A certificate and its key, as PEM.
#[derive(Clone, Debug)]
pub struct Signed {
    /// The certificate.
    pub cert: String,
    /// Its key.
    pub key: String,
}

impl Signed {
    /// Returns a self-signed certificate for HAProxy.
    pub fn by_itself() -> Signed {
        let key = key();
        let cert = params("haproxy").self_signed(&key);
        Signed {
            cert: cert.expect("anybody signs itself").pem(),
            key: key.serialize_pem(),
        }
    }

    /// Returns certificate and key in one text, as HAProxy's `crt` takes them.
    pub fn both(&self) -> String {
        format!("{}{}", self.cert, self.key)
    }
}

fn key() -> KeyPair {
    KeyPair::generate().expect("a key can be made")
}

fn params(name: &str) -> CertificateParams {
    let names = ["localhost".to_owned(), "127.0.0.1".to_owned()];
    let mut params = CertificateParams::new(names).expect("these are names");
    params.distinguished_name.push(DnType::CommonName, name);
    params
}
