//! The Unix socket on which the supervisor finds sam-rs, in a directory of its own that is mounted into the container.

use std::fs;
use std::io;
use std::os::unix::fs::{DirBuilderExt, PermissionsExt};
use std::path::{Path, PathBuf};
use std::time::Duration;

use tokio::net::{UnixListener, UnixStream};

use crate::engine::owner;
use crate::engine::reaper::Reaper;
use crate::engine::supervisor::runtime_directory;
use crate::env::Env;

/// Name of the socket in its directory; the supervisor knows it.
const SOCKET: &str = "s";
/// Age below which a directory may still be in the making.
const YOUNG: Duration = Duration::from_mins(1);
/// What a socket's path may have, with a margin: the kernel's limit is 108 bytes.
const MAX_PATH: usize = 100;

/// A listening socket in a directory that goes when this does.
#[derive(Debug)]
pub(super) struct Rendezvous {
    directory: PathBuf,
    listener: UnixListener,
    reaper: Reaper,
}

impl Rendezvous {
    /// Listens under the user's runtime directory.
    pub(super) fn open(env: &Env, id: &str, reaper: &Reaper) -> io::Result<Self> {
        let parent = runtime_directory(env)?;
        // The owner's mark lets a later run tell whether the directory is still somebody's.
        let directory = parent.join(format!("{}.{id}", owner::mark()));
        let socket = directory.join(SOCKET);
        if socket.as_os_str().len() > MAX_PATH {
            return Err(io::Error::new(
                io::ErrorKind::InvalidFilename,
                format!("{} is too long", socket.display()),
            ));
        }
        reaper.guard_directory(&directory);
        // The parent keeps other users of this machine out; the mount lets the container's user in, whoever that is.
        fs::DirBuilder::new().mode(0o711).create(&directory)?;
        let listener = UnixListener::bind(&socket)?;
        fs::set_permissions(&socket, fs::Permissions::from_mode(0o666))?;
        Ok(Self {
            directory,
            listener,
            reaper: reaper.clone(),
        })
    }

    pub(super) fn directory(&self) -> &Path {
        &self.directory
    }

    pub(super) async fn accept(&self) -> io::Result<UnixStream> {
        self.listener.accept().await.map(|(stream, _)| stream)
    }
}

impl Drop for Rendezvous {
    fn drop(&mut self) {
        if fs::remove_dir_all(&self.directory).is_ok() {
            self.reaper.release(&self.directory.to_string_lossy());
        }
    }
}

/// Removes the directories of processes that are gone. A young one may be one of another process table.
pub fn sweep(env: &Env) {
    for directory in runtime_directory(env)
        .and_then(fs::read_dir)
        .into_iter()
        .flatten()
        .flatten()
    {
        let age = directory.metadata().and_then(|found| found.modified()).ok();
        let age = age
            .and_then(|modified| modified.elapsed().ok())
            .unwrap_or_default();
        let name = directory.file_name().to_string_lossy().into_owned();
        let mark = name.rsplit_once('.').map_or("", |(mark, _)| mark);
        if age > YOUNG && owner::is_mark_lost(mark) {
            let _ = fs::remove_dir_all(directory.path());
        }
    }
}
