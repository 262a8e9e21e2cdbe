//! The process environment, read once at the start. The only reader of `std::env`.

use std::collections::BTreeMap;
use std::path::PathBuf;

/// Template to use when the command line names none.
pub const SAM_TEMPLATE_FILE: &str = "SAM_TEMPLATE_FILE";
/// Same as `--skip-pull-image`.
pub const SAM_SKIP_PULL_IMAGE: &str = "SAM_SKIP_PULL_IMAGE";
/// Same as `--force-image-build`.
pub const SAM_FORCE_IMAGE_BUILD: &str = "SAM_FORCE_IMAGE_BUILD";
/// Same as `--layer-cache-basedir`.
pub const SAM_LAYER_CACHE_BASEDIR: &str = "SAM_LAYER_CACHE_BASEDIR";
/// Same as `--docker-volume-basedir`.
pub const SAM_DOCKER_VOLUME_BASEDIR: &str = "SAM_DOCKER_VOLUME_BASEDIR";
/// Same as `--docker-network`.
pub const SAM_DOCKER_NETWORK: &str = "SAM_DOCKER_NETWORK";
/// Same as `--debug-port`, with blanks between several.
pub const SAM_DEBUG_PORT: &str = "SAM_DEBUG_PORT";
/// Same as `--debug-args`.
pub const DEBUGGER_ARGS: &str = "DEBUGGER_ARGS";
/// Same as `--debug`.
pub const SAM_DEBUG: &str = "SAM_DEBUG";
/// Shell whose completion script asks for candidates.
pub const SAM_RS_COMPLETE: &str = "SAM_RS_COMPLETE";
/// Address of the engine.
pub const DOCKER_HOST: &str = "DOCKER_HOST";
/// Context of the Docker CLI to take the engine's address from.
pub const DOCKER_CONTEXT: &str = "DOCKER_CONTEXT";
/// Directory of the Docker CLI's configuration.
pub const DOCKER_CONFIG: &str = "DOCKER_CONFIG";
/// Region, first choice.
pub const AWS_REGION: &str = "AWS_REGION";
/// Region, second choice.
pub const AWS_DEFAULT_REGION: &str = "AWS_DEFAULT_REGION";
/// Account of the function's ARN.
pub const AWS_ACCOUNT_ID: &str = "AWS_ACCOUNT_ID";
/// Profile of the shared AWS configuration.
pub const AWS_PROFILE: &str = "AWS_PROFILE";
/// Path of the shared AWS credentials.
pub const AWS_SHARED_CREDENTIALS_FILE: &str = "AWS_SHARED_CREDENTIALS_FILE";
/// Path of the shared AWS configuration.
pub const AWS_CONFIG_FILE: &str = "AWS_CONFIG_FILE";
/// Credentials that reach the function.
pub const AWS_ACCESS_KEY_ID: &str = "AWS_ACCESS_KEY_ID";
/// Credentials that reach the function.
pub const AWS_SECRET_ACCESS_KEY: &str = "AWS_SECRET_ACCESS_KEY";
/// Credentials that reach the function.
pub const AWS_SESSION_TOKEN: &str = "AWS_SESSION_TOKEN";
/// Certificates to trust, in place of the machine's.
pub const AWS_CA_BUNDLE: &str = "AWS_CA_BUNDLE";
/// Address of all services of AWS.
pub const AWS_ENDPOINT_URL: &str = "AWS_ENDPOINT_URL";
/// Address of the service Lambda.
pub const AWS_ENDPOINT_URL_LAMBDA: &str = "AWS_ENDPOINT_URL_LAMBDA";
/// Address of the service that has images.
pub const AWS_ENDPOINT_URL_ECR: &str = "AWS_ENDPOINT_URL_ECR";
/// Role that a token of the shell is for.
pub const AWS_ROLE_ARN: &str = "AWS_ROLE_ARN";
/// File with a token for a role.
pub const AWS_WEB_IDENTITY_TOKEN_FILE: &str = "AWS_WEB_IDENTITY_TOKEN_FILE";
/// Where the container that this program runs in has credentials.
pub const AWS_CONTAINER_CREDENTIALS_RELATIVE_URI: &str = "AWS_CONTAINER_CREDENTIALS_RELATIVE_URI";
/// Where the container that this program runs in has credentials.
pub const AWS_CONTAINER_CREDENTIALS_FULL_URI: &str = "AWS_CONTAINER_CREDENTIALS_FULL_URI";
/// Home directory.
pub const HOME: &str = "HOME";
/// Directory for sockets, gone when the user logs out.
pub const XDG_RUNTIME_DIR: &str = "XDG_RUNTIME_DIR";
/// Directory for what can be made again.
pub const XDG_CACHE_HOME: &str = "XDG_CACHE_HOME";

/// A snapshot of the environment and the working directory.
#[derive(Clone, Debug, Default)]
pub struct Env {
    variables: BTreeMap<String, String>,
    /// Working directory; relative paths of the command line start here.
    pub directory: PathBuf,
    /// Directory for temporary files.
    pub temporary: PathBuf,
}

impl Env {
    /// The environment of this process. Variables that are not Unicode are left out.
    #[must_use]
    #[expect(
        clippy::disallowed_methods,
        reason = "the one place that reads the environment"
    )]
    pub fn snapshot() -> Self {
        let variables = std::env::vars_os().filter_map(|(name, value)| {
            Some((name.into_string().ok()?, value.into_string().ok()?))
        });
        Self {
            variables: variables.collect(),
            directory: std::env::current_dir().unwrap_or_default(),
            temporary: std::env::temp_dir(),
        }
    }

    /// An environment made of variables, for tests.
    #[must_use]
    pub fn of<'a>(variables: impl IntoIterator<Item = (&'a str, &'a str)>) -> Self {
        let variables = variables
            .into_iter()
            .map(|(name, value)| (name.to_owned(), value.to_owned()))
            .collect();
        Self {
            variables,
            directory: PathBuf::from("/"),
            temporary: PathBuf::from("/tmp"),
        }
    }

    /// A variable, set to the empty text or to more.
    #[must_use]
    pub fn raw(&self, name: &str) -> Option<&str> {
        self.variables.get(name).map(String::as_str)
    }

    /// A variable that is not empty: the shells' way to unset one for a command is to empty it.
    #[must_use]
    pub fn get(&self, name: &str) -> Option<&str> {
        self.raw(name).filter(|value| !value.is_empty())
    }

    /// A directory below the home directory, or the one that a variable names.
    #[must_use]
    pub fn home_or(&self, variable: &str, below_home: &str) -> Option<PathBuf> {
        let home = || Some(PathBuf::from(self.get(HOME)?).join(below_home));
        self.get(variable).map(PathBuf::from).or_else(home)
    }
}
