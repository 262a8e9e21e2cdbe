//! Settings of every command that runs functions.

use std::path::{Path, PathBuf};

use super::overrides::Gathered;
use super::{
    Aws, Config, Container, Debug, Save, SettingsError, chosen, env_flag, env_vars, existing,
    given, unsupported,
};
use crate::cli::CommonArgs;
use crate::env::{self, Env};
use crate::lambda::LogFormat;
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

/// What every command that runs functions has.
#[derive(Debug)]
pub struct Common {
    /// In which form everything but the result is shown.
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
    /// What containers are made with.
    pub container: Container,
    /// What a debugger needs; none without one.
    pub debugger: Option<Debug>,
    /// Region, account, credentials.
    pub aws: Aws,
    /// What of the command line is to be kept in the configuration.
    pub save: Option<Save>,
    /// Tell of details on standard error.
    pub debug: bool,
    /// What was passed over, for people.
    pub warnings: Vec<String>,
}

impl Common {
    /// Resolves the settings of a command; it is named as in a configuration file.
    pub(super) fn resolve(
        args: &CommonArgs,
        command: &'static str,
        env: &Env,
        config: &Config,
    ) -> Result<Self, SettingsError> {
        unsupported::refuse(args)?;
        let overrides = parameters(args, config, env)?;
        let ignored = overrides
            .ignored
            .iter()
            .map(|part| format!("'{part}' in --parameter-overrides is no override"));
        let container = Container::resolve(&args.container, env, config)?;
        let mut warnings: Vec<_> = ignored.chain(config.notes.clone()).collect();
        let env_given = env_vars::given(&args.template, config, env, &mut warnings)?;
        let profile = args.aws.profile.clone().or(config.text("profile")?);
        let region = given(args.aws.region.as_ref()).or(config.text("region")?);
        let aws = Aws::resolve(region, profile.as_deref(), env)?;
        Ok(Self {
            warnings,
            overrides: overrides.values,
            log_format: chosen(args.log.log_format, "log_format", config)?.unwrap_or_default(),
            template: template(args, env, config)?,
            env: env_given,
            env_vars: existing(
                args.template
                    .env_vars
                    .clone()
                    .or(config.text("env_vars")?.map(PathBuf::from)),
                "'--env-vars' / '-n'",
                env,
            )?,
            log_file: log_file(args, env, config)?,
            container,
            debugger: Debug::resolve(&args.debug, env, config)?,
            save: Save::of(args, command, &aws.region, env)?,
            aws,
            debug: args.log.debug
                || env_flag(env, env::SAM_DEBUG, "debug")?.unwrap_or(config.flag("debug")?),
        })
    }
}

fn template(args: &CommonArgs, env: &Env, config: &Config) -> Result<PathBuf, SettingsError> {
    let named = match &args.template.template {
        Some(path) => Some(path.clone()),
        None => env
            .get(env::SAM_TEMPLATE_FILE)
            .map(str::to_owned)
            .or(config.template()?)
            .map(PathBuf::from),
    };
    Ok(match named {
        Some(path) => env.directory.join(path),
        None => default_template(&env.directory),
    })
}

fn default_template(directory: &Path) -> PathBuf {
    let found = TEMPLATES
        .iter()
        .map(|name| directory.join(name))
        .find(|path| path.exists());
    found.unwrap_or_else(|| directory.join(NO_TEMPLATE))
}

fn log_file(
    args: &CommonArgs,
    env: &Env,
    config: &Config,
) -> Result<Option<PathBuf>, SettingsError> {
    let configured = config.text("log_file")?.map(PathBuf::from);
    let path = args.log.log_file.clone().or(configured);
    Ok(path.map(|path| env.directory.join(path)))
}

fn parameters(
    args: &CommonArgs,
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
