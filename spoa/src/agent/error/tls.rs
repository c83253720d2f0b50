//! Why the files of a certificate cannot be used.

use std::io;
use std::path::PathBuf;

/// Why the files of a certificate cannot be used.
#[derive(Debug, thiserror::Error)]
pub(crate) enum TlsError {
    /// A file cannot be read.
    #[error("cannot read `{}`, {what}: {error}{}", path.display(), hint(error))]
    Read {
        /// The role of the file.
        what: &'static str,
        /// The file.
        path: PathBuf,
        /// Why.
        #[source]
        error: io::Error,
    },
    /// A file is not PEM, or damaged.
    #[error(
        "`{}` is damaged: {problem}; the parts of a PEM file are between `-----BEGIN …-----` and \
         `-----END …-----`",
        path.display()
    )]
    Damaged {
        /// The file.
        path: PathBuf,
        /// The problem.
        problem: String,
    },
    /// There is no certificate in a file.
    #[error(
        "there is no certificate in `{}`, {what}: it must have a part `-----BEGIN \
         CERTIFICATE-----`; `openssl x509 -inform der` makes one of a binary file",
        path.display()
    )]
    NoCertificate {
        /// The role of the file.
        what: &'static str,
        /// The file.
        path: PathBuf,
    },
    /// There is no private key in a file.
    #[error(
        "there is no private key in `{}`: put it there, below the certificate, or name its own \
         file",
        path.display()
    )]
    NoKey {
        /// The file.
        path: PathBuf,
    },
    /// The private key is encrypted.
    #[error(
        "the private key in `{0}` is encrypted, and nobody can be asked for its passphrase: \
         `openssl pkey -in {0} -out …` decrypts it",
        path.display()
    )]
    EncryptedKey {
        /// The file.
        path: PathBuf,
    },
    /// The key is of another certificate.
    #[error(
        "the private key in `{}` does not belong to the first certificate in `{}`: the agent's own \
         certificate must come first, and the key be the one it was made with",
        key.display(),
        cert.display()
    )]
    OtherKey {
        /// The file of the key.
        key: PathBuf,
        /// The file of the certificate.
        cert: PathBuf,
    },
    /// No certificate of a CA file can have signed another.
    #[error(
        "no certificate in `{}` is one of a CA: name the file of the CA that signed HAProxy's \
         certificate, not that certificate itself",
        path.display()
    )]
    NoCa {
        /// The file.
        path: PathBuf,
    },
    /// A certificate or key that cannot be used for another reason.
    #[error("cannot use what is in `{}`: {problem}", path.display())]
    Unusable {
        /// The file.
        path: PathBuf,
        /// The problem.
        problem: String,
    },
}

fn hint(error: &io::Error) -> &'static str {
    match error.kind() {
        io::ErrorKind::PermissionDenied => {
            "; let the agent's user read it, for instance by its group: `chgrp` and `chmod 640`"
        }
        io::ErrorKind::NotFound => "; correct the path, or put the file there",
        io::ErrorKind::IsADirectory => "; name one file",
        _ => "",
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_error_for_an_unreadable_file_says_how_to_allow_it() {
        // Root, whom a test may be run by, may read everything.
        let error = TlsError::Read {
            what: "the agent's certificate",
            path: "/etc/spoa/agent.pem".into(),
            error: io::ErrorKind::PermissionDenied.into(),
        };
        assert_eq!(
            error.to_string(),
            "cannot read `/etc/spoa/agent.pem`, the agent's certificate: permission denied; let the \
             agent's user read it, for instance by its group: `chgrp` and `chmod 640`"
        );
    }
}
