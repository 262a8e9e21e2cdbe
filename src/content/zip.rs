//! Unpacks zip and jar files, on every processor. Nothing is written outside of the directory, whatever an archive says of
//! itself. The only user of the zip library.

use std::collections::{HashMap, HashSet};
use std::fs::{self, File, OpenOptions};
use std::io::{self, Read, Seek, SeekFrom};
use std::os::unix::fs::{FileExt, OpenOptionsExt, PermissionsExt, symlink};
use std::path::{Component, Path, PathBuf};
use std::sync::atomic::{AtomicU64, AtomicUsize, Ordering};
use std::sync::{Arc, mpsc};
use std::time::Duration;

use zip::ZipArchive;
use zip::read::ZipFile;

use super::ContentError;

/// What is unpacked at most.
const MAX_SIZE: u64 = 4 << 30;
const MAX_ENTRIES: usize = 200_000;
/// A link's target is a path.
const MAX_TARGET: u64 = 4096;
/// Threads that unpack, at most.
const MAX_THREADS: usize = 8;
/// How often it is told how far it is.
const PACE: Duration = Duration::from_secs(1);

/// Is told, now and then, how many of all entries are there.
pub type Watch<'a> = &'a (dyn Fn(usize, usize) + Sync);

/// Unpacks an archive into an empty directory and returns the size.
pub(super) fn extract(
    path: &Path,
    file: File,
    target: &Path,
    watch: Watch<'_>,
) -> Result<u64, ContentError> {
    let refuse = |reason: String| ContentError::Refused {
        path: path.to_owned(),
        reason,
    };
    let source = Source {
        file: Arc::new(file),
        at: 0,
    };
    let mut archive = ZipArchive::new(source).map_err(|error| refuse(error.to_string()))?;
    if archive.len() > MAX_ENTRIES {
        return Err(refuse(format!("It has more than {MAX_ENTRIES} entries")));
    }
    let contents = Contents::read(&mut archive).map_err(refuse)?;
    for (directory, _) in &contents.directories {
        make(&target.join(directory))?;
    }
    let work = Work {
        files: contents.files,
        next: AtomicUsize::new(0),
        left: AtomicU64::new(MAX_SIZE),
    };
    work.done(&archive, target, watch)
        .map_err(|failed| match failed {
            Failed::Refused(reason) => refuse(reason),
            Failed::File(error) => error,
        })?;
    // Links come last, so that nothing is written through one.
    for (link, to) in contents.links {
        let path = target.join(link);
        make_room(&path)
            .and_then(|()| symlink(to, &path))
            .map_err(|source| ContentError::File { path, source })?;
    }
    for (directory, mode) in contents.directories {
        // Whoever unpacked it must be able to remove it.
        let mode = if mode == 0 {
            0o755
        } else {
            mode & 0o777 | 0o700
        };
        let mode = fs::Permissions::from_mode(mode);
        let _ = fs::set_permissions(target.join(directory), mode);
    }
    Ok(MAX_SIZE - work.left.load(Ordering::Relaxed))
}

/// A file that every thread reads at a place of its own.
#[derive(Clone)]
struct Source {
    file: Arc<File>,
    at: u64,
}

impl Read for Source {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let read = self.file.read_at(buffer, self.at)?;
        self.at += read as u64;
        Ok(read)
    }
}

impl Seek for Source {
    fn seek(&mut self, to: SeekFrom) -> io::Result<u64> {
        let (base, offset) = match to {
            SeekFrom::Start(at) => (at, 0),
            SeekFrom::Current(offset) => (self.at, offset),
            SeekFrom::End(offset) => (self.file.metadata()?.len(), offset),
        };
        let at = base.checked_add_signed(offset);
        self.at = at.ok_or(io::ErrorKind::InvalidInput)?;
        Ok(self.at)
    }
}

/// What an archive has, each name once: of several entries the last one counts.
#[derive(Default)]
struct Contents {
    /// Place in the archive, and name.
    files: Vec<(usize, PathBuf)>,
    /// Name, and target.
    links: Vec<(PathBuf, String)>,
    /// Name, and mode.
    directories: Vec<(PathBuf, u32)>,
}

impl Contents {
    fn read(archive: &mut ZipArchive<Source>) -> Result<Self, String> {
        let (mut contents, mut last) = (Self::default(), HashMap::new());
        for index in 0..archive.len() {
            let mut entry = archive.by_index(index).map_err(|error| error.to_string())?;
            let Some(inside) = entry.enclosed_name().filter(|name| is_plain(name)) else {
                let name = String::from_utf8_lossy(entry.name_raw());
                return Err(format!(
                    "The entry '{name}' points outside the extraction directory"
                ));
            };
            if entry.is_dir() {
                let mode = entry.unix_mode().unwrap_or(0);
                contents.directories.push((inside, mode));
                continue;
            }
            let target = entry.is_symlink().then(|| target(&mut entry, &inside));
            last.insert(inside, (index, target.transpose()?));
        }
        for (inside, (index, target)) in last {
            match target {
                Some(target) => contents.links.push((inside, target)),
                None => contents.files.push((index, inside)),
            }
        }
        // In the archive's order, which is that of its bytes.
        contents.files.sort_unstable();
        contents.links.sort_unstable();
        contents.check()?;
        Ok(contents)
    }

    /// A link below a link would be made wherever that one leads.
    fn check(&self) -> Result<(), String> {
        let names: HashSet<_> = self.links.iter().map(|(path, _)| path.as_path()).collect();
        let through = |path: &Path| path.ancestors().skip(1).any(|above| names.contains(above));
        match self.links.iter().find(|(path, _)| through(path)) {
            None => Ok(()),
            Some((path, _)) => {
                let name = path.file_name().unwrap_or_default().display();
                Err(format!("The symlink '{name}' is below another symlink"))
            }
        }
    }
}

/// Where a link leads, which must be inside.
fn target<R: Read>(entry: &mut ZipFile<'_, R>, inside: &Path) -> Result<String, String> {
    let mut target = String::new();
    let read = entry.take(MAX_TARGET + 1).read_to_string(&mut target);
    let length = read.map_err(|error| error.to_string())?;
    if length as u64 > MAX_TARGET {
        return Err("A symlink has a target that is too long".to_owned());
    }
    check_link(inside, &target)?;
    Ok(target)
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

/// Why a file was not unpacked.
enum Failed {
    Refused(String),
    File(ContentError),
}

/// The files that are to be unpacked, which threads take one after the other.
struct Work {
    files: Vec<(usize, PathBuf)>,
    next: AtomicUsize,
    /// Bytes that may still be written.
    left: AtomicU64,
}

impl Work {
    /// Unpacks all of them.
    fn done(
        &self,
        archive: &ZipArchive<Source>,
        target: &Path,
        watch: Watch<'_>,
    ) -> Result<(), Failed> {
        let threads = std::thread::available_parallelism().map_or(1, usize::from);
        let threads = threads.min(MAX_THREADS).min(self.files.len());
        let (done_tx, done_rx) = mpsc::channel();
        std::thread::scope(|scope| {
            for _ in 0..threads {
                let (mut archive, done_tx) = (archive.clone(), done_tx.clone());
                scope.spawn(move || {
                    let done = self.run(&mut archive, target);
                    if done.is_err() {
                        // The others need not go on.
                        self.next.store(self.files.len(), Ordering::Relaxed);
                    }
                    let _ = done_tx.send(done);
                });
            }
            let (mut running, mut result) = (threads, Ok(()));
            while running > 0 {
                if let Ok(done) = done_rx.recv_timeout(PACE) {
                    running -= 1;
                    result = result.and(done);
                } else {
                    let next = self.next.load(Ordering::Relaxed);
                    watch(next.min(self.files.len()), self.files.len());
                }
            }
            result
        })
    }

    fn run(&self, archive: &mut ZipArchive<Source>, target: &Path) -> Result<(), Failed> {
        while let Some((index, inside)) = self.files.get(self.next.fetch_add(1, Ordering::Relaxed))
        {
            let mut entry = archive
                .by_index(*index)
                .map_err(|error| Failed::Refused(error.to_string()))?;
            let path = target.join(inside);
            self.write(&mut entry, &path)
                .map_err(|source| match source.kind() {
                    io::ErrorKind::FileTooLarge => {
                        Failed::Refused(format!("It unpacks to more than {MAX_SIZE} bytes"))
                    }
                    io::ErrorKind::InvalidData | io::ErrorKind::UnexpectedEof => Failed::Refused(
                        format!("The entry '{}' is damaged: {source}", inside.display()),
                    ),
                    _ => Failed::File(ContentError::File { path, source }),
                })?;
        }
        Ok(())
    }

    fn write<R: Read>(&self, entry: &mut ZipFile<'_, R>, place: &Path) -> io::Result<()> {
        make_room(place)?;
        let mode = entry.unix_mode().unwrap_or(0);
        let mode = if mode == 0 { 0o644 } else { mode & 0o777 };
        let mut file = OpenOptions::new()
            .write(true)
            .create_new(true)
            .mode(0o600)
            .open(place)?;
        // What the archive says of the size may be a lie.
        let limit = self.left.load(Ordering::Relaxed) + 1;
        let copied = io::copy(&mut entry.take(limit), &mut file)?;
        let taken = self
            .left
            .fetch_update(Ordering::Relaxed, Ordering::Relaxed, |left| {
                left.checked_sub(copied)
            });
        taken.map_err(|_| io::ErrorKind::FileTooLarge)?;
        file.set_permissions(fs::Permissions::from_mode(mode))
    }
}

fn make(path: &Path) -> Result<(), ContentError> {
    fs::create_dir_all(path).map_err(|source| ContentError::File {
        path: path.to_owned(),
        source,
    })
}

/// Makes the directories above a file.
fn make_room(place: &Path) -> io::Result<()> {
    match place.parent() {
        Some(parent) => fs::create_dir_all(parent),
        None => Ok(()),
    }
}

#[cfg(test)]
mod tests {
    use std::io::Write as _;
    use std::os::unix::fs::MetadataExt as _;

    use zip::ZipWriter;
    use zip::write::SimpleFileOptions;

    use tempfile::TempDir;

    use super::*;
    use crate::content::Store;

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
        let unpacked = store
            .unpack(path, &|_, _| {})
            .map_err(|error| error.to_string())?;
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
        // A file below a link of another name's file.
        let (_directory, path) = archive(|writer| {
            let options = SimpleFileOptions::default();
            writer.add_symlink("out", "sub", options).unwrap();
            add(writer, "out/x", 0o644, "");
        });
        assert!(unpack(&path).is_err());
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
}
