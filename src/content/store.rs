//! A place for contents that are made once and used again while what they are made of is the same: unpacked archives,
//! inline code, layers put together. A run that is cut short leaves nothing there that another takes for whole.

use std::fmt::Write;
use std::fs::{self, File};
use std::io;
use std::os::unix::fs::{DirBuilderExt, MetadataExt, PermissionsExt};
use std::path::{Path, PathBuf};
use std::time::{Duration, SystemTime};

use sha2::{Digest, Sha256};
use tempfile::TempDir;

use super::ContentError;
use super::merge::{self, Part};
use super::zip::{self, Watch};

/// How long contents that no run has used may stay.
const STALE: Duration = Duration::from_hours(7 * 24);
/// How long unpacking can take at most: what is older was given up.
const GIVEN_UP: Duration = Duration::from_hours(1);
const TEMPORARY: &str = "new-";

/// Unpacked code.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Unpacked {
    /// Its directory.
    pub path: PathBuf,
    /// Its size, where it is known: where it was unpacked just now.
    pub size: Option<u64>,
}

/// The place for unpacked code.
#[derive(Clone, Debug)]
pub struct Store {
    directory: PathBuf,
}

impl Store {
    /// A store in a directory, which is made when it is needed.
    #[must_use]
    pub fn new(directory: PathBuf) -> Self {
        Self { directory }
    }

    /// The directory with an archive's contents. An archive is the same while its path, size and times are.
    ///
    /// # Errors
    /// It cannot be read, is no archive, or has entries that would leave the directory.
    pub fn unpack(&self, archive: &Path, watch: Watch<'_>) -> Result<Unpacked, ContentError> {
        let failed = |source| ContentError::File {
            path: archive.to_owned(),
            source,
        };
        let file = File::open(archive).map_err(failed)?;
        let found = file.metadata().map_err(failed)?;
        let path = self.directory.join(name_of(archive, &found));
        if self.has(&path)? {
            return Ok(Unpacked { path, size: None });
        }
        let temporary = self.prepare()?;
        let size = zip::extract(archive, file, temporary.path(), watch)?;
        publish(temporary, &path)?;
        Ok(Unpacked {
            path,
            size: Some(size),
        })
    }

    /// A place for a word about a file, which holds as long as the file is as it is. None where there is none.
    #[must_use]
    pub fn note(&self, file: &Path) -> Option<Note> {
        let found = fs::metadata(file).ok()?;
        self.has(&self.directory).ok()?;
        let name = format!("note-{}", name_of(file, &found));
        Some(Note(self.directory.join(name)))
    }

    /// A directory with one file.
    ///
    /// # Errors
    /// It cannot be written.
    pub fn inline(&self, file: &str, text: &str) -> Result<PathBuf, ContentError> {
        let name = digest(format!("{file}\0{text}").as_bytes());
        let path = self.directory.join(format!("inline-{name}"));
        if self.has(&path)? {
            return Ok(path);
        }
        let temporary = self.prepare()?;
        let target = temporary.path().join(file);
        let written = fs::write(&target, text)
            .and_then(|()| fs::set_permissions(&target, fs::Permissions::from_mode(0o644)));
        written.map_err(|source| ContentError::File {
            path: target,
            source,
        })?;
        publish(temporary, &path)?;
        Ok(path)
    }

    /// A directory with the contents of several put together: of files with one name the last one's. They are put together
    /// again where `anew`.
    ///
    /// # Errors
    /// Something cannot be read or written.
    pub fn merged(&self, directories: &[Part], anew: bool) -> Result<PathBuf, ContentError> {
        let name = hexadecimal(&merge::stamps(directories)?);
        let path = self.directory.join(format!("merged-{name}"));
        if anew {
            let _ = fs::remove_dir_all(&path);
        }
        if self.has(&path)? {
            return Ok(path);
        }
        let temporary = self.prepare()?;
        for directory in directories {
            merge::copy(&directory.path, temporary.path())?;
        }
        publish(temporary, &path)?;
        Ok(path)
    }

    /// Whether contents are there; then they are used now. In a directory that everyone may write to, somebody else may
    /// have made the store, to have a program of theirs run.
    fn has(&self, path: &Path) -> Result<bool, ContentError> {
        match fs::metadata(&self.directory) {
            Ok(found) if found.uid() != rustix::process::getuid().as_raw() => {
                let source =
                    io::Error::new(io::ErrorKind::PermissionDenied, "it is another user's");
                return Err(self.failed(source));
            }
            Err(_) => return Ok(false),
            Ok(_) => {}
        }
        let there = path.is_dir();
        if there {
            let _ = File::open(path).and_then(|path| path.set_modified(SystemTime::now()));
        }
        Ok(there)
    }

    fn failed(&self, source: io::Error) -> ContentError {
        ContentError::File {
            path: self.directory.clone(),
            source,
        }
    }

    /// A directory to fill. What nobody has used for long, or was given up, goes.
    fn prepare(&self) -> Result<TempDir, ContentError> {
        let made = fs::DirBuilder::new()
            .recursive(true)
            .mode(0o700)
            .create(&self.directory);
        made.map_err(|source| self.failed(source))?;
        let entries = fs::read_dir(&self.directory).map_err(|source| self.failed(source))?;
        for entry in entries.flatten() {
            let name = entry.file_name().to_string_lossy().into_owned();
            let limit = if name.starts_with(TEMPORARY) {
                GIVEN_UP
            } else {
                STALE
            };
            let modified = entry.metadata().and_then(|found| found.modified());
            if modified.is_ok_and(|at| at.elapsed().is_ok_and(|age| age > limit)) {
                let _ = fs::remove_dir_all(entry.path());
            }
        }
        tempfile::Builder::new()
            .prefix(TEMPORARY)
            .permissions(fs::Permissions::from_mode(0o755))
            .tempdir_in(&self.directory)
            .map_err(|source| self.failed(source))
    }
}

/// A word about a file.
#[derive(Debug)]
pub struct Note(PathBuf);

impl Note {
    /// What was written.
    #[must_use]
    pub fn read(&self) -> Option<String> {
        fs::read_to_string(&self.0).ok()
    }

    /// Writes it. Where that cannot be done, the work is done again.
    pub fn write(&self, text: &str) {
        let directory = self.0.parent().unwrap_or(&self.0);
        let made = fs::DirBuilder::new()
            .recursive(true)
            .mode(0o700)
            .create(directory);
        let _ = made.and_then(|()| fs::write(&self.0, text));
    }
}

/// The name of what is made of a file, another one when the file is another.
fn name_of(file: &Path, found: &fs::Metadata) -> String {
    let stamp = [
        found.dev(),
        found.ino(),
        found.size(),
        found.mtime().cast_unsigned(),
        found.mtime_nsec().cast_unsigned(),
        found.ctime_nsec().cast_unsigned(),
    ];
    let stamp: Vec<u8> = stamp.iter().flat_map(|part| part.to_le_bytes()).collect();
    let source = digest(file.as_os_str().as_encoded_bytes());
    format!("{source}-{}", digest(&stamp))
}

/// Moves a filled directory into its place. Another run may have been faster.
fn publish(temporary: TempDir, path: &Path) -> Result<(), ContentError> {
    match fs::rename(temporary.path(), path) {
        Ok(()) => {
            let _ = temporary.keep();
            Ok(())
        }
        Err(_) if path.is_dir() => Ok(()),
        Err(source) => Err(ContentError::File {
            path: path.to_owned(),
            source,
        }),
    }
}

fn digest(bytes: &[u8]) -> String {
    hexadecimal(&Sha256::digest(bytes))
}

/// The beginning of a hash, as a name.
fn hexadecimal(hash: &[u8]) -> String {
    let (start, _) = hash.split_at(10);
    let mut text = String::with_capacity(2 * start.len());
    for byte in start {
        let _ = write!(text, "{byte:02x}");
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn inline_code_is_a_file_that_everyone_may_read() {
        let directory = tempfile::tempdir().unwrap();
        let store = Store::new(directory.path().join("code"));
        let path = store.inline("index.py", "x = 1\n").unwrap();
        let file = path.join("index.py");
        assert_eq!(fs::read_to_string(&file).unwrap(), "x = 1\n");
        assert_eq!(fs::metadata(&file).unwrap().mode() & 0o777, 0o644);
        assert_eq!(fs::metadata(&path).unwrap().mode() & 0o777, 0o755);
        assert_eq!(store.inline("index.py", "x = 1\n").unwrap(), path);
        assert_ne!(store.inline("index.py", "x = 2\n").unwrap(), path);
    }
}
