//! Both encodings of headers, and the other types of `spoa::http`.

#![no_main]

libfuzzer_sys::fuzz_target!(|data: &[u8]| spoa_tests::invariants::header_blocks(data));
