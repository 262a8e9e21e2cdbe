//! What a debugger needs: ports, arguments, files.

use std::net::{IpAddr, Ipv4Addr};
use std::path::PathBuf;

use super::{Config, SettingsError, existing};
use crate::cli::DebugArgs;
use crate::env::{self, Env};

/// The settings of a run that is debugged.
#[derive(Clone, Debug)]
pub struct Debug {
    /// Ports; the first one is the runtime's debugger's.
    pub ports: Vec<u16>,
    /// Further arguments for the runtime's program.
    pub args: Vec<String>,
    /// Directory with a debugger.
    pub path: Option<PathBuf>,
    /// File with variables.
    pub env_vars: Option<PathBuf>,
    /// Address that the ports are opened on.
    pub interface: IpAddr,
}

impl Debug {
    /// Resolves the settings; without a port the others mean nothing, as in SAM CLI, which looks for the file all the same.
    pub(super) fn resolve(
        args: &DebugArgs,
        env: &Env,
        config: &Config,
    ) -> Result<Option<Self>, SettingsError> {
        let given = if args.debug_port.is_empty() {
            match env.get(env::SAM_DEBUG_PORT) {
                Some(ports) => ports.split_whitespace().map(str::to_owned).collect(),
                None => config.list("debug_port")?,
            }
        } else {
            args.debug_port.clone()
        };
        let configured = config.text("container_env_vars")?.map(PathBuf::from);
        let env_vars = args.container_env_vars.clone().or(configured);
        let env_vars = existing(env_vars, "'--container-env-vars'", env)?;
        if given.is_empty() {
            return Ok(None);
        }
        let ports = given
            .iter()
            .map(|text| port(text))
            .collect::<Result<_, _>>()?;
        let words = args
            .debug_args
            .clone()
            .or(env.get(env::DEBUGGER_ARGS).map(str::to_owned))
            .or(config.text("debug_args")?)
            .unwrap_or_default();
        let Some(words) = shlex::split(&words) else {
            return Err(SettingsError::Usage(format!(
                "Invalid value for '--debug-args': a quote in '{words}' is not closed."
            )));
        };
        Ok(Some(Self {
            ports,
            args: words,
            path: debugger(args, env, config)?,
            env_vars,
            interface: interface(args, config)?,
        }))
    }
}

fn port(text: &str) -> Result<u16, SettingsError> {
    let number: Option<i64> = text.trim().parse().ok();
    let wrong = |reason: &str| {
        let text = format!("Invalid value for '--debug-port' / '-d': '{text}' is not a {reason}.");
        Err(SettingsError::Usage(text))
    };
    match number.map(u16::try_from) {
        Some(Ok(port)) if port > 0 => Ok(port),
        Some(_) => wrong("port: 1 to 65535"),
        None => wrong("valid integer"),
    }
}

fn debugger(
    args: &DebugArgs,
    env: &Env,
    config: &Config,
) -> Result<Option<PathBuf>, SettingsError> {
    let configured = config.text("debugger_path")?.map(PathBuf::from);
    let Some(given) = args.debugger_path.clone().or(configured) else {
        return Ok(None);
    };
    let path = env.directory.join(&given);
    let shown = given.display();
    match std::fs::metadata(&path) {
        Ok(found) if found.is_dir() => Ok(Some(std::fs::canonicalize(&path).unwrap_or(path))),
        Ok(_) => Err(SettingsError::Debugger(format!(
            "'{shown}' should be a directory with the debugger in it."
        ))),
        Err(_) => Err(SettingsError::Debugger(format!(
            "'{shown}' could not be found."
        ))),
    }
}

fn interface(args: &DebugArgs, config: &Config) -> Result<IpAddr, SettingsError> {
    let given = args
        .container_host_interface
        .clone()
        .or(config.text("container_host_interface")?);
    match given.as_deref() {
        None | Some("localhost") => Ok(Ipv4Addr::LOCALHOST.into()),
        Some(text) => text.parse().map_err(|_| {
            SettingsError::Usage(format!(
                "Invalid value for '--container-host-interface': '{text}' is not an IP address."
            ))
        }),
    }
}
