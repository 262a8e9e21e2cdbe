//! Credentials that a program prints, in the form that `credential_process` has.

use std::process::Stdio;

use serde::Deserialize;
use tokio::process::Command;

use super::Keys;
use crate::env::Env;

/// What the program prints: <https://docs.aws.amazon.com/sdkref/latest/guide/feature-process-credentials.html>.
#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
struct Printed {
    version: u32,
    access_key_id: String,
    secret_access_key: String,
    session_token: Option<String>,
}

/// What the AWS CLI knows of a profile: it can do what no library here can.
pub(super) async fn export(profile: &str, env: &Env) -> Result<Keys, String> {
    let mut command = Command::new("aws");
    let format = ["configure", "export-credentials", "--format", "process"];
    command.args(format).args(["--profile", profile]);
    keys(command, "the AWS CLI, which has to be asked,", env).await
}

/// What a `credential_process` prints; the shell takes its words apart.
#[cfg_attr(
    feature = "aws",
    cfg_attr(not(test), expect(dead_code, reason = "the library runs it"))
)]
pub(super) async fn run(line: &str, env: &Env) -> Result<Keys, String> {
    let mut command = Command::new("sh");
    command.args(["-c", line]);
    keys(command, "its `credential_process`", env).await
}

async fn keys(mut command: Command, name: &str, env: &Env) -> Result<Keys, String> {
    command
        .current_dir(&env.directory)
        .stdin(Stdio::null())
        .kill_on_drop(true);
    let output = command.output().await;
    let output = output.map_err(|error| format!("{name} cannot be started: {error}"))?;
    if !output.status.success() {
        let said = String::from_utf8_lossy(&output.stderr);
        if said.contains("usage:") {
            return Err(format!(
                "{name} does not know how; version 2.9 or later does"
            ));
        }
        let said = said.trim().lines().last().unwrap_or_default();
        return Err(format!("{name} failed with {}: {said}", output.status));
    }
    parse(&output.stdout).map_err(|reason| format!("{name} printed no credentials: {reason}"))
}

fn parse(text: &[u8]) -> Result<Keys, String> {
    // What is wrong, never what was printed.
    let told = |error: serde_json::Error| match error.classify() {
        serde_json::error::Category::Data => {
            "Version, AccessKeyId and SecretAccessKey are wanted".to_owned()
        }
        _ => format!("no JSON, at column {}", error.column()),
    };
    let printed: Printed = serde_json::from_slice(text).map_err(told)?;
    if printed.version != 1 {
        return Err(format!("version {} is not known", printed.version));
    }
    Ok(Keys {
        access_key: printed.access_key_id,
        secret: printed.secret_access_key,
        token: printed.session_token,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn a_program_prints_credentials() {
        let env = Env::of([]);
        let printed = r#"echo '{"Version": 1, "AccessKeyId": "a", "SecretAccessKey": "b", "SessionToken": "c"}'"#;
        let keys = run(printed, &env).await.unwrap();
        assert_eq!(
            (keys.access_key, keys.secret, keys.token),
            ("a".to_owned(), "b".to_owned(), Some("c".to_owned()))
        );
        for (line, reason) in [
            (
                "echo secret >&2; exit 3",
                "failed with exit status: 3: secret",
            ),
            (
                "echo secret",
                "printed no credentials: no JSON, at column 1",
            ),
            (
                "echo '{\"Version\": 2, \"AccessKeyId\": \"a\", \"SecretAccessKey\": \"b\"}'",
                "version 2 is not known",
            ),
            ("echo '{\"Version\": 1}'", "are wanted"),
        ] {
            let error = run(line, &env).await.unwrap_err();
            assert!(error.ends_with(reason), "{error}");
        }
    }
}
