//! The merge of `Globals` into a resource's properties.

use std::collections::HashMap;

use super::application::Application;
use super::error::Problem;
use super::intrinsics::intrinsic;
use super::node::{Entry, Kind, Node};

/// What `Globals` may say of functions; SAM refuses everything else.
const NAMES: &[&str] = &[
    "Handler",
    "Runtime",
    "CodeUri",
    "DeadLetterQueue",
    "Description",
    "MemorySize",
    "Timeout",
    "VpcConfig",
    "Environment",
    "Tags",
    "PropagateTags",
    "Tracing",
    "KmsKeyArn",
    "AutoPublishAlias",
    "AutoPublishAliasAllProperties",
    "Layers",
    "DeploymentPreference",
    "RolePath",
    "PermissionsBoundary",
    "ReservedConcurrentExecutions",
    "ProvisionedConcurrencyConfig",
    "AssumeRolePolicyDocument",
    "EventInvokeConfig",
    "FileSystemConfigs",
    "CodeSigningConfigArn",
    "Architectures",
    "SnapStart",
    "EphemeralStorage",
    "FunctionUrlConfig",
    "RuntimeManagementConfig",
    "LoggingConfig",
    "RecursiveLoop",
    "SourceKMSKeyArn",
    "TenancyConfig",
    "DurableConfig",
    "CapacityProviderConfig",
    "FunctionScalingConfig",
    "PublishToLatestPublished",
    "VersionDeletionPolicy",
];

/// The global properties that SAM would refuse.
pub(super) fn unknown(global: &Node, application: &Application) -> Vec<Problem> {
    let unknown = global
        .entries()
        .iter()
        .filter(|entry| !NAMES.contains(&entry.key.as_str()));
    let problem = |entry: &Entry| {
        let text = format!("'{}' is not a supported property of 'Function'", entry.key);
        application.problem(text, entry.key_span, "SAM refuses this when it deploys")
    };
    unknown.map(problem).collect()
}

/// The resource's properties with the global ones below them. Maps are merged key by key, lists are joined with the
/// global items first; of anything else, and of intrinsics, the resource's own wins.
#[must_use]
pub(super) fn merge(global: &Node, own: &Node, budget: &mut usize) -> Node {
    let both_plain = intrinsic(global).is_none() && intrinsic(own).is_none();
    let mut spend = |amount: usize| {
        *budget = budget.saturating_sub(amount);
        *budget > 0
    };
    let kind = match (&global.kind, &own.kind) {
        (Kind::Map(below), Kind::Map(above)) if both_plain && spend(below.len() + above.len()) => {
            Kind::Map(merge_entries(below, above, budget).into())
        }
        (Kind::List(below), Kind::List(above)) if spend(below.len() + above.len()) => {
            Kind::List([&**below, above].concat().into())
        }
        (_, own) => own.clone(),
    };
    Node {
        kind,
        span: own.span,
    }
}

fn merge_entries(below: &[Entry], above: &[Entry], budget: &mut usize) -> Vec<Entry> {
    let mut merged = below.to_vec();
    let places: HashMap<_, _> = below
        .iter()
        .enumerate()
        .map(|(at, entry)| (entry.key.as_str(), at))
        .collect();
    for entry in above {
        match places.get(entry.key.as_str()) {
            Some(at) => {
                merged[*at] = Entry {
                    value: merge(&below[*at].value, &entry.value, budget),
                    ..entry.clone()
                }
            }
            None => merged.push(entry.clone()),
        }
    }
    merged
}

/// The global properties that a resource does not ask to be spared: `IgnoreGlobals` is `*` or a list of names.
#[must_use]
pub(super) fn wanted(global: &Node, ignored: Option<&Node>) -> Option<Node> {
    let Some(ignored) = ignored else {
        return Some(global.clone());
    };
    if ignored.as_str() == Some("*") {
        return None;
    }
    let names: Vec<_> = ignored
        .items()
        .unwrap_or_default()
        .iter()
        .filter_map(Node::as_str)
        .collect();
    let kept = global
        .entries()
        .iter()
        .filter(|entry| !names.contains(&entry.key.as_str()));
    Some(Node {
        kind: Kind::Map(kept.cloned().collect()),
        span: global.span,
    })
}

#[cfg(test)]
mod tests {
    use super::super::yaml;
    use super::*;

    fn node(text: &str) -> Node {
        yaml::read(text, 0).unwrap().root
    }

    #[test]
    fn maps_merge_lists_join_and_the_rest_is_the_resource_s() {
        let merged = |global, own| merge(&node(global), &node(own), &mut 100).to_json();
        assert_eq!(
            merged("{a: 1, b: 2}", "{b: 3, c: 4}"),
            r#"{"a":1,"b":3,"c":4}"#
        );
        assert_eq!(
            merged("{e: {v: {A: 1}}}", "{e: {v: {B: 2}}}"),
            r#"{"e":{"v":{"A":1,"B":2}}}"#
        );
        assert_eq!(merged("{l: [1]}", "{l: [1, 2]}"), r#"{"l":[1,1,2]}"#);
        assert_eq!(merged("{x: {a: 1}}", "{x: [1]}"), r#"{"x":[1]}"#);
        assert_eq!(merged("{x: {a: 1}}", "{x: !Ref P}"), r#"{"x":{"Ref":"P"}}"#);
    }

    #[test]
    fn a_resource_can_be_spared() {
        let kept = |ignored: &str| {
            wanted(&node("{a: 1, b: 2}"), Some(&node(ignored))).map(|node| node.to_json())
        };
        assert_eq!(kept("'*'"), None);
        assert_eq!(kept("[a]"), Some(r#"{"b":2}"#.to_owned()));
    }
}
