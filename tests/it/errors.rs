//! Bad input: one clear error with a place and a way out, and nothing is started.

use crate::support::{Project, redact};

fn hello() -> Project {
    Project::python("def handler(event, context):\n    return 1\n")
}

fn template(text: &str) -> Project {
    hello().file("template.yaml", text)
}

#[test]
fn a_function_that_is_not_there() {
    let output = hello()
        .invoke(&["Helo"])
        .failure(1, "Function Helo not found in template");
    assert!(
        output
            .stderr
            .starts_with("Helo not found. Possible options in your template: ['Hello']\n")
    );
    assert!(
        output.stderr.contains("Hint: did you mean 'Hello'?"),
        "{}",
        output.stderr
    );
    let two =
        "Resources:\n  A: {Type: AWS::Lambda::Function}\n  B: {Type: AWS::Lambda::Function}\n";
    template(two).invoke(&[]).failure(
        1,
        "You must provide a function logical ID when there are more than one functions",
    );
    template("")
        .invoke(&[])
        .failure(1, "You must provide a function logical ID");
}

#[test]
fn a_template_that_cannot_be_read() {
    let project =
        template("Resources:\n  A:\n    Type: AWS::Lambda::Function\n    Properties: [\n");
    let output = project
        .invoke(&["A"])
        .failure(1, "Failed to parse template: ");
    insta::assert_snapshot!(redact(&output.stderr, &project), @"
    Error: Failed to parse template: unclosed bracket '['
     --> [PROJECT]/template.yaml:4:17
      |
    4 |     Properties: [
      |                 ^ unclosed bracket '['
    ");
    template("Resources:\n\tA: 1\n")
        .invoke(&[])
        .failure(1, "Failed to parse template: ");
    template("Foo: 1\n").invoke(&[]).failure(
        1,
        "[InvalidTemplateException(\"'Resources' section is required\")]",
    );
    template("{\"Resources\": {\"A\": }")
        .invoke(&[])
        .failure(1, "Failed to parse template: ");
    let project = hello();
    std::fs::write(project.path().join("template.yaml"), b"\xff\xfe").unwrap();
    project.invoke(&[]).failure(1, "Failed to parse template: ");
    hello()
        .invoke(&["-t", "nope.yaml"])
        .failure(1, "Template file not found at ");
}

#[test]
fn a_property_that_is_wrong_is_shown_in_its_place() {
    let project = hello().function("python1.0", "app.handler", 3);
    let output = project
        .invoke(&["Hello"])
        .failure(1, "Unsupported Lambda runtime: python1.0.");
    insta::assert_snapshot!(redact(&output.stderr, &project), @"
    Error: Unsupported Lambda runtime: python1.0. For a list of supported runtimes, please visit https://docs.aws.amazon.com/lambda/latest/dg/lambda-runtimes.html
     --> [PROJECT]/template.yaml:8:16
      |
    8 |       Runtime: python1.0
      |                ^^^^^^^^^ not a runtime that Lambda has
    ");
    hello()
        .function("python3.11", "app.handler", 3)
        .file("x", "");
    let with = |line: &str| {
        let text = "Resources:\n  Hello:\n    Type: AWS::Serverless::Function\n    Properties:\n      Runtime: python3.11\n      ";
        template(&format!("{text}{line}\n")).invoke(&["Hello"])
    };
    with("CodeUri: src").failure(1, "Could not find handler for function: Hello");
    with("{Handler: x}").failure(1, "Failed to parse template: ");
    let with = |line: &str| with(&format!("Handler: app.handler\n      {line}"));
    with("CodeUri: nowhere").failure(1, "Local code path '");
    with("CodeUri: src/app.py").failure(1, "Local code path '");
    with("CodeUri: s3://b/k").failure(
        1,
        "The resource AWS::Serverless::Function 'Hello' has specified S3 location for CodeUri",
    );
    let both = with("Timeout: soon\n      MemorySize: big").failure(1, "Failed converting");
    assert!(
        both.stderr
            .contains("Error: Invalid Number for Timeout: soon"),
        "{}",
        both.stderr
    );
    with("Timeout: soon").failure(1, "Invalid Number for Timeout: soon");
    with("MemorySize: big").failure(
        1,
        "Failed converting the string value for memory (big) to an integer.",
    );
    with("Architectures: [x86_64, arm64]").failure(
        1,
        "Function Hello property Architectures should be a list of length 1",
    );
    with("Architectures: [mips]").failure(
        1,
        "Runtime python3.11 is not supported on 'mips' architecture",
    );
}

#[test]
fn an_event_that_is_wrong() {
    let project = hello()
        .file("bad.json", "{\"a\": 1,}")
        .file("empty.json", "");
    project
        .invoke(&["-e", "bad.json"])
        .failure(1, "the event from ");
    project
        .invoke(&["-e", "empty.json"])
        .failure(1, "the event from ");
    project
        .invoke(&["-e", "nope.json"])
        .failure(1, "[Errno 2] No such file or directory: 'nope.json'");
    project
        .invoke(&["-e", "src"])
        .failure(1, "reading the event from ");
    project
        .invoke_with_input(&["-e", "-"], b"\xff")
        .failure(1, "the event from standard input is not JSON");
    let big = format!("\"{}\"", "x".repeat(6 << 20));
    project
        .invoke_with_input(&["-e", "-"], big.as_bytes())
        .failure(1, "Request must be smaller than 6291456 bytes");
}

#[test]
fn files_of_settings_that_are_wrong() {
    let project = hello().file(
        "samconfig.toml",
        "version = 0.1\n[default.global.parameters\n",
    );
    let output = project.invoke(&["Hello"]).failure(
        1,
        "[PROJECT]"
            .replace("[PROJECT]", &project.path().display().to_string())
            .as_str(),
    );
    assert!(
        output.stderr.contains("samconfig.toml:2:"),
        "{}",
        output.stderr
    );
    hello().invoke(&["--config-file", "no.toml"]).failure(
        1,
        "Config file no.toml does not exist or could not be read!",
    );
    hello().invoke(&["-n", "no.json"]).failure(
        2,
        "Invalid value for '--env-vars' / '-n': Path 'no.json' does not exist.",
    );
    hello().file("e", "[1]").invoke(&["-n", "e"]).failure(
        1,
        "Could not read environment variables overrides from file ",
    );
    hello()
        .invoke(&["-l", "no/such/dir/log"])
        .failure(1, "writing the log file ");
    hello().invoke(&["--region", "us_east_1"]).failure(
        1,
        "Provided region: us_east_1 doesn't match a supported format",
    );
    hello()
        .invoke(&["Hello", "--parameter-overrides", "junk"])
        .failure(2, "Invalid value for '--parameter-overrides': junk is not");
    hello()
        .invoke(&["--invoke-image", "Hello="])
        .failure(1, "Invalid command line image input Hello=.");
}

#[test]
fn a_command_line_that_is_wrong() {
    for (arguments, error) in [
        (&["--bogus"][..], "No such option: --bogus"),
        (&["A", "B"], "Got unexpected extra argument (B)"),
        (
            &["--pull", "often"],
            "Invalid value for '--pull': 'often' is not one of",
        ),
        (
            &["Hello", "--region"],
            "Option '--region' requires an argument.",
        ),
    ] {
        let output = hello().invoke(arguments).failure(2, error);
        let usage = "\nUsage: sam-rs local invoke [OPTIONS] [FUNCTION_LOGICAL_ID]\nTry 'sam-rs local invoke -h' for help.\n\n";
        assert!(output.stderr.starts_with(usage), "{}", output.stderr);
    }
}

#[test]
fn an_engine_that_is_not_there() {
    let project = hello();
    let run = |host: &str| {
        let mut command = project.command(&["local", "invoke", "Hello"]);
        let output = project.finish(command.env("DOCKER_HOST", host).spawn().unwrap());
        output.failure(1, "")
    };
    let output = run("unix:///nowhere/docker.sock");
    assert!(
        output
            .stderr
            .contains("Error: Running AWS SAM projects locally requires a container runtime.")
    );
    assert!(
        output.stderr.contains("unix:///nowhere/docker.sock"),
        "{}",
        output.stderr
    );
    assert!(
        run("tcp://127.0.0.1:9")
            .stderr
            .contains("requires a container runtime")
    );
    assert!(
        run("ssh://me@there")
            .stderr
            .contains("(from DOCKER_HOST) cannot be used")
    );
}

#[test]
fn an_image_that_is_not_there() {
    let project = hello();
    let output = project.invoke(&[
        "Hello",
        "--pull",
        "never",
        "--invoke-image",
        "no/such:image",
    ]);
    output.failure(
        1,
        "image no/such:image is not here, and pulling is forbidden",
    );
    let output = project.invoke(&["Hello", "--invoke-image", "127.0.0.1:9/no/such:image"]);
    let output = output.failure(
        1,
        "Could not find 127.0.0.1:9/no/such:image image locally and failed to pull it",
    );
    assert!(
        output
            .stderr
            .contains("docker save 127.0.0.1:9/no/such:image"),
        "{}",
        output.stderr
    );
}

/// Runs as a user who may do nothing in particular.
fn as_nobody(project: &Project) -> crate::support::Output {
    let command = project.command(&["local", "invoke", "Hello"]);
    let mut nobody = std::process::Command::new("setpriv");
    nobody
        .args(["--reuid=65534", "--regid=65534", "--clear-groups"])
        .arg(command.get_program());
    nobody
        .args(command.get_args())
        .current_dir(project.path())
        .env_clear();
    nobody.envs(
        command
            .get_envs()
            .filter_map(|(name, value)| Some((name, value?))),
    );
    let output = nobody.env("TMPDIR", "/nowhere").output().unwrap();
    crate::support::Output {
        stdout: String::from_utf8(output.stdout).unwrap(),
        stderr: String::from_utf8(output.stderr).unwrap(),
        code: output.status.code(),
    }
}

#[test]
fn what_the_user_may_not_do_is_told() {
    use std::os::unix::fs::PermissionsExt;
    let project = hello();
    let output =
        as_nobody(&project).failure(1, "no permission to use the container engine at unix://");
    assert!(
        output.stderr.contains("Hint: add your user to the group"),
        "{}",
        output.stderr
    );
    let closed = std::fs::Permissions::from_mode(0o700);
    std::fs::set_permissions(project.path().join("template.yaml"), closed.clone()).unwrap();
    as_nobody(&project).failure(1, "reading the template");
    let project = hello().file("code/inner/app.py", "");
    let project = project.file(
        "template.yaml",
        "Resources: {Hello: {Type: AWS::Serverless::Function, Properties: {CodeUri: code/inner, Handler: a.b, Runtime: python3.11}}}",
    );
    std::fs::set_permissions(project.path().join("code"), closed).unwrap();
    as_nobody(&project).failure(1, "Local code path '");
}

#[test]
fn a_standard_input_that_is_closed_is_an_empty_event() {
    let project = hello();
    let program = project
        .command(&[])
        .get_program()
        .to_string_lossy()
        .into_owned();
    let script = format!("{program} local invoke -e - <&-");
    let output = std::process::Command::new("sh")
        .args(["-c", &script])
        .current_dir(project.path())
        .output()
        .unwrap();
    assert_eq!(output.status.code(), Some(1));
    let stderr = String::from_utf8_lossy(&output.stderr);
    assert!(
        stderr.contains("Error: ") && stderr.contains("standard input"),
        "{stderr}"
    );
}

#[test]
fn a_configuration_that_is_wrong_is_shown_in_its_place() {
    let wrong = |text: &str| {
        let project = hello().file("samconfig.toml", text);
        let output = project.invoke(&["Hello"]);
        assert_eq!(
            (output.code, output.stdout.as_str()),
            (Some(1), ""),
            "{text}: {output:?}"
        );
        assert!(
            output.stderr.contains("samconfig.toml: "),
            "{text}: {output:?}"
        );
        output.stderr
    };
    let head = "version = 0.1\n[default.local_invoke.parameters]\n";
    assert!(wrong("[default]\n").contains("'version' key is not present"));
    assert!(wrong("version = 1\n").contains("'version' key is not present"));
    assert!(wrong(&format!("{head}event = [[1]]\n")).contains("'event' must be a list of texts"));
    assert!(
        wrong(&format!("{head}fail_on_error = 'maybe'\n"))
            .contains("'fail_on_error' must be true or false")
    );
    assert!(
        wrong(&format!("{head}invoke_image = [[1]]\n"))
            .contains("'invoke_image' must be a list of texts")
    );
    assert!(wrong(&format!("{head}parameter_overrides = 'x'\n")).contains("'x' is none"));
    assert!(wrong(&format!("{head}event = 'a'\nevent = 'b'\n")).contains("duplicate key"));
    assert!(wrong("version = 0.1\nx = \u{1}\n").contains("samconfig.toml:2:"));
}

#[test]
fn values_that_cannot_end_are_errors_or_warnings_in_time() {
    let function = "Type: AWS::Lambda::Function, Properties: {Code: src, Handler: app.handler, Runtime: python3.11";
    let circle = format!(
        "Resources:\n  Hello: {{{function}, FunctionName: !Sub '${{Hello}}-${{Hello}}'}}}}\n"
    );
    template(&circle).invoke(&["Hello"]).failure(
        1,
        "Function 'Hello': its FunctionName is ignored: it leads to itself: Hello -> Hello",
    );
    for text in [
        "[".repeat(200_000),
        "{\"a\":".repeat(200_000),
        "- ".repeat(100_000),
        "a: &a [*a]".to_owned(),
    ] {
        template(&text).invoke(&["Hello"]).failure(1, "");
    }
}
