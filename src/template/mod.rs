//! Templates: text to a tree of nodes, resources with `Globals` merged in, intrinsics resolved against a scope.
//!
//! Synchronous and without file access: the caller reads the file. Knows Lambda's vocabulary, nothing of how functions
//! run.

mod error;
mod globals;
mod intrinsics;
mod json;
mod node;
pub mod parameters;
mod scalar;
mod value;
mod yaml;

use std::path::PathBuf;

pub use error::{Problem, Source, SyntaxError};
pub use intrinsics::Scope;
pub use node::{Entry, Kind, Node, Span};
pub use parameters::Overrides;
pub use value::{Unresolved, Value};

const SERVERLESS_FUNCTION: &str = "AWS::Serverless::Function";
const LAMBDA_FUNCTION: &str = "AWS::Lambda::Function";

/// A template.
#[derive(Clone, Debug)]
pub struct Template {
    source: Source,
    root: Node,
    resources: Vec<Resource>,
}

/// A resource of a template.
#[derive(Clone, Debug)]
pub struct Resource {
    /// Its name in the template.
    pub logical_id: String,
    /// Where the name stands.
    pub span: Span,
    /// Its type.
    pub kind: String,
    /// Its properties, with the global ones merged in.
    pub properties: Node,
}

impl Resource {
    /// Whether it is a function, in either form.
    #[must_use]
    pub fn is_function(&self) -> bool {
        self.is_serverless() || self.kind == LAMBDA_FUNCTION
    }

    /// Whether it is a function in SAM's form.
    #[must_use]
    pub fn is_serverless(&self) -> bool {
        self.kind == SERVERLESS_FUNCTION
    }

    /// A property.
    #[must_use]
    pub fn property(&self, name: &str) -> Option<&Node> {
        self.properties.get(name)
    }
}

/// Reads a document: as JSON where it is JSON, else as YAML.
///
/// # Errors
/// It is neither.
pub fn read(text: &str) -> Result<Node, SyntaxError> {
    // A byte order mark is none of JSON's, so what follows one is YAML.
    json::read(text).map_or_else(
        || yaml::read(text.strip_prefix('\u{feff}').unwrap_or(text)),
        Ok,
    )
}

impl Template {
    /// Reads a template: as JSON where it is JSON, else as YAML.
    ///
    /// # Errors
    /// It is neither, or has no resources.
    pub fn parse(path: PathBuf, text: &str) -> Result<Self, Box<Problem>> {
        let shown = text.strip_prefix('\u{feff}').unwrap_or(text);
        let source = Source {
            path,
            text: shown.into(),
        };
        let root = read(text).map_err(|error| {
            Box::new(Problem {
                message: format!("Failed to parse template: {}", error.message),
                source_file: source.clone(),
                span: Some(error.span),
                label: error.message,
                hint: error.hint,
            })
        })?;
        let resources = resources(&root, &source)?;
        Ok(Self {
            source,
            root,
            resources,
        })
    }

    /// The file.
    #[must_use]
    pub fn source(&self) -> &Source {
        &self.source
    }

    /// The whole tree.
    #[must_use]
    pub fn root(&self) -> &Node {
        &self.root
    }

    /// The resources, in their order.
    #[must_use]
    pub fn resources(&self) -> &[Resource] {
        &self.resources
    }

    /// The resource of a logical id.
    #[must_use]
    pub fn resource(&self, logical_id: &str) -> Option<&Resource> {
        self.resources
            .iter()
            .find(|resource| resource.logical_id == logical_id)
    }

    /// The declaration of a parameter.
    #[must_use]
    pub fn parameter(&self, name: &str) -> Option<&Node> {
        self.root.get("Parameters")?.get(name)
    }

    /// A problem at a place of this template.
    #[must_use]
    pub fn problem(
        &self,
        message: impl Into<String>,
        span: Span,
        label: impl Into<String>,
    ) -> Box<Problem> {
        let source_file = self.source.clone();
        Box::new(Problem {
            message: message.into(),
            source_file,
            span: Some(span),
            label: label.into(),
            hint: None,
        })
    }
}

fn resources(root: &Node, source: &Source) -> Result<Vec<Resource>, Box<Problem>> {
    // An empty file is a template without functions, as in SAM CLI.
    if root.entries().is_empty() && (root.is_map() || root.kind == Kind::Null) {
        return Ok(Vec::new());
    }
    let section = root
        .get("Resources")
        .filter(|section| !section.entries().is_empty());
    let Some(section) = section else {
        let text = "'Resources' section is required";
        return Err(Box::new(Problem {
            // The form in which SAM CLI prints it, which people search for.
            message: format!("[InvalidTemplateException(\"{text}\")] {text}"),
            source_file: source.clone(),
            span: Some(
                root.get("Resources")
                    .map_or(root.span, |section| section.span),
            ),
            label: "a template has at least one resource".to_owned(),
            hint: Some("add a function below `Resources:`".to_owned()),
        }));
    };
    let global = root
        .get("Globals")
        .and_then(|globals| globals.get("Function"));
    Ok(section
        .entries()
        .iter()
        .map(|entry| resource(entry, global))
        .collect())
}

fn resource(entry: &Entry, global: Option<&Node>) -> Resource {
    let kind = entry
        .value
        .get("Type")
        .and_then(Node::as_str)
        .unwrap_or_default();
    let own = entry
        .value
        .get("Properties")
        .filter(|node| node.is_map())
        .cloned();
    let own = own.unwrap_or(Node {
        kind: Kind::Map(std::sync::Arc::default()),
        span: entry.value.span,
    });
    let global = global.filter(|_| kind == SERVERLESS_FUNCTION);
    let global =
        global.and_then(|global| globals::wanted(global, entry.value.get("IgnoreGlobals")));
    let properties = global.map_or_else(|| own.clone(), |global| globals::merge(&global, &own));
    Resource {
        logical_id: entry.key.clone(),
        span: entry.key_span,
        kind: kind.to_owned(),
        properties,
    }
}
