//! Any bytes as frames of the channel.
#![no_main]

#[path = "../checks/frames.rs"]
mod check;

libfuzzer_sys::fuzz_target!(|data: &[u8]| check::check(data));
