//! The environment of a function, layer over layer: the service's variables, the template's, the shell's for names that
//! the template has, the `--env-vars` file's.

use super::Function;
use crate::lambda::LATEST;

/// Set when a function runs here and not in the service.
const LOCAL: (&str, &str) = ("AWS_SAM_LOCAL", "true");

/// The address of the Runtime API: the one name that nobody else may set.
const RESERVED: &str = "AWS_LAMBDA_RUNTIME_API";

/// What does not come from the function itself.
#[derive(Clone, Debug, Default)]
pub struct Surroundings {
    /// Region.
    pub region: String,
    /// Account.
    pub account: String,
    /// Access key and secret.
    pub access_key: Option<(String, String)>,
    /// Session token of temporary credentials.
    pub session_token: Option<String>,
}

/// Values over the template's: none removes a variable.
pub type Overrides = Vec<(String, Option<String>)>;

/// The environment, in the order in which the layers introduce names, and names that cannot be set. `shell` answers for names of the template.
#[must_use]
pub fn environment<'a>(
    function: &Function,
    surroundings: &Surroundings,
    shell: impl Fn(&str) -> Option<&'a str>,
    overrides: &Overrides,
) -> (Vec<(String, String)>, Vec<String>) {
    let mut layers = Layers {
        variables: service(function, surroundings),
        refused: Vec::new(),
    };
    for (name, value) in &function.variables {
        layers.set(name, shell(name).unwrap_or(value));
    }
    for (name, value) in overrides {
        match value {
            Some(value) => layers.set(name, value),
            None => layers.variables.retain(|(known, _)| known != name),
        }
    }
    (layers.variables, layers.refused)
}

struct Layers {
    variables: Vec<(String, String)>,
    refused: Vec<String>,
}

impl Layers {
    fn set(&mut self, name: &str, value: &str) {
        // A name with '=' or NUL cannot be passed to a process; a value with NUL neither.
        if name.is_empty() || name == RESERVED || name.contains(['=', '\0']) || value.contains('\0')
        {
            self.refused.push(name.to_owned());
            return;
        }
        match self.variables.iter_mut().find(|(known, _)| known == name) {
            Some((_, known)) => value.clone_into(known),
            None => self.variables.push((name.to_owned(), value.to_owned())),
        }
    }
}

/// The variables that the service sets, and those that SAM CLI adds.
fn service(function: &Function, surroundings: &Surroundings) -> Vec<(String, String)> {
    let (access_key, secret) = surroundings
        .access_key
        .clone()
        .unwrap_or_else(|| ("defaultkey".to_owned(), "defaultsecret".to_owned()));
    let logging = &function.logging;
    let group = logging
        .group
        .clone()
        .unwrap_or_else(|| format!("/aws/lambda/{}", function.name));
    let json = logging.format.as_deref() == Some("JSON");
    let level = json.then(|| logging.level.clone().unwrap_or_else(|| "INFO".to_owned()));
    let variables = [
        (LOCAL.0, Some(LOCAL.1.to_owned())),
        (
            "AWS_LAMBDA_FUNCTION_MEMORY_SIZE",
            Some(function.memory_mb.to_string()),
        ),
        (
            "AWS_LAMBDA_FUNCTION_TIMEOUT",
            Some(function.timeout.as_secs().to_string()),
        ),
        (
            "AWS_LAMBDA_FUNCTION_HANDLER",
            Some(function.handler().to_owned()),
        ),
        ("_HANDLER", Some(function.handler().to_owned())),
        ("AWS_LAMBDA_FUNCTION_NAME", Some(function.name.clone())),
        ("AWS_LAMBDA_FUNCTION_VERSION", Some(LATEST.to_owned())),
        ("AWS_LAMBDA_LOG_GROUP_NAME", Some(group)),
        ("AWS_LAMBDA_LOG_STREAM_NAME", Some(LATEST.to_owned())),
        (
            "AWS_LAMBDA_INITIALIZATION_TYPE",
            Some(function.initialization().to_owned()),
        ),
        (
            "AWS_LAMBDA_MAX_CONCURRENCY",
            function.concurrency.map(|number| number.to_string()),
        ),
        ("AWS_LAMBDA_LOG_FORMAT", logging.format.clone()),
        ("AWS_LAMBDA_LOG_LEVEL", level),
        ("AWS_REGION", Some(surroundings.region.clone())),
        ("AWS_DEFAULT_REGION", Some(surroundings.region.clone())),
        ("AWS_ACCOUNT_ID", Some(surroundings.account.clone())),
        ("AWS_ACCESS_KEY_ID", Some(access_key)),
        ("AWS_SECRET_ACCESS_KEY", Some(secret)),
        ("AWS_SESSION_TOKEN", surroundings.session_token.clone()),
    ];
    variables
        .into_iter()
        .filter_map(|(name, value)| Some((name.to_owned(), value?)))
        .collect()
}
