//! A whole agent with handlers the macros made: one ACK for each NOTIFY.

#![no_main]

libfuzzer_sys::fuzz_target!(|data: &[u8]| spoa_tests::invariants::in_process_agent(data));
