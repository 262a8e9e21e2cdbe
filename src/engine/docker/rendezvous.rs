//! The Unix socket on which the supervisor finds sam-rs, in a directory of its own that is mounted into the container.

use std::fs;
use std::io;
use std::os::unix::fs::{DirBuilderExt, MetadataExt, PermissionsExt};
use std::path::{Path, PathBuf};
use std::time::Duration;

use tokio::net::{UnixListener, UnixStream};

use crate::engine::reaper::Reaper;
use crate::env::{self, Env};

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
        let parent = parent(env)?;
        let directory = parent.join(id);
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

/// Removes directories whose sockets nobody listens on any more. A young one may be about to be listened on.
pub fn sweep(env: &Env) {
    for directory in parent(env)
        .and_then(fs::read_dir)
        .into_iter()
        .flatten()
        .flatten()
    {
        let age = directory.metadata().and_then(|found| found.modified()).ok();
        let age = age
            .and_then(|modified| modified.elapsed().ok())
            .unwrap_or_default();
        let socket = directory.path().join(SOCKET);
        if age > YOUNG && std::os::unix::net::UnixStream::connect(socket).is_err() {
            let _ = fs::remove_dir_all(directory.path());
        }
    }
}

/// The directory of this user's sockets, which nobody else may enter.
fn parent(env: &Env) -> io::Result<PathBuf> {
    let user = rustix::process::getuid().as_raw();
    let runtime = env
        .get(env::XDG_RUNTIME_DIR)
        .map(PathBuf::from)
        .filter(|directory| directory.is_dir());
    let parent = match runtime {
        Some(directory) => directory.join("sam-rs"),
        None => env.temporary.join(format!("sam-rs-{user}")),
    };
    match fs::DirBuilder::new().mode(0o700).create(&parent) {
        Err(error) if error.kind() != io::ErrorKind::AlreadyExists => return Err(error),
        _ => {}
    }
    let found = fs::symlink_metadata(&parent)?;
    // In a directory that everyone may write to, somebody else may have made it first.
    if !found.is_dir() || found.uid() != user || found.mode() & 0o077 != 0 {
        let text = format!(
            "{} is not a private directory of this user",
            parent.display()
        );
        return Err(io::Error::new(io::ErrorKind::PermissionDenied, text));
    }
    Ok(parent)
}
