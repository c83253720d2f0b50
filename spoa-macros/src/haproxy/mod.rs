//! What HAProxy takes in its configuration, as far as attributes say it.

pub(crate) mod names;
pub(crate) mod spoe_conf;
pub(crate) mod variables;
