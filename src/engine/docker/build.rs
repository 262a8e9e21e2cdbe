//! Images that are made here: built from a directory, or taken from an archive.

use std::fs::{self, File};
use std::io::{self, Write};
use std::os::unix::fs::MetadataExt;
use std::path::{Component, Path, PathBuf};

use bollard::models::BuildInfo;
use futures_util::{Stream, StreamExt};
use tokio::task::JoinHandle;

use super::Docker;
use super::archive::{self, Chunks};
use super::ignored::Ignored;
use crate::engine::{EngineError, ImageBuild};

/// The name in the archive of a file from outside of the context.
const OUTSIDE: &str = ".sam-rs.dockerfile";

/// Builds an image, and shows what the engine says of it.
pub(super) async fn build(docker: &Docker, build: &ImageBuild) -> Result<(), EngineError> {
    let failed = |reason: String| EngineError::Build { reason };
    let file = build.context.join(&build.dockerfile);
    if !file.is_file() {
        return Err(failed(format!("there is no file {}", file.display())));
    }
    let (context, mut build) = (build.context.clone(), build.clone());
    let outside = leaves(Path::new(&build.dockerfile));
    if outside {
        OUTSIDE.clone_into(&mut build.dockerfile);
    }
    docker.events.note(format!("Building image {}", build.name));
    let name = build.dockerfile.clone();
    let (archive, written) = archive::written(&docker.tasks, move |chunks| {
        write(&context, &name, outside.then_some(&file), chunks)
    });
    let said = docker.client.build(&build, archive);
    let done = show(said, |line| docker.events.note(line)).await;
    conclude(written, done).await.map_err(failed)
}

/// Takes the image that an archive has, and says how it is called.
pub(super) async fn load(docker: &Docker, path: &Path) -> Result<String, EngineError> {
    let failed = |reason: String| EngineError::Load {
        path: path.display().to_string(),
        reason,
    };
    docker
        .events
        .note(format!("Loading image {}", path.display()));
    let source = path.to_owned();
    let (archive, written) = archive::written(&docker.tasks, move |chunks| {
        io::copy(&mut File::open(source)?, chunks).map(drop)
    });
    let mut name = None;
    let said = docker.client.load(archive);
    let done = show(said, |line| {
        let named = ["Loaded image: ", "Loaded image ID: "];
        let named = named.iter().find_map(|start| line.strip_prefix(start));
        name = named.map(str::to_owned).or(name.take());
    });
    let done = done.await;
    conclude(written, done).await.map_err(failed)?;
    name.ok_or_else(|| failed("the engine found no image in it".to_owned()))
}

/// How it ended: a file that cannot be read is why the engine got a broken archive, so it is told first.
async fn conclude(
    written: JoinHandle<io::Result<()>>,
    done: Result<(), String>,
) -> Result<(), String> {
    match written.await {
        Ok(Err(error)) if error.kind() != io::ErrorKind::BrokenPipe => Err(error.to_string()),
        _ => done,
    }
}

/// Passes on what an engine says, line by line. Its errors come among the lines.
async fn show(
    mut said: impl Stream<Item = Result<BuildInfo, String>> + Unpin,
    mut line: impl FnMut(&str),
) -> Result<(), String> {
    let mut text = String::new();
    while let Some(info) = said.next().await {
        let info = info?;
        if let Some(error) = info.error_detail {
            return Err(error.message.unwrap_or_default().trim_end().to_owned());
        }
        text.push_str(&info.stream.unwrap_or_default());
        while let Some((whole, rest)) = text.split_once('\n') {
            if !whole.trim().is_empty() {
                line(whole.trim_end());
            }
            text = rest.to_owned();
        }
    }
    if !text.trim().is_empty() {
        line(text.trim_end());
    }
    Ok(())
}

/// Whether a path leads out of the directory that it is relative to.
fn leaves(path: &Path) -> bool {
    let mut depth = 0_usize;
    for part in path.components() {
        match part {
            Component::Normal(_) => depth += 1,
            Component::CurDir => {}
            Component::ParentDir if depth > 0 => depth -= 1,
            _ => return true,
        }
    }
    false
}

/// Writes everything of a context that is not to be left out.
fn write(
    context: &Path,
    dockerfile: &str,
    outside: Option<&PathBuf>,
    chunks: &mut Chunks,
) -> io::Result<()> {
    let ignored = Ignored::read(context, dockerfile)?;
    let mut archive = tar::Builder::new(chunks);
    archive.sparse(false);
    if let Some(file) = outside {
        archive.append_path_with_name(file, OUTSIDE)?;
    }
    add(&mut archive, context, Path::new(""), &ignored)?;
    archive.finish()
}

fn add<W: Write>(
    archive: &mut tar::Builder<W>,
    context: &Path,
    below: &Path,
    ignored: &Ignored,
) -> io::Result<()> {
    let directory = context.join(below);
    let named = |error: io::Error| {
        io::Error::new(error.kind(), format!("{}: {error}", directory.display()))
    };
    let mut entries: Vec<_> = fs::read_dir(&directory)
        .map_err(named)?
        .collect::<io::Result<_>>()?;
    // In one order always: the engine's cache knows a layer by it.
    entries.sort_by_key(fs::DirEntry::file_name);
    for entry in entries {
        let (inside, path) = (below.join(entry.file_name()), entry.path());
        let found = entry.metadata()?;
        let left_out = ignored.leaves_out(&inside);
        if found.is_dir() {
            if !left_out {
                let mut header = header(&found);
                archive.append_data(&mut header, &inside, io::empty())?;
            }
            if !left_out || ignored.has_exceptions() {
                add(archive, context, &inside, ignored)?;
            }
        } else if !left_out {
            append(archive, &path, &inside, &found).map_err(|error| {
                io::Error::new(error.kind(), format!("{}: {error}", path.display()))
            })?;
        }
    }
    Ok(())
}

fn append<W: Write>(
    archive: &mut tar::Builder<W>,
    path: &Path,
    inside: &Path,
    found: &fs::Metadata,
) -> io::Result<()> {
    let mut header = header(found);
    if found.is_symlink() {
        header.set_size(0);
        archive.append_link(&mut header, inside, fs::read_link(path)?)
    } else if found.is_file() {
        archive.append_data(&mut header, inside, File::open(path)?)
    } else {
        // Sockets and pipes are nothing that an image is made of.
        Ok(())
    }
}

/// Files of an image belong to its root user, whoever built it.
fn header(found: &fs::Metadata) -> tar::Header {
    let mut header = tar::Header::new_gnu();
    header.set_metadata(found);
    header.set_uid(0);
    header.set_gid(0);
    header.set_mode(found.mode() & 0o7777);
    if found.is_dir() {
        header.set_size(0);
    }
    header
}
