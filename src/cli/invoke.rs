//! `sam-rs local invoke`.

use clap::Args;

use super::groups::{CommonArgs, ResultArgs};

/// Run a function once, and print its result.
#[derive(Args, Debug, Default)]
#[command(next_help_heading = "Function and event")]
pub struct InvokeArgs {
    /// Logical id, `FunctionName`, `Stack/Function` or ARN of the function, with or without `:alias`; not needed when there
    /// is only one
    #[arg(value_name = "FUNCTION_LOGICAL_ID")]
    pub function: Option<String>,

    /// File with the event, or `-` for standard input [default: an empty object]. Several are handed to one warm sandbox in
    /// turn, and their answers are lines of their own
    #[arg(short = 'e', long, value_name = "PATH", action = clap::ArgAction::Append)]
    pub event: Vec<String>,

    /// Runtime to run the function with, instead of the template's
    #[arg(short = 'r', long, value_name = "RUNTIME")]
    pub runtime: Option<String>,

    /// Tenant that the event is for, where the function has a `TenancyConfig`
    #[arg(long, value_name = "ID")]
    pub tenant_id: Option<String>,

    /// Client context: JSON, or base64 of JSON as AWS CLI takes it
    #[arg(long, value_name = "JSON")]
    pub client_context: Option<String>,

    /// Cognito identity of the caller: JSON with `cognitoIdentityId` and `cognitoIdentityPoolId`
    #[arg(long, value_name = "JSON")]
    pub cognito_identity: Option<String>,

    /// Nothing: an event is never asked for
    #[arg(long, hide = true)]
    pub no_event: bool,

    /// The result.
    #[command(flatten)]
    pub result: ResultArgs,

    /// What every command that runs functions has.
    #[command(flatten)]
    pub common: CommonArgs,
}
