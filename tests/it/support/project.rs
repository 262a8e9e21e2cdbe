//! A temporary project, and the program under test in it with a scrubbed environment.

use std::fs;
use std::io::Write;
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use tempfile::TempDir;
use uuid::Uuid;

use super::{engine, root};

/// Marks the processes of one test, so that those left behind are found.
const MARK: &str = "SAM_RS_TEST_MARK";
/// How long what a run made may be there after it.
const CLEAN: Duration = Duration::from_secs(4);

const TEMPLATE: &str = "
Resources:
  Hello:
    Type: AWS::Serverless::Function
    Properties:
      CodeUri: src
      Handler: HANDLER
      Runtime: RUNTIME
      Timeout: TIMEOUT
";

/// A project in a directory of its own. When it is dropped, nothing of its runs may be left.
pub(crate) struct Project {
    directory: TempDir,
    temporary: TempDir,
    mark: String,
}

/// What a run left behind.
#[derive(Debug)]
pub(crate) struct Output {
    pub(crate) stdout: String,
    pub(crate) stderr: String,
    pub(crate) code: Option<i32>,
}

impl Output {
    /// The output of a run that succeeded.
    #[track_caller]
    pub(crate) fn success(self) -> Self {
        assert_eq!(
            self.code,
            Some(0),
            "stdout: {}\nstderr: {}",
            self.stdout,
            self.stderr
        );
        self
    }

    /// The output of a run that failed with a code, and whose error starts with these words.
    #[track_caller]
    pub(crate) fn failure(self, code: i32, error: &str) -> Self {
        assert_eq!(self.code, Some(code), "{self:#?}");
        assert_eq!(self.stdout, "", "an error says nothing on standard output");
        let first = self
            .stderr
            .lines()
            .find(|line| line.starts_with("Error: "))
            .unwrap_or("");
        assert!(
            first.starts_with(&format!("Error: {error}")),
            "{}",
            self.stderr
        );
        self
    }

    /// The results, each a line of JSON.
    #[track_caller]
    pub(crate) fn json_lines(&self) -> Vec<serde_json::Value> {
        let lines = self.stdout.lines();
        lines
            .map(|line| serde_json::from_str(line).unwrap())
            .collect()
    }

    /// The result as JSON.
    #[track_caller]
    pub(crate) fn json(&self) -> serde_json::Value {
        serde_json::from_str(&self.stdout).unwrap_or_else(|error| panic!("{error}: {self:#?}"))
    }
}

impl Project {
    pub(crate) fn new() -> Self {
        let project = Self {
            directory: tempfile::tempdir().unwrap(),
            temporary: tempfile::Builder::new().prefix("t").tempdir().unwrap(),
            mark: Uuid::new_v4().to_string(),
        };
        // Containers run as other users, too.
        fs::set_permissions(project.path(), fs::Permissions::from_mode(0o755)).unwrap();
        project
    }

    /// A project with one Python function.
    pub(crate) fn python(code: &str) -> Self {
        Self::new()
            .function("python3.11", "app.handler", 10)
            .file("src/app.py", code)
    }

    /// A project with one Node.js function.
    pub(crate) fn nodejs(code: &str) -> Self {
        Self::new()
            .function("nodejs22.x", "index.handler", 10)
            .file("src/index.mjs", code)
    }

    /// A project with the test function in Rust.
    pub(crate) fn provided() -> Self {
        let project = Self::new()
            .function("provided.al2023", "bootstrap", 10)
            .file("src/.keep", "");
        fs::copy(bootstrap(), project.path().join("src/bootstrap")).unwrap();
        project
    }

    /// A project with one function whose bootstrap is a shell script.
    pub(crate) fn shell(script: &str) -> Self {
        let project = Self::new()
            .function("provided.al2023", "any", 10)
            .file("src/bootstrap", script);
        let mode = fs::Permissions::from_mode(0o755);
        fs::set_permissions(project.path().join("src/bootstrap"), mode).unwrap();
        project
    }

    /// A copy of a directory of this repository.
    pub(crate) fn copy_of(directory: &str) -> Self {
        let project = Self::new();
        copy(&root().join(directory), project.path());
        project
    }

    /// Writes a template with one function.
    pub(crate) fn function(self, runtime: &str, handler: &str, timeout: u64) -> Self {
        let template = TEMPLATE
            .replace("RUNTIME", runtime)
            .replace("HANDLER", handler);
        self.file(
            "template.yaml",
            &template.replace("TIMEOUT", &timeout.to_string()),
        )
    }

    pub(crate) fn file(self, name: &str, text: &str) -> Self {
        let path = self.path().join(name);
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        fs::write(path, text).unwrap();
        self
    }

    pub(crate) fn path(&self) -> &Path {
        self.directory.path()
    }

    /// The home directory of the program.
    pub(crate) fn home(&self) -> &Path {
        self.temporary.path()
    }

    pub(crate) fn read(&self, name: &str) -> String {
        fs::read_to_string(self.path().join(name)).unwrap()
    }

    /// The program under test, about to run in the project.
    pub(crate) fn command(&self, arguments: &[&str]) -> Command {
        let mut command = Command::new(env!("CARGO_BIN_EXE_sam-rs"));
        command.args(arguments).current_dir(self.path()).env_clear();
        // A home of its own, but for the cache that all runs share.
        command
            .env("PATH", std::env::var_os("PATH").unwrap_or_default())
            .env("HOME", self.temporary.path());
        command.env("XDG_CACHE_HOME", root().join("target/test-cache"));
        command
            .env("TMPDIR", self.temporary.path())
            .env(MARK, &self.mark);
        command
            .stdin(Stdio::null())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped());
        if let Some(host) = std::env::var_os("DOCKER_HOST") {
            command.env("DOCKER_HOST", host);
        }
        command
    }

    /// Runs `local invoke` with these arguments.
    pub(crate) fn invoke(&self, arguments: &[&str]) -> Output {
        self.finish(self.start(arguments))
    }

    /// Runs `local invoke` with a standard input.
    pub(crate) fn invoke_with_input(&self, arguments: &[&str], input: &[u8]) -> Output {
        let mut command = self.command(&[&["local", "invoke"], arguments].concat());
        let mut child = command.stdin(Stdio::piped()).spawn().unwrap();
        child.stdin.take().unwrap().write_all(input).unwrap();
        self.finish(child)
    }

    /// Starts `local invoke`.
    pub(crate) fn start(&self, arguments: &[&str]) -> Child {
        self.command(&[&["local", "invoke"], arguments].concat())
            .spawn()
            .unwrap()
    }

    /// Waits for a run, and for what it leaves to be gone.
    pub(crate) fn finish(&self, child: Child) -> Output {
        let pid = child.id();
        let output = child.wait_with_output().unwrap();
        self.assert_clean(pid);
        Output {
            stdout: String::from_utf8_lossy(&output.stdout).into_owned(),
            stderr: String::from_utf8_lossy(&output.stderr).into_owned(),
            code: output.status.code(),
        }
    }

    /// Nothing of a run is left: no container, no process, no socket.
    pub(crate) fn assert_clean(&self, pid: u32) {
        wait_until("no container is left", CLEAN, || {
            engine::containers_of(pid).is_empty()
        });
        wait_until("no process is left", CLEAN, || self.processes().is_empty());
        let sockets = || {
            fs::read_dir(self.temporary.path().join("sam-rs-0"))
                .into_iter()
                .flatten()
                .count()
        };
        wait_until("no socket is left", CLEAN, || sockets() == 0);
    }

    /// Living processes of the program that this test has started.
    pub(crate) fn processes(&self) -> Vec<PathBuf> {
        let marked = format!("{MARK}={}", self.mark);
        let is_ours = |path: &PathBuf| {
            let environment = fs::read(path.join("environ")).unwrap_or_default();
            environment
                .split(|byte| *byte == 0)
                .any(|entry| entry == marked.as_bytes())
        };
        let processes = fs::read_dir("/proc")
            .unwrap()
            .flatten()
            .map(|entry| entry.path());
        processes.filter(is_ours).collect()
    }
}

/// Waits for something that is about to be.
#[track_caller]
pub(crate) fn wait_until(what: &str, limit: Duration, holds: impl Fn() -> bool) {
    let end = Instant::now() + limit;
    while !holds() {
        assert!(Instant::now() < end, "not within {limit:?}: {what}");
        std::thread::sleep(Duration::from_millis(20));
    }
}

/// The test function in Rust, which `dev/setup` builds.
pub(crate) fn bootstrap() -> PathBuf {
    let path = root().join("target/fixtures/provided/bootstrap");
    assert!(
        path.exists(),
        "{} is missing: run dev/setup",
        path.display()
    );
    path
}

fn copy(from: &Path, to: &Path) {
    for entry in fs::read_dir(from).unwrap().flatten() {
        let (source, target) = (entry.path(), to.join(entry.file_name()));
        // What is made of the sources is large, and nobody's to copy.
        if ["target", ".git"]
            .iter()
            .any(|made| entry.file_name() == *made)
        {
            continue;
        }
        if source.is_dir() {
            fs::create_dir_all(&target).unwrap();
            copy(&source, &target);
        } else {
            fs::copy(source, target).unwrap();
        }
    }
}
