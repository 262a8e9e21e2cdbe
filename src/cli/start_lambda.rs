//! `sam-rs local start-lambda`.

use std::path::PathBuf;

use clap::Args;

use super::groups::CommonArgs;

/// Serve Lambda's API for invoking functions.
#[derive(Args, Debug, Default)]
#[command(next_help_heading = "Service")]
pub struct StartLambdaArgs {
    /// Functions to serve, by any of their names [default: all]
    #[arg(value_name = "FUNCTION_LOGICAL_IDS")]
    pub functions: Vec<String>,

    /// Address or name of this machine to serve on [default: 127.0.0.1]
    #[arg(long, value_name = "ADDRESS")]
    pub host: Option<String>,

    /// Port to serve on; 0 for any that is free [default: 3001]
    #[arg(short = 'p', long, value_name = "PORT", allow_negative_numbers = true)]
    pub port: Option<String>,

    /// File that the address is written to, as `http://127.0.0.1:3001`, when it can be used
    #[arg(long, value_name = "PATH")]
    pub port_file: Option<PathBuf>,

    /// Keep sandboxes for further invocations: `LAZY` from the first one on, `EAGER` from the start [default: a new
    /// sandbox for each invocation]
    #[arg(long, value_name = "MODE")]
    pub warm_containers: Option<String>,

    /// Function that a debugger is for, where sandboxes are kept
    #[arg(long, value_name = "NAME")]
    pub debug_function: Option<String>,

    /// Sandboxes that a function may have at a time [default: 50]
    #[arg(long, value_name = "NUMBER")]
    pub max_concurrency: Option<String>,

    /// What becomes of an invocation when there are as many: `wait`, or `throttle` [default: wait, but throttle beyond
    /// `ReservedConcurrentExecutions`]
    #[arg(long, value_name = "WHAT")]
    pub when_busy: Option<String>,

    /// Seconds after which a sandbox is ended that nobody uses [default: 600]
    #[arg(long, value_name = "SECONDS")]
    pub idle_timeout: Option<String>,

    /// Nothing: changes are not watched for
    #[arg(long, hide = true)]
    pub no_watch: bool,

    /// What every command that runs functions has.
    #[command(flatten)]
    pub common: CommonArgs,
}
