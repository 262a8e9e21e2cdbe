//! The engine as the tests ask it, through its command line.

use std::process::Command;

/// Runs `docker` and returns what it printed.
#[track_caller]
pub(crate) fn docker(arguments: &[&str]) -> String {
    let output = Command::new("docker").args(arguments).output().unwrap();
    let error = String::from_utf8_lossy(&output.stderr);
    assert!(
        output.status.success(),
        "docker {arguments:?}: {error}(is the engine there? run dev/setup)"
    );
    String::from_utf8_lossy(&output.stdout).trim().to_owned()
}

/// Containers that belong to a process of the program.
pub(crate) fn containers_of(pid: u32) -> Vec<String> {
    let label = format!("label=sam-rs.owner.pid={pid}");
    docker(&["ps", "-aq", "--filter", &label])
        .lines()
        .map(str::to_owned)
        .collect()
}
