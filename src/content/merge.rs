//! Puts directories together, as the service unpacks one layer after the other into one place.

use std::fs;
use std::io;
use std::os::unix::ffi::OsStrExt;
use std::os::unix::fs::{MetadataExt, PermissionsExt, symlink};
use std::path::{Path, PathBuf};

use sha2::{Digest, Sha256};

use super::ContentError;

/// A directory that is put together with others.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Part {
    /// The directory.
    pub path: PathBuf,
    /// Whether its contents never change: then another directory of this name is another one, and nothing in it is looked
    /// at.
    pub sealed: bool,
}

/// A hash that tells whether directories are as they were. They may have many files, so each has a thread.
pub(super) fn stamps(parts: &[Part]) -> Result<Vec<u8>, ContentError> {
    let one = |part: &Part| {
        let mut hash = Sha256::new();
        if part.sealed {
            sealed(&part.path, &mut hash)?;
        } else {
            stamp(&part.path, &mut hash)?;
        }
        Ok(hash.finalize())
    };
    let mut whole = Sha256::new();
    std::thread::scope(|scope| {
        let threads: Vec<_> = parts
            .iter()
            .map(|part| scope.spawn(move || one(part)))
            .collect();
        for thread in threads {
            // A thread that panicked has no hash, and its panic is this one's.
            let hash = thread
                .join()
                .unwrap_or_else(|panic| std::panic::resume_unwind(panic));
            whole.update(hash?);
        }
        Ok(whole.finalize().to_vec())
    })
}

fn sealed(directory: &Path, hash: &mut Sha256) -> Result<(), ContentError> {
    let found = fs::metadata(directory).map_err(|source| ContentError::File {
        path: directory.to_owned(),
        source,
    })?;
    hash.update(directory.as_os_str().as_bytes());
    hash.update(found.ino().to_le_bytes());
    hash.update(found.mtime().to_le_bytes());
    hash.update(found.mtime_nsec().to_le_bytes());
    Ok(())
}

/// Adds everything to a hash that tells whether a directory is as it was: names, sizes, modes, times.
fn stamp(directory: &Path, hash: &mut Sha256) -> Result<(), ContentError> {
    let failed = |source| ContentError::File {
        path: directory.to_owned(),
        source,
    };
    hash.update(directory.as_os_str().as_bytes());
    let mut entries: Vec<_> = fs::read_dir(directory)
        .and_then(Iterator::collect::<io::Result<_>>)
        .map_err(failed)?;
    entries.sort_by_key(fs::DirEntry::file_name);
    for entry in entries {
        let found = entry.metadata().map_err(failed)?;
        if found.is_dir() {
            hash.update(found.mode().to_le_bytes());
            stamp(&entry.path(), hash)?;
            continue;
        }
        hash.update(entry.file_name().as_bytes());
        for part in [
            found.ino(),
            found.size(),
            u64::from(found.mode()),
            found.mtime().cast_unsigned(),
            found.mtime_nsec().cast_unsigned(),
            found.ctime_nsec().cast_unsigned(),
        ] {
            hash.update(part.to_le_bytes());
        }
    }
    // The end of one directory is not the beginning of the next.
    hash.update([0]);
    Ok(())
}

/// Copies everything in a directory over what is in another; links stay links, modes are kept.
pub(super) fn copy(from: &Path, to: &Path) -> Result<(), ContentError> {
    let at = |path: &Path| {
        let path = path.to_owned();
        move |source| ContentError::File { path, source }
    };
    for entry in fs::read_dir(from).map_err(at(from))? {
        let entry = entry.map_err(at(from))?;
        let (source, target) = (entry.path(), to.join(entry.file_name()));
        let found = entry.metadata().map_err(at(&source))?;
        let there = fs::symlink_metadata(&target).ok();
        if found.is_dir() {
            if there.is_some_and(|there| !there.is_dir()) {
                fs::remove_file(&target).map_err(at(&target))?;
            }
            fs::create_dir_all(&target).map_err(at(&target))?;
            copy(&source, &target)?;
            // Whoever made it must be able to remove it.
            let mode = fs::Permissions::from_mode(found.mode() & 0o777 | 0o700);
            fs::set_permissions(&target, mode).map_err(at(&target))?;
            continue;
        }
        match there {
            Some(there) if there.is_dir() => fs::remove_dir_all(&target).map_err(at(&target))?,
            Some(_) => fs::remove_file(&target).map_err(at(&target))?,
            None => {}
        }
        if found.is_symlink() {
            let link = fs::read_link(&source).map_err(at(&source))?;
            symlink(link, &target).map_err(at(&target))?;
        } else if found.is_file() {
            fs::copy(&source, &target).map_err(at(&source))?;
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::content::Store;

    #[test]
    fn the_last_layer_wins_and_links_and_modes_are_kept() {
        let home = tempfile::tempdir().unwrap();
        let write = |name: &str, text: &str| {
            let path = home.path().join(name);
            fs::create_dir_all(path.parent().unwrap()).unwrap();
            fs::write(path, text).unwrap();
        };
        write("a/python/x.py", "a");
        write("a/bin/tool", "#!/bin/sh\n");
        write("a/data", "file in a");
        write("a/tree/leaf", "directory in a");
        write("b/python/x.py", "b");
        write("b/data/inner", "directory in b");
        write("b/tree", "file in b");
        let tool = home.path().join("a/bin/tool");
        fs::set_permissions(&tool, fs::Permissions::from_mode(0o755)).unwrap();
        symlink("tool", home.path().join("a/bin/link")).unwrap();
        let store = Store::new(home.path().join("store"));
        let layers = ["a", "b"].map(|name| Part {
            path: home.path().join(name),
            sealed: false,
        });
        let merged = store.merged(&layers, false).unwrap();
        let text = |name: &str| fs::read_to_string(merged.join(name)).unwrap();
        assert_eq!(text("python/x.py"), "b");
        assert_eq!(
            (text("data/inner"), text("tree")),
            ("directory in b".into(), "file in b".into())
        );
        assert_eq!(
            fs::read_link(merged.join("bin/link")).unwrap(),
            Path::new("tool")
        );
        let mode = fs::metadata(merged.join("bin/tool")).unwrap().mode();
        assert_eq!(mode & 0o777, 0o755);

        assert_eq!(store.merged(&layers, false).unwrap(), merged, "used again");
        let [a, b] = layers;
        let other = store.merged(&[b.clone(), a.clone()], false).unwrap();
        assert_eq!(fs::read_to_string(other.join("python/x.py")).unwrap(), "a");
        write("a/python/y.py", "new");
        let changed = store.merged(&[a, b], false).unwrap();
        assert!(changed != merged && changed.join("python/y.py").exists());
    }
}
