//! What fuzzing has found of the channel and of the Runtime API: all of it is still taken or refused.

use std::fs::File;
use std::io::Read;

use crate::support::root;

#[path = "../fuzz/checks/frames.rs"]
mod frames;
#[path = "../fuzz/checks/runtime_api.rs"]
mod runtime_api;

/// The files of a corpus that `dev/fuzz` has kept.
pub(crate) fn corpus(target: &str) -> Vec<Vec<u8>> {
    let path = root().join(format!("testdata/fuzz/{target}.zip"));
    let mut archive = zip::ZipArchive::new(File::open(path).unwrap()).unwrap();
    let mut inputs = Vec::new();
    for index in 0..archive.len() {
        let mut bytes = Vec::new();
        let mut file = archive.by_index(index).unwrap();
        file.read_to_end(&mut bytes).unwrap();
        inputs.push(bytes);
    }
    assert!(inputs.len() > 20, "a corpus is there");
    inputs
}

#[test]
fn frames_are_read_or_refused() {
    corpus("frames")
        .iter()
        .for_each(|input| frames::check(input));
}

#[test]
fn conversations_with_the_runtime_api_end() {
    corpus("runtime_api")
        .iter()
        .for_each(|input| runtime_api::check(input));
}
