//! What goes with an event: its source, the tenant, the client's context.

use std::path::PathBuf;

use base64::Engine;
use base64::prelude::BASE64_STANDARD;

use super::{Config, SettingsError, list};
use crate::cli::InvokeArgs;
use crate::env::Env;
use crate::lambda::one_line;

/// Longest name of a tenant.
const MAX_TENANT: usize = 256;

/// Where an event comes from.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum EventSource {
    /// An empty object.
    Empty,
    /// Standard input, to its end.
    Stdin,
    /// A file, and its name as it was given.
    File(PathBuf, String),
}

/// The events, one at least.
pub(super) fn events(
    args: &InvokeArgs,
    env: &Env,
    config: &Config,
) -> Result<Vec<EventSource>, SettingsError> {
    let given = list(&args.event, "event", config)?;
    let source = |path: &String| match path.as_str() {
        "-" => EventSource::Stdin,
        path => EventSource::File(env.directory.join(path), path.to_owned()),
    };
    Ok(if given.is_empty() {
        vec![EventSource::Empty]
    } else {
        given.iter().map(source).collect()
    })
}

/// The tenant, checked in SAM CLI's words.
pub(super) fn tenant(args: &InvokeArgs, config: &Config) -> Result<Option<String>, SettingsError> {
    let Some(id) = args.tenant_id.clone().or(config.text("tenant_id")?) else {
        return Ok(None);
    };
    let allowed = |letter: char| letter.is_ascii_alphanumeric() || " _.:/=+-@".contains(letter);
    let problem = if id.is_empty() || id.chars().count() > MAX_TENANT {
        "must be between 1 and 256 characters"
    } else if id.trim().is_empty() {
        "cannot be empty or contain only whitespace"
    } else if !id.chars().all(allowed) {
        "contains invalid characters. Allowed characters are a-z, A-Z, numbers, spaces, and the characters _ . : / = + - @"
    } else {
        return Ok(Some(id));
    };
    Err(SettingsError::Usage(format!(
        "Invalid value for '--tenant-id': --tenant-id {problem}"
    )))
}

/// The client's context as the runtime is told it: JSON text on one line.
pub(super) fn client_context(
    args: &InvokeArgs,
    config: &Config,
) -> Result<Option<String>, SettingsError> {
    let Some(given) = args
        .client_context
        .clone()
        .or(config.text("client_context")?)
    else {
        return Ok(None);
    };
    let decoded = || {
        let bytes = BASE64_STANDARD.decode(given.trim()).ok()?;
        String::from_utf8(bytes).ok()
    };
    match one_line(&given).or_else(|| one_line(&decoded()?)) {
        Some(text) => Ok(Some(text)),
        None => Err(SettingsError::Usage(
            "Invalid value for '--client-context': it is neither a JSON object nor base64 of one."
                .to_owned(),
        )),
    }
}

/// The Cognito identity as the runtime is told it: a JSON object on one line.
pub(super) fn cognito_identity(
    args: &InvokeArgs,
    config: &Config,
) -> Result<Option<String>, SettingsError> {
    let configured = config.text("cognito_identity")?;
    let Some(given) = args.cognito_identity.clone().or(configured) else {
        return Ok(None);
    };
    match one_line(&given) {
        Some(text) => Ok(Some(text)),
        None => Err(SettingsError::Usage(
            "Invalid value for '--cognito-identity': it is not a JSON object.".to_owned(),
        )),
    }
}
