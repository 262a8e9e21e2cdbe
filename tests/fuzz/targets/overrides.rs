//! Any text as a token of --parameter-overrides: what is not an override is named.
#![no_main]

use libfuzzer_sys::fuzz_target;
use sam_rs::template::overrides;

fuzz_target!(|data: &[u8]| {
    let Ok(text) = std::str::from_utf8(data) else {
        return;
    };
    let tokens: Vec<_> = text.split('\n').collect();
    match overrides::parse(tokens.iter().copied()) {
        Ok(parsed) => assert!(parsed.values.keys().all(|name| !name.is_empty())),
        Err(token) => assert!(!token.trim().is_empty()),
    }
});
