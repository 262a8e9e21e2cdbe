//! README's commands work, and what it names is there.

use std::collections::BTreeSet;
use std::fmt::Write;

use crate::support::{Project, root};

/// Set, README's made parts are written instead of compared.
const UPDATE: &str = "SAM_RS_UPDATE_README";

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

/// The options of a command as a table, from the program's own description of them; without those of another command.
fn options(path: &[&str], but: &[&str]) -> String {
    let mut root = sam_rs::cli::command();
    root.build();
    let find = |path: &[&str]| {
        path.iter().fold(&root, |command, name| {
            command.find_subcommand(name).unwrap()
        })
    };
    let (command, other) = (find(path), find(but));
    let shown: Vec<_> = command
        .get_arguments()
        .filter(|argument| !argument.is_hide_set() && argument.get_id() != "help")
        .filter(|argument| {
            other
                .get_arguments()
                .all(|one| one.get_id() != argument.get_id())
        })
        .collect();
    let mut table = "| option | what it does |\n|---|---|\n".to_owned();
    let mut headings = Vec::new();
    for argument in &shown {
        let heading = argument.get_help_heading().unwrap_or_default();
        if !headings.contains(&heading) {
            headings.push(heading);
        }
    }
    for heading in headings {
        let _ = writeln!(table, "| **{heading}** | |");
        let own = shown
            .iter()
            .filter(|argument| argument.get_help_heading().unwrap_or_default() == heading);
        for argument in own {
            let mut names: Vec<_> = argument
                .get_short()
                .map(|letter| format!("-{letter}"))
                .into_iter()
                .collect();
            let long = argument.get_long_and_visible_aliases().unwrap_or_default();
            names.extend(long.iter().map(|name| format!("--{name}")));
            let value = argument.get_value_names().map(|names| names[0].to_string());
            let value = value.filter(|_| argument.get_action().takes_values());
            if let Some(value) = value {
                match names.last_mut() {
                    Some(last) => *last = format!("{last} {value}"),
                    None => names.push(value),
                }
            }
            let names: Vec<_> = names.iter().map(|name| format!("`{name}`")).collect();
            let help = argument.get_help().unwrap().to_string().replace('|', "\\|");
            let _ = writeln!(table, "| {} | {help} |", names.join(", "));
        }
    }
    table
}

/// The reasons for which command lines end in another way than with SAM CLI.
fn differences() -> String {
    let page = std::fs::read_to_string(root().join("testdata/command-lines/DIFFERENCES.md"));
    let page = page.unwrap();
    let reasons: BTreeSet<_> = page
        .lines()
        .filter_map(|line| line.strip_prefix("- ")?.split_once(": "))
        .map(|(_, reason)| reason)
        .collect();
    let lines: Vec<_> = reasons
        .iter()
        .map(|reason| {
            format!(
                "- {reason}
"
            )
        })
        .collect();
    lines.concat()
}

#[test]
fn what_is_made_of_the_code_is_as_the_code_is() {
    let mut page = readme();
    for (name, made) in [
        (
            "options of local invoke",
            options(&["local", "invoke"], &[]),
        ),
        (
            "options of local start-lambda",
            options(&["local", "start-lambda"], &["local", "invoke"]),
        ),
        ("differences of command lines", differences()),
    ] {
        let begin = format!("<!-- made: {name} -->\n");
        let (before, rest) = page.split_once(&begin).unwrap();
        let (_, after) = rest.split_once("<!-- end -->").unwrap();
        page = format!("{before}{begin}{made}{}{after}", "<!-- end -->");
    }
    if std::env::var_os(UPDATE).is_some() {
        std::fs::write(root().join("README.md"), page).unwrap();
        return;
    }
    assert!(
        page == readme(),
        "`{UPDATE}=1 cargo test readme` makes README's tables anew"
    );
}
