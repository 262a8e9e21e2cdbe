//! Options of the container, seen from inside.

use serde_json::json;

use crate::support::Project;

#[test]
fn names_and_name_servers_are_known_inside() {
    let code = "import socket\ndef handler(event, context):\n    servers = [line.split()[1] for line in open('/etc/resolv.conf') \
                if line.startswith('nameserver')]\n    return [socket.gethostbyname('other.test'), \
                bool(socket.gethostbyname('machine.test')), servers]\n";
    let project = Project::python(code);
    let output = project.invoke(&[
        "Hello",
        "--add-host",
        "other.test:10.1.1.1",
        "--add-host",
        "other.test:10.1.1.2",
        "--add-host=machine.test:host-gateway",
        "--container-dns",
        "10.9.9.9",
    ]);
    assert_eq!(
        output.success().json(),
        json!(["10.1.1.2", true, ["10.9.9.9"]])
    );
    let wrong = "Invalid value for '--add-host': --add-host is not a valid format, it needs to be of the form hostname:IP";
    project
        .invoke(&["Hello", "--add-host", "foo"])
        .failure(2, wrong);
}

#[test]
fn a_runtime_can_be_asked_to_end() {
    let code = "process.on('SIGTERM', () => { setTimeout(() => { console.log('asked'); process.exit(0) }, 300) });\n\
                export const handler = async () => 1;";
    let project = Project::nodejs(code);
    let asked = project.invoke(&["Hello", "--shutdown"]).success();
    assert!(asked.stderr.contains("asked\n"), "{}", asked.stderr);
    let killed = project.invoke(&["Hello"]).success();
    assert!(!killed.stderr.contains("asked"), "{}", killed.stderr);
}

#[test]
fn the_runtime_and_the_image_can_be_chosen() {
    let code =
        "import os\ndef handler(event, context):\n    return os.environ['AWS_EXECUTION_ENV']\n";
    let project = Project::python(code).function("nodejs22.x", "app.handler", 10);
    let output = project.invoke(&["Hello", "-r", "Python3.11"]).success();
    assert_eq!(output.json(), "AWS_Lambda_python3.11");
    assert!(
        output.stderr.contains("Invoking app.handler (python3.11)"),
        "{}",
        output.stderr
    );
    let image = "Hello=public.ecr.aws/lambda/python:3.11";
    let output = project.invoke(&["Hello", "-r", "python3.13", "-ii", image]);
    assert_eq!(output.success().json(), "AWS_Lambda_python3.11");
    project.invoke(&["Hello", "-r", "bogus"]).failure(
        2,
        "Invalid value for '-r' / '--runtime': 'bogus' is not one of '",
    );
}

#[test]
fn what_says_nothing_here_is_understood() {
    let project = Project::python("def handler(event, context):\n    return 1\n").file("file", "");
    let output = project.invoke(&[
        "Hello",
        "--container-host",
        "localhost",
        "--beta-features",
        "--no-language-extensions",
        "--no-event",
    ]);
    assert!(!output.success().stderr.contains("Warning"));
    project
        .invoke(&["Hello", "--layer-cache-basedir", "file"])
        .failure(
            2,
            "Invalid value for '--layer-cache-basedir': Directory 'file' is a file.",
        );
}

#[test]
fn what_is_not_emulated_is_refused() {
    let project = Project::python("def handler(event, context):\n    return 1\n");
    for (arguments, code, error) in [
        (
            &["--hook-name", "foo"][..],
            2,
            "Invalid value: foo is not a valid hook name.",
        ),
        (
            &["--hook-name", "terraform"],
            1,
            "Terraform projects are not read",
        ),
        (
            &["--hook-name", "terraform", "-t", "template.yaml"],
            2,
            "Invalid value: Parameters hook-name, and t,template-file,template,parameter-overrides cannot be used together",
        ),
        (&["--skip-prepare-infra"], 2, "Missing option --hook-name"),
        (
            &["--durable-execution-name", "x"],
            1,
            "durable functions are not run here",
        ),
    ] {
        project.invoke(arguments).failure(code, error);
    }
}

#[test]
fn a_profile_is_chosen_by_name() {
    let code = "import os\ndef handler(event, context):\n    return [os.environ[name] for name in \
                ('AWS_ACCESS_KEY_ID', 'AWS_REGION')]\n";
    let project = Project::python(code)
        .file("credentials", "[work]\naws_access_key_id = workkey\naws_secret_access_key = s\n[other]\nrole_arn = x\n")
        .file("config", "[profile work]\nregion = eu-north-1\n");
    let run = |arguments: &[&str], more: &[(&str, &str)]| {
        let mut command = project.command(&[&["local", "invoke", "Hello"], arguments].concat());
        let files = ["credentials", "config"].map(|name| project.path().join(name));
        command
            .env("AWS_SHARED_CREDENTIALS_FILE", &files[0])
            .env("AWS_CONFIG_FILE", &files[1])
            .env("AWS_ACCESS_KEY_ID", "shellkey")
            .env("AWS_SECRET_ACCESS_KEY", "s")
            .envs(more.iter().copied());
        project.finish(command.spawn().unwrap())
    };
    let shell = run(&[], &[("AWS_PROFILE", "work")]).success();
    assert_eq!(shell.json(), json!(["shellkey", "eu-north-1"]));
    let chosen = run(&["--profile", "work"], &[]).success();
    assert_eq!(chosen.json(), json!(["workkey", "eu-north-1"]));
    let role = run(&["--profile", "other"], &[]).success();
    assert_eq!(role.json(), json!(["defaultkey", "us-east-1"]));
    assert!(
        role.stderr
            .contains("Warning: the credentials of profile 'other': "),
        "{}",
        role.stderr
    );
    run(&["--profile", "nope"], &[]).failure(1, "The config profile (nope) could not be found");
}
