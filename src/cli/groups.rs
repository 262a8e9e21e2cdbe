//! Options that several commands share, by the heading under which the help shows them.

use std::path::PathBuf;

use clap::Args;

use crate::engine::{PullPolicy, Transport};
use crate::lambda::Output;

/// The template and its parameters.
#[derive(Args, Debug, Default)]
#[command(next_help_heading = "Template and parameters")]
pub struct TemplateArgs {
    /// Template to read [default: .aws-sam/build/template.yaml, template.yaml, template.yml or template.json]
    #[arg(
        short = 't',
        long = "template-file",
        visible_alias = "template",
        value_name = "PATH"
    )]
    pub template: Option<PathBuf>,

    /// Values for parameters: `Name=value`, or `ParameterKey=Name,ParameterValue=value`; takes everything up to the
    /// next option
    #[arg(long, value_name = "OVERRIDE", num_args = 1.., action = clap::ArgAction::Set)]
    pub parameter_overrides: Option<Vec<String>>,

    /// JSON or dotenv file with values for the functions' environment variables
    #[arg(short = 'n', long, value_name = "PATH")]
    pub env_vars: Option<PathBuf>,
}

/// Images and containers.
#[derive(Args, Debug, Default)]
#[command(next_help_heading = "Container")]
#[expect(clippy::struct_excessive_bools, reason = "each is a switch of its own")]
pub struct ContainerArgs {
    /// Use images that are here without asking whether there are newer ones
    #[arg(long)]
    pub skip_pull_image: bool,

    /// When to ask the registry for the image: missing, always or never [default: missing]
    #[arg(long, value_name = "WHEN")]
    pub pull: Option<PullPolicy>,

    /// Image to run on instead of Lambda's own: `IMAGE`, or `FUNCTION=IMAGE`; may be repeated
    #[arg(long, value_name = "IMAGE", action = clap::ArgAction::Append)]
    pub invoke_image: Vec<String>,

    /// Network that the container is connected to besides the default one; also `host` and `none`
    #[arg(long, value_name = "NAME")]
    pub docker_network: Option<String>,

    /// Let the container use more memory than the function is configured with
    #[arg(long)]
    pub no_memory_limit: bool,

    /// Give the container the share of a processor that Lambda gives for the function's memory
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
    /// Start the function for a debugger, which attaches on this port; may be repeated (`SAM_DEBUG_PORT`)
    #[arg(short = 'd', long, value_name = "PORT", action = clap::ArgAction::Append)]
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
}

/// The configuration file.
#[derive(Args, Debug, Default)]
#[command(next_help_heading = "Configuration")]
pub struct ConfigArgs {
    /// Configuration file [default: samconfig.toml]
    #[arg(long, value_name = "PATH")]
    pub config_file: Option<PathBuf>,

    /// Environment of the configuration file [default: default]
    #[arg(long, value_name = "NAME")]
    pub config_env: Option<String>,
}

/// What is shown where.
#[derive(Args, Debug, Default)]
#[command(next_help_heading = "Output")]
pub struct OutputArgs {
    /// File for the function's output and its result, instead of the terminal
    #[arg(short = 'l', long, value_name = "PATH")]
    pub log_file: Option<PathBuf>,

    /// `text` prints what the function answers, `json` a line of JSON for each event [default: text]
    #[arg(long, value_name = "FORMAT")]
    pub output: Option<Output>,

    /// Tell on standard error what is resolved, asked of the engine, and how long it takes
    #[arg(long)]
    pub debug: bool,

    /// Exit with 3 when the function failed, instead of with 0
    #[arg(long)]
    pub fail_on_error: bool,
}
