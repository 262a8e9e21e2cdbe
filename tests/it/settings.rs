//! Where values come from: command line, environment, configuration file, default.

use crate::support::Project;

const SHOW: &str = "
import os
def handler(event, context):
    names = ['A', 'B', 'C', 'D', 'E', 'AWS_REGION', 'AWS_DEFAULT_REGION', 'AWS_ACCOUNT_ID', 'AWS_ACCESS_KEY_ID', 'AWS_SAM_LOCAL',
             'AWS_LAMBDA_FUNCTION_NAME', 'AWS_LAMBDA_LOG_GROUP_NAME', 'AWS_LAMBDA_FUNCTION_MEMORY_SIZE', '_HANDLER',
             'AWS_LAMBDA_RUNTIME_API', 'AWS_EXECUTION_ENV', 'AWS_SESSION_TOKEN']
    return {'env': {n: os.environ.get(n) for n in names}, 'event': event}
";
const TEMPLATE: &str = "
Parameters:
  Stage: {Type: String, Default: dev}
Resources:
  Hello:
    Type: AWS::Serverless::Function
    Properties:
      CodeUri: src
      Handler: app.handler
      Runtime: python3.11
      Timeout: 10
      Environment:
        Variables: {A: template, B: !Ref Stage, AWS_LAMBDA_RUNTIME_API: 'stolen:1', C: !GetAtt Other.StreamArn}
";

fn project() -> Project {
    Project::python(SHOW).file("template.yaml", TEMPLATE)
}

fn env(project: &Project, arguments: &[&str], variables: &[(&str, &str)]) -> serde_json::Value {
    let mut command = project.command(&[&["local", "invoke", "Hello"], arguments].concat());
    let child = command.envs(variables.iter().copied()).spawn().unwrap();
    project.finish(child).success().json()["env"].clone()
}

#[test]
fn the_service_s_variables_are_there() {
    let env = env(&project(), &[], &[]);
    for (name, value) in [
        ("AWS_REGION", "us-east-1"),
        ("AWS_DEFAULT_REGION", "us-east-1"),
        ("AWS_ACCOUNT_ID", "123456789012"),
        ("AWS_ACCESS_KEY_ID", "defaultkey"),
        ("AWS_SAM_LOCAL", "true"),
        ("AWS_LAMBDA_FUNCTION_NAME", "Hello"),
        ("AWS_LAMBDA_LOG_GROUP_NAME", "/aws/lambda/Hello"),
        ("AWS_LAMBDA_FUNCTION_MEMORY_SIZE", "128"),
        ("_HANDLER", "app.handler"),
        ("AWS_LAMBDA_RUNTIME_API", "127.0.0.1:9001"),
        ("AWS_EXECUTION_ENV", "AWS_Lambda_python3.11"),
        ("A", "template"),
        ("B", "dev"),
        ("C", ""),
    ] {
        assert_eq!(env[name], value, "{name}");
    }
    assert!(env["AWS_SESSION_TOKEN"].is_null());
}

#[test]
fn shell_and_file_lie_over_the_template() {
    let project = project().file(
        "env.json",
        r#"{"Parameters": {"A": "common", "B": 1.50}, "Hello": {"A": null, "D": "x"}}"#,
    );
    let shell = env(
        &project,
        &[],
        &[
            ("A", "shell"),
            ("D", "not declared"),
            ("AWS_REGION", "eu-west-1"),
        ],
    );
    assert_eq!(
        (shell["A"].as_str(), shell["AWS_REGION"].as_str()),
        (Some("shell"), Some("eu-west-1"))
    );
    let file = env(&project, &["-n", "env.json"], &[("A", "shell")]);
    assert_eq!(
        (file["A"].as_str(), file["B"].as_str()),
        (None, Some("1.5"))
    );
}

#[test]
fn a_variable_that_cannot_be_resolved_is_named_once() {
    let output = project().invoke(&["Hello"]).success();
    let warnings: Vec<_> = output
        .stderr
        .lines()
        .filter(|line| line.starts_with("Warning: "))
        .collect();
    let [unresolved, reserved] = warnings.as_slice() else {
        panic!("{warnings:?}")
    };
    let text =
        "Warning: Function 'Hello': variable 'C' is empty: only a deployed stack knows 'StreamArn'";
    assert!(unresolved.starts_with(text), "{unresolved}");
    assert!(
        reserved.contains("'AWS_LAMBDA_RUNTIME_API' cannot be set"),
        "{reserved}"
    );
}

#[test]
fn the_command_line_lies_over_environment_and_file() {
    let config = "version = 0.1\n[default.global.parameters]\nregion = 'eu-north-1'\n\
                  [default.local_invoke.parameters]\nparameter_overrides = 'Stage=file'\n\
                  [prod.local_invoke.parameters]\nparameter_overrides = ['Stage=prod']\n";
    let project = project().file("samconfig.toml", config);
    let plain = env(&project, &[], &[]);
    assert_eq!(
        (plain["B"].as_str(), plain["AWS_REGION"].as_str()),
        (Some("file"), Some("eu-north-1"))
    );
    assert_eq!(env(&project, &["--config-env", "prod"], &[])["B"], "prod");
    let given = env(
        &project,
        &[
            "--region",
            "ap-south-1",
            "--parameter-overrides",
            "Stage=cli",
        ],
        &[],
    );
    assert_eq!(
        (given["B"].as_str(), given["AWS_REGION"].as_str()),
        (Some("cli"), Some("ap-south-1"))
    );
}

#[test]
fn the_template_is_found_as_sam_finds_it() {
    let project = project().file(
        "other/t.yaml",
        &TEMPLATE.replace("src", "../src").replace("dev", "other"),
    );
    assert_eq!(env(&project, &["-t", "other/t.yaml"], &[])["B"], "other");
    assert_eq!(
        env(&project, &["--template", "other/t.yaml"], &[])["B"],
        "other"
    );
    assert_eq!(
        env(&project, &[], &[("SAM_TEMPLATE_FILE", "other/t.yaml")])["B"],
        "other"
    );
}

#[test]
fn credentials_reach_the_function_and_no_log() {
    let keys = [
        ("AWS_ACCESS_KEY_ID", "AKIASECRET"),
        ("AWS_SECRET_ACCESS_KEY", "s3cr3t"),
        ("AWS_SESSION_TOKEN", "t0k3n"),
    ];
    let project = project();
    let mut command = project.command(&["local", "invoke", "Hello", "--debug"]);
    let output = project
        .finish(command.envs(keys).spawn().unwrap())
        .success();
    assert_eq!(output.json()["env"]["AWS_SESSION_TOKEN"], "t0k3n");
    for (_, secret) in keys {
        assert!(!output.stderr.contains(secret), "{}", output.stderr);
    }
    assert!(output.stderr.contains("DEBUG"), "{}", output.stderr);
}

#[test]
fn no_event_is_an_empty_object() {
    let output = project().invoke(&["Hello", "--no-event"]).success();
    assert_eq!(output.json()["event"], serde_json::json!({}));
}

#[test]
fn the_example_configuration_names_known_keys() {
    let text =
        std::fs::read_to_string(crate::support::root().join("samconfig.toml.example")).unwrap();
    let project = project()
        .file("samconfig.toml", &text)
        .file("events/event.json", "{}")
        .file("env.json", "{}");
    let output = project.invoke(&["Hello", "--event", "events/event.json"]);
    assert_eq!(output.code, Some(0), "{output:?}");
}

#[test]
fn the_example_configuration_names_every_key() {
    let path = crate::support::root().join("samconfig.toml.example");
    let text = std::fs::read_to_string(path).unwrap();
    let is_setting = |line: &&str| {
        let key = line.split(" =").next().unwrap_or_default();
        line.contains(" = ")
            && key
                .bytes()
                .all(|byte| byte.is_ascii_lowercase() || byte == b'_')
    };
    // Everything that is there as a comment is meant to be used.
    let used: String = text
        .lines()
        .map(|line| {
            line.strip_prefix("# ")
                .filter(is_setting)
                .unwrap_or(line)
                .to_owned()
                + "\n"
        })
        .collect();
    let project = Project::new().file("samconfig.toml", &used);
    let mut command = sam_rs::cli::command();
    command.build();
    let local = command.find_subcommand("local").unwrap();
    let invoke: fn() -> Vec<String> = sam_rs::cli::keys::<sam_rs::cli::InvokeArgs>;
    let serve = sam_rs::cli::keys::<sam_rs::cli::StartLambdaArgs>;
    for (name, section, keys) in [
        ("invoke", "local_invoke", invoke),
        ("start-lambda", "local_start_lambda", serve),
    ] {
        let config =
            sam_rs::settings::Config::load(None, project.path(), "default", (section, keys))
                .unwrap();
        assert!(config.notes.is_empty(), "{:?}", config.notes);
        let command = local.find_subcommand(name).unwrap();
        for argument in command.get_arguments().filter(|one| !one.is_hide_set()) {
            let Some(long) = argument.get_long() else {
                continue;
            };
            let key = long.replace('-', "_");
            if !matches!(
                key.as_str(),
                "help" | "config_file" | "config_env" | "save_params"
            ) {
                assert!(
                    used.contains(&format!("\n{key} = ")),
                    "{key} is not in the example"
                );
            }
        }
    }
}

#[test]
fn overrides_come_from_files_too() {
    let project = project()
        .file("values.yaml", "Stage: from-yaml\n")
        .file("conf/values.toml", "\"$include\" = 'file://more.yml'\n")
        .file("conf/more.yml", "- Stage=from-more\n")
        .file("circle.yaml", "$include: file://circle.yaml\n")
        .file("values.json", "{}");
    let stage = |tokens: &[&str]| {
        let arguments = [&["--parameter-overrides"], tokens].concat();
        env(&project, &arguments, &[])["B"].clone()
    };
    assert_eq!(stage(&["file://values.yaml"]), "from-yaml");
    assert_eq!(stage(&["file://values.yaml", "Stage=later"]), "later");
    assert_eq!(
        stage(&["Stage=sooner", "file://conf/values.toml"]),
        "from-more"
    );
    for (token, error) in [
        (
            "file://nowhere.yaml",
            "file://nowhere.yaml was not found or is a directory",
        ),
        (
            "file://values.json",
            "file://values.json uses an unsupported extension",
        ),
        (
            "file://circle.yaml",
            "Infinite recursion detected in file references: ",
        ),
    ] {
        let output = project.invoke(&["Hello", "--parameter-overrides", token]);
        let text = format!("Invalid value for '--parameter-overrides': {error}");
        output.failure(2, &text);
    }
}

#[test]
fn configuration_may_be_yaml() {
    let yaml = "version: 0.1\ndefault:\n  local_invoke:\n    parameters:\n      parameter_overrides: {Stage: yaml}\n";
    let project = project().file("samconfig.yaml", yaml);
    assert_eq!(env(&project, &[], &[])["B"], "yaml");
    let project = project.file("samconfig.yml", "nonsense: [");
    let output = project.invoke(&["Hello"]).success();
    assert!(
        output
            .stderr
            .contains("More than one samconfig file found; using samconfig.yaml."),
        "{}",
        output.stderr
    );
    let json = project.file("x.json", "{}");
    json.invoke(&["Hello", "--config-file", "x.json"])
        .failure(1, "The config file ");
    let broken = json.invoke(&["Hello", "--config-file", "samconfig.yml"]);
    assert!(
        broken.stderr.contains("samconfig.yml:1:11"),
        "{}",
        broken.stderr
    );
}

#[test]
fn parameters_are_checked_and_secrets_are_not_shown() {
    let parameters = "Parameters:\n  Stage: {Type: String, AllowedValues: [dev, prod]}\n  \
                      Key: {Type: String, NoEcho: true, MinLength: 8}\n";
    let text = TEMPLATE.replace(
        "Parameters:\n  Stage: {Type: String, Default: dev}\n",
        parameters,
    );
    let project = project().file("template.yaml", &text);
    let output = project.invoke(&["Hello", "--parameter-overrides", "Stage=tset Key=hunter2"]);
    let output = output.failure(
        1,
        "Parameter 'Stage' must be one of AllowedValues (dev, prod), not 'tset'",
    );
    assert!(
        output
            .stderr
            .contains("Error: Parameter 'Key' must have a length of 8 at least\n"),
        "{}",
        output.stderr
    );
    assert!(!output.stderr.contains("hunter2"), "{}", output.stderr);
    let output = project.invoke(&["Hello", "--parameter-overrides", "Stage=dev Stgae=dev"]);
    let warning =
        "Warning: parameter 'Stgae' is given a value, and the template does not declare it";
    assert!(output.success().stderr.contains(warning));
}

#[test]
fn proxies_of_the_docker_cli_reach_the_function() {
    let code = "import os\ndef handler(event, context):\n    return {n: os.environ.get(n) for n in ['http_proxy', 'NO_PROXY']}\n";
    let project = Project::python(code).file(
        "docker/config.json",
        r#"{"proxies": {"default": {"httpProxy": "http://proxy.invalid:1"}}}"#,
    );
    let mut command = project.command(&["local", "invoke", "Hello"]);
    let docker = project.path().join("docker");
    let child = command.env("DOCKER_CONFIG", docker).spawn().unwrap();
    let output = project.finish(child).success();
    assert_eq!(output.json()["http_proxy"], "http://proxy.invalid:1");
    assert_eq!(output.json()["NO_PROXY"], "127.0.0.1,localhost");
}

#[test]
fn variables_can_be_given_one_by_one() {
    let project = project()
        .file("env.json", r#"{"Parameters": {"A": "json", "B": "json"}}"#)
        .file("more.env", "B=file\nC='of the file'\n");
    let arguments = [
        "-n",
        "env.json",
        "--env-file",
        "more.env",
        "--env",
        "C=a=b",
        "--env",
        "D",
        "--env",
        "E",
    ];
    let env = env(&project, &arguments, &[("D", "shell")]);
    assert_eq!((&env["A"], &env["B"]), (&"json".into(), &"file".into()));
    assert_eq!((&env["C"], &env["D"]), (&"a=b".into(), &"shell".into()));
    assert!(env["E"].is_null());
    for (arguments, error) in [
        (
            ["--env", "=x"],
            "Invalid value for '--env': '=x' is neither NAME=VALUE nor NAME.",
        ),
        (
            ["--env-file", "nope"],
            "Invalid value for '--env-file': Path 'nope' does not exist.",
        ),
    ] {
        project.invoke(&arguments).failure(2, error);
    }
}

#[test]
fn what_a_configuration_has_in_vain_is_told() {
    let config = "version = 0.1\n[default.global.parameters]\nstack_name = 'x'\n[default.local_invoke.parameters]\n\
                  function_logical_id = 'Hello'\ndebug-prot = 1\nparameter-overrides = 'Stage=x'\nelsewhere = 2\n";
    let project = project().file("samconfig.toml", config);
    let output = project.invoke(&[]).success();
    let told: Vec<_> = output
        .stderr
        .lines()
        .filter_map(|line| line.split_once("samconfig.toml:"))
        .map(|(_, told)| told)
        .collect();
    assert_eq!(
        told,
        [
            "6: 'debug-prot' is no setting of this command; did you mean 'debug_port'?",
            "7: 'parameter-overrides' is no setting of this command; did you mean 'parameter_overrides'?",
            "8: 'elsewhere' is no setting of this command",
        ]
    );
    let output = project.invoke(&["Hello", "--config-env", "prod"]).success();
    let text = "samconfig.toml has no environment 'prod', only 'default'\n";
    assert!(output.stderr.contains(text), "{}", output.stderr);
}

#[test]
fn what_the_command_line_says_can_be_kept() {
    let project = project()
        .file("samconfig.toml", "# ours\nversion = 0.1\n")
        .file("e.json", "1");
    let output = project.invoke(&[
        "Hello",
        "-e",
        "e.json",
        "--parameter-overrides",
        "Stage=kept",
        "Other=x",
        "--no-memory-limit",
        "--save-params",
    ]);
    let stderr = output.success().stderr;
    let told = "Saved parameters to config file 'samconfig.toml' under environment 'default': {'function_logical_id': 'Hello', \
                'event': 'e.json', 'parameter_overrides': '***', 'no_memory_limit': True}\n";
    assert!(stderr.contains(told), "{stderr}");
    let file = project.read("samconfig.toml");
    assert!(file.starts_with("# ours\nversion = 0.1\n"), "{file}");
    let again = project.invoke(&[]).success().json();
    assert_eq!(
        (&again["event"], &again["env"]["B"]),
        (&1.into(), &"kept".into())
    );
    project
        .invoke(&["Hello", "--save-params", "--config-file", "other.yaml"])
        .failure(1, "Config file other.yaml does not exist");
}

#[test]
fn where_a_variable_comes_from_is_told_and_never_its_value() {
    let file = r#"{"Hello": {"D": "secret-file"}}"#;
    let project = project().file("env.json", file);
    let arguments = [
        "Hello",
        "--debug",
        "-n",
        "env.json",
        "--env",
        "E=secret-given",
    ];
    let mut command = project.command(&[&["local", "invoke"], &arguments[..]].concat());
    command
        .env("B", "secret-shell")
        .env("AWS_SECRET_ACCESS_KEY", "secret-key");
    command.env("AWS_ACCESS_KEY_ID", "secret-id");
    let output = project.finish(command.spawn().unwrap()).success();
    for (name, from) in [
        ("A", "the template"),
        ("B", "the shell"),
        ("D", "--env-vars"),
        ("E", "--env or --env-file"),
        ("AWS_SECRET_ACCESS_KEY", "Lambda"),
    ] {
        let line = format!("variable name=\"{name}\" from={from}");
        assert!(output.stderr.contains(&line), "{line}: {}", output.stderr);
    }
    assert!(!output.stderr.contains("secret-"), "{}", output.stderr);
}

#[test]
fn settings_that_nobody_looks_for_are_told() {
    let project = project();
    for (text, words) in [
        (
            "[default.local_invoke]\nregion = 'x'\n",
            "samconfig.toml:3: 'default.local_invoke.region' is not below 'parameters'",
        ),
        (
            "[default.local-invoke.parameters]\nregion = 'x'\n",
            "'default.local-invoke' is no section of this command",
        ),
        (
            "[default.invoke.parameters]\nregion = 'x'\n",
            "'default.invoke' is no section of this command",
        ),
        (
            "[default.parameters]\nregion = 'x'\n",
            "'default.parameters' is no section of a command",
        ),
        (
            "[local_invoke.parameters]\nregion = 'x'\n",
            "'local_invoke' is below no environment",
        ),
        (
            "region = 'x'\n",
            "samconfig.toml:2: 'region' is in no section",
        ),
        (
            "[defualt.local_invoke.parameters]\nregion = 'x'\n",
            "there is no environment 'default', but 'defualt'",
        ),
    ] {
        let project = Project::copy_of("examples/ratings")
            .file("samconfig.toml", &format!("version = 0.1\n{text}"));
        let output = project.invoke(&["Nope"]);
        assert!(output.stderr.contains(words), "{text}: {}", output.stderr);
        assert!(
            output
                .stderr
                .contains("; settings belong below [default.local_invoke.parameters]"),
            "{}",
            output.stderr
        );
    }
    for fine in [
        "[default.local_start_api.parameters]\nport = 1\n",
        "[default.global.parameters]\nregion = 'eu-west-1'\n[other.deploy.parameters]\nx = 1\n",
    ] {
        let project = Project::copy_of("examples/ratings")
            .file("samconfig.toml", &format!("version = 0.1\n{fine}"));
        let output = project.invoke(&["Nope"]);
        assert!(
            !output.stderr.contains("Warning"),
            "{fine}: {}",
            output.stderr
        );
    }
    drop(project);
}

#[test]
fn lines_of_variables_that_say_nothing_are_told_by_their_number() {
    let project = project().file("v.env", "A=1\n# fine\n\nsecret words\nexport B=2\n=bad\n");
    for option in ["--env-file", "-n"] {
        let output = project.invoke(&["Hello", option, "v.env"]).success();
        for line in [4, 6] {
            let text = format!("v.env:{line}: the line is no NAME=VALUE, and is passed over");
            assert!(output.stderr.contains(&text), "{}", output.stderr);
        }
        assert!(!output.stderr.contains("secret"), "{}", output.stderr);
    }
    let output = project.invoke(&["Hello", "--env", "NOWHERE"]).success();
    assert!(
        output
            .stderr
            .contains("--env NOWHERE: the shell has no such variable"),
        "{}",
        output.stderr
    );
}

#[test]
fn a_file_that_does_not_come_keeps_no_signal_waiting() {
    let project = project();
    let pipe = project.path().join("pipe.toml");
    assert!(
        std::process::Command::new("mkfifo")
            .arg(&pipe)
            .status()
            .unwrap()
            .success()
    );
    for arguments in [
        ["--config-file", "pipe.toml"],
        ["-n", "pipe.toml"],
        ["--env-file", "pipe.toml"],
    ] {
        let child = project.start(&[&["Hello"][..], &arguments].concat());
        std::thread::sleep(std::time::Duration::from_millis(300));
        let begun = std::time::Instant::now();
        let pid = child.id().to_string();
        std::process::Command::new("kill")
            .args(["-TERM", &pid])
            .status()
            .unwrap();
        let output = project.finish(child);
        assert_eq!(output.code, Some(143), "{arguments:?}: {output:?}");
        assert!(begun.elapsed() < std::time::Duration::from_secs(3));
    }
}

#[test]
fn what_is_kept_shows_no_secrets_and_stays_where_the_configuration_is() {
    let project = project();
    let output = project
        .invoke(&[
            "Hello",
            "--env",
            "A=secret",
            "--parameter-overrides",
            "Stage=secret",
            "--save-params",
        ])
        .success();
    assert!(
        output.stderr.contains("'env': '***'") && !output.stderr.contains("secret"),
        "{}",
        output.stderr
    );
    let output = project
        .invoke_with_input(&["Hello", "-e", "-", "--save-params"], b"{}")
        .success();
    assert!(output.stderr.contains("Saved"), "{}", output.stderr);
    assert!(project.read("samconfig.toml").contains("event = \"-\"\n"));
    let yaml = self::project().file("samconfig.yaml", "version: 0.1\n");
    yaml.invoke(&["Hello", "--save-params"])
        .failure(1, "--save-params writes TOML only");
    let windows = self::project().file("samconfig.toml", "\u{feff}version = 0.1\r\n# ours\r\n[default]\r\nlocal_invoke = {parameters = {region = 'eu-west-1'}}\r\n");
    windows
        .invoke(&["Hello", "--skip-pull-image", "--save-params"])
        .success();
    let saved = windows.read("samconfig.toml");
    assert!(
        saved.starts_with("\u{feff}version = 0.1\r\n# ours\r\n")
            && !saved.replace("\r\n", "").contains('\n'),
        "{saved:?}"
    );
    assert!(
        saved.contains("skip_pull_image = true") && saved.contains("eu-west-1"),
        "{saved}"
    );
}
