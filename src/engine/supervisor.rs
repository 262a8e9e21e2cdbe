//! The supervisor program: embedded at build time, put where engines can mount it from.

use std::fs;
use std::io::{self, Write};
use std::os::unix::fs::{DirBuilderExt, MetadataExt, PermissionsExt};
use std::path::{Path, PathBuf};

use super::EngineError;
use crate::env::{self, Env};

/// The program; empty when the build could not make one.
const PROGRAM: &[u8] = include_bytes!(env!("SAM_RS_SUPERVISOR"));
const HASH: &str = env!("SAM_RS_SUPERVISOR_HASH");
/// The architecture that the program is for, as engines name it.
pub(super) const ARCHITECTURE: &str = if cfg!(target_arch = "aarch64") {
    "arm64"
} else {
    "amd64"
};

/// The program's bytes.
pub(super) fn bytes() -> Result<&'static [u8], EngineError> {
    if PROGRAM.is_empty() {
        return Err(EngineError::Platform {
            platform: format!("linux/{ARCHITECTURE}"),
        });
    }
    Ok(PROGRAM)
}

/// The program as a file, written at the first use. The directory is below the home directory because engines that
/// run in a virtual machine share that; without one, or where it cannot be written to as in some CI jobs, it is private
/// to the user all the same.
pub(super) fn file(env: &Env) -> Result<PathBuf, EngineError> {
    let program = bytes()?;
    let cache = env.home_or(env::XDG_CACHE_HOME, ".cache");
    let kept = cache.and_then(|cache| keep(&cache.join("sam-rs"), program).ok());
    let private = || runtime_directory(env).and_then(|directory| keep(&directory, program));
    kept.map_or_else(private, Ok)
        .map_err(|source| EngineError::Files {
            action: "writing the supervisor".to_owned(),
            source,
        })
}

/// The program's file in a directory, written where it is not there yet.
fn keep(directory: &Path, program: &[u8]) -> io::Result<PathBuf> {
    let path = directory.join(format!("supervisor-{HASH}"));
    // Compared, not only measured: a power failure may have left a file of the right size and nothing in it.
    if fs::read(&path).is_ok_and(|found| found == program) {
        return Ok(path);
    }
    fs::create_dir_all(directory)?;
    // Written beside and moved into place: another run may start the file at any moment.
    let mut file = tempfile::NamedTempFile::new_in(directory)?;
    file.write_all(program)?;
    file.as_file()
        .set_permissions(fs::Permissions::from_mode(0o755))?;
    file.persist(&path)?;
    Ok(path)
}

/// The directory for what a run needs while it lasts, which no other user may enter.
pub(super) fn runtime_directory(env: &Env) -> io::Result<PathBuf> {
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
