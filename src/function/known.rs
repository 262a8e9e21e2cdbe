//! The names of a function's properties, so that a misspelt one is noticed.

use super::reader::Reader;
use crate::near;

/// Of both types.
const COMMON: &[&str] = &[
    "Architectures",
    "CapacityProviderConfig",
    "CodeSigningConfigArn",
    "Description",
    "DurableConfig",
    "Environment",
    "EphemeralStorage",
    "FileSystemConfigs",
    "FunctionName",
    "FunctionScalingConfig",
    "Handler",
    "ImageConfig",
    "KmsKeyArn",
    "Layers",
    "LoggingConfig",
    "MemorySize",
    "PackageType",
    "PublishToLatestPublished",
    "RecursiveLoop",
    "Role",
    "Runtime",
    "RuntimeManagementConfig",
    "SnapStart",
    "Tags",
    "TenancyConfig",
    "Timeout",
    "VpcConfig",
];
/// Of SAM's type.
const SERVERLESS: &[&str] = &[
    "AssumeRolePolicyDocument",
    "AutoPublishAlias",
    "AutoPublishAliasAllProperties",
    "AutoPublishCodeSha256",
    "CodeUri",
    "DeadLetterQueue",
    "DeploymentPreference",
    "EventInvokeConfig",
    "Events",
    "FunctionUrlConfig",
    "ImageUri",
    "InlineCode",
    "PermissionsBoundary",
    "Policies",
    "PropagateTags",
    "ProvisionedConcurrencyConfig",
    "ReservedConcurrentExecutions",
    "RolePath",
    "SourceKMSKeyArn",
    "Tracing",
    "VersionDeletionPolicy",
    "VersionDescription",
];
/// Of CloudFormation's type.
const LAMBDA: &[&str] = &[
    "Code",
    "DeadLetterConfig",
    "ReservedConcurrentExecutions",
    "TracingConfig",
];

/// Warns of properties that the function's type does not have.
pub(super) fn check(read: &Reader<'_>) {
    let resource = read.declared.resource;
    let own = if resource.is_serverless() {
        SERVERLESS
    } else {
        LAMBDA
    };
    for entry in resource.properties.entries() {
        let names = || COMMON.iter().chain(own);
        if entry.key.starts_with("Fn::") || names().any(|name| *name == entry.key) {
            continue;
        }
        let near = near::name(&entry.key, names().copied());
        let mut text = format!(
            "property {} not defined for resource of type {}",
            entry.key, resource.kind
        );
        if let Some(name) = near {
            text.extend(["; did you mean '", name, "'?"]);
        }
        read.warn((&entry.key, entry.key_span), &text, "has no effect");
    }
}
