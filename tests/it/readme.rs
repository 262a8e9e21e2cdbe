//! README's commands work, and what it names is there.

use crate::support::{Project, root};

fn readme() -> String {
    std::fs::read_to_string(root().join("README.md")).unwrap()
}

/// The commands of README's blocks for a shell.
fn commands() -> Vec<String> {
    let mut commands = Vec::new();
    for block in readme().split("```sh\n").skip(1) {
        let block = block.split("```").next().unwrap().replace("\\\n", " ");
        commands.extend(
            block
                .lines()
                .map(str::trim)
                .filter(|line| !line.is_empty())
                .map(str::to_owned),
        );
    }
    commands
}

#[test]
fn every_command_that_runs_the_program_works() {
    let commands = commands();
    let mut tried = 0;
    for command in &commands {
        let ours = command.replace("cargo run --release --", "sam-rs");
        if !ours.contains("sam-rs local") {
            continue;
        }
        tried += 1;
        // The examples' own directory is where a reader stands who has changed to a project.
        let project = Project::copy_of(".");
        let directory = if ours.contains("examples/") {
            "."
        } else {
            "examples/ratings"
        };
        let program = project.command(&[]).get_program().to_owned();
        let script = ours.replace(
            "sam-rs local",
            &format!("{} local", program.to_string_lossy()),
        );
        let mut shell = project.command(&[]);
        let mut command = std::process::Command::new("sh");
        command
            .args(["-c", &script])
            .current_dir(project.path().join(directory))
            .env_clear();
        command.envs(
            shell
                .get_envs()
                .filter_map(|(name, value)| Some((name.to_owned(), value?.to_owned()))),
        );
        shell.stdin(std::process::Stdio::null());
        let output = command.output().unwrap();
        let stderr = String::from_utf8_lossy(&output.stderr);
        assert!(output.status.success(), "{ours}: {stderr}");
        assert!(!output.stdout.is_empty(), "{ours}: {stderr}");
    }
    assert!(
        tried >= 2,
        "README shows how to run a function: {commands:?}"
    );
}

#[test]
fn setup_and_tests_are_the_commands_that_are_there() {
    let commands = commands();
    for name in ["dev/setup", "dev/test"] {
        assert!(
            commands.iter().any(|command| command == name),
            "{name} in {commands:?}"
        );
        assert!(root().join(name).exists(), "{name}");
    }
}
