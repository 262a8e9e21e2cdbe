//! What the user meant: every setting is resolved in one expression, from the command line, the environment, the
//! configuration file, and a default, in that order.

mod aws;
mod debug;
mod env_vars;
mod error;
mod invocation;
mod overrides;
mod proxies;
mod samconfig;
mod setting;

use std::path::{Path, PathBuf};

pub use aws::Aws;
pub use debug::Debug;
pub use env_vars::EnvVars;
pub use error::SettingsError;
pub use invocation::EventSource;
pub use proxies::proxies;
pub use samconfig::Config;

use self::overrides::Gathered;
use crate::cli::{ConfigArgs, InvokeArgs};
use crate::engine::{Network, PullPolicy, Transport};
use crate::env::{self, Env};
use crate::lambda::Output;
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
#[expect(clippy::struct_excessive_bools, reason = "each is a switch of its own")]
pub struct Invoke {
    /// Name of the function.
    pub function: Option<String>,
    /// Its events, one at least.
    pub events: Vec<EventSource>,
    /// Tenant that they are for.
    pub tenant_id: Option<String>,
    /// The client's context as JSON text.
    pub client_context: Option<String>,
    /// Cognito identity of the caller as JSON text.
    pub cognito_identity: Option<String>,
    /// In which form answers are printed.
    pub output: Output,
    /// The template.
    pub template: PathBuf,
    /// Values of parameters.
    pub overrides: Overrides,
    /// File with variables.
    pub env_vars: Option<PathBuf>,
    /// File for output.
    pub log_file: Option<PathBuf>,
    /// When to ask a registry.
    pub pull: PullPolicy,
    /// Images instead of Lambda's: for one function, or for all.
    pub invoke_images: Vec<(Option<String>, String)>,
    /// What the sandbox can reach.
    pub network: Network,
    /// Whether the sandbox may use more memory than the function is configured with.
    pub no_memory_limit: bool,
    /// Whether it gets the share of a processor that the function's memory stands for.
    pub cpu_share: bool,
    /// Whether the function runs as Lambda's user.
    pub lambda_user: bool,
    /// How the supervisor talks to sam-rs.
    pub transport: Transport,
    /// What a debugger needs; none without one.
    pub debugger: Option<Debug>,
    /// Region, account, credentials.
    pub aws: Aws,
    /// Exit with an error when the function failed.
    pub fail_on_error: bool,
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
        let config = config(&args.config, args.template.template.as_deref(), env)?;
        let absolute = |path: &str| env.directory.join(path);
        let overrides = parameters(args, &config, env)?;
        let ignored = overrides
            .ignored
            .iter()
            .map(|part| format!("'{part}' in --parameter-overrides is no override"))
            .chain(config.note.clone());
        Ok(Self {
            warnings: ignored.collect(),
            overrides: overrides.values,
            function: given(args.function.as_ref()).or(config.text("function_logical_id")?),
            events: invocation::events(args, env, &config)?,
            tenant_id: invocation::tenant(args, &config)?,
            client_context: invocation::client_context(args, &config)?,
            cognito_identity: invocation::cognito_identity(args, &config)?,
            output: output(args, &config)?,
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
            env_vars: existing(
                args.template
                    .env_vars
                    .clone()
                    .or(config.text("env_vars")?.map(PathBuf::from)),
                "'--env-vars' / '-n'",
                env,
            )?,
            log_file: log_file(args, env, &config)?,
            pull: pull_policy(args, env, &config)?,
            invoke_images: invoke_images(&args.container.invoke_image, &config)?,
            network: args
                .container
                .docker_network
                .as_deref()
                .or(env.get(env::SAM_DOCKER_NETWORK))
                .map(str::to_owned)
                .or(config.text("docker_network")?)
                .map_or(Network::Default, |name| Network::from(name.as_str())),
            no_memory_limit: args.container.no_memory_limit || config.flag("no_memory_limit")?,
            cpu_share: args.container.cpu_share || config.flag("cpu_share")?,
            lambda_user: args.container.lambda_user || config.flag("lambda_user")?,
            transport: args.container.transport.unwrap_or_default(),
            debugger: Debug::resolve(&args.debug, env, &config)?,
            aws: Aws::resolve(args.aws.region.clone().or(config.text("region")?), env)?,
            debug: args.output.debug
                || env_flag(env, env::SAM_DEBUG).unwrap_or(config.flag("debug")?),
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
    let environment = args.config_env.as_deref().unwrap_or("default");
    Config::load(
        args.config_file.as_deref(),
        &directory,
        environment,
        "local_invoke",
    )
}

fn default_template(directory: &Path) -> PathBuf {
    let found = TEMPLATES
        .iter()
        .map(|name| directory.join(name))
        .find(|path| path.exists());
    found.unwrap_or_else(|| directory.join(NO_TEMPLATE))
}

fn output(args: &InvokeArgs, config: &Config) -> Result<Output, SettingsError> {
    if let Some(output) = args.output.output {
        return Ok(output);
    }
    let configured = config.text("output")?.map(|text| text.parse()).transpose();
    let configured = configured.map_err(|reason: String| {
        SettingsError::Usage(format!("Invalid value for '--output': {reason}"))
    })?;
    Ok(configured.unwrap_or_default())
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

/// A variable that is yes or no; none where it is neither.
fn env_flag(env: &Env, name: &str) -> Option<bool> {
    env.get(name).and_then(samconfig::boolean)
}

/// Skipping the look for a newer image is all that "always" is for; what the command line says outright comes first.
fn pull_policy(args: &InvokeArgs, env: &Env, config: &Config) -> Result<PullPolicy, SettingsError> {
    let skip = match env_flag(env, env::SAM_SKIP_PULL_IMAGE) {
        _ if args.container.skip_pull_image => true,
        Some(skip) => skip,
        None => config.flag("skip_pull_image")?,
    };
    let configured = config.text("pull")?.map(|text| text.parse()).transpose();
    let configured = configured.map_err(|reason: String| {
        SettingsError::Usage(format!("Invalid value for '--pull': {reason}"))
    })?;
    Ok(match (args.container.pull, configured) {
        (Some(policy), _) => policy,
        (None, Some(PullPolicy::Always)) if skip => PullPolicy::Missing,
        (None, configured) => configured.unwrap_or_default(),
    })
}

fn invoke_images(
    given: &[String],
    config: &Config,
) -> Result<Vec<(Option<String>, String)>, SettingsError> {
    let given = if given.is_empty() {
        config.list("invoke_image")?
    } else {
        given.to_vec()
    };
    let split = |text: &String| match text.split_once('=') {
        Some((function, image)) if !function.is_empty() && !image.is_empty() => {
            Ok((Some(function.to_owned()), image.to_owned()))
        }
        None if !text.is_empty() => Ok((None, text.clone())),
        _ => Err(SettingsError::Image(text.clone())),
    };
    given.iter().map(split).collect()
}
