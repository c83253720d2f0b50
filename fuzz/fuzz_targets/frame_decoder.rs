//! The decoders of frames and of everything in them.

#![no_main]

libfuzzer_sys::fuzz_target!(|data: &[u8]| spoa_tests::invariants::frame_decoder(data));
