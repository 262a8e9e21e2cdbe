//! Credentials of every kind that a profile can ask for, from services on this machine; and that none is asked for what no
//! run needs.

use crate::support::http::{Asked, Service};
use crate::support::{Output, Project};

const SHOW: &str = "
import os
def handler(event, context):
    return [os.environ.get('AWS_' + name) for name in ('ACCESS_KEY_ID', 'SECRET_ACCESS_KEY', 'SESSION_TOKEN')]
";
const FAR: &str = "2099-01-01T00:00:00Z";

const CONFIG: &str = "
[default]
region = eu-north-1
[profile keys]
aws_access_key_id = file-key
aws_secret_access_key = file-secret
[profile program]
credential_process = sh -c 'echo \"{\\\"Version\\\": 1, \\\"AccessKeyId\\\": \\\"program-key\\\", \\\"SecretAccessKey\\\": \\\"s\\\"}\"'
[profile broken]
credential_process = sh -c 'echo no such user >&2; exit 7'
[profile sso]
sso_session = here
sso_account_id = 123456789012
sso_role_name = Developer
[sso-session here]
sso_region = eu-west-1
sso_start_url = https://example.awsapps.com/start
sso_registration_scopes = sso:account:access
[profile role]
role_arn = arn:aws:iam::123456789012:role/there
source_profile = keys
[profile instance]
role_arn = arn:aws:iam::123456789012:role/there
credential_source = Ec2InstanceMetadata
[profile container]
role_arn = arn:aws:iam::123456789012:role/there
credential_source = EcsContainer
[profile login]
login_session = arn:aws:iam::123456789012:user/me
[profile empty]
region = eu-west-3
";

/// SSO, STS and the metadata of instances and containers in one.
fn service() -> Service {
    Service::start(|asked: &Asked| {
        let keys = |name: &str, token: &str| {
            format!(
                "{{\"AccessKeyId\": \"{name}-key\", \"SecretAccessKey\": \"{name}-secret\", \"{token}\": \"{name}-token\", \
                 \"Expiration\": \"{FAR}\", \"Code\": \"Success\", \"LastUpdated\": \"2020-01-01T00:00:00Z\", \
                 \"Type\": \"AWS-HMAC\"}}"
            )
        };
        let path = asked.line.split_once(' ').unwrap().1;
        let body = if path.starts_with("/federation/credentials") {
            if asked.header("x-amz-sso_bearer_token") != Some("sso-token") {
                return (401, String::new(), b"{\"message\": \"expired\"}".to_vec());
            }
            "{\"roleCredentials\": {\"accessKeyId\": \"sso-key\", \"secretAccessKey\": \"sso-secret\", \
             \"sessionToken\": \"sso-session\", \"expiration\": 4070908800000}}"
                .to_owned()
        } else if asked.line == "PUT /latest/api/token" {
            "token".to_owned()
        } else if path.ends_with("/security-credentials/")
            || path.ends_with("/security-credentials-extended/")
        {
            "instance".to_owned()
        } else if path.contains("/security-credentials") {
            keys("instance", "Token")
        } else if path == "/container" {
            keys("container", "Token")
        } else {
            let who = asked.header("authorization").unwrap_or(&asked.body);
            let who = ["file-key", "instance-key", "container-key", "web-token"]
                .into_iter()
                .find(|name| who.contains(name));
            let action = if asked.body.contains("WithWebIdentity") {
                "AssumeRoleWithWebIdentity"
            } else {
                "AssumeRole"
            };
            format!(
                "<{action}Response xmlns=\"https://sts.amazonaws.com/doc/2011-06-15/\"><{action}Result><AssumedRoleUser>\
                 <AssumedRoleId>A:b</AssumedRoleId><Arn>arn:aws:sts::123456789012:assumed-role/there/x</Arn></AssumedRoleUser>\
                 <Credentials><AccessKeyId>role-of-{}</AccessKeyId><SecretAccessKey>role-secret</SecretAccessKey>\
                 <SessionToken>role-token</SessionToken><Expiration>{FAR}</Expiration></Credentials></{action}Result>\
                 </{action}Response>",
                who.unwrap_or("nobody")
            )
        };
        // Of a token of an instance, in seconds.
        let headers = "x-aws-ec2-metadata-token-ttl-seconds: 60\r\n";
        (200, headers.to_owned(), body.into_bytes())
    })
}

fn project() -> Project {
    Project::python(SHOW).file("aws/config", CONFIG)
}

fn run(
    project: &Project,
    service: &Service,
    arguments: &[&str],
    variables: &[(&str, &str)],
) -> Output {
    let mut command = project.command(&[&["local", "invoke", "Hello"], arguments].concat());
    let url = service.url();
    command.env("AWS_CONFIG_FILE", project.path().join("aws/config"));
    for name in ["AWS_ENDPOINT_URL", "AWS_EC2_METADATA_SERVICE_ENDPOINT"] {
        command.env(name, &url);
    }
    let container = format!("{url}/container");
    for (name, value) in variables {
        let value = if *value == "CONTAINER" {
            &container
        } else {
            *value
        };
        command.env(name, value);
    }
    project.finish(command.spawn().unwrap()).success()
}

#[test]
fn every_kind_of_profile_gives_its_credentials() {
    let (project, service) = (project(), service());
    let token = format!(
        "{{\"startUrl\": \"https://example.awsapps.com/start\", \"region\": \"eu-west-1\", \"accessToken\": \"sso-token\", \
         \"expiresAt\": \"{FAR}\"}}"
    );
    let cache = project.home().join(".aws/sso/cache");
    std::fs::create_dir_all(&cache).unwrap();
    std::fs::write(cache.join(format!("{}.json", sha1("here"))), token).unwrap();
    std::fs::write(project.path().join("web-token"), "web-token").unwrap();
    let web = project.path().join("web-token").display().to_string();
    let full = ("AWS_CONTAINER_CREDENTIALS_FULL_URI", "CONTAINER");
    for (arguments, variables, key) in [
        (&["--profile", "keys"][..], &[][..], "file-key"),
        (&[], &[("AWS_PROFILE", "program")], "program-key"),
        (&["--profile", "sso"], &[], "sso-key"),
        (&["--profile", "role"], &[], "role-of-file-key"),
        (&["--profile", "instance"], &[], "role-of-instance-key"),
        (
            &["--profile", "container"],
            &[full],
            "role-of-container-key",
        ),
        (&[], &[full], "container-key"),
        (
            &[],
            &[
                ("AWS_ROLE_ARN", "arn:aws:iam::123456789012:role/there"),
                ("AWS_WEB_IDENTITY_TOKEN_FILE", &web),
            ],
            "role-of-web-token",
        ),
    ] {
        let output = run(&project, &service, arguments, variables);
        assert_eq!(
            output.json()[0],
            key,
            "{arguments:?} {variables:?}: {}",
            output.stderr
        );
        assert!(!output.stderr.contains("Warning"), "{}", output.stderr);
        assert!(
            !output.stderr.contains(key),
            "no value is shown: {}",
            output.stderr
        );
    }
}

#[test]
fn credentials_that_cannot_be_had_are_told_and_keep_nothing_from_running() {
    let (project, service) = (project(), service());
    for (profile, warning) in [
        ("broken", "Warning: the credentials of profile 'broken': "),
        ("sso", "Warning: the credentials of profile 'sso': "),
        (
            "login",
            "Warning: the credentials of profile 'login': the AWS CLI, which has to be asked, ",
        ),
        (
            "empty",
            "Warning: the credentials of profile 'empty': it has no keys, and names no way to get some; the function sees default credentials",
        ),
    ] {
        let output = run(&project, &service, &["--profile", profile], &[]);
        let told = output
            .stderr
            .lines()
            .find(|line| line.starts_with("Warning: "))
            .unwrap_or_default();
        assert!(told.starts_with(warning), "{}", output.stderr);
        assert!(
            told.contains("; the function sees default credentials"),
            "{told}"
        );
        assert_eq!(output.json()[0], "defaultkey", "{profile}");
    }
}

#[test]
fn a_plain_run_asks_nobody_but_the_engine() {
    let (project, service) = (project(), service());
    let shell = [
        ("AWS_ACCESS_KEY_ID", "a"),
        ("AWS_SECRET_ACCESS_KEY", "b"),
        ("AWS_PROFILE", "sso"),
    ];
    for variables in [&[][..], &shell] {
        run(&project, &service, &[], variables);
    }
    assert!(service.asked().is_empty(), "{:?}", service.asked());
}

#[test]
fn a_plain_run_opens_no_socket_but_the_engine_s() {
    let project = project();
    let log = project.path().join("trace");
    let mut command = std::process::Command::new("strace");
    command.args(["-f", "-e", "trace=connect", "-o"]).arg(&log);
    let ours = project.command(&["local", "invoke", "Hello"]);
    command.arg(ours.get_program()).args(ours.get_args());
    let set = ours
        .get_envs()
        .filter_map(|(name, value)| Some((name, value?)));
    command.env_clear().envs(set).current_dir(project.path());
    let output = command.output().unwrap();
    assert!(
        output.status.success(),
        "{}",
        String::from_utf8_lossy(&output.stderr)
    );
    let trace = std::fs::read_to_string(&log).unwrap();
    let strangers: Vec<_> = trace
        .lines()
        .filter(|line| line.contains("connect("))
        .filter(|line| !line.contains("docker.sock"))
        .collect();
    assert!(
        trace.contains("docker.sock") && strangers.is_empty(),
        "{strangers:#?}"
    );
}

/// As the AWS CLI names the files of its sessions.
fn sha1(text: &str) -> String {
    let mut command = std::process::Command::new("sh");
    let output = command
        .args(["-c", &format!("printf %s {text} | sha1sum")])
        .output();
    String::from_utf8(output.unwrap().stdout).unwrap()[..40].to_owned()
}
