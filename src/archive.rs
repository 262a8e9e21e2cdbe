//! Code that is not a directory yet: zip and jar files are unpacked, inline code is written to a file.
//!
//! Both go into the user's cache, once for unchanged contents. The only user of the zip library.

use std::collections::HashSet;
use std::fmt::Write;
use std::fs::{self, File, OpenOptions};
use std::io::{self, Read};
use std::os::unix::fs::{DirBuilderExt, MetadataExt, OpenOptionsExt, PermissionsExt, symlink};
use std::path::{Component, Path, PathBuf};
use std::time::{Duration, SystemTime};

use sha2::{Digest, Sha256};
use tempfile::TempDir;
use zip::ZipArchive;
use zip::read::ZipFile;

/// What Lambda takes at most, unpacked: what is larger runs here, with a warning.
pub const LAMBDA_LIMIT: u64 = 262_144_000;
/// What is unpacked at most.
const MAX_SIZE: u64 = 4 << 30;
const MAX_ENTRIES: usize = 200_000;
/// A link's target is a path.
const MAX_TARGET: u64 = 4096;
/// How long contents that no run has used may stay.
const STALE: Duration = Duration::from_hours(7 * 24);
/// How long unpacking can take at most: what is older was given up.
const GIVEN_UP: Duration = Duration::from_hours(1);
const TEMPORARY: &str = "new-";

/// Why an archive cannot be used.
#[derive(Debug, thiserror::Error)]
#[expect(missing_docs, reason = "the docs of a variant name its fields")]
pub enum ArchiveError {
    /// A file cannot be read or written.
    #[error("{path}: {source}", path = path.display())]
    File { path: PathBuf, source: io::Error },
    /// The archive is none, or must not be unpacked.
    #[error("Failed to extract file from the zip file {path}. {reason}", path = path.display())]
    Refused { path: PathBuf, reason: String },
}

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
    pub fn unpack(&self, archive: &Path) -> Result<Unpacked, ArchiveError> {
        let failed = |source| ArchiveError::File {
            path: archive.to_owned(),
            source,
        };
        let file = File::open(archive).map_err(failed)?;
        let found = file.metadata().map_err(failed)?;
        let stamp = [
            found.dev(),
            found.ino(),
            found.size(),
            found.mtime().cast_unsigned(),
            found.mtime_nsec().cast_unsigned(),
            found.ctime_nsec().cast_unsigned(),
        ];
        let stamp: Vec<u8> = stamp.iter().flat_map(|part| part.to_le_bytes()).collect();
        let source = digest(archive.as_os_str().as_encoded_bytes());
        let path = self.directory.join(format!("{source}-{}", digest(&stamp)));
        if self.has(&path)? {
            return Ok(Unpacked { path, size: None });
        }
        let temporary = self.prepare()?;
        let size = extract(archive, file, temporary.path())?;
        publish(temporary, &path)?;
        Ok(Unpacked {
            path,
            size: Some(size),
        })
    }

    /// A directory with one file.
    ///
    /// # Errors
    /// It cannot be written.
    pub fn inline(&self, file: &str, text: &str) -> Result<PathBuf, ArchiveError> {
        let name = digest(format!("{file}\0{text}").as_bytes());
        let path = self.directory.join(format!("inline-{name}"));
        if self.has(&path)? {
            return Ok(path);
        }
        let temporary = self.prepare()?;
        let target = temporary.path().join(file);
        let written = fs::write(&target, text)
            .and_then(|()| fs::set_permissions(&target, fs::Permissions::from_mode(0o644)));
        written.map_err(|source| ArchiveError::File {
            path: target,
            source,
        })?;
        publish(temporary, &path)?;
        Ok(path)
    }

    /// Whether contents are there; then they are used now. In a directory that everyone may write to, somebody else may
    /// have made the store, to have a program of theirs run.
    fn has(&self, path: &Path) -> Result<bool, ArchiveError> {
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

    fn failed(&self, source: io::Error) -> ArchiveError {
        ArchiveError::File {
            path: self.directory.clone(),
            source,
        }
    }

    /// A directory to fill. What nobody has used for long, or was given up, goes.
    fn prepare(&self) -> Result<TempDir, ArchiveError> {
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

/// Moves a filled directory into its place. Another run may have been faster.
fn publish(temporary: TempDir, path: &Path) -> Result<(), ArchiveError> {
    match fs::rename(temporary.path(), path) {
        Ok(()) => {
            let _ = temporary.keep();
            Ok(())
        }
        Err(_) if path.is_dir() => Ok(()),
        Err(source) => Err(ArchiveError::File {
            path: path.to_owned(),
            source,
        }),
    }
}

fn digest(bytes: &[u8]) -> String {
    let hash = Sha256::digest(bytes);
    let (start, _) = hash.split_at(10);
    let mut text = String::with_capacity(2 * start.len());
    for byte in start {
        let _ = write!(text, "{byte:02x}");
    }
    text
}

/// What is left to do when every file is there: links come last, so that nothing is written through one.
#[derive(Default)]
struct Rest {
    links: Vec<(String, PathBuf)>,
    directories: Vec<(PathBuf, u32)>,
}

/// Unpacks an archive into an empty directory and returns the size.
fn extract(path: &Path, file: File, target: &Path) -> Result<u64, ArchiveError> {
    let refuse = |reason: String| ArchiveError::Refused {
        path: path.to_owned(),
        reason,
    };
    let mut archive = ZipArchive::new(file).map_err(|error| refuse(error.to_string()))?;
    if archive.len() > MAX_ENTRIES {
        return Err(refuse(format!("It has more than {MAX_ENTRIES} entries")));
    }
    let (mut left, mut rest) = (MAX_SIZE, Rest::default());
    for index in 0..archive.len() {
        let mut entry = archive
            .by_index(index)
            .map_err(|error| refuse(error.to_string()))?;
        let Some(inside) = entry.enclosed_name().filter(|name| is_plain(name)) else {
            let name = String::from_utf8_lossy(entry.name_raw());
            return Err(refuse(format!(
                "The entry '{name}' points outside the extraction directory"
            )));
        };
        if entry.is_symlink() {
            let mut link = String::new();
            let read = (&mut entry).take(MAX_TARGET + 1).read_to_string(&mut link);
            let length = read.map_err(|error| refuse(error.to_string()))?;
            if length as u64 > MAX_TARGET {
                return Err(refuse("A symlink has a target that is too long".to_owned()));
            }
            check_link(&inside, &link).map_err(refuse)?;
            rest.links.push((link, target.join(&inside)));
            continue;
        }
        place(&mut entry, target.join(&inside), &mut left, &mut rest).map_err(
            |source| match source.kind() {
                io::ErrorKind::FileTooLarge => {
                    refuse(format!("It unpacks to more than {MAX_SIZE} bytes"))
                }
                io::ErrorKind::InvalidData | io::ErrorKind::UnexpectedEof => refuse(format!(
                    "The entry '{}' is damaged: {source}",
                    inside.display()
                )),
                _ => ArchiveError::File {
                    path: target.join(&inside),
                    source,
                },
            },
        )?;
    }
    finish(rest, refuse)?;
    Ok(MAX_SIZE - left)
}

/// Puts a file or a directory into its place.
fn place<R: Read>(
    entry: &mut ZipFile<'_, R>,
    place: PathBuf,
    left: &mut u64,
    rest: &mut Rest,
) -> io::Result<()> {
    let mode = entry.unix_mode().unwrap_or(0);
    if entry.is_dir() {
        let done = fs::create_dir_all(&place);
        rest.directories.push((place, mode));
        return done;
    }
    write(entry, &place, mode, left)
}

fn finish(rest: Rest, refuse: impl Fn(String) -> ArchiveError) -> Result<(), ArchiveError> {
    let names: HashSet<_> = rest.links.iter().map(|(_, path)| path.clone()).collect();
    // A link below a link would be made wherever that one leads.
    let through = |path: &Path| path.ancestors().skip(1).any(|above| names.contains(above));
    if let Some((_, path)) = rest.links.iter().find(|(_, path)| through(path)) {
        let name = path.file_name().unwrap_or_default().display();
        return Err(refuse(format!(
            "The symlink '{name}' is below another symlink"
        )));
    }
    for (link, path) in rest.links {
        make_room(&path)
            .and_then(|()| symlink(link, &path))
            .map_err(|source| ArchiveError::File { path, source })?;
    }
    for (path, mode) in rest.directories {
        // Whoever unpacked it must be able to remove it.
        let mode = if mode == 0 {
            0o755
        } else {
            mode & 0o777 | 0o700
        };
        let _ = fs::set_permissions(path, fs::Permissions::from_mode(mode));
    }
    Ok(())
}

/// Whether a name goes only down.
fn is_plain(name: &Path) -> bool {
    let mut parts = name.components();
    parts.all(|part| matches!(part, Component::Normal(_) | Component::CurDir))
}

/// A link must stay where it is.
fn check_link(link: &Path, target: &str) -> Result<(), String> {
    if Path::new(target).is_absolute() {
        return Err("A symlink has an absolute target which is not allowed".to_owned());
    }
    let mut depth = link.components().count().saturating_sub(1);
    for part in Path::new(target).components() {
        match part {
            Component::ParentDir if depth == 0 => {
                return Err("A symlink points outside the extraction directory".to_owned());
            }
            Component::ParentDir => depth -= 1,
            Component::Normal(_) => depth += 1,
            _ => {}
        }
    }
    Ok(())
}

fn write<R: Read>(
    entry: &mut ZipFile<'_, R>,
    place: &Path,
    mode: u32,
    left: &mut u64,
) -> io::Result<()> {
    make_room(place)?;
    let mode = if mode == 0 { 0o644 } else { mode & 0o777 };
    let mut file = OpenOptions::new()
        .write(true)
        .create_new(true)
        .mode(0o600)
        .open(place)?;
    // What the archive says of the size may be a lie.
    let copied = io::copy(&mut entry.take(*left + 1), &mut file)?;
    *left = left
        .checked_sub(copied)
        .ok_or(io::ErrorKind::FileTooLarge)?;
    file.set_permissions(fs::Permissions::from_mode(mode))
}

/// Makes the directories above a file; of several entries of one name the last one stays.
fn make_room(place: &Path) -> io::Result<()> {
    if let Some(parent) = place.parent() {
        fs::create_dir_all(parent)?;
    }
    match fs::remove_file(place) {
        Err(error) if error.kind() != io::ErrorKind::NotFound => Err(error),
        _ => Ok(()),
    }
}

#[cfg(test)]
mod tests {
    use std::io::Write as _;

    use zip::ZipWriter;
    use zip::write::SimpleFileOptions;

    use super::*;

    fn archive(fill: impl FnOnce(&mut ZipWriter<File>)) -> (TempDir, PathBuf) {
        let directory = tempfile::tempdir().unwrap();
        let path = directory.path().join("code.zip");
        let mut writer = ZipWriter::new(File::create(&path).unwrap());
        fill(&mut writer);
        writer.finish().unwrap();
        (directory, path)
    }

    fn add(writer: &mut ZipWriter<File>, name: &str, mode: u32, text: &str) {
        let options = SimpleFileOptions::default().unix_permissions(mode);
        writer.start_file(name, options).unwrap();
        writer.write_all(text.as_bytes()).unwrap();
    }

    fn unpack(path: &Path) -> Result<PathBuf, String> {
        let store = Store::new(path.parent().unwrap().join("store"));
        let unpacked = store.unpack(path).map_err(|error| error.to_string())?;
        Ok(unpacked.path)
    }

    #[test]
    fn modes_and_links_are_kept_and_unchanged_contents_used_again() {
        let (_directory, path) = archive(|writer| {
            add(writer, "bin/bootstrap", 0o755, "#!/bin/sh\n");
            add(writer, "bin/bootstrap2", 0o640, "x");
            let options = SimpleFileOptions::default();
            writer
                .add_symlink("lib/link", "../bin/bootstrap", options)
                .unwrap();
        });
        let unpacked = unpack(&path).unwrap();
        let mode = |name: &str| fs::metadata(unpacked.join(name)).unwrap().mode() & 0o777;
        assert_eq!(
            (mode("bin/bootstrap"), mode("bin/bootstrap2")),
            (0o755, 0o640)
        );
        assert_eq!(
            fs::read_link(unpacked.join("lib/link")).unwrap(),
            Path::new("../bin/bootstrap")
        );
        fs::write(unpacked.join("mark"), "").unwrap();
        assert!(
            unpack(&path).unwrap().join("mark").exists(),
            "unpacked once"
        );
        let mut writer = ZipWriter::new(File::create(&path).unwrap());
        add(&mut writer, "other", 0o644, "changed");
        writer.finish().unwrap();
        let changed = unpack(&path).unwrap();
        assert!(changed.join("other").exists() && !changed.join("mark").exists());
    }

    #[test]
    fn what_would_leave_the_directory_is_refused() {
        let link = |target: &'static str| {
            archive(move |writer| {
                let options = SimpleFileOptions::default();
                writer.add_symlink("a/link", target, options).unwrap();
            })
        };
        for ((_directory, path), reason) in [
            (link("/etc"), "absolute target"),
            (link("../../x"), "points outside the extraction directory"),
            (
                archive(|writer| add(writer, "../x", 0o644, "")),
                "points outside",
            ),
            (
                archive(|writer| add(writer, "a/../../x", 0o644, "")),
                "points outside",
            ),
        ] {
            let error = unpack(&path).unwrap_err();
            assert!(error.contains(reason), "{error}");
        }
        let (_directory, path) = link("../b");
        assert!(unpack(&path).is_ok());
        // Each link is harmless by its name, and the last one lands elsewhere through the first.
        let (_directory, path) = archive(|writer| {
            let options = SimpleFileOptions::default();
            writer.add_symlink("d/a", "..", options).unwrap();
            writer.add_symlink("d/a/d/a/b", "../../x", options).unwrap();
        });
        let error = unpack(&path).unwrap_err();
        assert!(error.contains("below another symlink"), "{error}");
        let directory = tempfile::tempdir().unwrap();
        let path = directory.path().join("code.zip");
        fs::write(&path, "no archive").unwrap();
        assert!(unpack(&path).unwrap_err().contains("Failed to extract"));
    }

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
