//! Any bytes as a template: it is resolved, or refused with a place in it.
#![no_main]

use std::path::Path;

use libfuzzer_sys::fuzz_target;
use sam_rs::function::{Catalog, Function};
use sam_rs::template::{Application, Surroundings};

fuzz_target!(|data: &[u8]| {
    let Ok(text) = std::str::from_utf8(data) else {
        return;
    };
    // A template that includes or nests finds itself.
    let load = |_: &Path| Ok(text.to_owned());
    let surroundings = Surroundings {
        region: "eu-west-1".to_owned(),
        account: "123456789012".to_owned(),
        ..Surroundings::default()
    };
    match Application::load(Path::new("/x/t.yaml"), text, surroundings, &load) {
        Ok(application) => {
            for declared in Catalog::new(&application).functions() {
                let _ = Function::resolve(declared);
            }
        }
        Err(problems) => assert!(problems.iter().all(|problem| problem.span.is_some())),
    }
});
