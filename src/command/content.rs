//! A function's code and layers as directories of this machine, and where they are seen inside.

use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicBool, Ordering};

use super::prepare::Prepare;
use crate::aws::Caller;
use crate::content::{
    Cached, LAMBDA_LIMIT, LayerCache, LayerError, Part, Step, Store, Unpacked, links,
};
use crate::engine::Content;
use crate::error::Error;
use crate::function::{Code, Function, Layer, Package};
use crate::lambda::LayerArn;
use crate::lambda::event::{Event, Pull};

/// Where code is seen inside.
const TASK_ROOT: &str = "/var/task";
/// Where layers are seen inside.
const LAYERS: &str = "/opt";
/// Most layers that the service takes.
const MAX_LAYERS: usize = 5;

impl Prepare<'_> {
    /// A place for what is made once.
    pub(super) fn store(&self, name: &str) -> Store {
        let cache = self.env.home_or(crate::env::XDG_CACHE_HOME, ".cache");
        let cache = cache.unwrap_or_else(|| self.env.temporary.clone());
        Store::new(cache.join("sam-rs").join(name))
    }

    /// The directory of the function's code: its own, or one that archives and inline code are put into. None for an
    /// image, which has it in it.
    pub(super) async fn code(&self, function: &Function) -> Result<Option<PathBuf>, Error> {
        let Package::Zip(zip) = &function.package else {
            return Ok(None);
        };
        let unpacked = self.directory(&zip.code).await?;
        if unpacked.size.is_some_and(|size| size > LAMBDA_LIMIT) {
            self.events.warn(format!(
                "the code is larger than the {LAMBDA_LIMIT} bytes that Lambda takes"
            ));
        }
        Ok(Some(unpacked.path))
    }

    async fn directory(&self, code: &Code) -> Result<Unpacked, Error> {
        let here = |path| Unpacked { path, size: None };
        let store = self.store("code");
        match code.clone() {
            Code::Directory(path) => Ok(here(path)),
            Code::Inline { file, text } => Ok(here(store.inline(&file, &text)?)),
            Code::Archive(path) => {
                self.events
                    .note(format!("Decompressing {}", path.display()));
                let events = self.events.clone();
                // Signals must not wait for a large one.
                let unpacked = blocking("unpacking the code", move || {
                    store.unpack(&path, &|done, all| {
                        events.note(format!("Decompressing: {done} of {all} files"));
                    })
                });
                Ok(unpacked.await??)
            }
        }
    }

    /// The directory of the function's layers: the one layer's own, or one that several are put together in.
    pub(super) async fn layers(&self, function: &Function) -> Result<Option<PathBuf>, Error> {
        let anew = self.common.container.force;
        let (mut directories, mut size) = (Vec::new(), 0);
        if function.layers.len() > MAX_LAYERS {
            self.events.warn(format!(
                "function {} has {} layers, and Lambda takes {MAX_LAYERS}",
                function.path,
                function.layers.len()
            ));
        }
        for layer in &function.layers {
            let (path, own, sealed) = match layer {
                Layer::Local {
                    logical_id,
                    content,
                } => {
                    self.events
                        .note(format!("{logical_id} is a local Layer in the template"));
                    let unpacked = self.directory(content).await?;
                    (unpacked.path, unpacked.size, false)
                }
                Layer::Remote(arn) => {
                    let cached = self.remote(arn, anew).await?;
                    (cached.path, cached.size, true)
                }
            };
            directories.push(Part { path, sealed });
            size += own.unwrap_or(0);
        }
        if size > LAMBDA_LIMIT {
            self.events.warn(format!(
                "the layers of {} are larger than the {LAMBDA_LIMIT} bytes that Lambda takes",
                function.path
            ));
        }
        match directories.as_slice() {
            [] => Ok(None),
            [one] => Ok(Some(one.path.clone())),
            _ => {
                let store = self.store("layers");
                let merged = blocking("putting layers together", move || {
                    store.merged(&directories, anew)
                });
                Ok(Some(merged.await??))
            }
        }
    }

    /// A layer of the service, from the cache or downloaded into it.
    async fn remote(&self, arn: &LayerArn, anew: bool) -> Result<Cached, Error> {
        let cache = LayerCache::new(self.common.container.layer_cache.clone());
        if let Some(path) = cache.find(arn).filter(|_| !anew) {
            let text = format!("{arn} is already cached. Skipping download");
            self.events.note(text);
            return Ok(Cached { path, size: None });
        }
        let keys = self
            .common
            .aws
            .credentials
            .keys(arn.region(), self.env)
            .await;
        let keys = keys.unwrap_or_else(|unavailable| {
            self.events.warn(unavailable.to_string());
            None
        });
        let keys = keys.ok_or(LayerError::NoCredentials)?;
        let call_failed = |error| LayerError::Call {
            arn: arn.to_string(),
            error,
        };
        let caller = Caller::new(Some(keys), self.env).map_err(call_failed)?;
        let shown = Download {
            arn,
            prepare: self,
            begun: AtomicBool::new(false),
        };
        let fetched = cache
            .fetch(arn, &caller, anew, |step| shown.show(step))
            .await;
        shown.end(fetched.is_ok());
        Ok(fetched?)
    }

    /// What is seen inside of code and layers, and what links of the code lead to.
    pub(super) fn mounts(
        &self,
        code: &Path,
        layers: Option<PathBuf>,
    ) -> Result<Vec<Content>, Error> {
        let events = self.events;
        events.note(format!(
            "Mounting {} as {TASK_ROOT}:ro,delegated, inside runtime container",
            code.display()
        ));
        let mut content = vec![Content {
            source: code.to_owned(),
            target: TASK_ROOT.to_owned(),
        }];
        let all = self.common.container.links;
        // Only the engine's machine may have it.
        let found = if code.is_dir() {
            links(code, all).map_err(|source| Error::File {
                action: "looking for links in",
                path: code.to_owned(),
                source,
            })?
        } else {
            Vec::new()
        };
        for link in found {
            let shown = format!(
                "({} -> {})",
                code.join(&link.inside).display(),
                link.target.display()
            );
            if all || link.is_always_followed() {
                let target = Path::new(TASK_ROOT)
                    .join(&link.inside)
                    .display()
                    .to_string();
                events.note(format!(
                    "Mounting resolved symlink {shown} as {target}:ro,delegated, inside runtime container"
                ));
                content.push(Content {
                    source: link.target,
                    target,
                });
            } else {
                events.note(format!(
                    "Not mounting symlink {shown} by default. Use --mount-symlinks to always mount symlinks in the container"
                ));
            }
        }
        let extensions = layers.as_ref().map(|layers| layers.join("extensions"));
        let there = extensions.and_then(|path| std::fs::read_dir(path).ok());
        if there.is_some_and(|mut entries| entries.next().is_some()) {
            events.warn(
                "the layers have extensions that are programs of their own; they are not started",
            );
        }
        content.extend(layers.map(|source| Content {
            source,
            target: LAYERS.to_owned(),
        }));
        Ok(content)
    }
}

/// What is shown of a download.
struct Download<'a> {
    arn: &'a LayerArn,
    prepare: &'a Prepare<'a>,
    begun: AtomicBool,
}

impl Download<'_> {
    fn show(&self, step: Step) {
        let events = self.prepare.events;
        let (bytes, size) = match step {
            Step::Waiting => {
                return events.note(format!("Another run downloads {}, waiting", self.arn));
            }
            Step::Downloading { bytes, size } => (bytes, size),
        };
        if !self.begun.swap(true, Ordering::Relaxed) {
            events.send(Event::Pull(Pull::Started {
                what: "Downloading".to_owned(),
                image: self.arn.layer().to_owned(),
            }));
        }
        events.send(Event::Pull(Pull::Layer {
            id: format!("{}:{}", self.arn.name(), self.arn.version()),
            status: "Downloading".to_owned(),
            current: Some(bytes),
            total: size,
        }));
    }

    fn end(&self, whole: bool) {
        if !self.begun.load(Ordering::Relaxed) {
            return;
        }
        self.prepare.events.send(Event::Pull(if whole {
            Pull::Done {
                what: "Downloaded".to_owned(),
                image: self.arn.to_string(),
            }
        } else {
            Pull::Failed
        }));
    }
}

/// Does something that takes long on a thread of its own: signals must not wait for it.
pub(super) async fn blocking<T: Send + 'static>(
    action: &'static str,
    work: impl FnOnce() -> T + Send + 'static,
) -> Result<T, Error> {
    let done = tokio::task::spawn_blocking(work).await;
    done.map_err(|source| Error::Process {
        action,
        source: std::io::Error::other(source),
    })
}
