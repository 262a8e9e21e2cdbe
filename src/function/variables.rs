//! The environment of a function, layer over layer: proxies, the service's variables, the template's, the shell's for
//! names that the template has, the `--env-vars` file's, the command line's.

use std::fmt;

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

/// Where the value of a variable comes from, from the lowest layer to the highest.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Origin {
    /// The Docker CLI's configuration of proxies.
    Proxies,
    /// What the service sets.
    Service,
    /// The template.
    Template,
    /// The shell, for a name of the template.
    Shell,
    /// The file of `--env-vars`.
    File,
    /// `--env` or `--env-file`.
    Given,
}

impl fmt::Display for Origin {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Proxies => "the Docker CLI's configuration",
            Self::Service => "Lambda",
            Self::Template => "the template",
            Self::Shell => "the shell",
            Self::File => "--env-vars",
            Self::Given => "--env or --env-file",
        })
    }
}

/// What lies below and over the variables of the service and the template.
#[derive(Clone, Copy)]
pub struct Layers<'a> {
    /// Below all others.
    pub proxies: &'a [(String, String)],
    /// Answers for names of the template.
    pub shell: &'a dyn Fn(&str) -> Option<&'a str>,
    /// Of the file of `--env-vars`.
    pub file: &'a Overrides,
    /// Of the command line.
    pub given: &'a Overrides,
}

/// A variable.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Variable {
    /// Its name.
    pub name: String,
    /// Its value.
    pub value: String,
    /// Where the value comes from.
    pub origin: Origin,
}

/// The environment, in the order in which the layers introduce names, and names that cannot be set.
#[must_use]
pub fn environment(
    function: &Function,
    surroundings: &Surroundings,
    layers: Layers<'_>,
) -> (Vec<Variable>, Vec<String>) {
    let mut laid = Laid::default();
    for (name, value) in layers.proxies {
        laid.set(name, value, Origin::Proxies);
    }
    for (name, value) in service(function, surroundings) {
        laid.set(&name, &value, Origin::Service);
    }
    for (name, value) in &function.variables {
        match (layers.shell)(name) {
            Some(value) => laid.set(name, value, Origin::Shell),
            None => laid.set(name, value, Origin::Template),
        }
    }
    laid.over(layers.file, Origin::File);
    laid.over(layers.given, Origin::Given);
    (laid.variables, laid.refused)
}

#[derive(Default)]
struct Laid {
    variables: Vec<Variable>,
    refused: Vec<String>,
}

impl Laid {
    fn over(&mut self, overrides: &Overrides, origin: Origin) {
        for (name, value) in overrides {
            match value {
                Some(value) => self.set(name, value, origin),
                None => self.variables.retain(|known| known.name != *name),
            }
        }
    }

    fn set(&mut self, name: &str, value: &str, origin: Origin) {
        // A name with '=' or NUL cannot be passed to a process; a value with NUL neither.
        if name.is_empty() || name == RESERVED || name.contains(['=', '\0']) || value.contains('\0')
        {
            self.refused.push(name.to_owned());
            return;
        }
        let variable = Variable {
            name: name.to_owned(),
            value: value.to_owned(),
            origin,
        };
        match self.variables.iter_mut().find(|known| known.name == name) {
            Some(known) => *known = variable,
            None => self.variables.push(variable),
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
