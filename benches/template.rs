//! How long templates take: the text read, loaded with everything below it, and every function resolved.
//!
//! `template FILE...` prints the median of many rounds for each file, and for one with a hundred small functions.
#![expect(
    clippy::print_stdout,
    clippy::disallowed_methods,
    reason = "a bench prints, and measures the real clock"
)]

use std::fmt::Write;
use std::path::Path;
use std::time::{Duration, Instant};

use sam_rs::function::{Catalog, Function};
use sam_rs::template::{Application, Surroundings, read};

const ROUNDS: usize = 51;

fn main() {
    println!(
        "| template | KB | functions | read, ms | load, ms | resolve all, ms |\n|---|---|---|---|---|---|"
    );
    for path in std::env::args().skip(1).filter(|one| one != "--bench") {
        let text = std::fs::read_to_string(&path).expect("a template");
        measure(Path::new(&path), &text);
    }
    measure(Path::new("/work/hundred.yaml"), &hundred());
}

fn hundred() -> String {
    let mut text =
        "Globals: {Function: {Runtime: python3.13, Timeout: 10}}\nResources:\n".to_owned();
    for n in 0..100 {
        let _ = write!(
            text,
            "  Function{n}:\n    Type: AWS::Serverless::Function\n    Properties:\n      InlineCode: x\n      \
             Handler: index.handler\n      Environment:\n        Variables:\n          TABLE: !Ref Table{n}\n          \
             NAME: !Sub 'name-${{AWS::Region}}-{n}'\n"
        );
    }
    text
}

fn measure(path: &Path, text: &str) {
    let load = |path: &Path| std::fs::read_to_string(path).map_err(|error| error.to_string());
    let (mut reading, mut loading, mut resolving) = (Vec::new(), Vec::new(), Vec::new());
    let mut count = 0;
    for _ in 0..ROUNDS {
        let surroundings = Surroundings {
            region: "eu-west-1".to_owned(),
            account: "123456789012".to_owned(),
            ..Surroundings::default()
        };
        let begun = Instant::now();
        let tree = std::hint::black_box(read(text));
        reading.push(begun.elapsed());
        drop(tree);
        let begun = Instant::now();
        let application = Application::load(path, text, surroundings, &load).expect("it is right");
        let catalog = Catalog::new(&application);
        loading.push(begun.elapsed());
        let begun = Instant::now();
        count = catalog.functions().len();
        for declared in catalog.functions() {
            let _ = std::hint::black_box(Function::resolve(declared));
        }
        resolving.push(begun.elapsed());
    }
    let (kilobytes, name) = (
        text.len() / 1000,
        path.file_name().unwrap_or_default().display(),
    );
    let (read, load, resolve) = (median(reading), median(loading), median(resolving));
    println!("| {name} | {kilobytes} | {count} | {read:.2} | {load:.2} | {resolve:.2} |");
}

fn median(mut times: Vec<Duration>) -> f64 {
    times.sort();
    times[times.len() / 2].as_secs_f64() * 1000.0
}
