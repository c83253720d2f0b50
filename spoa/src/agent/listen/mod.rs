//! Everything before the first byte of SPOP: addresses, sockets, accepting, TLS.

pub(crate) mod acceptor;
pub(crate) mod address;
pub(crate) mod allow_list;
pub(crate) mod listener;
#[cfg(feature = "tls")]
pub(crate) mod tls;
pub(crate) mod unix_socket;
