//! Pulling from a registry on this machine, which the test starts.

use std::net::{TcpListener, TcpStream};
use std::path::PathBuf;
use std::process::{Child, Command, Stdio};
use std::time::Duration;

use base64::Engine;
use base64::prelude::BASE64_STANDARD;

use crate::support::Project;
use crate::support::engine::docker;
use crate::support::project::wait_until;

/// A registry; it ends with the test.
struct Registry {
    process: Child,
    port: u16,
    directory: tempfile::TempDir,
}

impl Registry {
    fn start() -> Self {
        Self::start_with("")
    }

    /// A registry that only `user` may enter, with `pass`.
    fn locked() -> Self {
        Self::start_with("user:$2b$04$BVJ3E2xYzO1f7Hs63vCy5ORXNVk3d4n.fzWkxDstsm.cA821AfHKm\n")
    }

    fn start_with(users: &str) -> Self {
        let port = TcpListener::bind("127.0.0.1:0")
            .unwrap()
            .local_addr()
            .unwrap()
            .port();
        let directory = tempfile::tempdir().unwrap();
        let config = directory.path().join("config.yml");
        let root = directory.path().join("data").display().to_string();
        let text = format!(
            "version: 0.1\nlog: {{level: error}}\nstorage: {{filesystem: {{rootdirectory: {root}}}}}\nhttp: {{addr: '127.0.0.1:{port}'}}\n"
        );
        let auth = if users.is_empty() {
            String::new()
        } else {
            let path = directory.path().join("users");
            std::fs::write(&path, users).unwrap();
            format!(
                "auth: {{htpasswd: {{realm: test, path: {}}}}}\n",
                path.display()
            )
        };
        std::fs::write(&config, text + &auth).unwrap();
        let mut command = Command::new("docker-registry");
        command
            .arg("serve")
            .arg(&config)
            .stdout(Stdio::null())
            .stderr(Stdio::null());
        let process = command
            .spawn()
            .expect("docker-registry is there: run dev/setup");
        wait_until("the registry listens", Duration::from_secs(10), || {
            TcpStream::connect(("127.0.0.1", port)).is_ok()
        });
        Self {
            process,
            port,
            directory,
        }
    }

    /// Writes a configuration of the Docker CLI that has this password, and returns its directory.
    fn knows(&self, password: &str) -> PathBuf {
        let login = BASE64_STANDARD.encode(format!("user:{password}"));
        let text = format!(
            "{{\"auths\": {{\"127.0.0.1:{}\": {{\"auth\": \"{login}\"}}}}}}",
            self.port
        );
        std::fs::write(self.directory.path().join("config.json"), text).unwrap();
        self.directory.path().to_owned()
    }

    /// Puts an image there that is nowhere else.
    fn publish(&self, name: &str) -> String {
        let image = format!("127.0.0.1:{}/{name}", self.port);
        docker(&["tag", "sam-rs-test/provided:nonroot", &image]);
        let mut push = Command::new("docker");
        push.env("DOCKER_CONFIG", self.directory.path());
        self.knows("pass");
        let pushed = push.args(["push", "-q", &image]).output().unwrap();
        assert!(pushed.status.success(), "{pushed:?}");
        docker(&["rmi", &image]);
        image
    }
}

impl Drop for Registry {
    fn drop(&mut self) {
        let _ = self.process.kill();
        let _ = self.process.wait();
    }
}

#[test]
fn a_missing_image_is_pulled_and_the_progress_shown() {
    let registry = Registry::start();
    let image = registry.publish("fn:1");
    let project = Project::provided();
    let output = project
        .invoke(&["Hello", "--invoke-image", &image])
        .success();
    assert!(
        output.stderr.contains(&format!("Pulling {image}\n")),
        "{}",
        output.stderr
    );
    assert!(
        output.stderr.contains(&format!("Pulled {image}\n")),
        "{}",
        output.stderr
    );
    // It is here now, so nobody asks the registry any more.
    drop(registry);
    let output = project
        .invoke(&["Hello", "--invoke-image", &image])
        .success();
    assert!(!output.stderr.contains("Pull"), "{}", output.stderr);
    let output = project
        .invoke(&["Hello", "--pull", "always", "--invoke-image", &image])
        .success();
    assert!(
        output
            .stderr
            .contains("could not be refreshed, using the one that is here"),
        "{}",
        output.stderr
    );
    docker(&["rmi", &image]);
}

#[test]
fn an_image_that_the_registry_does_not_have_is_named() {
    let registry = Registry::start();
    let image = format!("127.0.0.1:{}/none:1", registry.port);
    let output = Project::provided().invoke(&["Hello", "--invoke-image", &image]);
    output.failure(
        1,
        &format!("Could not find {image} image locally and failed to pull it from docker."),
    );
}

#[test]
fn a_locked_registry_is_entered_with_the_docker_cli_s_login() {
    let registry = Registry::locked();
    let image = registry.publish("fn:1");
    let project = Project::provided();
    let run = |password: Option<&str>| {
        let mut command = project.command(&["local", "invoke", "Hello", "-ii", &image]);
        if let Some(password) = password {
            command.env("DOCKER_CONFIG", registry.knows(password));
        }
        project.finish(command.spawn().unwrap())
    };
    let refused =
        format!("Could not find {image} image locally and failed to pull it from docker.");
    for password in [None, Some("wrong")] {
        let output = run(password).failure(1, &refused);
        assert!(output.stderr.contains("Hint: "), "{}", output.stderr);
        assert!(!output.stderr.contains("again in"), "{}", output.stderr);
    }
    run(Some("pass")).success();
    docker(&["rmi", &image]);
}

#[test]
fn an_image_may_be_named_by_its_digest() {
    let registry = Registry::start();
    let image = registry.publish("fn:1");
    docker(&["pull", "-q", &image]);
    let digest = docker(&["inspect", "-f", "{{index .RepoDigests 0}}", &image]);
    docker(&["rmi", &image]);
    let named = format!("Hello={digest}");
    let project = Project::provided();
    project
        .invoke(&["Hello", "--invoke-image", &named, "-ii", "no/such:image"])
        .success();
    let again = project
        .invoke(&["Hello", "--pull", "never", "-ii", &digest])
        .success();
    assert!(!again.stderr.contains("Pull"), "{}", again.stderr);
    docker(&["rmi", &digest]);
}

#[test]
fn runs_at_the_same_time_pull_an_image_once_and_all_show_it() {
    let registry = Registry::start();
    let image = registry.publish("fn:1");
    let project = Project::provided();
    let runs: Vec<_> = (0..3)
        .map(|_| project.start(&["Hello", "-ii", &image]))
        .collect();
    for run in runs {
        let output = run.wait_with_output().unwrap();
        let stderr = String::from_utf8_lossy(&output.stderr);
        assert!(output.status.success(), "{stderr}");
        assert!(stderr.contains(&format!("Pulled {image}")), "{stderr}");
    }
    docker(&["rmi", &image]);
}
