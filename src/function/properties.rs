//! A resource's properties to a function: types, defaults, and what is wrong with one, at its place.

use std::time::Duration;

use super::catalog::Declared;
use super::known;
use super::reader::Reader;
use super::{
    Architecture, DEFAULT_CONCURRENCY, DEFAULT_MEMORY, DEFAULT_STORAGE, DEFAULT_TIMEOUT, Function,
    Logging, Package, Runtime, Zip,
};
use crate::lambda::Arn;
use crate::template::{Problem, Resource, Span, Value};

/// More than any engine takes, in MB.
const MAX_MEMORY: u64 = 1 << 24;
const RUNTIMES: &str = "https://docs.aws.amazon.com/lambda/latest/dg/lambda-runtimes.html";

impl Function {
    /// Resolves a function's properties. The warnings name what could not be resolved or is not emulated.
    ///
    /// # Errors
    /// Properties without which the function cannot run are missing or wrong; all of them.
    pub fn resolve(declared: &Declared<'_>) -> Result<(Self, Vec<Problem>), Vec<Problem>> {
        let read = Reader::new(declared);
        let function = read.function();
        let problems = read.problems.into_inner();
        match function {
            Some(function) if problems.is_empty() => Ok((function, read.warnings.into_inner())),
            _ => Err(problems),
        }
    }
}

impl Reader<'_> {
    fn function(&self) -> Option<Function> {
        known::check(self);
        // It was resolved before, for the lookup; here what is wrong with it is told.
        self.value("FunctionName");
        let (declared, scope) = (self.declared, self.declared.scope);
        let name = declared
            .name
            .clone()
            .unwrap_or_else(|| self.logical_id().to_owned());
        // Everything is looked at before anything is given up, so that all that is wrong is told at once.
        let package = if self.text("PackageType").as_deref() == Some("Image") {
            self.image().map(Package::Image)
        } else {
            self.zip().map(Package::Zip)
        };
        let (memory_mb, timeout) = (self.memory(), self.timeout());
        let architecture = self.architecture(package.as_ref());
        let variables = self.variables();
        let layers = match &package {
            Some(Package::Zip(_)) => self.layers(),
            // An image has everything in it.
            _ => Vec::new(),
        };
        let storage = self.entry("EphemeralStorage", "Size");
        Some(Function {
            stack: scope.stack().path.clone(),
            path: declared.path.clone(),
            logical_id: self.logical_id().to_owned(),
            arn: Arn::function(scope.region(), scope.account(), &name),
            name,
            package: package?,
            memory_mb: memory_mb?,
            timeout: timeout?,
            architecture: architecture?,
            variables,
            layers,
            logging: self.logging(),
            storage_mb: storage
                .and_then(|text| text.trim().parse().ok())
                .unwrap_or(DEFAULT_STORAGE),
            concurrency: self.concurrency(),
            tenancy: self.value("TenancyConfig").is_some(),
            traced: self.traced(),
            snap_start: self
                .entry("SnapStart", "ApplyOn")
                .is_some_and(|on| on == "PublishedVersions"),
            url: self.value("FunctionUrlConfig").is_some()
                || self
                    .of_this("AWS::Lambda::Url", "TargetFunctionArn")
                    .next()
                    .is_some(),
            aliases: self.aliases(),
            reserved: self
                .text("ReservedConcurrentExecutions")
                .and_then(|text| text.trim().parse().ok()),
            description: self.text("Description"),
            asynchronous: self.asynchronous(),
        })
    }

    /// SAM has the number in the property, CloudFormation in a map within it.
    fn concurrency(&self) -> Option<u32> {
        let config = self.value("CapacityProviderConfig")?;
        let inner = config.get("LambdaManagedInstancesCapacityProviderConfig");
        let number = inner
            .unwrap_or(&config)
            .get("PerExecutionEnvironmentMaxConcurrency")
            .and_then(Value::scalar_text)
            .and_then(|text| text.trim().parse().ok());
        Some(number.unwrap_or(DEFAULT_CONCURRENCY))
    }

    /// SAM has a property for it, CloudFormation a map.
    fn traced(&self) -> bool {
        let mode = if self.declared.resource.is_serverless() {
            self.text("Tracing")
        } else {
            self.entry("TracingConfig", "Mode")
        };
        mode.is_some_and(|mode| mode == "Active")
    }

    fn zip(&self) -> Option<Zip> {
        let handler = self.handler();
        let runtime = self.runtime();
        let code = self.code(runtime.as_ref());
        Some(Zip {
            handler: handler?,
            runtime: runtime?,
            code: code?,
        })
    }

    fn handler(&self) -> Option<String> {
        let text = || format!("Could not find handler for function: {}", self.logical_id());
        match self.required("Handler") {
            Ok(Some(handler)) if !handler.is_empty() => return Some(handler),
            Ok(_) => self.wrong(
                "Handler",
                text(),
                "it needs a Handler, such as `app.handler`",
            ),
            Err(unresolved) => self.wrong("Handler", text(), &unresolved.reason),
        }
        None
    }

    fn runtime(&self) -> Option<Runtime> {
        if self.declared.runtime.is_some() {
            return self.declared.runtime.clone();
        }
        let given = match self.required("Runtime") {
            Ok(given) => given,
            Err(unresolved) => {
                let text = format!(
                    "The Runtime of function {} cannot be resolved",
                    self.logical_id()
                );
                self.wrong("Runtime", text, &unresolved.reason);
                return None;
            }
        };
        let runtime = given.as_deref().and_then(Runtime::from_identifier);
        if runtime.is_none() {
            let shown = given.as_deref().unwrap_or("None");
            let text = format!(
                "Unsupported Lambda runtime: {shown}. For a list of supported runtimes, please visit {RUNTIMES}"
            );
            let label = match given {
                Some(_) => "not a runtime that Lambda has",
                None => "it needs a Runtime, such as `python3.13`",
            };
            let hint = given.as_deref().filter(|name| Runtime::was(name)).map(|name| {
                format!(
                    "{name} is no longer supported by AWS Lambda, please update to a newer supported runtime; see \
                     https://docs.aws.amazon.com/lambda/latest/dg/runtime-support-policy.html"
                )
            });
            let place = ("Runtime", self.span("Runtime"));
            self.wrong_at(place, text, label, hint.as_deref());
        }
        runtime
    }

    fn architecture(&self, package: Option<&Package>) -> Option<Architecture> {
        let listed = match self.value("Architectures") {
            None => return Some(Architecture::default()),
            Some(Value::List(items)) if items.len() == 1 => items[0].scalar_text(),
            Some(_) => None,
        };
        let Some(name) = listed else {
            let text = format!(
                "Function {} property Architectures should be a list of length 1",
                self.logical_id()
            );
            self.wrong("Architectures", text, "name one architecture");
            return None;
        };
        let known = Architecture::from_name(&name);
        let fits = |architecture: &Architecture| match package {
            Some(Package::Zip(zip)) => zip.runtime.supports(*architecture),
            _ => true,
        };
        let architecture = known.filter(fits);
        if architecture.is_none() {
            let text = match package {
                Some(Package::Zip(zip)) => format!(
                    "Runtime {} is not supported on '{name}' architecture",
                    zip.runtime
                ),
                _ => format!("Architecture '{name}' is invalid. Valid values are arm64 or x86_64"),
            };
            self.wrong("Architectures", text, "x86_64 or arm64");
        }
        architecture
    }

    fn memory(&self) -> Option<u64> {
        let Some(text) = self.text("MemorySize").filter(|text| !text.is_empty()) else {
            return Some(DEFAULT_MEMORY);
        };
        // `1024.0` is a whole number, too.
        let whole = text.trim();
        match whole.strip_suffix(".0").unwrap_or(whole).parse() {
            Ok(0) => Some(DEFAULT_MEMORY),
            Ok(memory) if memory <= MAX_MEMORY => Some(memory),
            _ => {
                let text = format!(
                    "Failed converting the string value for memory ({text}) to an integer."
                );
                self.wrong("MemorySize", text, "a number of megabytes");
                None
            }
        }
    }

    fn timeout(&self) -> Option<Duration> {
        let Some(text) = self.text("Timeout").filter(|text| !text.is_empty()) else {
            return Some(DEFAULT_TIMEOUT);
        };
        // Fractions are cut off, as SAM CLI does.
        match text.trim().parse::<f64>() {
            Ok(seconds) if (0.0..1.0).contains(&seconds) => Some(DEFAULT_TIMEOUT),
            Ok(seconds) if (1.0..1e6).contains(&seconds) => {
                Some(Duration::from_secs_f64(seconds.trunc()))
            }
            _ => {
                let text = format!("Invalid Number for Timeout: {text}");
                self.wrong("Timeout", text, "a number of seconds");
                None
            }
        }
    }

    /// The variables, each resolved on its own: one that cannot be is empty, and said so.
    fn variables(&self) -> Vec<(String, String)> {
        let scope = self.declared.scope;
        let node = self.node("Environment").and_then(|it| it.get("Variables"));
        let Some(node) = node.filter(|node| node.is_map()) else {
            return self.computed_variables();
        };
        if scope.is_intrinsic(node) {
            return self.computed_variables();
        }
        let mut variables = Vec::with_capacity(node.entries().len());
        for entry in node.entries() {
            let (value, notes) = scope.resolve_noting(&entry.value);
            for note in notes {
                let text = format!("variable '{}': {note}", entry.key);
                let name = format!("variable {}", entry.key);
                self.warn((&name, entry.value.span), &text, "stands in");
            }
            if value != Value::NoValue {
                variables.push(self.variable(&entry.key, &value, entry.value.span));
            }
        }
        variables
    }

    /// Variables whose map is the result of an intrinsic.
    fn computed_variables(&self) -> Vec<(String, String)> {
        let span = self.span("Environment");
        match self.value("Environment") {
            None => Vec::new(),
            Some(environment) => match environment.get("Variables") {
                Some(Value::Map(variables)) => variables
                    .iter()
                    .map(|(name, value)| self.variable(name, value, span))
                    .collect(),
                Some(Value::Unresolved(unresolved)) => {
                    self.unresolved("Environment", "its Variables are ignored", unresolved);
                    Vec::new()
                }
                _ => Vec::new(),
            },
        }
    }

    fn variable(&self, name: &str, value: &Value, span: Span) -> (String, String) {
        let text = value.variable_text();
        let property = format!("variable {name}");
        let place = (property.as_str(), span);
        if let Some(unresolved) = value.unresolved() {
            self.unresolved(
                &property,
                &format!("variable '{name}' is empty"),
                unresolved,
            );
        } else if matches!(value, Value::List(_) | Value::Map(_)) {
            let what = format!("variable '{name}' is empty: a variable is text, not a list or map");
            self.warn(place, &what, "not text");
        } else if text.contains("{{resolve:") {
            let what = format!(
                "variable '{name}' has a reference that only the service resolves, as it is written"
            );
            self.warn(place, &what, "passed on as it is");
        }
        (name.to_owned(), text)
    }

    fn logging(&self) -> Logging {
        let config = self.value("LoggingConfig");
        let get = |name: &str| config.as_ref()?.get(name)?.scalar_text();
        Logging {
            group: get("LogGroup"),
            format: get("LogFormat"),
            level: get("ApplicationLogLevel"),
            system_level: get("SystemLogLevel"),
        }
    }

    /// Names that versions of the function have: `AutoPublishAlias`, and aliases of the template.
    fn aliases(&self) -> Vec<String> {
        let scope = self.declared.scope;
        let own = self.text("AutoPublishAlias").into_iter();
        let others = self.of_this("AWS::Lambda::Alias", "FunctionName");
        let named = |alias: &Resource| scope.resolve(alias.property("Name")?).scalar_text();
        own.chain(others.filter_map(named)).collect()
    }

    /// Resources of a type with a property that names this function.
    pub(super) fn of_this(&self, kind: &str, property: &str) -> impl Iterator<Item = &Resource> {
        let scope = self.declared.scope;
        let resources = scope.stack().resources().iter();
        resources.filter(move |one| {
            let named = one.property(property).filter(|_| one.kind == kind);
            let named = named.and_then(|node| scope.resolve(node).scalar_text());
            named.is_some_and(|named| {
                let last = named.rsplit(':').next().unwrap_or_default();
                last == self.logical_id() || Some(last) == self.declared.name.as_deref()
            })
        })
    }
}
