//! Layers of the service, fetched once into a cache that SAM CLI uses, too: a directory for each version, with a name that
//! its ARN leads to.

use std::fmt::Write;
use std::fs::{self, File};
use std::io::{self, Read};
use std::os::unix::fs::{DirBuilderExt, PermissionsExt};
use std::path::{Path, PathBuf};
use std::time::Duration;

use base64::Engine;
use base64::prelude::BASE64_STANDARD;
use rustix::fs::{FlockOperation, flock};
use sha2::{Digest, Sha256};

use super::{ContentError, zip};
use crate::aws::{CallError, Caller};
use crate::lambda::LayerArn;

/// How often it is tried to get a lock that another run has.
const PACE: Duration = Duration::from_millis(50);
const TEMPORARY: &str = ".new-";

/// Why a layer is not to be had.
#[derive(Debug, thiserror::Error)]
#[expect(missing_docs, reason = "the docs of a variant name its fields")]
pub enum LayerError {
    /// A file, or the archive.
    #[error(transparent)]
    Content(#[from] ContentError),
    /// Nobody's credentials.
    #[error("Layers require credentials to download the layers locally.")]
    NoCredentials,
    /// They are not enough.
    #[error(
        "Credentials provided are missing lambda:Getlayerversion policy that is needed to download the layer or you do not \
         have permission to download the layer"
    )]
    Denied { arn: String },
    /// There is no such version.
    #[error("{arn} was not found.")]
    NotFound { arn: String },
    /// What was downloaded is something else.
    #[error("the archive of {arn} is not what the service says it is: its SHA-256 differs")]
    Damaged { arn: String },
    /// Anything else.
    #[error("{arn} cannot be downloaded: {error}")]
    Call { arn: String, error: CallError },
}

/// What there is of a layer.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Cached {
    /// Its directory.
    pub path: PathBuf,
    /// Its size unpacked, where it was unpacked just now.
    pub size: Option<u64>,
}

/// The cache.
#[derive(Clone, Debug)]
pub struct LayerCache {
    directory: PathBuf,
}

impl LayerCache {
    /// A cache in a directory, which is made when it is needed.
    #[must_use]
    pub fn new(directory: PathBuf) -> Self {
        Self { directory }
    }

    /// A layer that is here. One that SAM CLI did not finish is not.
    #[must_use]
    pub fn find(&self, arn: &LayerArn) -> Option<PathBuf> {
        let path = self.directory.join(cache_name(arn));
        let status = fs::read_to_string(self.status(arn));
        let unfinished = status.is_ok_and(|status| !status.starts_with("completed"));
        (path.is_dir() && !unfinished).then_some(path)
    }

    /// Where SAM CLI says how far it has come.
    fn status(&self, arn: &LayerArn) -> PathBuf {
        let name = format!("{}.downloading.status", cache_name(arn));
        self.directory.join(".locks").join(name)
    }

    /// Fetches a layer; another run that fetches it is waited for, and its work used unless a new one is wanted.
    ///
    /// # Errors
    /// It cannot be had.
    pub async fn fetch(
        &self,
        arn: &LayerArn,
        caller: &Caller,
        anew: bool,
        told: impl Fn(Step) + Send + Sync,
    ) -> Result<Cached, LayerError> {
        let _lock = self.lock(arn, || told(Step::Waiting)).await?;
        if let Some(path) = self.find(arn).filter(|_| !anew) {
            return Ok(Cached { path, size: None });
        }
        let fail = |error| match error {
            CallError::Refused { code, .. } if code.contains("AccessDenied") => {
                let arn = arn.to_string();
                LayerError::Denied { arn }
            }
            CallError::Refused { code, .. } if code.contains("NotFound") => {
                let arn = arn.to_string();
                LayerError::NotFound { arn }
            }
            error => LayerError::Call {
                arn: arn.to_string(),
                error,
            },
        };
        let content = caller.layer(&arn.to_string(), arn.region()).await;
        let content = content.map_err(fail)?;
        let archive = tempfile::Builder::new()
            .prefix(TEMPORARY)
            .suffix(".zip")
            .tempfile_in(&self.directory)
            .map_err(|source| self.failed(source))?;
        let size = content.size;
        let progress = |bytes| told(Step::Downloading { bytes, size });
        caller
            .download(&content.location, archive.path(), progress)
            .await
            .map_err(fail)?;
        let (cache, arn) = (self.clone(), arn.clone());
        // Signals must not wait for a large one.
        let unpacked = tokio::task::spawn_blocking(move || {
            cache.unpack(&arn, archive.path(), &content.sha256)
        });
        unpacked
            .await
            .map_err(|error| self.failed(io::Error::other(error)))?
    }

    /// Checks an archive and puts its contents into their place.
    fn unpack(&self, arn: &LayerArn, archive: &Path, expected: &str) -> Result<Cached, LayerError> {
        let at = |source| ContentError::File {
            path: archive.to_owned(),
            source,
        };
        let digest = sha256(archive).map_err(at)?;
        if BASE64_STANDARD.encode(digest) != expected {
            let arn = arn.to_string();
            return Err(LayerError::Damaged { arn });
        }
        let temporary = tempfile::Builder::new()
            .prefix(TEMPORARY)
            .permissions(fs::Permissions::from_mode(0o755))
            .tempdir_in(&self.directory)
            .map_err(|source| self.failed(source))?;
        let file = File::open(archive).map_err(at)?;
        let size = zip::extract(archive, file, temporary.path(), &|_, _| {})?;
        let path = self.directory.join(cache_name(arn));
        let _ = fs::remove_dir_all(&path);
        fs::rename(temporary.path(), &path).map_err(|source| self.failed(source))?;
        let _ = temporary.keep();
        let _ = fs::remove_file(self.status(arn));
        Ok(Cached {
            path,
            size: Some(size),
        })
    }

    /// The lock of a layer, which ends with the file, and so with this process.
    async fn lock(&self, arn: &LayerArn, waiting: impl Fn()) -> Result<File, ContentError> {
        let locks = self.directory.join(".locks");
        let made = fs::DirBuilder::new()
            .recursive(true)
            .mode(0o700)
            .create(&locks);
        made.map_err(|source| self.failed(source))?;
        let path = locks.join(format!("{}.sam-rs.lock", cache_name(arn)));
        let file = File::create(path).map_err(|source| self.failed(source))?;
        let mut told = false;
        loop {
            match flock(&file, FlockOperation::NonBlockingLockExclusive) {
                Ok(()) => return Ok(file),
                Err(rustix::io::Errno::WOULDBLOCK) => {
                    if !std::mem::replace(&mut told, true) {
                        waiting();
                    }
                    tokio::time::sleep(PACE).await;
                }
                Err(error) => return Err(self.failed(error.into())),
            }
        }
    }

    fn failed(&self, source: io::Error) -> ContentError {
        ContentError::File {
            path: self.directory.clone(),
            source,
        }
    }
}

/// How far a layer is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Step {
    /// Another run fetches it.
    Waiting,
    /// It comes.
    Downloading {
        /// Bytes that are here.
        bytes: u64,
        /// Bytes that there are.
        size: Option<u64>,
    },
}

/// The name of a version's directory, as SAM CLI makes it.
fn cache_name(arn: &LayerArn) -> String {
    let hash = Sha256::digest(arn.to_string());
    let (start, _) = hash.split_at(5);
    let mut name = format!("{}-{}-", arn.name(), arn.version());
    for byte in start {
        let _ = write!(name, "{byte:02x}");
    }
    name
}

fn sha256(path: &Path) -> io::Result<Vec<u8>> {
    let (mut file, mut hash) = (File::open(path)?, Sha256::new());
    let mut buffer = vec![0; 1 << 16];
    loop {
        match file.read(&mut buffer)? {
            0 => return Ok(hash.finalize().to_vec()),
            read => hash.update(&buffer[..read]),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn versions_have_the_names_that_sam_gives_them() {
        let text = "arn:aws:lambda:us-east-1:123456789012:layer:foo:3";
        let arn: LayerArn = text.parse().unwrap();
        let name = cache_name(&arn);
        assert!(
            name.starts_with("foo-3-") && name.len() == "foo-3-".len() + 10,
            "{name}"
        );
        assert_eq!(
            (arn.region(), arn.layer()),
            ("us-east-1", text.strip_suffix(":3").unwrap())
        );
        for wrong in [
            "arn:aws:lambda:us-east-1:123456789012:layer:foo",
            "arn:aws:s3:::x",
            "foo",
            "arn:aws:lambda:r:1:layer:../x:1",
        ] {
            assert!(wrong.parse::<LayerArn>().is_err(), "{wrong}");
        }
    }

    #[test]
    fn what_sam_did_not_finish_is_not_there() {
        let home = tempfile::tempdir().unwrap();
        let cache = LayerCache::new(home.path().to_owned());
        let arn: LayerArn = "arn:aws:lambda:us-east-1:123456789012:layer:foo:3"
            .parse()
            .unwrap();
        assert_eq!(cache.find(&arn), None);
        let path = home.path().join(cache_name(&arn));
        fs::create_dir_all(&path).unwrap();
        assert_eq!(cache.find(&arn), Some(path.clone()));
        fs::create_dir_all(home.path().join(".locks")).unwrap();
        fs::write(cache.status(&arn), "in_progress\n1.0").unwrap();
        assert_eq!(cache.find(&arn), None);
        fs::write(cache.status(&arn), "completed\n1.0").unwrap();
        assert_eq!(cache.find(&arn), Some(path));
    }
}
