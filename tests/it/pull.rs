//! Pulling from a registry on this machine, which the test starts.

use std::net::{TcpListener, TcpStream};
use std::process::{Child, Command, Stdio};
use std::time::Duration;

use crate::support::Project;
use crate::support::engine::docker;
use crate::support::project::wait_until;

/// A registry; it ends with the test.
struct Registry {
    process: Child,
    port: u16,
    _directory: tempfile::TempDir,
}

impl Registry {
    fn start() -> Self {
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
        std::fs::write(&config, text).unwrap();
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
            _directory: directory,
        }
    }

    /// Puts an image there that is nowhere else.
    fn publish(&self, name: &str) -> String {
        let image = format!("127.0.0.1:{}/{name}", self.port);
        docker(&["tag", "sam-rs-test/provided:nonroot", &image]);
        docker(&["push", "-q", &image]);
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
