//! Resources as a template declares them, with `Globals` merged in and assets put in their place.

use super::application::Application;
use super::error::Problem;
use super::globals;
use super::node::{Entry, Kind, Node, Span};

const SERVERLESS_FUNCTION: &str = "AWS::Serverless::Function";
const LAMBDA_FUNCTION: &str = "AWS::Lambda::Function";
/// Entries that merging `Globals` may make.
const MAX_MERGED: usize = 2_000_000;
/// Parts of the path to the property that an asset is for.
const MAX_PARTS: usize = 4;
const CDK_PATH: &str = "aws:cdk:path";
const ASSET_PATH: &str = "aws:asset:path";
const ASSET_PROPERTY: &str = "aws:asset:property";

/// A resource of a template.
#[derive(Clone, Debug)]
pub struct Resource {
    /// Its name in the template.
    pub logical_id: String,
    /// Its name for people: that of the construct where a tool has made up the logical id.
    pub id: String,
    /// Where the name stands.
    pub span: Span,
    /// Its type.
    pub kind: String,
    /// Its properties, with the global ones merged in.
    pub properties: Node,
    /// What tools have noted of it.
    pub metadata: Option<Node>,
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

    /// Whether it is a layer, in either form.
    #[must_use]
    pub fn is_layer(&self) -> bool {
        matches!(
            self.kind.as_str(),
            "AWS::Serverless::LayerVersion" | "AWS::Lambda::LayerVersion"
        )
    }

    /// A property.
    #[must_use]
    pub fn property(&self, name: &str) -> Option<&Node> {
        self.properties.get(name)
    }

    /// An entry of its metadata that is text.
    #[must_use]
    pub fn noted(&self, name: &str) -> Option<&str> {
        self.metadata.as_ref()?.get(name)?.as_str()
    }

    /// The property that says where the template of a nested stack is.
    pub(super) fn nested_location(&self) -> Option<&'static str> {
        match self.kind.as_str() {
            "AWS::Serverless::Application" => Some("Location"),
            "AWS::CloudFormation::Stack" => Some("TemplateURL"),
            _ => None,
        }
    }

    /// The property that `Ref` gives where the template sets it: the resource's name in its service.
    pub(super) fn name_property(&self) -> Option<&'static str> {
        Some(match self.kind.as_str() {
            SERVERLESS_FUNCTION | LAMBDA_FUNCTION => "FunctionName",
            "AWS::S3::Bucket" => "BucketName",
            "AWS::DynamoDB::Table"
            | "AWS::DynamoDB::GlobalTable"
            | "AWS::Serverless::SimpleTable" => "TableName",
            "AWS::Kinesis::Stream" | "AWS::Events::EventBus" | "AWS::SSM::Parameter" => "Name",
            "AWS::Logs::LogGroup" => "LogGroupName",
            "AWS::IAM::Role" => "RoleName",
            _ => return None,
        })
    }
}

/// The resources of a template, and what is passed over in it.
pub(super) fn all(
    root: &Node,
    application: &Application,
) -> Result<(Vec<Resource>, Vec<Problem>), Box<Problem>> {
    // An empty file is a template without functions, as in SAM CLI.
    if root.entries().is_empty() && (root.is_map() || root.kind == Kind::Null) {
        return Ok((Vec::new(), Vec::new()));
    }
    let section = root
        .get("Resources")
        .filter(|section| !section.entries().is_empty());
    let Some(section) = section else {
        let text = "'Resources' section is required";
        let span = root
            .get("Resources")
            .map_or(root.span, |section| section.span);
        return Err(Box::new(Problem {
            hint: Some("add a function below `Resources:`".to_owned()),
            // The form in which SAM CLI prints it, which people search for.
            ..application.problem(
                format!("[InvalidTemplateException(\"{text}\")] {text}"),
                span,
                "a template has at least one resource",
            )
        }));
    };
    let global = root
        .get("Globals")
        .and_then(|globals| globals.get("Function"));
    let mut ignored: Vec<_> = global
        .map(|global| globals::unknown(global, application))
        .unwrap_or_default();
    let mut resources = Vec::with_capacity(section.entries().len());
    let mut budget = MAX_MERGED;
    for entry in section.entries() {
        let one = resource(entry, global, &mut budget);
        if budget == 0 {
            let text = "the template is too large when Globals are merged";
            return Err(Box::new(application.problem(
                text,
                one.span,
                "here it is too much",
            )));
        }
        ignored.extend(half_an_asset(&one, application));
        resources.push(one);
    }
    Ok((resources, ignored))
}

fn resource(entry: &Entry, global: Option<&Node>, budget: &mut usize) -> Resource {
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
        kind: Kind::Map([].into()),
        span: entry.value.span,
    });
    let global = global.filter(|_| kind == SERVERLESS_FUNCTION);
    let global =
        global.and_then(|global| globals::wanted(global, entry.value.get("IgnoreGlobals")));
    let properties = match global {
        Some(global) => globals::merge(&global, &own, budget),
        None => own,
    };
    let mut resource = Resource {
        logical_id: entry.key.to_string(),
        id: entry.key.to_string(),
        span: entry.key_span,
        kind: kind.to_owned(),
        properties,
        metadata: entry.value.get("Metadata").cloned(),
    };
    if let Some(id) = construct(&resource) {
        resource.id = id;
    }
    place_asset(&mut resource);
    resource
}

/// The name of the construct that a resource was made from: what SAM CLI has noted, or the last meaningful part of the
/// path that CDK has.
fn construct(resource: &Resource) -> Option<String> {
    let noted = resource.noted("SamResourceId").filter(|id| !id.is_empty());
    if let Some(id) = noted {
        return Some(id.to_owned());
    }
    let parts: Vec<_> = resource.noted(CDK_PATH)?.split('/').collect();
    let id = match parts.as_slice() {
        [above, "Resource"] | [_, above, "Resource"] => above,
        [_, last] | [_, _, last] => last,
        _ => return None,
    };
    Some((*id).to_owned())
}

/// Puts the path of an asset on this machine where the deployed template has a place in S3.
fn place_asset(resource: &mut Resource) {
    let noted = resource
        .noted(ASSET_PROPERTY)
        .zip(resource.metadata.as_ref().and_then(|it| it.get(ASSET_PATH)));
    let noted = noted.filter(|(property, _)| property.split('.').count() <= MAX_PARTS);
    let Some((property, path)) = noted else {
        return;
    };
    let (value, names) = match property {
        // The image is built from the asset, under this name.
        "Code.ImageUri" => (resource.logical_id.to_lowercase(), vec!["Code", "ImageUri"]),
        property => (
            path.as_str().unwrap_or_default().to_owned(),
            property.split('.').collect(),
        ),
    };
    let value = Node {
        kind: Kind::String(value.into()),
        span: path.span,
    };
    resource.properties = with(&resource.properties, &names, value);
}

/// A map with a value at a path of keys.
fn with(node: &Node, names: &[&str], value: Node) -> Node {
    let [first, rest @ ..] = names else {
        return value;
    };
    let mut entries = node.entries().to_vec();
    let at = entries.iter().position(|entry| entry.key == *first);
    let below = at.map_or(&value, |at| &entries[at].value);
    let replaced = with(below, rest, value.clone());
    match at {
        Some(at) => entries[at].value = replaced,
        None => entries.push(Entry {
            key: (*first).into(),
            key_span: value.span,
            value: replaced,
        }),
    }
    Node {
        kind: Kind::Map(entries.into()),
        span: node.span,
    }
}

fn half_an_asset(resource: &Resource, application: &Application) -> Option<Problem> {
    let metadata = resource.metadata.as_ref()?;
    let (path, property) = (metadata.get(ASSET_PATH), metadata.get(ASSET_PROPERTY));
    if path.is_some() == property.is_some() {
        return None;
    }
    let message = format!(
        "Ignoring Metadata for Resource {}: it has only one of {ASSET_PATH} and {ASSET_PROPERTY}",
        resource.logical_id
    );
    Some(application.problem(message, metadata.span, "both are needed"))
}
