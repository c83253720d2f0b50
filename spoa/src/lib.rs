//! SPOE agents for HAProxy.
