//! What the user meant: every setting is resolved in one expression, from the command line, the environment, the
//! configuration file, and a default, in that order.

mod aws;
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
mod unsupported;

use std::path::{Path, PathBuf};
use std::str::FromStr;

pub use aws::Aws;
pub use container::Container;
pub use debug::Debug;
pub use env_vars::EnvVars;
pub use error::SettingsError;
pub use invocation::EventSource;
pub use proxies::proxies;
pub use samconfig::Config;
pub use save::Save;

use self::overrides::Gathered;
use crate::cli::{self, ConfigArgs, InvokeArgs};
use crate::env::{self, Env};
use crate::function::Runtime;
use crate::lambda::{LogFormat, Output};
use crate::template::Overrides;
use crate::template::overrides::ParsedOverrides;

/// Where templates are looked for.
const TEMPLATES: [&str; 4] = [
    ".aws-sam/build/template.yaml",
    "template.yaml",
    "template.yml",
    "template.json",
];
/// The name in the error when there is none.
const NO_TEMPLATE: &str = "template.yml";

/// The settings of `local invoke`.
#[derive(Debug)]
pub struct Invoke {
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
    /// In which form everything else is shown.
    pub log_format: LogFormat,
    /// The template.
    pub template: PathBuf,
    /// Values of parameters.
    pub overrides: Overrides,
    /// Values of variables, before all others.
    pub env: Vec<(String, Option<String>)>,
    /// File with variables.
    pub env_vars: Option<PathBuf>,
    /// File for output.
    pub log_file: Option<PathBuf>,
    /// What the container is made with.
    pub container: Container,
    /// What a debugger needs; none without one.
    pub debugger: Option<Debug>,
    /// Region, account, credentials.
    pub aws: Aws,
    /// Exit with an error when the function failed.
    pub fail_on_error: bool,
    /// What of the command line is to be kept in the configuration.
    pub save: Option<Save>,
    /// Tell of details on standard error.
    pub debug: bool,
    /// What was passed over, for people.
    pub warnings: Vec<String>,
}

impl Invoke {
    /// Resolves the settings.
    ///
    /// # Errors
    /// A value that cannot be, or a configuration file that cannot be read.
    pub fn resolve(args: &InvokeArgs, env: &Env) -> Result<Self, SettingsError> {
        unsupported::refuse(&args.unsupported, args)?;
        let config = config(&args.config, args.template.template.as_deref(), env)?;
        let absolute = |path: &str| env.directory.join(path);
        let overrides = parameters(args, &config, env)?;
        let ignored = overrides
            .ignored
            .iter()
            .map(|part| format!("'{part}' in --parameter-overrides is no override"))
            .chain(config.notes.clone());
        let container = Container::resolve(&args.container, env, &config)?;
        let idle = container.idle.iter();
        let idle = idle.map(|option| {
            format!("{option} has no effect: nothing is mounted or downloaded by it")
        });
        let profile = args.aws.profile.clone().or(config.text("profile")?);
        let region = given(args.aws.region.as_ref()).or(config.text("region")?);
        let aws = Aws::resolve(region, profile.as_deref(), env)?;
        Ok(Self {
            warnings: ignored.chain(idle).collect(),
            overrides: overrides.values,
            function: given(args.function.as_ref()).or(config.text("function_logical_id")?),
            events: invocation::events(args, env, &config)?,
            tenant_id: invocation::tenant(args, &config)?,
            client_context: invocation::client_context(args, &config)?,
            cognito_identity: invocation::cognito_identity(args, &config)?,
            output: chosen(args.output.output, "output", &config)?.unwrap_or_default(),
            log_format: chosen(args.output.log_format, "log_format", &config)?.unwrap_or_default(),
            template: match &args.template.template {
                Some(path) => env.directory.join(path),
                None => match env
                    .get(env::SAM_TEMPLATE_FILE)
                    .map(str::to_owned)
                    .or(config.template()?)
                {
                    Some(path) => absolute(&path),
                    None => default_template(&env.directory),
                },
            },
            env: env_vars::given(&args.template, &config, env)?,
            env_vars: existing(
                args.template
                    .env_vars
                    .clone()
                    .or(config.text("env_vars")?.map(PathBuf::from)),
                "'--env-vars' / '-n'",
                env,
            )?,
            log_file: log_file(args, env, &config)?,
            container,
            debugger: Debug::resolve(&args.debug, env, &config)?,
            save: Save::of(args, &aws.region, env)?,
            aws,
            runtime: runtime(args, &config)?,
            debug: args.output.debug
                || env_flag(env, env::SAM_DEBUG, "debug")?.unwrap_or(config.flag("debug")?),
            fail_on_error: args.output.fail_on_error || config.flag("fail_on_error")?,
        })
    }
}

/// The configuration file: beside the template that the command line names, else in the working directory.
fn config(args: &ConfigArgs, template: Option<&Path>, env: &Env) -> Result<Config, SettingsError> {
    let beside = template
        .and_then(Path::parent)
        .map(|parent| env.directory.join(parent));
    let directory = beside.unwrap_or_else(|| env.directory.clone());
    let environment = args.config_env.as_deref().filter(|name| !name.is_empty());
    let environment = environment.unwrap_or(samconfig::DEFAULT);
    let named = args.config_file.as_deref();
    Config::load(
        named.filter(|path| !path.as_os_str().is_empty()),
        &directory,
        environment,
        ("local_invoke", cli::keys::<InvokeArgs>),
    )
}

fn default_template(directory: &Path) -> PathBuf {
    let found = TEMPLATES
        .iter()
        .map(|name| directory.join(name))
        .find(|path| path.exists());
    found.unwrap_or_else(|| directory.join(NO_TEMPLATE))
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

fn log_file(
    args: &InvokeArgs,
    env: &Env,
    config: &Config,
) -> Result<Option<PathBuf>, SettingsError> {
    let configured = config.text("log_file")?.map(PathBuf::from);
    let path = args.output.log_file.clone().or(configured);
    Ok(path.map(|path| env.directory.join(path)))
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

fn parameters(
    args: &InvokeArgs,
    config: &Config,
    env: &Env,
) -> Result<ParsedOverrides, SettingsError> {
    let Some(tokens) = &args.template.parameter_overrides else {
        return config.overrides(&env.directory);
    };
    let mut gathered = Gathered::new(&env.directory);
    gathered.tokens(tokens)?;
    Ok(gathered.parsed)
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
