//! What the user meant: every setting is resolved in one expression, from the command line, the environment, the
//! configuration file, and a default, in that order.

mod aws;
mod common;
mod container;
mod debug;
mod env_vars;
mod error;
mod invocation;
mod overrides;
mod proxies;
mod samconfig;
mod save;
mod setting;
mod start_lambda;
mod unsupported;

use std::path::{Path, PathBuf};
use std::str::FromStr;

pub use aws::Aws;
pub use common::Common;
pub use container::Container;
pub use debug::Debug;
pub use env_vars::EnvVars;
pub use error::SettingsError;
pub use invocation::EventSource;
pub use proxies::proxies;
pub use samconfig::Config;
pub use save::Save;
pub use start_lambda::{Busy, StartLambda, Warm};

use crate::cli::{self, CommonArgs, InvokeArgs};
use crate::env::Env;
use crate::function::Runtime;
use crate::lambda::Output;

/// The settings of `local invoke`.
#[derive(Debug)]
pub struct Invoke {
    /// What every command that runs functions has.
    pub common: Common,
    /// Name of the function.
    pub function: Option<String>,
    /// Its events, one at least.
    pub events: Vec<EventSource>,
    /// Runtime instead of the function's own.
    pub runtime: Option<Runtime>,
    /// Tenant that they are for.
    pub tenant_id: Option<String>,
    /// The client's context as JSON text.
    pub client_context: Option<String>,
    /// Cognito identity of the caller as JSON text.
    pub cognito_identity: Option<String>,
    /// In which form answers are printed.
    pub output: Output,
    /// Exit with an error when the function failed.
    pub fail_on_error: bool,
}

impl Invoke {
    /// Resolves the settings.
    ///
    /// # Errors
    /// A value that cannot be, or a configuration file that cannot be read.
    pub fn resolve(args: &InvokeArgs, env: &Env) -> Result<Self, SettingsError> {
        let command = ("local_invoke", cli::keys::<InvokeArgs> as Keys);
        let config = config(&args.common, command, env)?;
        Ok(Self {
            common: Common::resolve(&args.common, command.0, env, &config)?,
            function: given(args.function.as_ref()).or(config.text("function_logical_id")?),
            events: invocation::events(args, env, &config)?,
            tenant_id: invocation::tenant(args, &config)?,
            client_context: invocation::client_context(args, &config)?,
            cognito_identity: invocation::cognito_identity(args, &config)?,
            output: chosen(args.result.output, "output", &config)?.unwrap_or_default(),
            runtime: runtime(args, &config)?,
            fail_on_error: args.result.fail_on_error || config.flag("fail_on_error")?,
        })
    }
}

impl Invoke {
    /// What every command has, and the form of answers: what decides where everything is shown.
    #[must_use]
    pub fn shown(&self) -> (&Common, Output) {
        (&self.common, self.output)
    }
}

/// The keys of a command, which are looked up only where there is a file.
type Keys = fn() -> Vec<String>;

/// The configuration file: beside the template that the command line names, else in the working directory.
fn config(
    args: &CommonArgs,
    command: (&'static str, Keys),
    env: &Env,
) -> Result<Config, SettingsError> {
    let template = args.template.template.as_deref();
    let beside = template
        .and_then(Path::parent)
        .map(|parent| env.directory.join(parent));
    let directory = beside.unwrap_or_else(|| env.directory.clone());
    let args = &args.config;
    let environment = args.config_env.as_deref().filter(|name| !name.is_empty());
    let environment = environment.unwrap_or(samconfig::DEFAULT);
    let named = args.config_file.as_deref();
    Config::load(
        named.filter(|path| !path.as_os_str().is_empty()),
        &directory,
        environment,
        command,
    )
}

/// One of several choices: the command line's, else the configuration's.
fn chosen<T: FromStr<Err = String>>(
    given: Option<T>,
    key: &str,
    config: &Config,
) -> Result<Option<T>, SettingsError> {
    if given.is_some() {
        return Ok(given);
    }
    let configured = config.text(key)?.map(|text| text.parse()).transpose();
    configured.map_err(|reason| {
        let option = key.replace('_', "-");
        SettingsError::Usage(format!("Invalid value for '--{option}': {reason}"))
    })
}

/// The runtime that is asked for, in capitals or not, as SAM CLI has it.
fn runtime(args: &InvokeArgs, config: &Config) -> Result<Option<Runtime>, SettingsError> {
    let Some(name) = args.runtime.clone().or(config.text("runtime")?) else {
        return Ok(None);
    };
    let known = Runtime::from_identifier(&name.to_lowercase());
    known.map(Some).ok_or_else(|| {
        let all = Runtime::identifiers()
            .map(|one| format!("'{one}'"))
            .collect::<Vec<_>>();
        let all = all.join(", ");
        SettingsError::Usage(format!(
            "Invalid value for '-r' / '--runtime': '{name}' is not one of {all}."
        ))
    })
}

/// A value that is not empty: an empty one, as of a variable that is not set, is none, as in SAM CLI.
fn given(value: Option<&String>) -> Option<String> {
    value.filter(|text| !text.is_empty()).cloned()
}

/// The values of the command line, else those of the configuration.
fn list(given: &[String], key: &str, config: &Config) -> Result<Vec<String>, SettingsError> {
    if given.is_empty() {
        config.list(key)
    } else {
        Ok(given.to_vec())
    }
}

/// A path that must be there; as an option's value it is checked with the command line.
pub(super) fn existing(
    path: Option<PathBuf>,
    option: &str,
    env: &Env,
) -> Result<Option<PathBuf>, SettingsError> {
    match path {
        Some(path) if !env.directory.join(&path).exists() => Err(SettingsError::Usage(format!(
            "Invalid value for {option}: Path '{}' does not exist.",
            path.display()
        ))),
        path => Ok(path.map(|path| env.directory.join(path))),
    }
}

/// A variable that stands for a switch; none where it is not set.
fn env_flag(env: &Env, name: &str, key: &str) -> Result<Option<bool>, SettingsError> {
    let Some(text) = env.get(name) else {
        return Ok(None);
    };
    let flag = samconfig::boolean(text);
    flag.map(Some).ok_or_else(|| {
        let option = key.replace('_', "-");
        SettingsError::Usage(format!(
            "Invalid value for '--{option}': '{text}' is not a valid boolean."
        ))
    })
}
