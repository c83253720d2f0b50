//! SPOE agents for HAProxy.
pub mod spop;
#[doc(hidden)]
pub mod handler {}
