#![no_main]

libfuzzer_sys::fuzz_target!(|data: &[u8]| hallpass_fuzzed::answers(data));
