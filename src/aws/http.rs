//! Requests to AWS: signed ones, and downloads. Proxies and `AWS_CA_BUNDLE` of the shell count.

use std::time::{Duration, SystemTime};

use aws_credential_types::Credentials;
use aws_sigv4::http_request::{SignableBody, SignableRequest, SigningSettings, sign};
use aws_sigv4::sign::v4;
use aws_smithy_http_client::Connector;
use aws_smithy_http_client::proxy::ProxyConfig;
use aws_smithy_http_client::tls::{Provider, TlsContext, TrustStore, rustls_provider::CryptoMode};
use aws_smithy_runtime_api::client::http::HttpConnector;
use aws_smithy_types::body::SdkBody;
use bytes::Bytes;
use http_body_util::BodyExt;

use super::{CallError, Keys};
use crate::env::{self, Env};

/// How long the head of an answer may take.
const PATIENCE: Duration = Duration::from_secs(20);
/// How long a download may stand still.
const STALLED: Duration = Duration::from_secs(30);

/// A request that is to be signed.
pub(super) struct Request<'a> {
    pub(super) method: &'static str,
    pub(super) address: String,
    pub(super) headers: &'a [(&'static str, &'static str)],
    pub(super) body: &'static str,
    /// The service's name for signatures.
    pub(super) service: &'static str,
    pub(super) region: &'a str,
}

/// The connections of all requests.
pub(super) fn connector(env: &Env) -> Result<Connector, CallError> {
    let mut context = TlsContext::builder();
    if let Some(path) = env.get(env::AWS_CA_BUNDLE) {
        let bundle = std::fs::read(env.directory.join(path));
        let bundle = bundle.map_err(|error| {
            CallError::Failed(format!("{} {path}: {error}", env::AWS_CA_BUNDLE))
        })?;
        context = context.with_trust_store(TrustStore::empty().with_pem_certificate(bundle));
    }
    let context = context.build().map_err(failed)?;
    Ok(Connector::builder()
        .proxy_config(ProxyConfig::from_env())
        .tls_provider(Provider::Rustls(CryptoMode::Ring))
        .tls_context(context)
        .build())
}

fn failed(error: impl std::error::Error) -> CallError {
    let mut text = error.to_string();
    let mut next = error.source();
    while let Some(cause) = next {
        let more = cause.to_string();
        if !text.contains(&more) {
            text = format!("{text}: {more}");
        }
        next = cause.source();
    }
    CallError::Failed(text)
}

/// Signs a request and returns the answer's body; of an answer that is an error what it says.
pub(super) async fn call(
    connector: &Connector,
    keys: &Keys,
    request: Request<'_>,
) -> Result<Bytes, CallError> {
    let identity = Credentials::new(
        &keys.access_key,
        &keys.secret,
        keys.token.clone(),
        None,
        "sam-rs",
    )
    .into();
    let params = v4::SigningParams::builder()
        .identity(&identity)
        .region(request.region)
        .name(request.service)
        .time(SystemTime::now())
        .settings(SigningSettings::default())
        .build()
        .map_err(failed)?
        .into();
    let signable = SignableRequest::new(
        request.method,
        &request.address,
        request.headers.iter().copied(),
        SignableBody::Bytes(request.body.as_bytes()),
    );
    let signed = sign(signable.map_err(failed)?, &params).map_err(failed)?;
    let (instructions, _) = signed.into_parts();
    let mut made = http::Request::builder()
        .method(request.method)
        .uri(&request.address);
    for (name, value) in request.headers {
        made = made.header(*name, *value);
    }
    let mut made = made.body(SdkBody::from(request.body)).map_err(failed)?;
    instructions.apply_to_request_http1x(&mut made);
    let (status, mut body) = send(connector, made).await?;
    let whole = async {
        let mut bytes = Vec::new();
        while let Some(chunk) = next(&mut body).await? {
            bytes.extend_from_slice(&chunk);
        }
        Ok::<_, CallError>(Bytes::from(bytes))
    };
    let bytes = whole.await?;
    if (200..300).contains(&status) {
        return Ok(bytes);
    }
    Err(refused(status, &bytes))
}

/// What an error of a service says; services differ in how they write it.
fn refused(status: u16, body: &[u8]) -> CallError {
    let document: serde_json::Value = serde_json::from_slice(body).unwrap_or_default();
    let get = |names: [&str; 2]| names.iter().find_map(|name| document[name].as_str());
    let code = get(["__type", "Code"]).map(|code| code.rsplit('#').next().unwrap_or(code));
    CallError::Refused {
        code: code.map_or_else(|| format!("HTTP {status}"), str::to_owned),
        text: get(["message", "Message"]).unwrap_or_default().to_owned(),
    }
}

/// An answer's body, in chunks.
pub(super) async fn download(connector: &Connector, address: &str) -> Result<SdkBody, CallError> {
    let made = http::Request::builder().uri(address);
    let made = made.body(SdkBody::empty()).map_err(failed)?;
    let (status, body) = send(connector, made).await?;
    if status == 200 {
        return Ok(body);
    }
    Err(CallError::Failed(format!(
        "the download's status is {status}"
    )))
}

async fn send(
    connector: &Connector,
    request: http::Request<SdkBody>,
) -> Result<(u16, SdkBody), CallError> {
    let request = request.try_into().map_err(failed)?;
    let answer = tokio::time::timeout(PATIENCE, connector.call(request)).await;
    let took = || {
        let seconds = PATIENCE.as_secs();
        CallError::Failed(format!("there was no answer within {seconds} seconds"))
    };
    let answer = answer.map_err(|_| took())?.map_err(failed)?;
    Ok((answer.status().as_u16(), answer.into_body()))
}

/// The next chunk of a body; none at its end.
pub(super) async fn next(body: &mut SdkBody) -> Result<Option<Bytes>, CallError> {
    loop {
        let frame = tokio::time::timeout(STALLED, body.frame()).await;
        let seconds = STALLED.as_secs();
        let frame =
            frame.map_err(|_| CallError::Failed(format!("nothing came for {seconds} seconds")))?;
        match frame {
            None => return Ok(None),
            Some(Err(error)) => return Err(CallError::Failed(error.to_string())),
            Some(Ok(frame)) => {
                if let Ok(chunk) = frame.into_data() {
                    return Ok(Some(chunk));
                }
            }
        }
    }
}
