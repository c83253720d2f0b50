//! Why an agent cannot listen on an address.

use nix::errno::Errno;
use std::io;

/// Why an agent cannot listen.
#[derive(Debug, thiserror::Error)]
pub(crate) enum BindError {
    /// The agent was given no address and no socket.
    #[error(
        "the agent listens nowhere: write `.listen(\"127.0.0.1:12345\")` or `.listener(…)` where it \
         is built"
    )]
    Nowhere,
    /// Another process listens there.
    #[error(
        "cannot listen on {address}: another process listens there; stop it (`ss -lnp` shows which \
         it is) or choose another address"
    )]
    InUse {
        /// The address.
        address: String,
    },
    /// The path of a unix socket is taken by something else.
    #[error(
        "cannot listen on {address}: the file at that path is not a socket; remove it or choose \
         another path"
    )]
    NotASocket {
        /// The address.
        address: String,
    },
    /// The user or group who is to own a unix socket does not exist.
    #[error(
        "cannot listen on {address}: there is no {what} `{name}` on this machine; create it, or \
         write the name or number of another"
    )]
    NoSuchOwner {
        /// The address.
        address: String,
        /// `user` or `group`.
        what: &'static str,
        /// The name.
        name: String,
    },
    /// The agent may not give a unix socket to that user or group.
    #[error(
        "cannot listen on {address}: only root may give a socket to another user, or to a group \
         it is not in; start the agent as root or as that user, or add its user to the group \
         (`usermod -aG`) and write `group=` and `mode=660` alone"
    )]
    NotGiven {
        /// The address.
        address: String,
    },
    /// Anything else, such as a missing folder or permission.
    #[error("cannot listen on {address}: {error}{}", hint(error))]
    Io {
        /// The address.
        address: String,
        /// Why.
        #[source]
        error: io::Error,
    },
}

impl BindError {
    pub(crate) fn new(address: String, error: io::Error) -> Self {
        match error.kind() {
            io::ErrorKind::AddrInUse => BindError::InUse { address },
            _ => BindError::Io { address, error },
        }
    }
}

fn hint(error: &io::Error) -> &'static str {
    if descriptors_ran_out(error) {
        return RAISE_DESCRIPTORS;
    }
    match error.kind() {
        io::ErrorKind::PermissionDenied => {
            "; choose a port above 1023, or a folder this user may write to"
        }
        io::ErrorKind::NotFound => "; create the folder of the socket first",
        io::ErrorKind::AddrNotAvailable => "; this machine has no such address",
        _ => "",
    }
}

/// The remedy when [`descriptors_ran_out`].
pub(crate) const RAISE_DESCRIPTORS: &str = "; raise `LimitNOFILE` or `ulimit -n`";

/// Whether there are as many open files as the process or the machine may have.
pub(crate) fn descriptors_ran_out(error: &io::Error) -> bool {
    let number = error.raw_os_error().map(Errno::from_raw);
    matches!(number, Some(Errno::EMFILE | Errno::ENFILE))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::agent::Error;

    #[test]
    fn an_error_says_what_to_do_and_has_a_source() {
        let error = BindError::new(":80".to_owned(), io::ErrorKind::PermissionDenied.into());
        let error = Error::from(error);
        let source = std::error::Error::source(&error).unwrap();
        assert_eq!(source.to_string(), "permission denied");
        assert!(error.is_bind() && !error.is_config() && !error.is_reload());
        assert_eq!(
            format!("{error:?}"),
            "Error(Bind(Io { address: \":80\", error: Kind(PermissionDenied) }))"
        );
        assert_eq!(
            error.to_string(),
            "cannot listen on :80: permission denied; choose a port above 1023, or a folder this \
             user may write to"
        );
    }

    /// The program may have no options.
    #[test]
    fn no_error_of_the_library_mentions_a_command_line_option() {
        let address = "unix@/run/agent.sock".to_owned();
        let (what, name) = ("user", "haproxy".to_owned());
        for error in [
            BindError::Nowhere,
            BindError::new(address.clone(), io::ErrorKind::AddrInUse.into()),
            BindError::new(address.clone(), io::ErrorKind::NotFound.into()),
            BindError::NotASocket {
                address: address.clone(),
            },
            BindError::NotGiven {
                address: address.clone(),
            },
            BindError::NoSuchOwner {
                address: address.clone(),
                what,
                name,
            },
        ] {
            assert!(!error.to_string().contains("--"), "{error}");
        }
    }
}
