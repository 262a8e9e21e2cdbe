//! Compiles the supervisor, the program that runs inside every sandbox, for embedding into sam-rs.
//!
//! It must run in any image, `FROM scratch` too, so it is linked statically. Where that cannot be done the build goes
//! on with a warning, and sam-rs says at run time that it has no supervisor.

use std::env;
use std::fs;
use std::hash::{DefaultHasher, Hasher};
use std::path::{Path, PathBuf};
use std::process::Command;

const SOURCES: &[&str] = &[
    "src/supervisor",
    "src/channel/frame.rs",
    "src/channel/codec.rs",
];

fn main() {
    for path in SOURCES {
        println!("cargo::rerun-if-changed={path}");
    }
    println!("cargo::rerun-if-changed=build.rs");
    let out = PathBuf::from(env::var_os("OUT_DIR").expect("cargo sets OUT_DIR"));
    let program = out.join("supervisor");
    if let Err(problem) = compile(&program) {
        println!(
            "cargo::warning=the supervisor could not be built, so this sam-rs will not start functions: {problem}"
        );
        fs::write(&program, b"").expect("OUT_DIR is writable");
    }
    let mut hasher = DefaultHasher::new();
    hasher.write(&fs::read(&program).expect("the supervisor was just written"));
    println!("cargo::rustc-env=SAM_RS_SUPERVISOR={}", program.display());
    println!(
        "cargo::rustc-env=SAM_RS_SUPERVISOR_HASH={:016x}",
        hasher.finish()
    );
}

/// Calls the compiler itself: cargo would apply the profile and the flags of the outer build.
#[expect(
    clippy::disallowed_methods,
    reason = "cargo talks to build scripts this way"
)]
fn compile(program: &Path) -> Result<(), String> {
    let target = env::var("TARGET").map_err(|error| error.to_string())?;
    if !target.contains("-linux-") {
        return Err(format!("no supervisor is built for {target}"));
    }
    let rustc = env::var_os("RUSTC").unwrap_or_else(|| "rustc".into());
    let mut command = Command::new(rustc);
    command.args([
        "--edition=2024",
        "--crate-name=sam_rs_supervisor",
        "--crate-type=bin",
        "--cap-lints=allow",
    ]);
    command.args([
        "-Copt-level=s",
        "-Cpanic=abort",
        "-Cstrip=symbols",
        "-Clto=fat",
        "-Ccodegen-units=1",
    ]);
    command
        .args([
            "-Ctarget-feature=+crt-static",
            "--target",
            &target,
            "src/supervisor/main.rs",
            "-o",
        ])
        .arg(program);
    if let Some(linker) = env::var_os("RUSTC_LINKER") {
        command
            .arg("-C")
            .arg(format!("linker={}", linker.to_string_lossy()));
    }
    let output = command
        .output()
        .map_err(|error| format!("cannot run the compiler: {error}"))?;
    let text = String::from_utf8_lossy(&output.stderr);
    if output.status.success() {
        return Ok(());
    }
    // Cargo takes a warning of one line.
    Err(text
        .lines()
        .filter(|line| !line.trim().is_empty())
        .take(3)
        .collect::<Vec<_>>()
        .join(" | "))
}
