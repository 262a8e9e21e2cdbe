//! The process: runtime, streams and signals for [`sam_rs::run`], and its exit code.

use std::io::IsTerminal;
use std::process::ExitCode;

use sam_rs::env::Env;
use sam_rs::exit::Exit;
use sam_rs::report::Streams;
use sam_rs::shutdown::Shutdown;

fn main() -> ExitCode {
    let Ok(runtime) = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()
    else {
        return Exit::Failure.into();
    };
    let exit = runtime.block_on(async {
        let Ok(shutdown) = Shutdown::listen() else {
            return Exit::Failure;
        };
        let streams = Streams {
            stdout: Box::new(tokio::io::stdout()),
            stderr: Box::new(tokio::io::stderr()),
            stdout_is_terminal: std::io::stdout().is_terminal(),
            stderr_is_terminal: std::io::stderr().is_terminal(),
            styled: anstream::AutoStream::choice(&std::io::stderr())
                != anstream::ColorChoice::Never,
        };
        sam_rs::run(
            std::env::args_os().collect(),
            Env::snapshot(),
            streams,
            shutdown,
        )
        .await
    });
    // A thread may still wait for standard input.
    runtime.shutdown_background();
    exit.into()
}
