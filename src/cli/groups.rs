//! Options that several commands share, by the heading under which the help shows them.

use std::path::PathBuf;

use clap::Args;

use crate::engine::{PullPolicy, Transport};
use crate::lambda::{LogFormat, Output};

/// The template and its parameters.
#[derive(Args, Debug, Default)]
#[command(next_help_heading = "Template and parameters")]
pub struct TemplateArgs {
    /// Template to read [default: .aws-sam/build/template.yaml, template.yaml, template.yml or template.json]
    /// (`SAM_TEMPLATE_FILE`)
    #[arg(
        short = 't',
        long = "template-file",
        visible_alias = "template",
        value_name = "PATH"
    )]
    pub template: Option<PathBuf>,

    /// Values for parameters: `Name=value`, `ParameterKey=Name,ParameterValue=value` or `file://values.yaml`; takes
    /// everything up to the next option
    #[arg(long, value_name = "OVERRIDE", num_args = 1.., action = clap::ArgAction::Set)]
    pub parameter_overrides: Option<Vec<String>>,

    /// Nothing: language extensions are expanded where the template names them
    #[arg(long, hide = true, overrides_with = "no_language_extensions")]
    pub language_extensions: bool,

    /// Nothing
    #[arg(long, hide = true, overrides_with = "language_extensions")]
    pub no_language_extensions: bool,

    /// Value of an environment variable, `NAME=VALUE`, or the shell's with `NAME`; before all others, may be repeated
    #[arg(long, value_name = "NAME=VALUE", action = clap::ArgAction::Append)]
    pub env: Vec<String>,

    /// File with lines `NAME=VALUE`, over the template's and the other file's; may be repeated
    #[arg(long, value_name = "PATH", action = clap::ArgAction::Append)]
    pub env_file: Vec<PathBuf>,

    /// JSON (sections `Parameters` and names of functions) or dotenv file with variables, over the template's; `null`
    /// removes one
    #[arg(short = 'n', long, value_name = "PATH")]
    pub env_vars: Option<PathBuf>,
}

/// Images and containers.
#[derive(Args, Debug, Default)]
#[command(next_help_heading = "Container")]
#[expect(clippy::struct_excessive_bools, reason = "each is a switch of its own")]
pub struct ContainerArgs {
    /// Use images that are here without asking whether there are newer ones (`SAM_SKIP_PULL_IMAGE`)
    #[arg(long)]
    pub skip_pull_image: bool,

    /// When to ask the registry for the image: `missing`, `always` (what is here serves when the registry cannot be
    /// reached) or `never` [default: missing]
    #[arg(long, value_name = "WHEN")]
    pub pull: Option<PullPolicy>,

    /// Image to run on instead of Lambda's own: `IMAGE`, or `FUNCTION=IMAGE`; may be repeated, also as `-ii`
    #[arg(long, value_name = "IMAGE", action = clap::ArgAction::Append)]
    pub invoke_image: Vec<String>,

    /// Refresh the image also when it is here (`SAM_FORCE_IMAGE_BUILD`)
    #[arg(long)]
    pub force_image_build: bool,

    /// A further name that the container knows, `NAME:ADDRESS`; may be repeated. The address may be `host-gateway`
    #[arg(long, value_name = "NAME:ADDRESS", action = clap::ArgAction::Append)]
    pub add_host: Vec<String>,

    /// Name server for the container; may be repeated
    #[arg(long, value_name = "ADDRESS", action = clap::ArgAction::Append)]
    pub container_dns: Vec<String>,

    /// Ask the function's runtime to end, with SIGTERM, two seconds before it is killed
    #[arg(long)]
    pub shutdown: bool,

    /// Directory for downloaded layers (`SAM_LAYER_CACHE_BASEDIR`)
    #[arg(long, value_name = "PATH")]
    pub layer_cache_basedir: Option<PathBuf>,

    /// Directory of the engine's machine where this machine's working directory is (`SAM_DOCKER_VOLUME_BASEDIR`)
    #[arg(short = 'v', long, value_name = "PATH")]
    pub docker_volume_basedir: Option<PathBuf>,

    /// Follow links in the code's directory that lead out of it
    #[arg(long, overrides_with = "no_mount_symlinks")]
    pub mount_symlinks: bool,

    /// Leave links as they are
    #[arg(long, hide = true, overrides_with = "mount_symlinks")]
    pub no_mount_symlinks: bool,

    /// Nothing: no connection is made to a container
    #[arg(long, value_name = "NAME", hide = true)]
    pub container_host: Option<String>,

    /// Network that the container is connected to besides the default one, by name or id; also `host` and `none`
    /// (`SAM_DOCKER_NETWORK`)
    #[arg(long, value_name = "NAME")]
    pub docker_network: Option<String>,

    /// Let the container use more memory than the function is configured with
    #[arg(long)]
    pub no_memory_limit: bool,

    /// Give the container the share of a processor that Lambda gives for the function's memory: a whole one for 1,769 MB
    #[arg(long)]
    pub cpu_share: bool,

    /// Run the function as the user that Lambda runs it as (993), not as the image's
    #[arg(long)]
    pub lambda_user: bool,

    /// How the program inside the container talks to this one: auto, stdio or archive
    #[arg(long, value_name = "HOW", hide = true)]
    pub transport: Option<Transport>,
}

/// Debugging.
#[derive(Args, Debug, Default)]
#[command(next_help_heading = "Debugging")]
pub struct DebugArgs {
    /// Start the function for a debugger, which attaches on this port; may be repeated, the first is the debugger's
    /// (`SAM_DEBUG_PORT`)
    #[arg(short = 'd', long, value_name = "PORT", action = clap::ArgAction::Append, allow_negative_numbers = true)]
    pub debug_port: Vec<String>,

    /// Directory with a debugger, seen inside at `/tmp/lambci_debug_files`
    #[arg(long, value_name = "PATH")]
    pub debugger_path: Option<PathBuf>,

    /// Further arguments for the runtime's program, split as a shell does (`DEBUGGER_ARGS`)
    #[arg(long, value_name = "ARGS", allow_hyphen_values = true)]
    pub debug_args: Option<String>,

    /// JSON or dotenv file with variables that are set only for a debugger
    #[arg(long, value_name = "PATH")]
    pub container_env_vars: Option<PathBuf>,

    /// Address of this machine that ports are opened on [default: 127.0.0.1]
    #[arg(long, value_name = "ADDRESS")]
    pub container_host_interface: Option<String>,
}

/// AWS.
#[derive(Args, Debug, Default)]
#[command(next_help_heading = "AWS")]
pub struct AwsArgs {
    /// Region that the function sees [default: `AWS_REGION`, `AWS_DEFAULT_REGION`, the profile's, us-east-1]
    #[arg(long, value_name = "REGION")]
    pub region: Option<String>,

    /// Profile of the shared configuration and credentials files, before the shell's keys (`AWS_PROFILE`, after them)
    #[arg(long, value_name = "NAME")]
    pub profile: Option<String>,
}

/// A path that may be empty: an empty one is the usual one.
#[expect(clippy::unnecessary_wraps, reason = "parsers of values may fail")]
fn any_path(text: &str) -> Result<PathBuf, String> {
    Ok(PathBuf::from(text))
}

/// The configuration file.
#[derive(Args, Debug, Default)]
#[command(next_help_heading = "Configuration")]
pub struct ConfigArgs {
    /// Configuration file [default: samconfig.toml, .yaml or .yml, beside a template that is named with `-t`, else here]
    #[arg(long, value_name = "PATH", value_parser = any_path)]
    pub config_file: Option<PathBuf>,

    /// Environment of the configuration file [default: default]
    #[arg(long, value_name = "NAME")]
    pub config_env: Option<String>,

    /// Keep what the command line says in the configuration file, whose comments and order stay
    #[arg(long)]
    pub save_params: bool,
}

/// Where and how everything but the result is shown.
#[derive(Args, Clone, Debug, Default)]
#[command(next_help_heading = "Output")]
pub struct LogArgs {
    /// File for the function's output, the figures and the result, instead of the terminal
    #[arg(short = 'l', long, value_name = "PATH")]
    pub log_file: Option<PathBuf>,

    /// Form of everything on standard error: `text`, or `json` for a line of JSON each [default: text]
    #[arg(long, value_name = "FORMAT")]
    pub log_format: Option<LogFormat>,

    /// Tell on standard error what is resolved, asked of the engine, and how long it takes (`SAM_DEBUG`)
    #[arg(long)]
    pub debug: bool,
}

/// The result.
#[derive(Args, Debug, Default)]
#[command(next_help_heading = "Output")]
pub struct ResultArgs {
    /// `text` prints what the function answers, `json` a line of JSON for each event: answer, outcome, figures, log
    /// [default: text]
    #[arg(long, value_name = "FORMAT")]
    pub output: Option<Output>,

    /// Exit with 3 when the function failed, instead of with 0
    #[arg(long)]
    pub fail_on_error: bool,
}

/// Options of SAM CLI for what is not emulated: they are understood, and refused where they would change the result.
#[derive(Args, Debug, Default)]
#[expect(clippy::struct_excessive_bools, reason = "each is a switch of its own")]
pub struct UnsupportedArgs {
    /// Where the application is defined, other than in a template
    #[arg(long, hide = true)]
    pub hook_name: Option<String>,

    /// Use what the hook has prepared
    #[arg(long, hide = true, overrides_with = "prepare_infra")]
    pub skip_prepare_infra: bool,

    /// Have the hook prepare again
    #[arg(long, hide = true, overrides_with = "skip_prepare_infra")]
    pub prepare_infra: bool,

    /// Plan that the hook reads
    #[arg(long, hide = true)]
    pub terraform_plan_file: Option<PathBuf>,

    /// Name of a durable execution
    #[arg(long, hide = true)]
    pub durable_execution_name: Option<String>,

    /// Nothing: there are none
    #[arg(long, hide = true, overrides_with = "no_beta_features")]
    pub beta_features: bool,

    /// Nothing: there are none
    #[arg(long, hide = true, overrides_with = "beta_features")]
    pub no_beta_features: bool,
}

/// An option as it was given.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Given {
    /// Its key in a configuration file.
    pub key: String,
    /// Its values; none for a switch.
    pub values: Vec<String>,
    /// Whether it may have several.
    pub list: bool,
}

/// What every command that runs functions has.
#[derive(Args, Debug, Default)]
pub struct CommonArgs {
    /// The template and its parameters.
    #[command(flatten)]
    pub template: TemplateArgs,

    /// Images and containers.
    #[command(flatten)]
    pub container: ContainerArgs,

    /// Debugging.
    #[command(flatten)]
    pub debug: DebugArgs,

    /// AWS.
    #[command(flatten)]
    pub aws: AwsArgs,

    /// The configuration file.
    #[command(flatten)]
    pub config: ConfigArgs,

    /// Where and how everything but the result is shown.
    #[command(flatten)]
    pub log: LogArgs,

    /// What is not emulated.
    #[command(flatten)]
    pub unsupported: UnsupportedArgs,

    /// What the command line said, by the keys of a configuration file; only where that is to be kept.
    #[arg(skip)]
    pub given: Vec<Given>,
}
