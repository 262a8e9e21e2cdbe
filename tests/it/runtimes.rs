//! The main job: each runtime, over each transport, as whatever user, on whatever image and network.

use crate::support::Project;

const PYTHON: &str = "
import os
def handler(event, context):
    return {'event': event, 'user': os.getuid(), 'api': os.environ['AWS_LAMBDA_RUNTIME_API']}
";
const NODEJS: &str = "
export const handler = async (event) => ({ event, user: process.getuid() });
";

const TRANSPORTS: [&str; 3] = ["auto", "stdio", "archive"];

fn projects() -> [(&'static str, Project); 3] {
    [
        ("python", Project::python(PYTHON)),
        ("nodejs", Project::nodejs(NODEJS)),
        ("provided", Project::provided()),
    ]
}

fn check(name: &str, project: &Project, arguments: &[&str]) -> serde_json::Value {
    let mut all = vec!["Hello", "-e", "-"];
    all.extend(arguments);
    let result = project
        .invoke_with_input(&all, br#"{"n": 1.0}"#)
        .success()
        .json();
    let event = result.get("event").or_else(|| result.get("echo"));
    // Every client but the Node.js one keeps the number's fraction.
    assert_eq!(
        event.unwrap()["n"].as_f64(),
        Some(1.0),
        "{name} {arguments:?}: {result}"
    );
    result
}

#[test]
fn every_runtime_runs_over_every_transport() {
    for (name, project) in projects() {
        for transport in TRANSPORTS {
            check(name, &project, &["--transport", transport]);
        }
    }
}

#[test]
fn a_file_with_holes_can_be_copied() {
    let code =
        "import os\ndef handler(event, context):\n    return os.path.getsize('/var/task/holes')\n";
    let project = Project::python(code).file("src/holes", "begin");
    let file = std::fs::OpenOptions::new()
        .append(true)
        .open(project.path().join("src/holes"));
    file.unwrap().set_len(3 << 20).unwrap();
    let output = project.invoke(&["Hello", "--transport", "archive"]);
    assert_eq!(output.success().json(), 3 << 20);
}

#[test]
fn an_image_may_have_a_user_of_its_own() {
    for (name, project) in projects() {
        for transport in TRANSPORTS {
            let image = format!("sam-rs-test/{name}:nonroot");
            let result = check(
                name,
                &project,
                &["--transport", transport, "--invoke-image", &image],
            );
            if name != "provided" {
                assert_eq!(result["user"], 993);
            }
        }
    }
}

#[test]
fn a_provided_function_needs_nothing_in_its_image() {
    let project = Project::provided();
    for transport in TRANSPORTS {
        check(
            "scratch",
            &project,
            &[
                "--transport",
                transport,
                "--invoke-image",
                "Hello=sam-rs-test/scratch:latest",
            ],
        );
    }
}

#[test]
fn no_network_is_needed() {
    for (name, project) in projects() {
        for transport in TRANSPORTS {
            check(
                name,
                &project,
                &["--transport", transport, "--docker-network", "none"],
            );
        }
    }
}

#[test]
fn on_the_host_s_network_the_port_is_any_free_one() {
    let project = Project::python(PYTHON);
    let result = check("python", &project, &["--docker-network", "host"]);
    let port: u16 = result["api"]
        .as_str()
        .unwrap()
        .strip_prefix("127.0.0.1:")
        .unwrap()
        .parse()
        .unwrap();
    assert!(port > 1024 && port != 9001);
    assert_eq!(check("python", &project, &[])["api"], "127.0.0.1:9001");
}

#[test]
fn twenty_at_once_do_not_disturb_each_other() {
    let project = Project::python(
        "import time\ndef handler(event, context):\n    time.sleep(0.2)\n    print('log', event['n'])\n    return event\n",
    );
    for n in 0..20 {
        std::fs::write(
            project.path().join(format!("{n}.json")),
            format!("{{\"n\": {n}}}"),
        )
        .unwrap();
    }
    let runs: Vec<_> = (0..20)
        .map(|n| project.start(&["Hello", "-e", &format!("{n}.json")]))
        .collect();
    // All of them first: what one has left is only looked for when no other runs.
    let outputs: Vec<_> = runs
        .into_iter()
        .map(|run| run.wait_with_output().unwrap())
        .collect();
    for (n, output) in outputs.iter().enumerate() {
        let stderr = String::from_utf8_lossy(&output.stderr);
        assert_eq!(
            String::from_utf8_lossy(&output.stdout),
            format!("{{\"n\": {n}}}"),
            "{stderr}"
        );
        assert_eq!(stderr.matches("log ").count(), 1, "{stderr}");
        assert!(stderr.contains(&format!("log {n}\n")), "{stderr}");
    }
    project.invoke(&["Hello", "-e", "0.json"]).success();
}

#[test]
fn code_is_read_only_and_the_rest_is_not() {
    let project = Project::python(
        "def handler(event, context):\n    open('/tmp/x', 'w').close()\n    try:\n        open('/var/task/x', 'w')\n    except OSError as e:\n        return e.strerror\n",
    );
    assert_eq!(
        project.invoke(&["Hello"]).success().json(),
        "Read-only file system"
    );
}

#[test]
fn limits_and_user_are_those_of_the_service() {
    let code = "import os, resource\ndef handler(event, context):\n    \
                quota = open('/sys/fs/cgroup/cpu.max' if os.path.exists('/sys/fs/cgroup/cpu.max') else \
                '/sys/fs/cgroup/cpu/cpu.cfs_quota_us').read().split()[0]\n    \
                open('/tmp/x', 'w').close()\n    \
                return [resource.getrlimit(resource.RLIMIT_NOFILE), os.getuid(), os.getgid(), quota]\n";
    let project = Project::python(code);
    let [plain, limited] = [
        &["Hello"][..],
        &["Hello", "--cpu-share", "--lambda-user"][..],
    ]
    .map(|arguments| project.invoke(arguments).success().json());
    assert_eq!(plain[0], serde_json::json!([1024, 1024]));
    assert_eq!((&plain[1], &plain[2]), (&0.into(), &0.into()));
    assert!(plain[3] == "max" || plain[3] == "-1", "{plain}");
    assert_eq!((&limited[1], &limited[2]), (&993.into(), &990.into()));
    // 128 MB of 1,769 are 72 thousandths of a processor, in each tenth of a second.
    assert_eq!(limited[3], "7200");
}
