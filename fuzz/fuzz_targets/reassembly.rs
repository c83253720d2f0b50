//! NOTIFYs in fragments, through the agent's session, against a model.

#![no_main]

libfuzzer_sys::fuzz_target!(|data: &[u8]| spoa_tests::invariants::reassembly(data));
