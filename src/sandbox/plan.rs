//! What is to be started for a function: the sandbox and the runtime's process in it. Pure.

use std::collections::BTreeMap;
use std::path::PathBuf;
use std::slice::from_ref;
use std::time::Duration;

use super::debug::{DEBUGGER, Launch};
use crate::channel::frame::Spawn;
use crate::engine::{Content, ImageFacts, Network, Spec, Transport};
use crate::function::{Function, Package};
use crate::lambda::event::Init;
use crate::runtime_api::Registered;

/// The Runtime API's port, as in Lambda.
const PORT: u16 = 9001;
/// Memory in MB that a whole processor comes with.
const PROCESSOR_MB: u64 = 1769;
/// User and group that the service runs functions as.
const LAMBDA_USER: &str = "993:990";
/// Files that a process may have open in the service.
const OPEN_FILES: u32 = 1024;
/// Where code is seen inside.
const TASK_ROOT: &str = "/var/task";
/// Where a runtime that the function brings may be.
const BOOTSTRAPS: [&str; 2] = ["/var/task/bootstrap", "/opt/bootstrap"];

/// What the user asked for besides the function.
#[derive(Clone, Debug, Default)]
pub struct Options {
    /// What the sandbox can reach.
    pub network: Network,
    /// How the supervisor talks to sam-rs.
    pub transport: Transport,
    /// Marks by which the sandbox can be found.
    pub labels: BTreeMap<String, String>,
    /// Name of the sandbox.
    pub name: String,
    /// Directories of this machine that are seen inside: code, layers.
    pub content: Vec<Content>,
    /// Architecture of the image, in the engine's words, where it is not the engine's own.
    pub architecture: Option<&'static str>,
    /// How the runtime is started for a debugger.
    pub launch: Option<Launch>,
    /// Directory with a debugger.
    pub debugger: Option<PathBuf>,
    /// How long an answer waits for the report of its invocation.
    pub patience: Duration,
    /// What the runtime has for its end when it is asked to end; none where it is killed.
    pub grace: Duration,
    /// Further names that the sandbox knows, as `name:address`.
    pub hosts: Vec<String>,
    /// Name servers instead of the engine's.
    pub dns: Vec<String>,
    /// Whether the sandbox may use more memory than the function is configured with.
    pub no_memory_limit: bool,
    /// Whether it gets the share of a processor that the function's memory stands for.
    pub cpu_share: bool,
    /// Whether everything in it runs as Lambda's user.
    pub lambda_user: bool,
}

/// A sandbox and the process to run in it.
#[derive(Clone, Debug)]
pub struct Plan {
    /// The sandbox.
    pub spec: Spec,
    /// The runtime's process, without `AWS_LAMBDA_RUNTIME_API`: the port is known when the sandbox runs.
    pub process: Spawn,
    /// Programs to try, the first that exists is started; empty where `process` names its own.
    pub bootstraps: Vec<String>,
    /// Name of the function in messages.
    pub function: String,
    /// What the sandbox is initialised for.
    pub init: Init,
    /// Full name that the runtime is told, without version or alias.
    pub function_arn: String,
    /// How long an invocation may take.
    pub timeout: Duration,
    /// Configured memory in MB.
    pub memory_mb: u64,
    /// How long an answer waits for the report, so that it is the last that is seen of an invocation. A function that has
    /// more to do after its answer does not hold it back.
    pub patience: Duration,
    /// What the runtime has for its end when it is asked to end; none where it is killed.
    pub grace: Duration,
    /// Whether the runtime has several workers that ask for work.
    pub parallel: bool,
    /// Whether a person steps through the function: then nothing takes too long.
    pub debugged: bool,
}

impl Plan {
    /// The plan for a function on an image, with the environment that the function shall see.
    #[must_use]
    pub fn new(
        function: &Function,
        image: &ImageFacts,
        environment: &[(String, String)],
        options: &Options,
    ) -> Self {
        let debugged = options.launch.is_some();
        let launch = options.launch.clone().unwrap_or_default();
        let program = Program::of(function, image, launch.argv);
        let environment = layered(environment, launch.env);
        let mut content = options.content.clone();
        content.extend(options.debugger.clone().map(|source| Content {
            source,
            target: DEBUGGER.to_owned(),
        }));
        Self {
            spec: Spec {
                content,
                tracing: launch.tracing,
                ..spec(function, image, options)
            },
            process: Spawn {
                argv: program.argv,
                env: layered(&image.env, environment),
                cwd: program.directory,
                group: true,
                extension: false,
            },
            bootstraps: program.bootstraps,
            function: function.logical_id.clone(),
            init: Init {
                runtime: match &function.package {
                    Package::Zip(zip) => zip.runtime.to_string(),
                    Package::Image(_) => String::new(),
                },
                image: image.name.clone(),
                function: function.name.clone(),
                initialization: function.initialization(),
            },
            function_arn: function.arn.as_str().to_owned(),
            timeout: function.timeout,
            memory_mb: function.memory_mb,
            patience: options.patience,
            grace: options.grace,
            parallel: function.concurrency.is_some(),
            debugged,
        }
    }

    /// What an extension is told when it registers.
    #[must_use]
    pub fn registered(&self, id: String) -> Registered {
        let variable = |name: &str| {
            let mut set = self.process.env.iter();
            set.find(|(own, _)| own == name)
                .map(|(_, value)| value.clone())
                .unwrap_or_default()
        };
        Registered {
            id,
            function: self.init.function.clone(),
            handler: variable("_HANDLER"),
            account: variable("AWS_ACCOUNT_ID"),
        }
    }

    /// The process to start for the Runtime API at a port; `attempt` counts the bootstraps that were not there.
    #[must_use]
    pub fn spawn(&self, port: u16, attempt: usize) -> Option<Spawn> {
        let mut spawn = self.process.clone();
        if !self.bootstraps.is_empty() {
            spawn.argv = vec![self.bootstraps.get(attempt)?.clone()];
        } else if attempt > 0 {
            return None;
        }
        spawn.env.push((
            "AWS_LAMBDA_RUNTIME_API".to_owned(),
            format!("127.0.0.1:{port}"),
        ));
        Some(spawn)
    }
}

/// The runtime's program.
struct Program {
    argv: Vec<String>,
    bootstraps: Vec<String>,
    directory: String,
}

impl Program {
    /// What runs the function: what a debugger wants, the function's own program, or the image's.
    fn of(function: &Function, image: &ImageFacts, wanted: Vec<String>) -> Self {
        let of_image = |own: &Option<String>, default: &str| {
            let directory = own.clone().or_else(|| image.working_dir.clone());
            directory.unwrap_or_else(|| default.to_owned())
        };
        let mut program = match &function.package {
            Package::Zip(zip) if zip.runtime.is_provided() && wanted.is_empty() => Self {
                argv: Vec::new(),
                bootstraps: BOOTSTRAPS.map(str::to_owned).to_vec(),
                directory: of_image(&None, TASK_ROOT),
            },
            // The base images' entry point takes the handler as its one argument.
            Package::Zip(zip) => Self {
                argv: [&image.entrypoint[..], from_ref(&zip.handler)].concat(),
                bootstraps: Vec::new(),
                directory: of_image(&None, TASK_ROOT),
            },
            Package::Image(own) => Self {
                argv: [&own.entrypoint[..], &own.command].concat(),
                bootstraps: Vec::new(),
                directory: of_image(&own.working_directory, "/"),
            },
        };
        if !wanted.is_empty() {
            program.argv = wanted;
        }
        program
    }
}

/// What the sandbox is made with, but for what is mounted.
fn spec(function: &Function, image: &ImageFacts, options: &Options) -> Spec {
    let milli_cpus = function.memory_mb * 1000 / PROCESSOR_MB;
    Spec {
        name: options.name.clone(),
        image: image.name.clone(),
        architecture: options.architecture,
        memory_mb: (!options.no_memory_limit).then_some(function.memory_mb),
        milli_cpus: options.cpu_share.then_some(milli_cpus),
        user: options.lambda_user.then(|| LAMBDA_USER.to_owned()),
        open_files: Some(OPEN_FILES),
        // In a shared network the port may be taken.
        port: (options.network != Network::Host).then_some(PORT),
        network: options.network.clone(),
        labels: options.labels.clone(),
        hosts: options.hosts.clone(),
        dns: options.dns.clone(),
        transport: options.transport,
        ..Spec::default()
    }
}

/// The image's environment with the function's over it. The order is kept, so that what a function prints is stable.
fn layered(image: &[(String, String)], function: Vec<(String, String)>) -> Vec<(String, String)> {
    let mut layered: Vec<_> = image
        .iter()
        .filter(|(name, _)| function.iter().all(|(over, _)| over != name))
        .cloned()
        .collect();
    layered.extend(function);
    layered
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_bootstrap_of_the_function_is_tried_before_a_layer_s() {
        let plan = Plan {
            spec: Spec::default(),
            process: Spawn::default(),
            bootstraps: BOOTSTRAPS.map(str::to_owned).to_vec(),
            function: String::new(),
            init: Init::default(),
            function_arn: String::new(),
            timeout: Duration::ZERO,
            memory_mb: 128,
            patience: Duration::ZERO,
            grace: Duration::ZERO,
            parallel: false,
            debugged: false,
        };
        let program = |attempt| plan.spawn(PORT, attempt).map(|spawn| spawn.argv);
        assert_eq!(program(0).unwrap(), ["/var/task/bootstrap"]);
        assert_eq!(program(1).unwrap(), ["/opt/bootstrap"]);
        assert_eq!(program(2), None);
    }

    #[test]
    fn the_function_s_environment_lies_over_the_image_s() {
        let pair = |name: &str, value: &str| (name.to_owned(), value.to_owned());
        let image = [pair("PATH", "/bin"), pair("LANG", "C")];
        let layered = layered(&image, vec![pair("LANG", "x"), pair("A", "1")]);
        assert_eq!(
            layered,
            [pair("PATH", "/bin"), pair("LANG", "x"), pair("A", "1")]
        );
    }
}
