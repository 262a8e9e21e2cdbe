//! What clients want to know of a function before they invoke it, from the template.

use std::sync::Arc;

use serde_json::{Value, json};

use super::error::ApiError;
use crate::function::{Code, Function, Layer, Package, Register};
use crate::lambda::LATEST;

/// Most functions of one page.
const PAGE: usize = 50;

/// The answer of `GetFunction`.
pub(super) fn function(function: &Function, version: &str) -> Value {
    let mut answer = json!({"Configuration": configuration(function, version), "Tags": {}});
    answer["Code"] = match &function.package {
        Package::Zip(zip) => {
            let location = match &zip.code {
                Code::Directory(path) | Code::Archive(path) => format!("file://{}", path.display()),
                Code::Inline { .. } => String::new(),
            };
            json!({"RepositoryType": "S3", "Location": location})
        }
        Package::Image(image) => json!({"RepositoryType": "ECR", "ImageUri": image.uri}),
    };
    if let Some(reserved) = function.reserved {
        answer["Concurrency"] = json!({"ReservedConcurrentExecutions": reserved});
    }
    answer
}

/// The answer of `GetFunctionConfiguration`.
pub(super) fn configuration(function: &Function, version: &str) -> Value {
    let arn = match version {
        LATEST => function.arn.as_str().to_owned(),
        version => format!("{}:{version}", function.arn.as_str()),
    };
    let variables: serde_json::Map<String, Value> = function
        .variables
        .iter()
        .map(|(name, value)| (name.clone(), value.as_str().into()))
        .collect();
    let mut answer = json!({
        "FunctionName": function.name,
        "FunctionArn": arn,
        "Handler": function.handler(),
        "CodeSize": 0,
        "Description": function.description.as_deref().unwrap_or_default(),
        "Timeout": function.timeout.as_secs(),
        "MemorySize": function.memory_mb,
        "LastModified": "1970-01-01T00:00:00.000+0000",
        "Version": if version.bytes().all(|byte| byte.is_ascii_digit()) { version } else { LATEST },
        "Environment": {"Variables": variables},
        "TracingConfig": {"Mode": if function.traced { "Active" } else { "PassThrough" }},
        "Layers": layers(function),
        "State": "Active",
        "LastUpdateStatus": "Successful",
        "PackageType": "Zip",
        "Architectures": [function.architecture.name()],
        "EphemeralStorage": {"Size": function.storage_mb},
        "LoggingConfig": logging(function),
    });
    match &function.package {
        Package::Zip(zip) => answer["Runtime"] = zip.runtime.to_string().into(),
        Package::Image(image) => {
            answer["PackageType"] = "Image".into();
            answer["ImageConfigResponse"] = json!({"ImageConfig": {
                "Command": image.command,
                "EntryPoint": image.entrypoint,
                "WorkingDirectory": image.working_directory,
            }});
        }
    }
    answer
}

fn layers(function: &Function) -> Vec<Value> {
    let layers = function.layers.iter().map(|layer| match layer {
        Layer::Local { logical_id, .. } => json!({"Arn": logical_id}),
        Layer::Remote(arn) => json!({"Arn": arn.to_string()}),
    });
    layers.collect()
}

fn logging(function: &Function) -> Value {
    let logging = &function.logging;
    let group = || format!("/aws/lambda/{}", function.name);
    let mut config = json!({
        "LogFormat": logging.format.as_deref().unwrap_or("Text"),
        "LogGroup": logging.group.clone().unwrap_or_else(group),
    });
    for (name, level) in [
        ("ApplicationLogLevel", &logging.level),
        ("SystemLogLevel", &logging.system_level),
    ] {
        if let Some(level) = level {
            config[name] = level.as_str().into();
        }
    }
    config
}

/// The answer of `ListFunctions`.
pub(super) fn list(
    register: &Register,
    marker: Option<&str>,
    max: Option<&str>,
) -> Result<Value, ApiError> {
    let wrong = |value: &str| {
        let constraint = "Member must have value between 1 and 10000";
        ApiError::validation(value, "maxItems", constraint)
    };
    let max = match max {
        None => PAGE,
        Some(text) => match text.parse() {
            Ok(max @ 1..=10_000) => usize::min(max, PAGE),
            _ => return Err(wrong(text)),
        },
    };
    let runs = register.functions().iter().filter_map(|one| {
        let function: &Arc<Function> = one.function.as_ref().ok()?;
        Some(function)
    });
    let begin = match marker {
        None => 0,
        Some(text) => text
            .parse::<usize>()
            .map_err(|_| ApiError::parameter("The provided marker is invalid."))?,
    };
    let all: Vec<_> = runs.collect();
    let page = all.iter().skip(begin).take(max);
    let functions: Vec<_> = page
        .map(|function| configuration(function, LATEST))
        .collect();
    let mut answer = json!({"Functions": functions});
    if begin + max < all.len() {
        answer["NextMarker"] = (begin + max).to_string().into();
    }
    Ok(answer)
}
