//! Compile-time diagnostics: the tests are in `tests/`.
