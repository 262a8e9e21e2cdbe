//! Header names of the Runtime and Extensions APIs, in lower case.

/// Id of the invocation.
pub const REQUEST_ID: &str = "lambda-runtime-aws-request-id";
/// When the function must have answered, in milliseconds of Unix time.
pub const DEADLINE: &str = "lambda-runtime-deadline-ms";
/// Name of the function as the caller addressed it.
pub const FUNCTION_ARN: &str = "lambda-runtime-invoked-function-arn";
/// Trace header.
pub const TRACE_ID: &str = "lambda-runtime-trace-id";
/// Client context as JSON text.
pub const CLIENT_CONTEXT: &str = "lambda-runtime-client-context";
/// Cognito identity of the caller as JSON text.
pub const COGNITO_IDENTITY: &str = "lambda-runtime-cognito-identity";
/// Tenant that the invocation is for.
pub const TENANT_ID: &str = "lambda-runtime-aws-tenant-id";
/// Nonce of one delivery; the runtime gives it back with its answer.
pub const INVOCATION_ID: &str = "lambda-runtime-invocation-id";
/// `streaming` for an answer in chunks.
pub const RESPONSE_MODE: &str = "lambda-runtime-function-response-mode";
/// Category of an error, as a header or, for one in mid-stream, as a trailer.
pub const ERROR_TYPE: &str = "lambda-runtime-function-error-type";
/// Trailer: base64 of the error document of a failure in mid-stream.
pub const ERROR_BODY: &str = "lambda-runtime-function-error-body";
/// Name of an extension that registers.
pub const EXTENSION_NAME: &str = "lambda-extension-name";
/// What an extension would like to be told.
pub const EXTENSION_FEATURES: &str = "lambda-extension-accept-feature";
/// Id of an extension.
pub const EXTENSION_ID: &str = "lambda-extension-identifier";
/// Id of an event that an extension is told of.
pub const EXTENSION_EVENT_ID: &str = "lambda-extension-event-identifier";
/// Category of an extension's failure.
pub const EXTENSION_ERROR_TYPE: &str = "lambda-extension-function-error-type";
