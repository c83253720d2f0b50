//! Procedural macros of `spoa`.
