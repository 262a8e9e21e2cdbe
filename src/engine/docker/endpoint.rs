//! Where the engine is: `DOCKER_HOST`, else the Docker CLI's current context, else the platform's default socket.

use std::fmt;
use std::fs;
use std::path::{Path, PathBuf};

use serde::Deserialize;
use sha2::{Digest, Sha256};

use crate::engine::EngineError;
use crate::env::{self, Env};

/// The address of an engine.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Endpoint {
    /// A Unix socket: the engine runs on this machine, or in a virtual machine that shows it here.
    Unix(PathBuf),
    /// Host and port, without encryption.
    Tcp(String),
}

impl fmt::Display for Endpoint {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Unix(path) => write!(f, "unix://{}", path.display()),
            Self::Tcp(address) => write!(f, "tcp://{address}"),
        }
    }
}

#[derive(Deserialize, Default)]
#[serde(default, rename_all = "camelCase")]
struct Config {
    current_context: Option<String>,
}

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
struct Context {
    endpoints: ContextEndpoints,
}

#[derive(Deserialize)]
struct ContextEndpoints {
    docker: ContextEndpoint,
}

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
struct ContextEndpoint {
    host: String,
}

impl Endpoint {
    /// Finds the engine's address, in the Docker CLI's order.
    ///
    /// # Errors
    /// An address or a context that cannot be used, or no socket in the usual places.
    pub fn find(env: &Env) -> Result<Self, EngineError> {
        if let Some(host) = env.get(env::DOCKER_HOST) {
            return Self::parse(host, env::DOCKER_HOST);
        }
        let directory = env.home_or(env::DOCKER_CONFIG, ".docker");
        match directory
            .as_deref()
            .and_then(|directory| context_name(env, directory).zip(Some(directory)))
        {
            Some((name, directory)) => Self::parse(
                &context_host(directory, &name)?,
                &format!("context '{name}'"),
            ),
            None => Self::default_socket(env),
        }
    }

    /// Reads an address as the Docker CLI writes it; `origin` is named in the error.
    ///
    /// # Errors
    /// A form that this build does not speak.
    pub fn parse(address: &str, origin: &str) -> Result<Self, EngineError> {
        let refuse = |reason: &str| {
            let (address, reason) = (address.to_owned(), reason.to_owned());
            Err(EngineError::Address {
                address,
                origin: origin.to_owned(),
                reason,
            })
        };
        match address.split_once("://") {
            Some(("unix", path)) if path.starts_with('/') => Ok(Self::Unix(PathBuf::from(path))),
            Some(("unix", _)) => refuse("the path of the socket must be absolute"),
            Some(("tcp" | "http", host)) if !host.is_empty() => {
                Ok(Self::Tcp(host.trim_end_matches('/').to_owned()))
            }
            Some(("ssh", _)) => {
                refuse("connections over SSH are not built in; forward the socket with `ssh -L`")
            }
            Some(("https", _)) => refuse("connections over TLS are not built in"),
            Some((scheme, _)) => refuse(&format!("unknown scheme '{scheme}'")),
            None => refuse("a scheme is missing"),
        }
    }

    fn default_socket(env: &Env) -> Result<Self, EngineError> {
        let mut places = vec![PathBuf::from("/var/run/docker.sock")];
        places.extend(
            env.get(env::XDG_RUNTIME_DIR)
                .map(|directory| Path::new(directory).join("docker.sock")),
        );
        places.extend(
            env.get(env::HOME)
                .map(|home| Path::new(home).join(".docker/run/docker.sock")),
        );
        if let Some(found) = places.iter().find(|path| path.exists()) {
            return Ok(Self::Unix(found.clone()));
        }
        let tried = places
            .iter()
            .map(|path| format!("{}: no such socket", path.display()));
        Err(EngineError::NotFound {
            tried: tried.collect(),
        })
    }
}

/// The context that the Docker CLI would use, when it is not the default one.
fn context_name(env: &Env, directory: &Path) -> Option<String> {
    let configured = || {
        let config = fs::read(directory.join("config.json")).ok()?;
        // A broken file is the Docker CLI's to complain about.
        serde_json::from_slice::<Config>(&config)
            .ok()?
            .current_context
    };
    let name = env
        .get(env::DOCKER_CONTEXT)
        .map(str::to_owned)
        .or_else(configured);
    name.filter(|name| !name.is_empty() && name != "default")
}

fn hexadecimal(bytes: &[u8]) -> String {
    bytes
        .iter()
        .fold(String::new(), |text, byte| text + &format!("{byte:02x}"))
}

/// The address in a context's metadata, which is kept under the hash of its name.
fn context_host(directory: &Path, name: &str) -> Result<String, EngineError> {
    let hash = hexadecimal(&Sha256::digest(name));
    let path = directory.join("contexts/meta").join(hash).join("meta.json");
    let fail = |reason: String| EngineError::Context {
        name: name.to_owned(),
        reason,
    };
    let text = fs::read(&path).map_err(|error| fail(format!("{}: {error}", path.display())))?;
    let context: Context = serde_json::from_slice(&text)
        .map_err(|error| fail(format!("{}: {error}", path.display())))?;
    Ok(context.endpoints.docker.host)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn docker_host_comes_first_and_names_itself_in_errors() {
        let found = |host| Endpoint::find(&Env::of([("DOCKER_HOST", host)]));
        assert_eq!(
            found("unix:///x/d.sock").unwrap(),
            Endpoint::Unix("/x/d.sock".into())
        );
        assert_eq!(
            found("tcp://10.0.0.1:2375").unwrap(),
            Endpoint::Tcp("10.0.0.1:2375".into())
        );
        let error = found("ssh://me@there").unwrap_err().to_string();
        assert!(
            error.contains("(from DOCKER_HOST)") && error.contains("SSH"),
            "{error}"
        );
        assert!(
            found("/x/d.sock")
                .unwrap_err()
                .to_string()
                .contains("scheme is missing")
        );
    }

    #[test]
    fn the_current_context_is_read_as_the_docker_cli_keeps_it() {
        let home = tempfile::tempdir().unwrap();
        let docker = home.path().join(".docker");
        // sha256("remote")
        let hash = hexadecimal(&Sha256::digest("remote"));
        let meta = docker.join("contexts/meta").join(hash);
        fs::create_dir_all(&meta).unwrap();
        fs::write(
            docker.join("config.json"),
            r#"{"auths": {}, "currentContext": "remote"}"#,
        )
        .unwrap();
        let text = r#"{"Name":"remote","Metadata":{},"Endpoints":{"docker":{"Host":"tcp://h:1","SkipTLSVerify":false}}}"#;
        fs::write(meta.join("meta.json"), text).unwrap();
        let env = Env::of([("HOME", home.path().to_str().unwrap())]);
        assert_eq!(Endpoint::find(&env).unwrap(), Endpoint::Tcp("h:1".into()));
        let env = Env::of([
            ("HOME", home.path().to_str().unwrap()),
            ("DOCKER_CONTEXT", "absent"),
        ]);
        assert!(
            matches!(Endpoint::find(&env), Err(EngineError::Context { name, .. }) if name == "absent")
        );
    }
}
