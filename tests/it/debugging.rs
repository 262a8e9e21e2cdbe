//! Real debuggers attach to functions: breakpoints, variables, steps, and everything that people do between.

use std::io::{BufRead, BufReader, Write};
use std::net::TcpListener;
use std::process::{Child, Command, Stdio};
use std::time::Duration;

use serde_json::{Value, json};

use crate::support::debuggers::{Adapter, DevTools};
use crate::support::engine::containers_of;
use crate::support::project::wait_until;
use crate::support::{Output, Project, root};

/// A run that waits for its debugger.
struct Debugged {
    project: Project,
    /// None when it has ended.
    child: Option<Child>,
    port: u16,
}

impl Drop for Debugged {
    /// A test that fails must not leave a function that waits for ever.
    fn drop(&mut self) {
        if let Some(child) = &mut self.child {
            let _ = child.kill();
            let _ = child.wait();
        }
    }
}

fn free_port() -> u16 {
    TcpListener::bind("127.0.0.1:0")
        .unwrap()
        .local_addr()
        .unwrap()
        .port()
}

impl Debugged {
    /// Starts a function and waits until its debugger can be reached.
    fn start(project: Project, event: &str, arguments: &[&str]) -> Self {
        Self::start_on(project, free_port(), event, arguments)
    }

    fn start_on(project: Project, port: u16, event: &str, arguments: &[&str]) -> Self {
        let number = port.to_string();
        let fixed = [
            "local",
            "invoke",
            "Hello",
            "-e",
            "-",
            "--debug-port",
            &number,
        ];
        let arguments = [&fixed[..], arguments].concat();
        let mut command = project.command(&arguments);
        let mut child = command.stdin(Stdio::piped()).spawn().unwrap();
        child
            .stdin
            .take()
            .unwrap()
            .write_all(event.as_bytes())
            .unwrap();
        let mut lines = BufReader::new(child.stderr.take().unwrap()).lines();
        let ready = format!("Debugger listening on 127.0.0.1:{port}; waiting for it to attach");
        let mut seen = Vec::new();
        let found = lines.by_ref().map_while(Result::ok).any(|line| {
            seen.push(line.clone());
            line == ready
        });
        let run = Self {
            project,
            child: Some(child),
            port,
        };
        assert!(found, "{}", seen.join("\n"));
        std::thread::spawn(move || lines.for_each(drop));
        run
    }

    fn finish(mut self) -> Output {
        let child = self.child.take().unwrap();
        self.project.finish(child)
    }

    /// Ctrl-C: the container is gone within a second.
    fn interrupt(self) {
        let pid = self.child.as_ref().unwrap().id();
        let status = Command::new("kill")
            .args(["-INT", &pid.to_string()])
            .status()
            .unwrap();
        assert!(status.success());
        wait_until("the container is gone", Duration::from_secs(2), || {
            containers_of(pid).is_empty()
        });
        assert_eq!(self.finish().code, Some(130));
    }
}

const NODE: &str = "exports.handler = async (event) => {
  const doubled = event.n * 2
  return { doubled }
}
";

fn node() -> Project {
    Project::new()
        .function("nodejs22.x", "app.handler", 1)
        .file("src/app.js", NODE)
}

/// Stops where the handler begins to compute.
fn node_breakpoint(session: &mut DevTools) -> Value {
    session.call("Runtime.runIfWaitingForDebugger", &json!({}));
    // The first line of all.
    session.wait("Debugger.paused");
    let place = json!({"url": "file:///var/task/app.js", "lineNumber": 2});
    session.call("Debugger.setBreakpointByUrl", &place);
    session.call("Debugger.resume", &json!({}));
    session.wait("Debugger.paused")["callFrames"][0].clone()
}

#[test]
fn node_stops_shows_its_variables_steps_and_goes_on() {
    let run = Debugged::start(node(), r#"{"n": 21}"#, &[]);
    // Longer than the function's timeout, which does not count here.
    std::thread::sleep(Duration::from_millis(1500));
    let mut session = DevTools::attach(run.port);
    let frame = node_breakpoint(&mut session);
    assert_eq!(frame["location"]["lineNumber"], 2, "{frame}");
    let ask = json!({"callFrameId": frame["callFrameId"], "expression": "doubled + event.n"});
    let value = session.call("Debugger.evaluateOnCallFrame", &ask);
    assert_eq!(value["result"]["value"], 63);
    session.call("Debugger.stepOver", &json!({}));
    session.wait("Debugger.paused");
    session.call("Debugger.resume", &json!({}));
    assert_eq!(run.finish().success().stdout, r#"{"doubled":42}"#);
}

#[test]
fn a_debugger_may_detach_and_come_back() {
    let run = Debugged::start(node(), r#"{"n": 1}"#, &[]);
    drop(DevTools::attach(run.port));
    let mut session = DevTools::attach(run.port);
    node_breakpoint(&mut session);
    // Gone while the function is stopped: Node.js lets it go on.
    drop(session);
    assert_eq!(run.finish().success().stdout, r#"{"doubled":2}"#);
}

#[test]
fn ctrl_c_ends_a_function_that_is_stopped() {
    let run = Debugged::start(node(), r#"{"n": 1}"#, &["--docker-network", "none"]);
    let mut session = DevTools::attach(run.port);
    node_breakpoint(&mut session);
    run.interrupt();
    let waiting = Debugged::start(python(), "{}", &["--debugger-path", &debuggers()]);
    waiting.interrupt();
}

const PYTHON: &str = "def handler(event, context):
    doubled = event['n'] * 2
    return {'doubled': doubled}
";

fn python() -> Project {
    Project::python(PYTHON).function("python3.11", "app.handler", 1)
}

fn debuggers() -> String {
    let path = root().join("target/debuggers");
    assert!(path.join("gdbserver").exists(), "run dev/setup");
    path.display().to_string()
}

/// Stops at the last line of the handler and answers with the local variables.
fn python_session(run: &Debugged) -> Adapter {
    let source = std::fs::canonicalize(run.project.path().join("src")).unwrap();
    let file = source.join("app.py").display().to_string();
    let mut session = Adapter::attach(run.port, &source.display().to_string());
    let breakpoints = json!({"source": {"path": file}, "breakpoints": [{"line": 3}]});
    session.call("setBreakpoints", &breakpoints);
    session.call("configurationDone", &json!({}));
    let stopped = session.wait("stopped");
    let frames = session.call("stackTrace", &json!({"threadId": stopped["threadId"]}));
    let frame = &frames["stackFrames"][0];
    assert_eq!(
        (&frame["source"]["path"], &frame["line"]),
        (&json!(file), &json!(3))
    );
    let scopes = session.call("scopes", &json!({"frameId": frame["id"]}));
    let locals = json!({"variablesReference": scopes["scopes"][0]["variablesReference"]});
    let variables = session.call("variables", &locals);
    let variables = variables["variables"].as_array().unwrap();
    assert!(
        variables
            .iter()
            .any(|one| one["name"] == "doubled" && one["value"] == "42")
    );
    session.call("next", &json!({"threadId": stopped["threadId"]}));
    session.wait("stopped");
    // The function may be done, and the debugger gone, before this is answered.
    session.send("continue", &json!({"threadId": stopped["threadId"]}));
    session
}

#[test]
fn python_stops_shows_its_variables_steps_and_goes_on() {
    let run = Debugged::start(python(), r#"{"n": 21}"#, &["--debugger-path", &debuggers()]);
    std::thread::sleep(Duration::from_millis(1500));
    let _session = python_session(&run);
    assert_eq!(run.finish().success().stdout, r#"{"doubled": 42}"#);
}

#[test]
fn python_takes_the_arguments_that_sam_cli_wants() {
    let project = python();
    let port = free_port();
    let arguments = format!("-m debugpy --listen 0.0.0.0:{port} --wait-for-client");
    // In the code, as `sam build` puts what requirements.txt names.
    let status = Command::new("cp")
        .args(["-r", &format!("{}/debugpy", debuggers())])
        .arg(project.path().join("src"))
        .status()
        .unwrap();
    assert!(status.success());
    let run = Debugged::start_on(project, port, r#"{"n": 21}"#, &["--debug-args", &arguments]);
    let _session = python_session(&run);
    assert_eq!(run.finish().success().stdout, r#"{"doubled": 42}"#);
}

#[test]
fn a_program_of_the_function_s_own_is_debugged_with_gdb() {
    let run = Debugged::start(
        Project::provided(),
        "{}",
        &["--debugger-path", &debuggers()],
    );
    let program = root().join("target/fixtures/provided/bootstrap");
    let output = Command::new("gdb")
        .args(["-nx", "-batch", "-ex"])
        .arg(format!("target remote 127.0.0.1:{}", run.port))
        .args(["-ex", "break main", "-ex", "continue", "-ex", "backtrace"])
        .args(["-ex", "delete", "-ex", "continue"])
        .arg(program)
        .output()
        .unwrap();
    let said = String::from_utf8_lossy(&output.stdout);
    assert!(said.contains("Breakpoint 1, "), "{output:?}");
    assert_eq!(run.finish().success().json()["echo"], json!({}));
}

#[test]
fn what_a_debugger_needs_is_asked_for_before_anything_starts() {
    let project = python();
    let taken = TcpListener::bind("127.0.0.1:0").unwrap();
    let port = taken.local_addr().unwrap().port().to_string();
    let node = node();
    let output = node.invoke(&["Hello", "-d", &port]);
    let output = output.failure(1, &format!("port {port} cannot be opened on 127.0.0.1: "));
    assert!(
        !output.stderr.contains("SAM_CONTAINER_ID"),
        "{}",
        output.stderr
    );
    let port = free_port().to_string();
    let output = project.invoke(&["Hello", "-d", &port]);
    let output = output.failure(1, "debugpy is not there: ");
    assert!(
        output
            .stderr
            .contains("pip install --target debugger debugpy")
    );
    let provided = Project::provided().invoke(&["Hello", "-d", &port]);
    provided.failure(
        1,
        "Debugging is not currently supported for provided.al2023 without a debugger",
    );
    for (arguments, code, error) in [
        (
            ["-d", "abc"],
            2,
            "Invalid value for '--debug-port' / '-d': 'abc' is not a valid integer.",
        ),
        (
            ["--debugger-path", "nowhere"],
            1,
            "'nowhere' could not be found.",
        ),
        (
            ["--debugger-path", "template.yaml"],
            1,
            "'template.yaml' should be a directory with the debugger in it.",
        ),
        (["--debug-args", "'"], 2, "Invalid value for '--debug-args'"),
        (
            ["--container-env-vars", "none.json"],
            2,
            "Invalid value for '--container-env-vars': Path 'none.json' does not exist.",
        ),
    ] {
        let arguments = [&["Hello", "-d", &port], &arguments[..]].concat();
        project.invoke(&arguments).failure(code, error);
    }
    // Without a port they mean nothing.
    let output = project.invoke_with_input(
        &["Hello", "-e", "-", "--debugger-path", "nowhere"],
        b"{\"n\": 1}",
    );
    output.success();
}
