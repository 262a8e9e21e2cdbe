//! Completion in real shells, and manual pages.

use std::fs;
use std::os::unix::fs::symlink;
use std::process::{Command, Stdio};

use crate::support::Project;

const TEMPLATE: &str = "
Resources:
  Ratings:
    Type: AWS::Serverless::Function
    Properties: {InlineCode: '1', Handler: index.h, Runtime: python3.11}
  Reviews:
    Type: AWS::Serverless::Function
    Properties: {InlineCode: '1', Handler: index.h, Runtime: python3.11}
";

fn project() -> Project {
    let other = TEMPLATE.replace("Reviews", "Replies");
    let project = Project::new()
        .file("template.yaml", TEMPLATE)
        .file("other/t.yaml", &other)
        .file("bin/.keep", "");
    let program = project.command(&[]).get_program().to_owned();
    symlink(program, project.path().join("bin/sam-rs")).unwrap();
    project
}

/// What a shell prints that runs a script; `sam-rs` is on its path.
fn shell(project: &Project, shell: &str, arguments: &[&str]) -> String {
    let ours = project.command(&[]);
    let set = ours
        .get_envs()
        .filter_map(|(name, value)| Some((name, value?)));
    let path = std::env::var("PATH").unwrap();
    let path = format!("{}:{path}", project.path().join("bin").display());
    let mut command = Command::new(shell);
    command
        .args(arguments)
        .env_clear()
        .envs(set)
        .env("PATH", path);
    let output = command
        .current_dir(project.path())
        .stdin(Stdio::null())
        .output()
        .unwrap_or_else(|error| panic!("{shell}: {error}; run dev/setup"));
    let stderr = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success(), "{shell}: {stderr}");
    String::from_utf8_lossy(&output.stdout).into_owned()
}

fn bash(project: &Project, line: &str) -> Vec<String> {
    let script = format!(
        "source <(sam-rs completions bash); COMP_WORDS=({line}); COMP_CWORD=$((${{#COMP_WORDS[@]}} - 1)); \
         _clap_complete_sam_rs sam-rs \"${{COMP_WORDS[COMP_CWORD]}}\"; printf '%s\\n' \"${{COMPREPLY[@]}}\""
    );
    let text = shell(project, "bash", &["--norc", "-c", &script]);
    text.lines().map(str::to_owned).collect()
}

#[test]
fn bash_completes_functions_options_and_values() {
    let project = project();
    assert_eq!(
        bash(&project, "sam-rs local invoke R"),
        ["Ratings", "Reviews"]
    );
    let other = bash(&project, "sam-rs local invoke -t other/t.yaml R");
    assert_eq!(other, ["Ratings", "Replies"]);
    assert_eq!(bash(&project, "sam-rs local invoke Ra"), ["Ratings"]);
    assert_eq!(
        bash(&project, "sam-rs local invoke --pull ''"),
        ["missing", "always", "never"]
    );
    assert_eq!(
        bash(&project, "sam-rs local invoke --skip-p"),
        ["--skip-pull-image"]
    );
    assert_eq!(bash(&project, "sam-rs local invoke -e o"), ["other/"]);
    let other = bash(
        &project,
        "sam-rs local start-lambda -t other/t.yaml Ratings R",
    );
    assert_eq!(other, ["Ratings", "Replies"]);
    assert_eq!(
        bash(&project, "sam-rs local start-lambda --when-busy ''"),
        ["wait", "throttle"]
    );
    assert_eq!(bash(&project, "sam-rs comp"), ["completions"]);
    // What is broken is told when it is run, not at the prompt.
    let project = project.file("template.yaml", "[");
    assert_eq!(bash(&project, "sam-rs local invoke R"), [""]);
}

#[test]
fn fish_completes_functions() {
    let script = "sam-rs completions fish | source; complete -C 'sam-rs local invoke R'";
    let text = shell(&project(), "fish", &["--no-config", "-c", script]);
    let names: Vec<_> = text.lines().collect();
    assert_eq!(names, ["Ratings", "Reviews"]);
}

#[test]
fn zsh_completes_functions() {
    // Its completion works in an interactive shell only: one in a terminal of its own types what a person would.
    let script = r#"
zmodload zsh/zpty
zpty z zsh -f -i
zpty -w z "autoload -Uz compinit; compinit -D -u; source <(sam-rs completions zsh); PS1='ready> '"
zpty -r -m z seen '*ready> *'
zpty -w -n z $'sam-rs local invoke Ra\t'
zpty -r -m z seen '*Ratings*' && print -r -- completed
zpty -d z
"#;
    let text = shell(&project(), "zsh", &["-f", "-c", script]);
    assert!(text.contains("completed"), "{text}");
}

#[test]
fn scripts_are_for_known_shells() {
    let project = project();
    let run = |arguments: &[&str]| project.finish(project.command(arguments).spawn().unwrap());
    let script = run(&["completions", "powershell"]).success();
    assert!(script.stdout.contains("Register-ArgumentCompleter"));
    let words =
        "Invalid value for '<SHELL>': 'tcsh' is not one of 'bash', 'zsh', 'fish', 'powershell'.";
    run(&["completions", "tcsh"]).failure(2, words);
}

#[test]
fn every_command_has_a_manual_page() {
    let project = project();
    let run = |arguments: &[&str]| project.finish(project.command(arguments).spawn().unwrap());
    run(&["man-pages", "man/man1"]).success();
    let mut pages: Vec<_> = fs::read_dir(project.path().join("man/man1"))
        .unwrap()
        .flatten()
        .map(|entry| entry.file_name())
        .collect();
    pages.sort();
    assert!(
        pages.iter().any(|name| name == "sam-rs-local-invoke.1"),
        "{pages:?}"
    );
    let page = project.read("man/man1/sam-rs-local-invoke.1");
    assert!(
        page.starts_with(".ie") && page.contains("docker\\-network"),
        "{page}"
    );
    run(&["man-pages", "template.yaml"]).failure(1, "writing manual pages to ");
}
