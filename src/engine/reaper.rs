//! The reaper: a second, tiny process of sam-rs that removes what a run has left when the run could not.
//!
//! `kill -9` between the creation of a container and its start would leave it for ever: the supervisor inside does not
//! run yet. The reaper reads from a pipe what the run is about to make. When the pipe ends and something has not been
//! released, it removes that. It stays out of the terminal's process group, so that Ctrl-C does not reach it.

use std::collections::{BTreeMap, BTreeSet};
use std::io::{BufRead, Write};
use std::os::unix::process::CommandExt;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use super::docker::{self, Client, Removal};
use super::owner;
use crate::env::Env;

/// First argument of the process that is a reaper.
pub const ARGUMENT: &str = "__reap";
/// How long an unfinished creation may still surprise the reaper.
const PATIENCE: Duration = Duration::from_secs(3);
const RELEASE: &str = "release";
const PAUSE: Duration = Duration::from_millis(50);

/// The run's end of the pipe. Without a reaper (it could not be started) every verb does nothing.
#[derive(Clone, Debug)]
pub struct Reaper {
    process: Arc<Mutex<Process>>,
}

#[derive(Debug)]
struct Process {
    child: Option<Child>,
    /// What is not released yet.
    guarded: BTreeSet<String>,
}

impl Drop for Process {
    /// A reaper that has nothing to do ends at once, and is waited for: a process 1 that does not collect orphans, as
    /// in many containers, would keep its entry for ever.
    fn drop(&mut self) {
        if let Some(mut child) = self.child.take() {
            drop(child.stdin.take());
            if self.guarded.is_empty() {
                let _ = child.wait();
            }
        }
    }
}

impl Reaper {
    /// Starts the process, which will ask the engine at this address.
    #[must_use]
    pub fn start(address: &str) -> Self {
        let child = std::env::current_exe().and_then(|program| {
            let mut command = Command::new(program);
            command.args([ARGUMENT, address]).process_group(0);
            command
                .stdin(Stdio::piped())
                .stdout(Stdio::null())
                .stderr(Stdio::null())
                .spawn()
        });
        let child = child.inspect_err(|error| {
            tracing::warn!(%error, "no reaper: a container may be left if this process is killed");
        });
        let process = Process {
            child: child.ok(),
            guarded: BTreeSet::new(),
        };
        Self {
            process: Arc::new(Mutex::new(process)),
        }
    }

    fn tell(&self, verb: &str, name: &str) {
        let mut process = self.process.lock().unwrap_or_else(PoisonError::into_inner);
        if verb == RELEASE {
            process.guarded.remove(name);
        } else {
            process.guarded.insert(name.to_owned());
        }
        let pipe = process
            .child
            .as_mut()
            .and_then(|child| child.stdin.as_mut());
        if let Some(Err(error)) = pipe.map(|pipe| writeln!(pipe, "{verb} {name}")) {
            tracing::warn!(%error, "the reaper is gone");
        }
    }

    /// A container of this name is about to be made.
    pub fn guard_container(&self, name: &str) {
        self.tell("container", name);
    }

    /// The container exists: when it is not found any more, it is gone.
    pub fn created(&self, name: &str) {
        self.tell("created", name);
    }

    /// A directory is about to be made.
    pub fn guard_directory(&self, path: &Path) {
        self.tell("directory", &path.to_string_lossy());
    }

    /// A container or directory is gone.
    pub fn release(&self, name: &str) {
        self.tell(RELEASE, name);
    }
}

#[derive(Debug, PartialEq, Eq)]
enum Left {
    Container { created: bool },
    Directory,
}

/// The process itself: removes what earlier runs have left, reads what its run makes, and removes what that has left.
pub async fn main(address: &str, env: &Env) {
    let left = tokio::task::spawn_blocking(|| read(std::io::stdin().lock()));
    tokio::pin!(left);
    let client = Client::at(address).ok();
    let left = tokio::select! {
        // Its run may be over sooner: what this one leaves, the next one finds.
        left = &mut left => left,
        () = sweep(client.as_ref(), env) => left.await,
    };
    for (name, kind) in left.unwrap_or_default() {
        match (kind, &client) {
            (Left::Directory, _) => {
                let _ = std::fs::remove_dir_all(PathBuf::from(name));
            }
            (Left::Container { created }, Some(client)) => remove(client, &name, created).await,
            (Left::Container { .. }, None) => {}
        }
    }
}

/// Removes what is left of runs that are gone with their reapers, as after a power failure of a virtual machine.
async fn sweep(client: Option<&Client>, env: &Env) {
    docker::sweep_sockets(env);
    let Some(client) = client else { return };
    for (name, labels) in client.labelled(owner::selector()).await.unwrap_or_default() {
        if owner::is_lost(&labels) {
            let _ = client.remove(&name).await;
        }
    }
}

fn read(lines: impl BufRead) -> BTreeMap<String, Left> {
    let mut left = BTreeMap::new();
    for line in lines.lines().map_while(Result::ok) {
        let Some((verb, name)) = line.split_once(' ') else {
            continue;
        };
        let kind = match verb {
            "container" => Left::Container { created: false },
            "created" => Left::Container { created: true },
            "directory" => Left::Directory,
            RELEASE => {
                left.remove(name);
                continue;
            }
            _ => continue,
        };
        left.insert(name.to_owned(), kind);
    }
    left
}

/// Removes a container. One whose creation was still under way may appear later.
async fn remove(client: &Client, name: &str, created: bool) {
    let end = tokio::time::Instant::now() + PATIENCE;
    while tokio::time::Instant::now() < end {
        match client.remove(name).await {
            Ok(Removal::Removed) => return,
            Ok(Removal::Absent) if created => return,
            Ok(Removal::Absent) | Err(_) => tokio::time::sleep(PAUSE).await,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_what_was_not_released_is_left() {
        let lines = "container a\ncreated a\ncontainer b\ndirectory /x y\ndirectory /z\nrelease a\nrelease /z\ngarbage\n";
        let left: Vec<_> = read(lines.as_bytes()).into_iter().collect();
        let expected = [
            ("/x y".to_owned(), Left::Directory),
            ("b".to_owned(), Left::Container { created: false }),
        ];
        assert_eq!(left, expected);
    }
}
