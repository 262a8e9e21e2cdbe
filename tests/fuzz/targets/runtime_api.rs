//! Any bytes on a connection to the Runtime API.
#![no_main]

#[path = "../checks/runtime_api.rs"]
mod check;

libfuzzer_sys::fuzz_target!(|data: &[u8]| check::check(data));
