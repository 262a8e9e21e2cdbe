//! Functions that are images: built here, loaded, with entry points and users of their own.

use std::fs;
use std::process::Command;

use uuid::Uuid;

use crate::support::engine::docker;
use crate::support::http::Service;
use crate::support::{Project, project::bootstrap};

const PYTHON: &str = "import os\ndef handler(event, context):\n    return [event, os.environ['_HANDLER'], os.getcwd(), os.environ.get('STAGE'), os.getuid()]\n";

/// A name that no other test uses; its image is gone when this is dropped.
struct Name(String);

impl Name {
    fn new() -> Self {
        Self(format!("sam-rs-test-{}", Uuid::new_v4().simple()))
    }
}

impl Drop for Name {
    fn drop(&mut self) {
        let images = docker(&["images", "-q", &self.0]);
        for image in images.lines() {
            let _ = Command::new("docker").args(["rmi", "-f", image]).output();
        }
    }
}

/// A project with one function that is an image.
fn project(uri: &str, more: &str, metadata: &str) -> Project {
    let uri = if uri.is_empty() {
        String::new()
    } else {
        format!("      ImageUri: '{uri}'\n")
    };
    let template = format!(
        "Resources:\n  Hello:\n    Type: AWS::Serverless::Function\n    Properties:\n      PackageType: Image\n      Timeout: 10\n{uri}{more}{metadata}"
    );
    Project::new().file("template.yaml", &template)
}

#[test]
fn an_image_is_built_where_the_template_says_how() {
    let name = Name::new();
    let metadata = format!(
        "    Metadata: {{Dockerfile: Dockerfile.fn, DockerContext: ./app, DockerTag: v7, DockerBuildArgs: {{STAGE: blue}}, \
         DockerBuildTarget: function, SamResourceId: {}}}\n",
        name.0
    );
    let dockerfile = "FROM public.ecr.aws/lambda/python:3.11 AS function\nARG STAGE\nENV STAGE=$STAGE\nCOPY . /var/task\n\
                      RUN ls /var/task > /var/task/listed\nCMD [\"app.handler\"]\nFROM scratch AS other\n";
    let project = project("", "", &metadata)
        .file("app/Dockerfile.fn", dockerfile)
        .file("app/app.py", PYTHON)
        .file("app/secret.txt", "x")
        .file("app/node_modules/big", "x")
        .file("app/.dockerignore", "secret.*\nnode_modules\n");
    let first = project.invoke(&[&name.0]).success();
    assert_eq!(
        first.json(),
        serde_json::json!([{}, "app.handler", "/var/task", "blue", 0])
    );
    for line in [
        format!("Invoking Container created from {}:v7\n", name.0),
        format!("Building image {}:v7\n", name.0),
        "Successfully built ".to_owned(),
    ] {
        assert!(first.stderr.contains(&line), "{line}: {}", first.stderr);
    }
    assert!(!first.stderr.contains("Mounting"), "{}", first.stderr);
    let listed = docker(&[
        "run",
        "--rm",
        "--entrypoint",
        "cat",
        &format!("{}:v7", name.0),
        "/var/task/listed",
    ]);
    assert_eq!(listed, "Dockerfile.fn\napp.py\nlisted");
    // It is here now.
    let second = project.invoke(&[&name.0]).success();
    assert!(!second.stderr.contains("Building"), "{}", second.stderr);
    let third = project.invoke(&[&name.0, "--force-image-build"]).success();
    assert!(third.stderr.contains("Building"), "{}", third.stderr);
}

#[test]
fn what_an_image_says_of_itself_counts_unless_the_template_says_otherwise() {
    let name = Name::new();
    let dockerfile = "FROM public.ecr.aws/lambda/python:3.11\nRUN mkdir -p /srv/app\nCOPY app.py /srv/app/\nENV PYTHONPATH=/var/runtime\nUSER 993\n\
                      WORKDIR /srv/app\nENTRYPOINT [\"python3\", \"-m\", \"awslambdaric\"]\nCMD [\"app.handler\"]\n";
    let context = Project::new()
        .file("Dockerfile", dockerfile)
        .file("app.py", PYTHON)
        .file("other.py", "");
    let directory = context.path().display().to_string();
    docker(&["build", "-q", "-t", &name.0, &directory]);
    let plain = project(&name.0, "", "");
    let output = plain.invoke(&["Hello"]).success();
    assert_eq!(
        output.json(),
        serde_json::json!([{}, "app.handler", "/srv/app", null, 993])
    );
    assert!(!output.stderr.contains("INIT_START"), "{}", output.stderr);
    let changed = project(
        &name.0,
        "      ImageConfig: {Command: [app.handler], EntryPoint: [/usr/bin/env, python3, -m, awslambdaric], \
                                    WorkingDirectory: /tmp}\n      Environment: {Variables: {PYTHONPATH: '/var/runtime:/srv/app'}}\n",
        "",
    );
    assert_eq!(changed.invoke(&["Hello"]).success().json()[2], "/tmp");
    let missing = project(
        &name.0,
        "      ImageConfig: {Command: [nope.handler]}\n",
        "",
    );
    let output = missing.invoke(&["Hello"]).success();
    assert!(
        output.stdout.contains("Runtime.ImportModuleError"),
        "{}",
        output.stdout
    );
}

#[test]
fn an_image_may_have_nothing_but_the_function() {
    let name = Name::new();
    let project = project(&name.0, "", "    Metadata: {DockerContext: .}\n").file(
        "Dockerfile",
        "FROM scratch\nCOPY bootstrap /main\nENTRYPOINT [\"/main\"]\n",
    );
    fs::copy(bootstrap(), project.path().join("bootstrap")).unwrap();
    let output = project
        .invoke_with_input(&["Hello", "-e", "-"], b"{\"do\": \"echo\"}")
        .success();
    assert!(output.stdout.contains("echo"), "{}", output.stdout);
    let output = project
        .invoke_with_input(
            &["Hello", "-e", "-", "--transport", "archive"],
            b"{\"do\": \"echo\"}",
        )
        .success();
    assert!(output.stdout.contains("echo"), "{}", output.stdout);
}

#[test]
fn an_archive_of_an_image_is_loaded_once() {
    let name = Name::new();
    docker(&["tag", "public.ecr.aws/lambda/python:3.11", &name.0]);
    let project = project(
        "./image.tar",
        "      ImageConfig: {Command: [json.dumps]}\n",
        "",
    );
    let file = project.path().join("image.tar").display().to_string();
    docker(&["save", "-o", &file, &name.0]);
    docker(&["rmi", &name.0]);
    for load in [true, false] {
        let output = project.invoke(&["Hello"]).success();
        assert!(
            output.stdout.contains("errorMessage") || output.stdout.contains("{}"),
            "{output:?}"
        );
        assert_eq!(
            output.stderr.contains("Loading image "),
            load,
            "{}",
            output.stderr
        );
    }
    fs::write(&file, "no archive").unwrap();
    project
        .invoke(&["Hello"])
        .failure(1, &format!("the image archive {file} cannot be loaded: "));
}

#[test]
fn what_cannot_be_built_is_told_with_the_engine_s_words() {
    let name = Name::new();
    let metadata = format!(
        "    Metadata: {{Dockerfile: Dockerfile, SamResourceId: {}}}\n",
        name.0
    );
    let project = project("", "", &metadata);
    let file = project.path().join("Dockerfile").display().to_string();
    project.invoke(&[&name.0]).failure(
        1,
        &format!("Error building docker image: there is no file {file}"),
    );
    let project = project.file(
        "Dockerfile",
        "FROM public.ecr.aws/lambda/python:3.11\nRUN exit 7\n",
    );
    let output = project.invoke(&[&name.0]);
    let output = output.failure(
        1,
        "Error building docker image: The command '/bin/sh -c exit 7' returned a non-zero code: 7",
    );
    assert!(
        output.stderr.contains("Step 2/2 : RUN exit 7"),
        "{}",
        output.stderr
    );
}

#[test]
fn an_image_for_another_processor_is_told() {
    let name = Name::new();
    let (other, architecture) = if cfg!(target_arch = "aarch64") {
        ("amd64", "x86_64")
    } else {
        ("arm64", "arm64")
    };
    let more = format!("      Architectures: [{architecture}]\n");
    let project = project(&name.0, &more, "    Metadata: {DockerContext: .}\n").file(
        "Dockerfile",
        "FROM scratch\nCOPY Dockerfile /x\nENTRYPOINT [\"/none\"]\n",
    );
    let output = project.invoke(&["Hello"]).success();
    let text = format!(
        "Warning: image {} is for {other}, and this machine is ",
        name.0
    );
    assert!(
        output.stderr.contains(&text) && output.stderr.contains("--install"),
        "{}",
        output.stderr
    );
    assert!(
        output
            .stderr
            .contains("Hint: the image has no program /none\n"),
        "{}",
        output.stderr
    );
    assert!(
        output.stdout.contains("Runtime.InvalidEntrypoint"),
        "{}",
        output.stdout
    );
}

#[test]
fn a_registry_of_an_account_is_entered_with_the_user_s_credentials() {
    let service = Service::start(|asked| {
        let target = asked.header("x-amz-target").unwrap_or_default().to_owned();
        assert!(target.ends_with("GetAuthorizationToken"), "{target}");
        let body = "{\"authorizationData\": [{\"authorizationToken\": \"QVdTOnB3\", \"proxyEndpoint\": \"x\"}]}";
        (200, String::new(), body.as_bytes().to_vec())
    });
    let uri = "123456789012.dkr.ecr.eu-west-1.amazonaws.com/shop:1";
    let project = project(uri, "", "");
    let mut command = project.command(&["local", "invoke", "Hello"]);
    command.env("AWS_ENDPOINT_URL_ECR", service.url());
    command
        .env("AWS_ACCESS_KEY_ID", "k")
        .env("AWS_SECRET_ACCESS_KEY", "s");
    let output = project.finish(command.spawn().unwrap());
    output.failure(
        1,
        &format!("Could not find {uri} image locally and failed to pull it from docker."),
    );
    let asked = service.asked();
    assert_eq!(asked.len(), 1);
    assert!(
        asked[0]
            .header("authorization")
            .unwrap()
            .contains("/eu-west-1/ecr/aws4_request")
    );
}
