//! What a sandbox can reach: the engine's networks.

use std::process::Command;

use uuid::Uuid;

use crate::support::Project;
use crate::support::engine::docker;

const SHOW: &str = "
import os
# As the module is loaded: the networks are there before anything runs.
INTERFACES = sorted(os.listdir('/sys/class/net'))
def handler(event, context):
    return {'interfaces': INTERFACES}
";

/// A network of the engine that is gone when this is dropped.
struct Network {
    name: String,
    id: String,
}

impl Network {
    fn new() -> Self {
        let name = format!("sam-rs-test-{}", Uuid::new_v4().simple());
        let id = docker(&["network", "create", &name]);
        Self { name, id }
    }
}

impl Drop for Network {
    fn drop(&mut self) {
        // The engine may not have forgotten the container yet.
        for _ in 0..100 {
            let mut command = Command::new("docker");
            let removed = command.args(["network", "rm", &self.name]).output();
            if removed.is_ok_and(|output| output.status.success()) {
                return;
            }
            std::thread::sleep(std::time::Duration::from_millis(50));
        }
    }
}

fn seen(arguments: &[&str]) -> serde_json::Value {
    let project = Project::python(SHOW);
    project
        .invoke(&[&["Hello"], arguments].concat())
        .success()
        .json()
}

#[test]
fn a_further_network_is_there_from_the_start() {
    let network = Network::new();
    for name in [&network.name, &network.id] {
        let seen = seen(&["--docker-network", name]);
        assert_eq!(
            seen["interfaces"],
            serde_json::json!(["eth0", "eth1", "lo"]),
            "{name}"
        );
    }
    let project = Project::python(SHOW);
    let mut command = project.command(&["local", "invoke", "Hello"]);
    let child = command.env("SAM_DOCKER_NETWORK", &network.name).spawn();
    let output = project.finish(child.unwrap()).success();
    assert_eq!(output.json()["interfaces"].as_array().unwrap().len(), 3);
}

#[test]
fn without_one_there_is_the_default_and_none_is_none() {
    assert_eq!(seen(&[])["interfaces"], serde_json::json!(["eth0", "lo"]));
    let none = seen(&["--docker-network", "none"]);
    assert_eq!(none["interfaces"], serde_json::json!(["lo"]));
    let host = seen(&["--docker-network", "host"])["interfaces"].clone();
    let ours = std::fs::read_dir("/sys/class/net").unwrap().flatten();
    for interface in ours.map(|entry| entry.file_name().into_string().unwrap()) {
        // Those of other containers come and go.
        if !interface.starts_with("veth") && !interface.starts_with("br-") {
            assert!(
                host.as_array().unwrap().contains(&interface.into()),
                "{host}"
            );
        }
    }
}

#[test]
fn an_unknown_network_is_told_with_those_that_there_are() {
    let project = Project::python(SHOW);
    let output = project.invoke(&["Hello", "--docker-network", "nope"]);
    let output = output.failure(1, "there is no network 'nope'");
    let hint = output.stderr.lines().last().unwrap();
    assert!(
        hint.starts_with("Hint: the engine has these: ") && hint.contains("bridge, host, none"),
        "{hint}"
    );
}
