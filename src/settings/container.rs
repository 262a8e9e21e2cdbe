//! What the container is made with: its image, its network, its limits.

use std::net::IpAddr;
use std::path::PathBuf;

use super::{Config, SettingsError, chosen, env_flag, list};
use crate::cli::ContainerArgs;
use crate::engine::{Network, PullPolicy, Transport};
use crate::env::{self, Env};

/// The variable and the key for making anew what was made once.
const FORCE: (&str, &str) = (env::SAM_FORCE_IMAGE_BUILD, "force_image_build");
/// Where SAM CLI keeps layers, below the home directory.
const LAYER_CACHE: &str = ".aws-sam/layers-pkg";

/// The settings of a container.
#[derive(Clone, Debug)]
#[expect(clippy::struct_excessive_bools, reason = "each is a switch of its own")]
pub struct Container {
    /// When to ask a registry.
    pub pull: PullPolicy,
    /// Images instead of Lambda's: for one function, or for all.
    pub images: Vec<(Option<String>, String)>,
    /// What the sandbox can reach.
    pub network: Network,
    /// Further names that it knows, as `name:address`.
    pub hosts: Vec<String>,
    /// Name servers instead of the engine's.
    pub dns: Vec<String>,
    /// Whether the sandbox may use more memory than the function is configured with.
    pub no_memory_limit: bool,
    /// Whether it gets the share of a processor that the function's memory stands for.
    pub cpu_share: bool,
    /// Whether the function runs as Lambda's user.
    pub lambda_user: bool,
    /// Whether the runtime is asked to end before it is killed.
    pub shutdown: bool,
    /// How the supervisor talks to sam-rs.
    pub transport: Transport,
    /// Whether what was made once is made again: images pulled or built, layers downloaded and put together.
    pub force: bool,
    /// Directory for layers of the service.
    pub layer_cache: PathBuf,
    /// Directory that relative paths of code start in, where an engine elsewhere has it.
    pub code_base: Option<PathBuf>,
    /// Whether all links of the code are followed that lead out of its directory.
    pub links: bool,
}

impl Container {
    /// Resolves the settings.
    ///
    /// # Errors
    /// A value that cannot be.
    pub(super) fn resolve(
        args: &ContainerArgs,
        env: &Env,
        config: &Config,
    ) -> Result<Self, SettingsError> {
        let network = args
            .docker_network
            .as_deref()
            .or(env.get(env::SAM_DOCKER_NETWORK))
            .map(str::to_owned)
            .or(config.text("docker_network")?);
        Ok(Self {
            pull: pull_policy(args, env, config)?,
            images: images(&list(&args.invoke_image, "invoke_image", config)?)?,
            network: network.map_or(Network::Default, |name| Network::from(name.as_str())),
            hosts: hosts(&list(&args.add_host, "add_host", config)?)?,
            dns: servers(list(&args.container_dns, "container_dns", config)?)?,
            no_memory_limit: args.no_memory_limit || config.flag("no_memory_limit")?,
            cpu_share: args.cpu_share || config.flag("cpu_share")?,
            lambda_user: args.lambda_user || config.flag("lambda_user")?,
            shutdown: args.shutdown || config.flag("shutdown")?,
            transport: args.transport.unwrap_or_default(),
            force: switch(args.force_image_build, FORCE, env, config)?,
            layer_cache: layer_cache(args, env, config)?,
            code_base: code_base(args, env, config)?,
            links: args.mount_symlinks
                || !args.no_mount_symlinks && config.flag("mount_symlinks")?,
        })
    }
}

/// A switch of the command line, a variable or the configuration.
fn switch(
    given: bool,
    (variable, key): (&str, &str),
    env: &Env,
    config: &Config,
) -> Result<bool, SettingsError> {
    match env_flag(env, variable, key)? {
        _ if given => Ok(true),
        Some(set) => Ok(set),
        None => config.flag(key),
    }
}

/// Skipping the look for a newer image is all that "always" is for; what the command line says outright comes first.
fn pull_policy(
    args: &ContainerArgs,
    env: &Env,
    config: &Config,
) -> Result<PullPolicy, SettingsError> {
    let skip = (env::SAM_SKIP_PULL_IMAGE, "skip_pull_image");
    let skip = switch(args.skip_pull_image, skip, env, config)?;
    let force = switch(args.force_image_build, FORCE, env, config)?;
    let configured = chosen(None, "pull", config)?;
    let configured = if force {
        Some(PullPolicy::Always)
    } else {
        configured
    };
    Ok(match (args.pull, configured) {
        (Some(policy), _) => policy,
        (None, Some(PullPolicy::Always)) if skip => PullPolicy::Missing,
        (None, configured) => configured.unwrap_or_default(),
    })
}

fn images(given: &[String]) -> Result<Vec<(Option<String>, String)>, SettingsError> {
    let split = |text: &String| match text.split_once('=') {
        Some((function, image)) if !function.is_empty() && !image.is_empty() => {
            Ok((Some(function.to_owned()), image.to_owned()))
        }
        None if !text.is_empty() => Ok((None, text.clone())),
        _ => Err(SettingsError::Image(text.clone())),
    };
    given.iter().map(split).collect()
}

/// Name servers, which are addresses.
fn servers(given: Vec<String>) -> Result<Vec<String>, SettingsError> {
    match given.iter().find(|text| !is_address(text)) {
        Some(wrong) => Err(SettingsError::Usage(format!(
            "Invalid value for '--container-dns': '{wrong}' is not an IP address."
        ))),
        None => Ok(given),
    }
}

fn is_address(text: &str) -> bool {
    text.trim_matches(['[', ']']).parse::<IpAddr>().is_ok()
}

/// The last address of each name.
fn hosts(given: &[String]) -> Result<Vec<String>, SettingsError> {
    let mut hosts: Vec<(&str, &str)> = Vec::new();
    for text in given {
        let Some((name, address)) = text.split_once(':') else {
            return Err(SettingsError::Usage(
                "Invalid value for '--add-host': --add-host is not a valid format, it needs to be of the form hostname:IP"
                    .to_owned(),
            ));
        };
        if name.is_empty() || !(address == "host-gateway" || is_address(address)) {
            return Err(SettingsError::Usage(format!(
                "Invalid value for '--add-host': '{address}' is neither an IP address nor host-gateway."
            )));
        }
        hosts.retain(|(known, _)| *known != name);
        hosts.push((name, address));
    }
    let joined = hosts
        .iter()
        .map(|(name, address)| format!("{name}:{address}"));
    Ok(joined.collect())
}

/// A path of the command line, a variable, or the configuration.
fn path(
    given: Option<&PathBuf>,
    (variable, key): (&str, &str),
    env: &Env,
    config: &Config,
) -> Result<Option<PathBuf>, SettingsError> {
    let given = given.filter(|path| !path.as_os_str().is_empty()).cloned();
    let shell = || env.get(variable).map(PathBuf::from);
    Ok(match given.or_else(shell) {
        Some(path) => Some(path),
        None => config.text(key)?.map(PathBuf::from),
    })
}

fn layer_cache(args: &ContainerArgs, env: &Env, config: &Config) -> Result<PathBuf, SettingsError> {
    let names = (env::SAM_LAYER_CACHE_BASEDIR, "layer_cache_basedir");
    match path(args.layer_cache_basedir.as_ref(), names, env, config)? {
        Some(path) if env.directory.join(&path).is_file() => Err(SettingsError::Usage(format!(
            "Invalid value for '--layer-cache-basedir': Directory '{}' is a file.",
            path.display()
        ))),
        Some(path) => Ok(env.directory.join(path)),
        None => Ok(match env.get(env::HOME) {
            Some(home) => PathBuf::from(home).join(LAYER_CACHE),
            None => env.temporary.join("sam-rs-layers"),
        }),
    }
}

fn code_base(
    args: &ContainerArgs,
    env: &Env,
    config: &Config,
) -> Result<Option<PathBuf>, SettingsError> {
    let names = (env::SAM_DOCKER_VOLUME_BASEDIR, "docker_volume_basedir");
    let path = path(args.docker_volume_basedir.as_ref(), names, env, config)?;
    Ok(path.map(|path| env.directory.join(path)))
}
