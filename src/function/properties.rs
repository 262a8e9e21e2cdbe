//! A resource's properties to a function: types, defaults, and what is wrong with one, at its place.

use std::cell::RefCell;
use std::path::{Path, PathBuf};
use std::time::Duration;

use super::{Architecture, DEFAULT_MEMORY, DEFAULT_TIMEOUT, Function, Logging, Runtime};
use crate::lambda::Arn;
use crate::template::{Node, Problem, Resource, Scope, Unresolved, Value};

/// More than any engine takes, in MB.
const MAX_MEMORY: u64 = 1 << 24;
const RUNTIMES: &str = "https://docs.aws.amazon.com/lambda/latest/dg/lambda-runtimes.html";

impl Function {
    /// Resolves a function's properties. The warnings name what could not be resolved or is not emulated.
    ///
    /// # Errors
    /// A property without which the function cannot run is missing or wrong.
    pub fn resolve(
        resource: &Resource,
        scope: &Scope<'_>,
        directory: &Path,
    ) -> Result<(Self, Vec<String>), Box<Problem>> {
        let read = Properties {
            resource,
            scope,
            warnings: RefCell::default(),
        };
        read.refuse_other_packages()?;
        let handler = read.handler()?;
        let (runtime, architecture) = read.runtime()?;
        let name = read
            .text("FunctionName")
            .unwrap_or_else(|| resource.logical_id.clone());
        let variables = read.variables();
        if read
            .value("Layers")
            .is_some_and(|layers| !matches!(layers, Value::List(layers) if layers.is_empty()))
        {
            read.warn("its Layers are not mounted");
        }
        let function = Self {
            logical_id: resource.logical_id.clone(),
            arn: Arn::function(scope.region, scope.account, &name),
            name,
            runtime,
            handler,
            code: read.code(directory)?,
            memory_mb: read.memory()?,
            timeout: read.timeout()?,
            architecture,
            variables,
            logging: read.logging(),
        };
        Ok((function, read.warnings.into_inner()))
    }
}

struct Properties<'a> {
    resource: &'a Resource,
    scope: &'a Scope<'a>,
    /// What could not be resolved, or is not emulated.
    warnings: RefCell<Vec<String>>,
}

impl Properties<'_> {
    fn id(&self) -> &str {
        &self.resource.logical_id
    }

    fn node(&self, name: &str) -> Option<&Node> {
        self.resource.property(name)
    }

    /// A property's value; one that is `AWS::NoValue` is not there, and one that cannot be resolved neither.
    fn value(&self, name: &str) -> Option<Value> {
        match self.scope.resolve(self.node(name)?) {
            Value::NoValue | Value::Null => None,
            Value::Unresolved(unresolved) => {
                self.warn_unresolved(&format!("its {name} is ignored"), &unresolved);
                None
            }
            value => Some(value),
        }
    }

    fn warn_unresolved(&self, what: &str, unresolved: &Unresolved) {
        let place = format!(
            "{}:{}",
            self.scope.template.source().path.display(),
            unresolved.span.line
        );
        self.warn(&format!("{what}: {} ({place})", unresolved.reason));
    }

    fn warn(&self, what: &str) {
        let text = format!("Function '{}': {what}", self.id());
        let mut warnings = self.warnings.borrow_mut();
        // A property may be looked at more than once.
        if !warnings.contains(&text) {
            warnings.push(text);
        }
    }

    fn text(&self, name: &str) -> Option<String> {
        self.value(name)?.scalar_text()
    }

    /// A problem with a property, at its place, or at the function's name where it is missing.
    fn problem(
        &self,
        property: &str,
        message: impl Into<String>,
        label: impl Into<String>,
    ) -> Box<Problem> {
        let span = self
            .node(property)
            .map_or(self.resource.span, |node| node.span);
        self.scope.template.problem(message, span, label)
    }

    fn code_property(&self) -> &'static str {
        if self.resource.is_serverless() {
            "CodeUri"
        } else {
            "Code"
        }
    }

    /// Packages that are not a directory of code.
    fn refuse_other_packages(&self) -> Result<(), Box<Problem>> {
        if self.text("PackageType").as_deref() == Some("Image") {
            let text = format!("Function {} is packaged as a container image", self.id());
            return Err(self.problem("PackageType", text, "only zip packages run"));
        }
        let inline = self
            .node("InlineCode")
            .or_else(|| self.node("Code")?.get("ZipFile"));
        if let Some(inline) = inline {
            let text = "Inline code is not supported for sam local commands. Please write your code in a separate file \
                        for the function";
            return Err(self.scope.template.problem(
                format!("{text} {}.", self.id()),
                inline.span,
                "inline code",
            ));
        }
        Ok(())
    }

    fn handler(&self) -> Result<String, Box<Problem>> {
        let missing = || {
            let text = format!("Could not find handler for function: {}", self.id());
            self.problem("Handler", text, "it needs a Handler, such as `app.handler`")
        };
        self.text("Handler")
            .filter(|handler| !handler.is_empty())
            .ok_or_else(missing)
    }

    fn runtime(&self) -> Result<(Runtime, Architecture), Box<Problem>> {
        let given = self.text("Runtime");
        let shown = given.as_deref().unwrap_or("None");
        let runtime = given.as_deref().and_then(Runtime::from_identifier).ok_or_else(|| {
            let text = format!("Unsupported Lambda runtime: {shown}. For a list of supported runtimes, please visit");
            self.problem("Runtime", format!("{text} {RUNTIMES}"), "not a runtime that Lambda has")
        })?;
        let architecture = self.architecture(&runtime)?;
        Ok((runtime, architecture))
    }

    fn architecture(&self, runtime: &Runtime) -> Result<Architecture, Box<Problem>> {
        let listed = match self.value("Architectures") {
            None => return Ok(Architecture::default()),
            Some(Value::List(items)) if items.len() == 1 => items[0].scalar_text(),
            Some(_) => None,
        };
        let Some(name) = listed else {
            let text = format!(
                "Function {} property Architectures should be a list of length 1",
                self.id()
            );
            return Err(self.problem("Architectures", text, "name one architecture"));
        };
        let architecture =
            Architecture::from_name(&name).filter(|architecture| runtime.supports(*architecture));
        architecture.ok_or_else(|| {
            let text = format!("Runtime {runtime} is not supported on '{name}' architecture");
            self.problem("Architectures", text, "x86_64 or arm64")
        })
    }

    fn memory(&self) -> Result<u64, Box<Problem>> {
        let Some(text) = self.text("MemorySize") else {
            return Ok(DEFAULT_MEMORY);
        };
        match text.trim().parse() {
            Ok(0) => Ok(DEFAULT_MEMORY),
            Ok(memory) if memory <= MAX_MEMORY => Ok(memory),
            _ => {
                let message = format!(
                    "Failed converting the string value for memory ({text}) to an integer."
                );
                Err(self.problem("MemorySize", message, "a number of megabytes"))
            }
        }
    }

    fn timeout(&self) -> Result<Duration, Box<Problem>> {
        let Some(text) = self.text("Timeout") else {
            return Ok(DEFAULT_TIMEOUT);
        };
        // Fractions are cut off, as SAM CLI does.
        match text.trim().parse::<f64>() {
            Ok(seconds) if (0.0..1.0).contains(&seconds) => Ok(DEFAULT_TIMEOUT),
            Ok(seconds) if (1.0..1e6).contains(&seconds) => {
                Ok(Duration::from_secs_f64(seconds.trunc()))
            }
            _ => Err(self.problem(
                "Timeout",
                format!("Invalid Number for Timeout: {text}"),
                "a number of seconds",
            )),
        }
    }

    /// The directory of the code. What is missing or cannot be resolved is the template's own directory.
    fn code(&self, directory: &Path) -> Result<PathBuf, Box<Problem>> {
        let property = self.code_property();
        let path = match self.value(property) {
            Some(Value::String(path)) => path,
            Some(Value::Map(location))
                if location.iter().any(|(key, _)| key.ends_with("Bucket")) =>
            {
                let text = format!(
                    "Function {} has its code in S3, which cannot be run locally",
                    self.id()
                );
                return Err(self.problem(property, text, "a path on this machine is needed"));
            }
            _ => ".".to_owned(),
        };
        if path.starts_with("s3://") {
            let text = format!(
                "Function {} has its code in S3, which cannot be run locally",
                self.id()
            );
            return Err(self.problem(property, text, "a path on this machine is needed"));
        }
        let code = directory.join(&path);
        match std::fs::metadata(&code) {
            Ok(found) if found.is_dir() => Ok(std::fs::canonicalize(&code).unwrap_or(code)),
            Ok(_) => {
                let text = format!("Local code path '{}' is not a directory.", code.display());
                Err(self.problem(property, text, "the directory that holds the code"))
            }
            Err(error) => {
                let text = match error.kind() {
                    std::io::ErrorKind::NotFound => "does not exist.".to_owned(),
                    _ => format!("cannot be read: {error}."),
                };
                let mut problem = self.problem(
                    property,
                    format!("Local code path '{}' {text}", code.display()),
                    format!("relative to {}", directory.display()),
                );
                let hint = "verify the path, or run 'sam build' if it is a build artifact";
                problem.hint = Some(hint.to_owned());
                Err(problem)
            }
        }
    }

    fn variables(&self) -> Vec<(String, String)> {
        let Some(Value::Map(environment)) = self.value("Environment") else {
            return Vec::new();
        };
        let variables = environment.into_iter().find(|(key, _)| key == "Variables");
        let variables = match variables.map(|(_, variables)| variables) {
            Some(Value::Map(variables)) => variables,
            Some(Value::Unresolved(unresolved)) => {
                self.warn_unresolved("its Variables are ignored", &unresolved);
                return Vec::new();
            }
            _ => return Vec::new(),
        };
        let text = |(name, value): (String, Value)| {
            if let Some(unresolved) = value.unresolved() {
                self.warn_unresolved(&format!("variable '{name}' is empty"), unresolved);
            }
            (name, value.variable_text())
        };
        variables.into_iter().map(text).collect()
    }

    fn logging(&self) -> Logging {
        let Some(Value::Map(config)) = self.value("LoggingConfig") else {
            return Logging::default();
        };
        let get = |name: &str| {
            config
                .iter()
                .find(|(key, _)| key == name)
                .and_then(|(_, value)| value.scalar_text())
        };
        Logging {
            group: get("LogGroup"),
            format: get("LogFormat"),
            level: get("ApplicationLogLevel"),
        }
    }
}
