//! Real clients against the Invoke API: AWS CLI v2 and v1, boto3, the AWS SDK for JavaScript. They are those that
//! `dev/setup` installs.

use std::path::{Path, PathBuf};
use std::process::{Command, Output};

use crate::invoke_api::project;
use crate::support::server::Server;
use crate::support::{Project, root};

/// The clients' directory.
fn clients() -> PathBuf {
    let cache = std::env::var_os("XDG_CACHE_HOME").map(PathBuf::from);
    let home = || PathBuf::from(std::env::var_os("HOME").unwrap()).join(".cache");
    let path = cache.unwrap_or_else(home).join("sam-rs-dev/clients-1");
    assert!(
        path.join(".complete").exists(),
        "{} is missing: run dev/setup",
        path.display()
    );
    path
}

fn server(functions: &[&str]) -> Server {
    Server::start(
        project(),
        &[functions, &["--warm-containers", "LAZY"]].concat(),
    )
}

fn run(command: &mut Command) -> (Output, String, String) {
    let output = command
        .env("AWS_ACCESS_KEY_ID", "any")
        .env("AWS_SECRET_ACCESS_KEY", "any")
        .env("AWS_DEFAULT_REGION", "us-east-1")
        .env("AWS_PAGER", "")
        .output()
        .unwrap();
    let text = |bytes: &[u8]| String::from_utf8_lossy(bytes).into_owned();
    let (stdout, stderr) = (text(&output.stdout), text(&output.stderr));
    (output, stdout, stderr)
}

/// The sessions of AWS's documentation: <https://docs.aws.amazon.com/lambda/latest/dg/invocation-sync.html>.
fn documented_sessions(aws: &Path, binary: &[&str]) {
    let server = server(&["Echo", "Raise", "Logs"]);
    let file = server.project.path().join("response.json");
    let url = server.url();
    let invoke = |function: &str, arguments: &[&str]| {
        let own = ["--endpoint-url", &url, "--function-name", function];
        let mut command = Command::new(aws);
        command.args(["lambda", "invoke"]).args(own);
        run(command.args(binary).args(arguments).arg(&file))
    };
    let status = |(_, stdout, stderr): &(Output, String, String)| {
        serde_json::from_str::<serde_json::Value>(stdout)
            .unwrap_or_else(|error| panic!("{error}: {stdout} {stderr}"))["StatusCode"]
            .clone()
    };
    let (output, stdout, stderr) = invoke("Echo", &["--payload", "{ \"name\": \"Bob\" }"]);
    assert!(output.status.success(), "{stderr}");
    let said: serde_json::Value = serde_json::from_str(&stdout).unwrap();
    assert_eq!(
        said,
        serde_json::json!({"StatusCode": 200, "ExecutedVersion": "$LATEST"})
    );
    assert_eq!(
        std::fs::read_to_string(&file).unwrap(),
        "{\"name\": \"Bob\"}"
    );

    let (_, stdout, _) = invoke("Raise", &["--payload", "{}"]);
    assert!(
        stdout.contains("\"FunctionError\": \"Unhandled\""),
        "{stdout}"
    );

    let answer = invoke("Echo", &["--payload", "{}", "--invocation-type", "Event"]);
    assert_eq!(status(&answer), 202);
    assert_eq!(
        status(&invoke("Echo", &["--invocation-type", "DryRun"])),
        204
    );

    let tail = "--log-type Tail --query LogResult --output text";
    let tail: Vec<_> = tail.split(' ').collect();
    let (_, stdout, stderr) = invoke("Logs", &tail);
    let log = base64::Engine::decode(&base64::prelude::BASE64_STANDARD, stdout.trim());
    let log = String::from_utf8(log.unwrap_or_else(|error| panic!("{error}: {stdout} {stderr}")))
        .unwrap();
    assert!(
        log.contains("line 0399\nEND RequestId: ") && log.contains("\tMax Memory Used: "),
        "{log}"
    );

    let (output, _, stderr) = invoke("Echo", &["--payload", "value"]);
    assert!(!output.status.success());
    let words = "An error occurred (InvalidRequestContentException) when calling the Invoke operation: Could not parse request \
                 body into json: Unrecognized token 'value': was expecting ('true', 'false' or 'null')\n at [Source: \
                 (byte[])\"value\"; line: 1, column: 11]";
    assert!(stderr.contains(words), "{stderr}");

    let (output, _, stderr) = invoke("Nope", &[]);
    assert!(!output.status.success());
    assert!(stderr.contains("An error occurred (ResourceNotFoundException) when calling the Invoke operation: Function not found: "), "{stderr}");
    server.stop("-INT").success();
}

#[test]
fn aws_cli_2_finds_what_is_documented() {
    documented_sessions(
        Path::new("/usr/bin/aws"),
        &["--cli-binary-format", "raw-in-base64-out"],
    );
}

#[test]
fn aws_cli_1_finds_what_is_documented() {
    documented_sessions(&clients().join("bin/aws"), &[]);
}

#[test]
fn boto3_does_all_that_it_does_with_the_service() {
    let server = Server::start(project(), &["--warm-containers", "LAZY"]);
    let mut command = Command::new(clients().join("bin/python"));
    command
        .arg(root().join("testdata/clients/client.py"))
        .arg(server.url());
    let (output, stdout, stderr) = run(&mut command);
    assert!(output.status.success(), "{stdout}{stderr}");
    server.stop("-INT").success();
}

#[test]
fn the_sdk_for_javascript_invokes_and_reads_streams() {
    let server = server(&["Echo", "Raise", "Stream"]);
    let clients = clients();
    let node = clients.with_file_name("ric-node22-1").join("node");
    let node = if node.exists() {
        node
    } else {
        PathBuf::from("node")
    };
    let mut command = Command::new(node);
    command.arg(root().join("testdata/clients/client.mjs"));
    command
        .arg(clients.join("js/node_modules"))
        .arg(server.url());
    let (output, stdout, stderr) = run(&mut command);
    assert!(output.status.success(), "{stdout}{stderr}");
    server.stop("-INT").success();
}

/// README's sessions, line by line; `…` stands for anything in a line.
#[test]
fn the_sessions_that_readme_shows_are_what_happens() {
    let project = Project::copy_of("examples/ratings");
    let server = Server::start(project, &["--warm-containers", "LAZY"]);
    let page = std::fs::read_to_string(root().join("README.md")).unwrap();
    let block = page.split("```console\n").nth(1).unwrap();
    let block = block.split("```").next().unwrap();
    let sessions: Vec<_> = block.split("\n$ ").collect();
    assert!(sessions.len() > 5, "{block}");
    for session in sessions {
        let session = session.trim_start_matches("$ ");
        let (line, expected) = session.split_once('\n').unwrap();
        let line = line.replace("http://127.0.0.1:3001", &server.url());
        // Version 2 is the distribution's.
        let path = format!("/usr/bin:{}", std::env::var("PATH").unwrap());
        let mut shell = Command::new("sh");
        shell
            .env("PATH", path)
            .args(["-c", &format!("{{ {line}; }} 2>&1")])
            .current_dir(server.project.path());
        let (_, stdout, _) = run(&mut shell);
        let said: Vec<_> = stdout.lines().filter(|line| !line.is_empty()).collect();
        let expected: Vec<_> = expected.lines().collect();
        assert_eq!(said.len(), expected.len(), "{line}\n{stdout}");
        for (said, expected) in said.iter().map(|line| line.trim_end()).zip(expected) {
            assert!(is_like(said, expected), "{line}: {said:?} for {expected:?}");
        }
    }
    server.stop("-INT").success();
}

fn is_like(text: &str, pattern: &str) -> bool {
    let mut parts = pattern.split('…');
    let Some(mut rest) = text.strip_prefix(parts.next().unwrap()) else {
        return false;
    };
    for part in parts {
        let Some((_, after)) = rest.split_once(part) else {
            return false;
        };
        rest = if part.is_empty() { "" } else { after };
    }
    rest.is_empty()
}
