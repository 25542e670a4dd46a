#![no_main]

libfuzzer_sys::fuzz_target!(|bytes: &[u8]| esky_fuzz::run("mach_o", bytes));
