//! How a runtime is started for a debugger: its program, arguments and environment, by runtime. Pure but for a look at the
//! files that it needs.

use std::path::{Path, PathBuf};

use crate::function::{Code, Function, Layer, Runtime};

/// Where `--debugger-path` is seen inside.
pub(super) const DEBUGGER: &str = "/tmp/lambci_debug_files";
/// What a function is told of its timeout while it is debugged, in seconds; there is none.
pub const TIMEOUT: u64 = 36_000;
/// The commands that serve a debugger to a program, the first that is there is used: name, what comes before the user's
/// arguments, what comes after them; `PORT` and `PROGRAM` are filled in.
const SERVERS: [(&str, &[&str], &[&str]); 3] = [
    ("gdbserver", &[], &["127.0.0.1:PORT", "PROGRAM"]),
    (
        "lldb-server",
        &["gdbserver"],
        &["127.0.0.1:PORT", "--", "PROGRAM"],
    ),
    (
        "dlv",
        &[],
        &[
            "--listen=127.0.0.1:PORT",
            "--headless=true",
            "--api-version=2",
            "--accept-multiclient",
            "exec",
            "PROGRAM",
        ],
    ),
];

/// What the user asked for.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Debugging {
    /// The port that the runtime's debugger is told; others may follow it.
    pub port: u16,
    /// Further arguments for the runtime's program.
    pub args: Vec<String>,
    /// Directory with a debugger.
    pub debugger: Option<PathBuf>,
}

/// A program with its arguments, and variables that it needs.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Launch {
    /// The program and its arguments; empty for the image's own way.
    pub argv: Vec<String>,
    /// Variables over the function's.
    pub env: Vec<(String, String)>,
    /// Whether processes inside may trace each other.
    pub tracing: bool,
}

/// Why a function cannot be debugged.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{message}")]
pub struct DebugError {
    /// What is missing.
    pub message: String,
    /// How to get it.
    pub hint: String,
}

impl Launch {
    /// How a function is started for a debugger.
    ///
    /// # Errors
    /// The debugger that its runtime needs is not there.
    pub fn of(
        function: &Function,
        runtime: &Runtime,
        debugging: &Debugging,
    ) -> Result<Self, DebugError> {
        let name = runtime.to_string();
        let family = name.trim_end_matches(|letter: char| !letter.is_ascii_alphabetic());
        match family {
            _ if name.starts_with("nodejs") => Ok(debugging.node(&name)),
            _ if name.starts_with("python") => debugging.python(function, &name),
            _ if name.starts_with("java") => Ok(debugging.java(&name)),
            _ if name.starts_with("dotnet") => Ok(debugging.dotnet()),
            _ if name.starts_with("go1") => Ok(debugging.go()),
            _ if name.starts_with("ruby") => debugging.ruby(&name),
            _ => debugging.provided(function, &name),
        }
    }
}

fn variable(name: &str, value: impl Into<String>) -> (String, String) {
    (name.to_owned(), value.into())
}

impl Debugging {
    fn program(&self, program: &str, rest: &[&str]) -> Vec<String> {
        let rest = rest.iter().map(|part| (*part).to_owned());
        let mut argv = vec![program.to_owned()];
        argv.extend(self.args.iter().cloned().chain(rest));
        argv
    }

    fn node(&self, runtime: &str) -> Launch {
        let major = runtime.trim_start_matches("nodejs").trim_end_matches(".x");
        let modules = format!(
            "/opt/nodejs/node_modules:/opt/nodejs/node{major}/node_modules:/var/runtime/node_modules:/var/runtime:/var/task"
        );
        let options = format!(
            "--inspect-brk=127.0.0.1:{} --max-http-header-size 81920",
            self.port
        );
        Launch {
            argv: self.program(
                "/var/lang/bin/node",
                &["--no-lazy", "--expose-gc", "/var/runtime/index.mjs"],
            ),
            env: vec![
                variable("NODE_PATH", modules),
                variable("NODE_OPTIONS", options),
                variable("AWS_EXECUTION_ENV", format!("AWS_Lambda_{runtime}")),
            ],
            tracing: false,
        }
    }

    /// With arguments of the user's as they are; without, `debugpy` waits for its client, wherever the user has put it.
    fn python(&self, function: &Function, runtime: &str) -> Result<Launch, DebugError> {
        let mut launch = Launch {
            argv: self.program(
                &format!("/var/lang/bin/{runtime}"),
                &["/var/runtime/bootstrap.py"],
            ),
            env: vec![variable(
                "AWS_EXECUTION_ENV",
                format!("AWS_Lambda_{runtime}"),
            )],
            tracing: false,
        };
        let own = function
            .variables
            .iter()
            .find(|(name, _)| name == "PYTHONPATH");
        let mut paths: Vec<_> = own.map(|(_, value)| value.clone()).into_iter().collect();
        paths.push("/var/runtime".to_owned());
        if let Some(path) = self.debugpy(function, runtime) {
            paths.insert(0, path);
            if self.args.is_empty() {
                let listen = format!("127.0.0.1:{}", self.port);
                let module = ["-m", "debugpy", "--listen", &listen, "--wait-for-client"];
                launch.argv.splice(1..1, module.map(str::to_owned));
                // From 3.11 on the standard library is frozen into the program, where breakpoints are missed.
                let minor = runtime
                    .strip_prefix("python3.")
                    .and_then(|it| it.parse().ok());
                if minor.is_some_and(|minor: u32| minor >= 11) {
                    launch.argv.insert(1, "-Xfrozen_modules=off".to_owned());
                }
            }
        } else if self.args.is_empty() {
            return Err(DebugError {
                message: format!(
                    "debugpy is not there: neither in the code of {}, nor in a layer, nor in --debugger-path",
                    function.path
                ),
                hint: format!(
                    "`pip install --target debugger debugpy` gets it, then add `--debugger-path debugger`; or start another \
                     debugger on port {} with --debug-args",
                    self.port
                ),
            });
        }
        launch.env.push(variable("PYTHONPATH", paths.join(":")));
        Ok(launch)
    }

    /// The path inside that has `debugpy`.
    fn debugpy(&self, function: &Function, runtime: &str) -> Option<String> {
        let has = |directory: &Path| directory.join("debugpy/__init__.py").is_file();
        if self.debugger.as_deref().is_some_and(has) {
            return Some(DEBUGGER.to_owned());
        }
        if code(function).is_some_and(has) {
            return Some("/var/task".to_owned());
        }
        let versioned = format!("python/lib/{runtime}/site-packages");
        function.layers.iter().find_map(|layer| match layer {
            Layer::Local {
                content: Code::Directory(path),
                ..
            } => ["python", &versioned]
                .iter()
                .find(|inside| has(&path.join(inside)))
                .map(|inside| format!("/opt/{inside}")),
            Layer::Local { .. } | Layer::Remote(_) => None,
        })
    }

    fn java(&self, runtime: &str) -> Launch {
        let port = self.port;
        let (address, memory) = match runtime {
            "java8.al2" | "java8.al2023" => (port.to_string(), OLD_JAVA),
            "java11" | "java11.al2023" => (
                format!("*:{port}"),
                OLD_JAVA.trim_end_matches(" -Xshare:off"),
            ),
            _ => (format!("*:{port}"), JAVA),
        };
        let mut options = format!(
            "-agentlib:jdwp=transport=dt_socket,server=y,suspend=y,quiet=y,address={address} {memory}"
        );
        for argument in &self.args {
            options.extend([" ", argument]);
        }
        Launch {
            env: vec![variable("_JAVA_OPTIONS", options)],
            ..Launch::default()
        }
    }

    fn dotnet(&self) -> Launch {
        Launch {
            argv: self.program("/var/runtime/bootstrap", &[]),
            env: vec![variable("_AWS_LAMBDA_DOTNET_DEBUGGING", "1")],
            tracing: false,
        }
    }

    fn go(&self) -> Launch {
        let version = self
            .args
            .iter()
            .find_map(|argument| argument.trim_start_matches('-').strip_prefix("delveAPI="));
        Launch {
            argv: Vec::new(),
            env: vec![
                variable("_AWS_LAMBDA_GO_DEBUGGING", "1"),
                variable("_AWS_LAMBDA_GO_DELVE_API_VERSION", version.unwrap_or("1")),
                variable("_AWS_LAMBDA_GO_DELVE_LISTEN_PORT", self.port.to_string()),
                variable("_AWS_LAMBDA_GO_DELVE_PATH", format!("{DEBUGGER}/dlv")),
            ],
            tracing: true,
        }
    }

    fn ruby(&self, runtime: &str) -> Result<Launch, DebugError> {
        let missing = || self.missing(runtime, "rdbg");
        let path = self.debugger.as_deref().ok_or_else(missing)?;
        let found = ["rdbg", "bin/rdbg"]
            .iter()
            .find(|name| path.join(name).is_file());
        let program = format!("{DEBUGGER}/{}", found.ok_or_else(missing)?);
        let port = self.port.to_string();
        let serve = ["--open", "--host", "127.0.0.1", "--port", &port];
        let run = ["-c", "--", "/var/runtime/bootstrap"];
        Ok(Launch {
            argv: self.program(&program, &[&serve[..], &run].concat()),
            env: Vec::new(),
            tracing: true,
        })
    }

    fn provided(&self, function: &Function, runtime: &str) -> Result<Launch, DebugError> {
        let elsewhere = code(function).is_some_and(|code| !code.join("bootstrap").is_file());
        let program = if elsewhere {
            "/opt/bootstrap"
        } else {
            "/var/task/bootstrap"
        };
        let directory = self.debugger.as_deref();
        let server = SERVERS
            .iter()
            .find(|(name, ..)| directory.is_some_and(|path| path.join(name).is_file()));
        let Some((name, before, after)) = server else {
            return Err(self.missing(runtime, "gdbserver, lldb-server or dlv"));
        };
        let port = self.port.to_string();
        let filled = after
            .iter()
            .map(|part| part.replace("PORT", &port).replace("PROGRAM", program));
        let mut argv = vec![format!("{DEBUGGER}/{name}")];
        argv.extend(before.iter().map(|part| (*part).to_owned()));
        argv.extend(self.args.iter().cloned().chain(filled));
        Ok(Launch {
            argv,
            env: Vec::new(),
            tracing: true,
        })
    }

    fn missing(&self, runtime: &str, wanted: &str) -> DebugError {
        let place = match &self.debugger {
            Some(path) => format!("is not in {}", path.display()),
            None => "is needed".to_owned(),
        };
        DebugError {
            message: format!(
                "Debugging is not currently supported for {runtime} without a debugger: {wanted} {place}"
            ),
            hint: format!(
                "put {wanted}, built for the image, into a directory and name it with --debugger-path"
            ),
        }
    }
}

const OLD_JAVA: &str = "-XX:MaxHeapSize=2834432k -XX:MaxMetaspaceSize=163840k -XX:ReservedCodeCacheSize=81920k \
                        -XX:+UseSerialGC -XX:-TieredCompilation -Djava.net.preferIPv4Stack=true -Xshare:off";
const JAVA: &str = "-XX:MaxHeapSize=2834432k -XX:+UseSerialGC -XX:+TieredCompilation -XX:TieredStopAtLevel=1 \
                    -Djava.net.preferIPv4Stack=true";

/// The directory of a function's code, where it is one.
fn code(function: &Function) -> Option<&Path> {
    match &function.package {
        crate::function::Package::Zip(zip) => match &zip.code {
            Code::Directory(path) => Some(path),
            Code::Archive(_) | Code::Inline { .. } => None,
        },
        crate::function::Package::Image(_) => None,
    }
}

#[cfg(test)]
mod tests {
    use std::fmt::Write;

    use super::*;
    use crate::function::{Catalog, Package};
    use crate::template::{Application, Surroundings};

    fn launch(runtime: &str, debugging: &Debugging) -> Result<Launch, DebugError> {
        let text = format!(
            "Resources: {{A: {{Type: AWS::Lambda::Function, Properties: {{Handler: a.b, Runtime: {runtime}, Code: .}}}}}}"
        );
        let load = |_: &Path| Err(String::new());
        let path = Path::new("/tmp/t.yaml");
        let application = Application::load(path, &text, Surroundings::default(), &load).unwrap();
        let catalog = Catalog::new(&application);
        let (function, _) = Function::resolve(&catalog.functions()[0]).unwrap();
        let Package::Zip(zip) = &function.package else {
            panic!()
        };
        Launch::of(&function, &zip.runtime, debugging)
    }

    #[test]
    fn every_runtime_is_started_as_designed() {
        let tools = tempfile::tempdir().unwrap();
        for tool in ["debugpy/__init__.py", "rdbg", "gdbserver", "dlv"] {
            let path = tools.path().join(tool);
            std::fs::create_dir_all(path.parent().unwrap()).unwrap();
            std::fs::write(path, "").unwrap();
        }
        let mut text = String::new();
        for runtime in [
            "nodejs22.x",
            "python3.12",
            "ruby3.4",
            "java8.al2",
            "java11",
            "java17",
            "java21",
            "dotnet8",
            "go1.x",
            "provided.al2023",
        ] {
            for args in [vec![], vec!["-delveAPI=2".to_owned(), "--more".to_owned()]] {
                let debugging = Debugging {
                    port: 5858,
                    args,
                    debugger: Some(tools.path().to_owned()),
                };
                let launch = launch(runtime, &debugging).unwrap();
                let _ = writeln!(text, "{runtime} {:?}: {:?}", debugging.args, launch.argv);
                for (name, value) in launch.env {
                    let _ = writeln!(text, "  {name}={value}");
                }
                if launch.tracing {
                    text.push_str("  with SYS_PTRACE\n");
                }
            }
        }
        insta::assert_snapshot!(text);
    }

    #[test]
    fn what_is_missing_is_named() {
        let bare = Debugging {
            port: 1,
            args: Vec::new(),
            debugger: None,
        };
        for runtime in ["python3.12", "ruby3.4", "provided.al2023"] {
            let error = launch(runtime, &bare).unwrap_err();
            assert!(error.hint.contains("debugger"), "{error:?}");
        }
        assert!(launch("java21", &bare).is_ok());
    }
}
