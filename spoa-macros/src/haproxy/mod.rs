//! The parts of an HAProxy configuration that attributes contain.

pub(crate) mod names;
pub(crate) mod spoe_conf;
pub(crate) mod variables;
