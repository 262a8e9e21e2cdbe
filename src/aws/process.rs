//! Credentials that a program prints, in the form that `credential_process` has.

use std::io;
use std::process::{ExitStatus, Stdio};
use std::time::SystemTime;

use serde::Deserialize;
use tokio::io::AsyncReadExt;
use tokio::process::Command;

use super::Keys;
use crate::env::Env;
use crate::lambda::platform::timestamp;

/// Bytes that a program may print.
const MAX: u64 = 64 * 1024;

/// What the program prints: <https://docs.aws.amazon.com/sdkref/latest/guide/feature-process-credentials.html>.
#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
struct Printed {
    version: u32,
    access_key_id: String,
    secret_access_key: String,
    session_token: Option<String>,
    expiration: Option<String>,
}

/// What the AWS CLI knows of a profile: it can do what no library here can.
pub(super) async fn export(profile: &str, env: &Env) -> Result<Keys, String> {
    let mut command = Command::new("aws");
    let format = ["configure", "export-credentials", "--format", "process"];
    command.args(format).args(["--profile", profile]);
    keys(command, "the AWS CLI, which has to be asked,", env).await
}

/// What a `credential_process` prints; the shell takes its words apart.
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
    let (status, printed, said) = run_bounded(&mut command)
        .await
        .map_err(|error| format!("{name} cannot be run: {error}"))?;
    if !status.success() {
        let said = String::from_utf8_lossy(&said);
        if said.contains("usage:") {
            return Err(format!(
                "{name} does not know how; version 2.9 or later does"
            ));
        }
        let said = said.trim().lines().last().unwrap_or_default();
        return Err(format!("{name} failed with {status}: {said}"));
    }
    parse(&printed).map_err(|reason| format!("{name} printed no credentials: {reason}"))
}

/// What a program prints, and what it says of it; not more than credentials can be.
async fn run_bounded(command: &mut Command) -> io::Result<(ExitStatus, Vec<u8>, Vec<u8>)> {
    let mut child = command
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()?;
    let (mut printed, mut said) = (Vec::new(), Vec::new());
    let (stdout, stderr) = (child.stdout.take(), child.stderr.take());
    let print = async {
        let Some(stdout) = stdout else { return Ok(()) };
        stdout.take(MAX).read_to_end(&mut printed).await?;
        // It is not waited for: whoever prints without end never ends.
        if printed.len() as u64 == MAX {
            return Err(io::Error::other(format!("it prints more than {MAX} bytes")));
        }
        Ok(())
    };
    let say = async {
        let Some(stderr) = stderr else { return Ok(()) };
        let mut stderr = stderr.take(MAX);
        stderr.read_to_end(&mut said).await?;
        tokio::io::copy(&mut stderr.into_inner(), &mut tokio::io::sink()).await?;
        Ok(())
    };
    tokio::try_join!(print, say)?;
    Ok((child.wait().await?, printed, said))
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
    // Both are written with the larger unit first.
    let now = timestamp(SystemTime::now());
    let expired = |until: &String| until.ends_with('Z') && until[..19.min(until.len())] < now[..19];
    if printed.expiration.as_ref().is_some_and(expired) {
        return Err("they have expired".to_owned());
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
            (
                "echo '{\"Version\": 1, \"AccessKeyId\": \"a\", \"SecretAccessKey\": \"b\", \"Expiration\": \"2001-01-01T00:00:00Z\"}'",
                "they have expired",
            ),
            ("yes", "it prints more than 65536 bytes"),
        ] {
            let error = run(line, &env).await.unwrap_err();
            assert!(error.ends_with(reason), "{error}");
        }
    }
}
