//! In place of calls to AWS, where the program is built without AWS's libraries: each says so.

use std::path::Path;

use super::{CallError, Keys};
use crate::env::Env;

const WITHOUT: &str = "this sam-rs is built without the feature `aws`";

/// Where a layer's archive is.
#[derive(Debug)]
pub struct LayerContent {
    /// Address to download it from.
    pub location: String,
    /// SHA-256 of the archive, in base64.
    pub sha256: String,
    /// Its size in bytes.
    pub size: Option<u64>,
}

/// Whoever calls: with credentials, in a region.
#[derive(Debug)]
pub struct Caller;

impl Caller {
    /// Calls with these credentials.
    ///
    /// # Errors
    /// Always.
    pub fn new(_: Option<Keys>, _: &Env) -> Result<Self, CallError> {
        Err(CallError::Failed(WITHOUT.to_owned()))
    }

    /// Where the archive of a layer's version is.
    ///
    /// # Errors
    /// Always.
    #[expect(clippy::unused_async, reason = "the signature is that of the real one")]
    pub async fn layer(&self, _: &str, _: &str) -> Result<LayerContent, CallError> {
        Err(CallError::Failed(WITHOUT.to_owned()))
    }

    /// Downloads to a file.
    ///
    /// # Errors
    /// Always.
    #[expect(clippy::unused_async, reason = "the signature is that of the real one")]
    pub async fn download(
        &self,
        _: &str,
        _: &Path,
        _: impl FnMut(u64) + Send,
    ) -> Result<(), CallError> {
        Err(CallError::Failed(WITHOUT.to_owned()))
    }

    /// User and password for a registry.
    ///
    /// # Errors
    /// Always.
    #[expect(clippy::unused_async, reason = "the signature is that of the real one")]
    pub async fn registry_login(&self, _: &str) -> Result<(String, String), CallError> {
        Err(CallError::Failed(WITHOUT.to_owned()))
    }
}
