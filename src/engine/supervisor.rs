//! The supervisor program: embedded at build time, put where engines can mount it from.

use std::fs;
use std::io::{self, Write};
use std::os::unix::fs::PermissionsExt;
use std::path::PathBuf;

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
/// run in a virtual machine share that.
pub(super) fn file(env: &Env) -> Result<PathBuf, EngineError> {
    let program = bytes()?;
    let directory = env
        .home_or(env::XDG_CACHE_HOME, ".cache")
        .unwrap_or_else(|| env.temporary.clone())
        .join("sam-rs");
    let path = directory.join(format!("supervisor-{HASH}"));
    let whole = fs::metadata(&path)
        .is_ok_and(|found| found.is_file() && found.len() == program.len() as u64);
    if !whole {
        let action = || format!("writing the supervisor to {}", directory.display());
        write(&directory, &path, program).map_err(|source| EngineError::Files {
            action: action(),
            source,
        })?;
    }
    Ok(path)
}

fn write(directory: &PathBuf, path: &PathBuf, program: &[u8]) -> io::Result<()> {
    fs::create_dir_all(directory)?;
    // Written beside and moved into place: another run may start the file at any moment.
    let mut file = tempfile::NamedTempFile::new_in(directory)?;
    file.write_all(program)?;
    file.as_file()
        .set_permissions(fs::Permissions::from_mode(0o755))?;
    file.persist(path)?;
    Ok(())
}
