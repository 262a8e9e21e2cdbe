//! The calls: a layer's archive, a login to a registry of images.

use std::path::Path;

use aws_smithy_http_client::Connector;
use base64::Engine;
use base64::prelude::BASE64_STANDARD;
use serde::Deserialize;
use tokio::io::AsyncWriteExt;

use super::http::{self, Request};
use super::{CallError, Keys};
use crate::env::{self, Env};

/// Where a layer's archive is.
#[derive(Debug, Deserialize, PartialEq, Eq)]
#[serde(rename_all = "PascalCase")]
pub struct LayerContent {
    /// Address to download it from.
    pub location: String,
    /// SHA-256 of the archive, in base64.
    #[serde(rename = "CodeSha256")]
    pub sha256: String,
    /// Its size in bytes.
    #[serde(rename = "CodeSize")]
    pub size: Option<u64>,
}

/// What the service tells of a layer's version, as far as it is needed:
/// <https://docs.aws.amazon.com/lambda/latest/api/API_GetLayerVersionByArn.html>.
#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
struct LayerVersion {
    content: LayerContent,
}

/// What the registry of images tells:
/// <https://docs.aws.amazon.com/AmazonECR/latest/APIReference/API_GetAuthorizationToken.html>.
#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Authorization {
    authorization_data: Vec<Token>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Token {
    authorization_token: String,
}

/// Whoever calls: with credentials, and with the shell's settings of the network.
#[derive(Debug)]
pub struct Caller {
    connector: Connector,
    keys: Option<Keys>,
    env: Env,
}

impl Caller {
    /// Calls with these credentials.
    ///
    /// # Errors
    /// `AWS_CA_BUNDLE` cannot be used.
    pub fn new(keys: Option<Keys>, env: &Env) -> Result<Self, CallError> {
        Ok(Self {
            connector: http::connector(env)?,
            keys,
            env: env.clone(),
        })
    }

    fn keys(&self) -> Result<&Keys, CallError> {
        let missing = || CallError::Failed("there are no credentials".to_owned());
        self.keys.as_ref().ok_or_else(missing)
    }

    /// The address of a service, which the shell may set to another.
    fn endpoint(&self, variable: &str, service: &str, region: &str) -> String {
        let set = [variable, env::AWS_ENDPOINT_URL];
        let set = set.iter().find_map(|name| self.env.get(name));
        let suffix = if region.starts_with("cn-") {
            "amazonaws.com.cn"
        } else {
            "amazonaws.com"
        };
        set.map_or_else(
            || format!("https://{service}.{region}.{suffix}"),
            |url| url.trim_end_matches('/').to_owned(),
        )
    }

    /// Where the archive of a layer's version is.
    ///
    /// # Errors
    /// The service refuses, or does not answer.
    pub async fn layer(&self, arn: &str, region: &str) -> Result<LayerContent, CallError> {
        let endpoint = self.endpoint(env::AWS_ENDPOINT_URL_LAMBDA, "lambda", region);
        let arn = arn.replace(':', "%3A");
        let request = Request {
            method: "GET",
            address: format!("{endpoint}/2018-10-31/layers?find=LayerVersion&Arn={arn}"),
            headers: &[],
            body: "",
            service: "lambda",
            region,
        };
        let answer = http::call(&self.connector, self.keys()?, request).await?;
        let version: LayerVersion = parse(&answer)?;
        Ok(version.content)
    }

    /// Downloads to a file, and tells of the bytes that have come.
    ///
    /// # Errors
    /// The file cannot be written, or what is to come does not.
    pub async fn download(
        &self,
        location: &str,
        path: &Path,
        mut progress: impl FnMut(u64) + Send,
    ) -> Result<(), CallError> {
        let failed = |error| CallError::Failed(format!("{}: {error}", path.display()));
        let mut body = http::download(&self.connector, location).await?;
        let mut file = tokio::fs::File::create(path).await.map_err(failed)?;
        let mut bytes = 0;
        while let Some(chunk) = http::next(&mut body).await? {
            file.write_all(&chunk).await.map_err(failed)?;
            bytes += chunk.len() as u64;
            progress(bytes);
        }
        file.flush().await.map_err(failed)
    }

    /// User and password for the registry of images of a region.
    ///
    /// # Errors
    /// The service refuses, or does not answer.
    pub async fn registry_login(&self, region: &str) -> Result<(String, String), CallError> {
        let endpoint = self.endpoint(env::AWS_ENDPOINT_URL_ECR, "api.ecr", region);
        let request = Request {
            method: "POST",
            address: format!("{endpoint}/"),
            headers: &[
                ("content-type", "application/x-amz-json-1.1"),
                (
                    "x-amz-target",
                    "AmazonEC2ContainerRegistry_V20150921.GetAuthorizationToken",
                ),
            ],
            body: "{}",
            service: "ecr",
            region,
        };
        let answer = http::call(&self.connector, self.keys()?, request).await?;
        let answer: Authorization = parse(&answer)?;
        let token = answer.authorization_data.first();
        let decoded =
            token.and_then(|token| BASE64_STANDARD.decode(&token.authorization_token).ok());
        let text = decoded.and_then(|bytes| String::from_utf8(bytes).ok());
        let pair = text.as_deref().and_then(|text| text.split_once(':'));
        let (user, password) =
            pair.ok_or_else(|| CallError::Failed("the answer has no login".to_owned()))?;
        Ok((user.to_owned(), password.to_owned()))
    }
}

/// An answer as what it should be; what is in it is never shown.
fn parse<'a, T: Deserialize<'a>>(bytes: &'a [u8]) -> Result<T, CallError> {
    serde_json::from_slice(bytes).map_err(|error| {
        let (line, column) = (error.line(), error.column());
        CallError::Failed(format!("the answer cannot be read at {line}:{column}"))
    })
}
