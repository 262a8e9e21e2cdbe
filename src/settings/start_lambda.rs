//! The settings of `local start-lambda`.

use std::path::PathBuf;
use std::time::Duration;

use super::{Common, Config, Keys, SettingsError, config, list};
use crate::cli::{self, StartLambdaArgs};
use crate::env::Env;
use crate::lambda::{Output, choose};

const HOST: &str = "127.0.0.1";
const PORT: u16 = 3001;
/// More would not run on a machine that somebody works at.
const MAX_CONCURRENCY: usize = 50;
const IDLE: Duration = Duration::from_mins(10);

/// SAM CLI's words for an option that says nothing.
const NO_WATCH: &str = "--no-watch was supplied without --warm-containers; the flag has no effect without warm containers \
                        and will be ignored.";

/// Whether sandboxes are kept.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Warm {
    /// From the start.
    Eager,
    /// From the first invocation.
    Lazy,
}

impl Warm {
    /// As they are written.
    pub const CHOICES: &[(&str, Self)] = &[("EAGER", Self::Eager), ("LAZY", Self::Lazy)];
}

/// What becomes of an invocation when there are as many as there may be.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Busy {
    /// It waits.
    Wait,
    /// It is refused.
    Throttle,
}

impl Busy {
    /// As they are written.
    pub const CHOICES: &[(&str, Self)] = &[("wait", Self::Wait), ("throttle", Self::Throttle)];
}

/// The settings of `local start-lambda`.
#[derive(Debug)]
pub struct StartLambda {
    /// What every command that runs functions has.
    pub common: Common,
    /// Functions to serve; none for all.
    pub functions: Vec<String>,
    /// Address or name to serve on.
    pub host: String,
    /// Port to serve on; 0 for any.
    pub port: u16,
    /// File for the address.
    pub port_file: Option<PathBuf>,
    /// Whether sandboxes are kept.
    pub warm: Option<Warm>,
    /// Function that a debugger is for.
    pub debug_function: Option<String>,
    /// Sandboxes that a function may have at a time.
    pub max_concurrency: usize,
    /// What becomes of an invocation beyond that, where that is said.
    pub when_busy: Option<Busy>,
    /// How long a sandbox is kept that nobody uses.
    pub idle_timeout: Duration,
}

impl StartLambda {
    /// Resolves the settings.
    ///
    /// # Errors
    /// A value that cannot be, or a configuration file that cannot be read.
    pub fn resolve(args: &StartLambdaArgs, env: &Env) -> Result<Self, SettingsError> {
        let command = ("local_start_lambda", cli::keys::<StartLambdaArgs> as Keys);
        let config = config(&args.common, command, env)?;
        let text = |given: &Option<String>, key| match given {
            Some(text) => Ok(Some(text.clone())),
            None => config.text(key),
        };
        let warm = text(&args.warm_containers, "warm_containers")?;
        let warm = warm.map(|text| chosen(&text, "warm-containers", Warm::CHOICES));
        let busy = text(&args.when_busy, "when_busy")?;
        let busy = busy.map(|text| chosen(&text, "when-busy", Busy::CHOICES));
        let number = |given, key, names| {
            Ok::<_, SettingsError>(match text(given, key)? {
                Some(text) => Some(number(&text, names)?),
                None => None,
            })
        };
        let port = number(&args.port, "port", "'--port' / '-p'")?;
        let max = number(
            &args.max_concurrency,
            "max_concurrency",
            "'--max-concurrency'",
        )?;
        let idle = number(&args.idle_timeout, "idle_timeout", "'--idle-timeout'")?;
        let mut common = Common::resolve(&args.common, command.0, env, &config)?;
        let warm = warm.transpose()?;
        if (args.no_watch || config.flag("no_watch")?) && warm.is_none() {
            common.warnings.push(NO_WATCH.to_owned());
        }
        Ok(Self {
            common,
            functions: list(&args.functions, "function_logical_ids", &config)?,
            host: text(&args.host, "host")?.unwrap_or_else(|| HOST.to_owned()),
            port: port.map_or(Ok(PORT), port_of)?,
            port_file: port_file(args, env, &config)?,
            warm,
            debug_function: text(&args.debug_function, "debug_function")?,
            max_concurrency: max.map_or(MAX_CONCURRENCY, |max| max.max(1) as usize),
            when_busy: busy.transpose()?,
            idle_timeout: idle.map_or(IDLE, Duration::from_secs),
        })
    }

    /// What decides where everything is shown.
    #[must_use]
    pub fn shown(&self) -> (&Common, Output) {
        (&self.common, Output::Text)
    }
}

fn port_of(number: u64) -> Result<u16, SettingsError> {
    u16::try_from(number).map_err(|_| {
        SettingsError::Usage(format!(
            "Invalid value for '--port' / '-p': '{number}' is not a port: 0 to 65535."
        ))
    })
}

fn port_file(
    args: &StartLambdaArgs,
    env: &Env,
    config: &Config,
) -> Result<Option<PathBuf>, SettingsError> {
    let configured = config.text("port_file")?.map(PathBuf::from);
    let path = args.port_file.clone().or(configured);
    Ok(path.map(|path| env.directory.join(path)))
}

/// A choice, in capitals or not, as SAM CLI has it.
fn chosen<T: Copy>(text: &str, option: &str, choices: &[(&str, T)]) -> Result<T, SettingsError> {
    let same = |known: &&str| known.eq_ignore_ascii_case(text);
    let known = choices
        .iter()
        .map(|(word, _)| *word)
        .find(|word| same(word));
    choose(known.unwrap_or(text), choices)
        .map_err(|reason| SettingsError::Usage(format!("Invalid value for '--{option}': {reason}")))
}

fn number(text: &str, names: &str) -> Result<u64, SettingsError> {
    text.trim().parse().map_err(|_| {
        SettingsError::Usage(format!(
            "Invalid value for {names}: '{text}' is not a valid integer."
        ))
    })
}
