//! Every shape of template that is supported, as a complete project: invoked, and its result compared.

use std::fs;

use crate::support::project::{Project, bootstrap};
use crate::support::root;

#[test]
fn every_shape_runs_and_gives_its_result() {
    let mut shapes: Vec<_> = fs::read_dir(root().join("templates"))
        .unwrap()
        .flatten()
        .map(|entry| entry.file_name())
        .collect();
    shapes.sort();
    assert!(shapes.len() >= 15, "the shapes are there");
    for shape in shapes {
        let shape = shape.to_string_lossy().into_owned();
        let project = Project::copy_of(&format!("templates/{shape}"));
        if project.path().join("code/.keep").exists() {
            fs::copy(bootstrap(), project.path().join("code/bootstrap")).unwrap();
        }
        let arguments = project.read("arguments");
        let arguments: Vec<_> = arguments.split_whitespace().collect();
        let input = fs::read(project.path().join("stdin.json")).unwrap_or_default();
        let output = project.invoke_with_input(&arguments, &input).success();
        assert_eq!(
            output.stdout,
            project.read("expected.json").trim_end(),
            "{shape}: {}",
            output.stderr
        );
    }
}
