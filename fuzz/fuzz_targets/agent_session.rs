//! The agent's end of a conversation, its bytes in arbitrary reads.

#![no_main]

libfuzzer_sys::fuzz_target!(|data: &[u8]| spoa_tests::invariants::agent_session(data));
