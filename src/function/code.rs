//! Where a function's code, and its layers, are.

use std::fs;
use std::io;
use std::path::{Path, PathBuf};

use super::Runtime;
use super::reader::Reader;
use crate::lambda::LayerArn;
use crate::template::{Resource, Scope, Value};

/// A function's code.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Code {
    /// A directory, absolute.
    Directory(PathBuf),
    /// A zip or jar file, absolute.
    Archive(PathBuf),
    /// Text in the template, and the name of the file that it is.
    Inline {
        /// Name of the file.
        file: String,
        /// Contents.
        text: String,
    },
}

/// A layer of a function.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Layer {
    /// One of the application's.
    Local {
        /// Its name in the template.
        logical_id: String,
        /// Directory or archive.
        content: Code,
    },
    /// One that is in the service.
    Remote(LayerArn),
}

impl Reader<'_> {
    fn code_property(&self) -> &'static str {
        if self.declared.resource.is_serverless() {
            "CodeUri"
        } else {
            "Code"
        }
    }

    /// The code: inline, or at a path. What is missing or cannot be resolved is the template's own directory.
    pub(super) fn code(&self, runtime: Option<&Runtime>) -> Option<Code> {
        if let Some(text) = self.inline() {
            return self.inline_code(runtime?, text);
        }
        let property = self.code_property();
        let location = match self.value(property) {
            Some(Value::String(path)) => path,
            Some(Value::Map(location))
                if location.iter().any(|(key, _)| key.ends_with("Bucket")) =>
            {
                "s3://".to_owned()
            }
            _ => ".".to_owned(),
        };
        if location.starts_with("s3://") {
            let text = format!(
                "The resource {} '{}' has specified S3 location for {property}, which cannot be run locally",
                self.declared.resource.kind,
                self.logical_id()
            );
            self.wrong(property, text, "a path on this machine is needed");
            return None;
        }
        let base = self.declared.code_base.as_deref();
        let directory = base.unwrap_or(&self.declared.scope.stack().directory);
        let path = directory.join(location);
        match found(&path) {
            Ok(code) => Some(code),
            // Only the engine's machine has it.
            Err(_) if base.is_some() && !path.exists() => Some(Code::Directory(path)),
            Err(reason) => {
                let text = format!("Local code path '{}' {reason}", path.display());
                let from = self.declared.scope.stack().directory.display();
                let label = format!("relative to {from}");
                let hint = "verify the path, or run 'sam build' if it is a build artifact";
                self.wrong_at((property, self.span(property)), text, &label, Some(hint));
                None
            }
        }
    }

    fn inline(&self) -> Option<String> {
        let (scope, resource) = (&self.declared.scope, self.declared.resource);
        let node = match resource.property("InlineCode") {
            Some(node) if resource.is_serverless() => node,
            _ => resource.property("Code")?.get("ZipFile")?,
        };
        scope.resolve(node).scalar_text()
    }

    /// The service puts inline code into a file for runtimes whose files are programs.
    fn inline_code(&self, runtime: &Runtime, text: String) -> Option<Code> {
        let name = runtime.to_string();
        let file = match name.as_str() {
            name if name.starts_with("python") => "index.py",
            name if name.starts_with("nodejs") => "index.js",
            _ => {
                let text = format!(
                    "Function {} has inline code, which Lambda takes for Python and Node.js only",
                    self.logical_id()
                );
                self.wrong("Runtime", text, "needs its code in a directory");
                return None;
            }
        };
        let file = file.to_owned();
        Some(Code::Inline { file, text })
    }

    /// The layers, in their order.
    pub(super) fn layers(&self) -> Vec<Layer> {
        let Some(value) = self.value("Layers") else {
            return Vec::new();
        };
        let Value::List(items) = value else {
            self.wrong("Layers", "Layers must be a list", "a list of layers");
            return Vec::new();
        };
        items.iter().filter_map(|item| self.layer(item)).collect()
    }

    fn layer(&self, item: &Value) -> Option<Layer> {
        match item {
            Value::Layer(layer) => {
                let scope = self.declared.scope.of_layer(layer);
                self.local_layer(scope, &layer.logical_id)
            }
            Value::Unresolved(unresolved) => {
                self.unresolved("Layers", "a layer is left out", unresolved);
                None
            }
            other => {
                let name = other.scalar_text().unwrap_or_default();
                if name.starts_with("arn:") {
                    // Text that was made of a layer's ARN means that layer.
                    return match self.declared.scope.layer_of(&name) {
                        Some(layer) => self.layer(&Value::Layer(layer)),
                        None => self.remote_layer(&name),
                    };
                }
                if name.contains("{{resolve:") {
                    let text = "a layer is left out: only the service resolves its reference";
                    self.warn(("Layers", self.span("Layers")), text, "not resolved");
                    return None;
                }
                let known = self.declared.scope.stack().resource(&name);
                if known.is_some_and(Resource::is_layer) {
                    return self.local_layer(self.declared.scope, &name);
                }
                let text = format!("{name} is an Invalid Layer Arn.");
                self.wrong("Layers", text, "neither an ARN nor a layer of the template");
                None
            }
        }
    }

    /// A layer of the service. Two are no layers but names of an image that Lambda once ran on.
    fn remote_layer(&self, name: &str) -> Option<Layer> {
        let text = match name.parse() {
            Ok(arn) => return Some(Layer::Remote(arn)),
            Err(()) if name == "arn:aws:lambda:::awslayer:AmazonLinux1803" => return None,
            Err(()) if name == "arn:aws:lambda:::awslayer:AmazonLinux1703" => {
                "Building and invoking locally only supports AmazonLinux1803. See \
                 https://aws.amazon.com/blogs/compute/upcoming-updates-to-the-aws-lambda-execution-environment/ for more \
                 detials."
                    .to_owned()
            }
            Err(()) => format!("{name} is an Invalid Layer Arn."),
        };
        self.wrong("Layers", text, "not the ARN of a layer's version");
        None
    }

    fn local_layer(&self, scope: Scope<'_>, logical_id: &str) -> Option<Layer> {
        let resource = scope.stack().resource(logical_id)?;
        let property = if resource.kind == "AWS::Serverless::LayerVersion" {
            "ContentUri"
        } else {
            "Content"
        };
        let node = resource.property(property);
        let location = node.map(|node| scope.resolve(node));
        let Some(Value::String(location)) = location.filter(|value| !is_remote(value)) else {
            let text = format!("Layer '{logical_id}' has no {property} on this machine");
            let span = node.map_or(resource.span, |node| node.span);
            let label = "a path on this machine is needed";
            self.wrong_at(("Layers", span), text, label, None);
            return None;
        };
        let base = self.declared.code_base.as_deref();
        let directory = base.unwrap_or(&scope.stack().directory);
        let content = match found(&directory.join(&location)) {
            Ok(content) => content,
            Err(reason) => {
                let path = directory.join(&location);
                let text = format!("Local code path '{}' {reason}", path.display());
                let span = node.map_or(resource.span, |node| node.span);
                let label = format!("of layer {logical_id}");
                let hint = "verify the path, or run 'sam build' if it is a build artifact";
                self.wrong_at(("Layers", span), text, &label, Some(hint));
                return None;
            }
        };
        let logical_id = logical_id.to_owned();
        Some(Layer::Local {
            logical_id,
            content,
        })
    }
}

fn is_remote(location: &Value) -> bool {
    matches!(location, Value::String(text) if text.starts_with("s3://"))
}

/// What is at a path.
fn found(path: &Path) -> Result<Code, String> {
    let whole = || fs::canonicalize(path).unwrap_or_else(|_| path.to_owned());
    match fs::metadata(path) {
        Ok(found) if found.is_dir() => Ok(Code::Directory(whole())),
        Ok(_) if is_archive(path) => Ok(Code::Archive(whole())),
        Ok(_) => Err("is neither a directory nor a zip or jar file.".to_owned()),
        Err(error) if error.kind() == io::ErrorKind::NotFound => Err("does not exist.".to_owned()),
        Err(error) => Err(format!("cannot be read: {error}.")),
    }
}

fn is_archive(path: &Path) -> bool {
    let extension = path.extension().and_then(|extension| extension.to_str());
    extension.is_some_and(|it| it.eq_ignore_ascii_case("zip") || it.eq_ignore_ascii_case("jar"))
}
