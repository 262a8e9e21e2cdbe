//! `sam-rs local invoke`.

use clap::Args;

use super::groups::{AwsArgs, ConfigArgs, ContainerArgs, DebugArgs, OutputArgs, TemplateArgs};

/// Run a function once, and print its result.
#[derive(Args, Debug, Default)]
pub struct InvokeArgs {
    /// Logical id or name of the function; not needed when there is only one
    #[arg(value_name = "FUNCTION_LOGICAL_ID")]
    pub function: Option<String>,

    /// File with the event, or `-` for standard input [default: an empty object]
    #[arg(short = 'e', long, value_name = "PATH")]
    pub event: Option<String>,

    /// Nothing: an event is never asked for
    #[arg(long, hide = true)]
    pub no_event: bool,

    /// Template and parameters.
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

    /// What is shown where.
    #[command(flatten)]
    pub output: OutputArgs,
}
