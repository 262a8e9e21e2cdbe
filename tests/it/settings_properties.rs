//! Settings of any kind: whatever a command line, a configuration or a file of variables says, there is a result or an
//! error that says where it is from.

use std::ffi::OsString;
use std::fs;

use proptest::prelude::*;
use sam_rs::cli::{self, App, Command, Local, Unread};
use sam_rs::env::Env;
use sam_rs::settings::{EnvVars, Invoke, SettingsError};
use tempfile::TempDir;

/// Keys of a configuration; options with a hyphen.
const KEYS: &[&str] = &[
    "function_logical_id",
    "template_file",
    "event",
    "runtime",
    "tenant_id",
    "client_context",
    "cognito_identity",
    "parameter_overrides",
    "env_vars",
    "env",
    "env_file",
    "skip_pull_image",
    "pull",
    "invoke_image",
    "force_image_build",
    "add_host",
    "container_dns",
    "shutdown",
    "layer_cache_basedir",
    "mount_symlinks",
    "docker_network",
    "no_memory_limit",
    "cpu_share",
    "debug_port",
    "debugger_path",
    "debug_args",
    "container_env_vars",
    "container_host_interface",
    "region",
    "profile",
    "log_file",
    "output",
    "log_format",
    "debug",
    "fail_on_error",
    "hook_name",
    "bogus",
];

fn directory() -> TempDir {
    let directory = tempfile::tempdir().unwrap();
    for (name, text) in [
        ("e.json", "{}"),
        ("v.env", "A=1\n"),
        ("p.yaml", "A: 1\n"),
        ("template.yaml", "{}"),
    ] {
        fs::write(directory.path().join(name), text).unwrap();
    }
    directory
}

fn env(directory: &TempDir, variables: &[(&str, &str)]) -> Env {
    let mut env = Env::of(variables.iter().copied());
    directory.path().clone_into(&mut env.directory);
    env
}

/// A word of a command line.
fn word() -> impl Strategy<Value = String> {
    let long = prop::sample::select(KEYS).prop_map(|key| format!("--{}", key.replace('_', "-")));
    let short = prop::sample::select(vec![
        "-t", "-e", "-n", "-d", "-l", "-ii", "-v", "-r", "--", "-", "-h", "-x", "-d1",
    ]);
    let value = prop::sample::select(vec![
        "e.json",
        "v.env",
        "A=1",
        "A=",
        "=",
        "ParameterKey=A,ParameterValue=1",
        "file://p.yaml",
        "file://nope",
        "json",
        "text",
        "5858",
        "-1",
        "0",
        "a:b",
        "Fn=img",
        "python3.11",
        "{}",
        "[",
        "'",
        "us-east-1",
        "ä",
        "",
    ]);
    prop_oneof![
        3 => long,
        1 => short.prop_map(str::to_owned),
        4 => value.prop_map(str::to_owned),
        1 => "\\PC{0,8}",
    ]
}

/// A value of a configuration, as TOML writes it.
fn value() -> impl Strategy<Value = String> {
    let leaf = prop_oneof![
        prop::sample::select(vec![
            "true",
            "'yes'",
            "1",
            "1.5",
            "''",
            "'A=1 B=2'",
            "'json'",
            "'e.json'",
            "'file://p.yaml'",
            "2020-01-01",
            "'5858'",
            "'a:b'",
            "'ä'",
            "'\u{1f600}'",
        ])
        .prop_map(str::to_owned),
        "[a-zA-Z0-9=:,/ .-]{0,10}".prop_map(|text| format!("'{text}'")),
    ];
    leaf.prop_recursive(3, 12, 3, |inner| {
        prop_oneof![
            prop::collection::vec(inner.clone(), 0..3)
                .prop_map(|items| format!("[{}]", items.join(", "))),
            prop::collection::btree_map("[A-Za-z]{1,3}|\"[$]include\"", inner, 0..3).prop_map(
                |entries| {
                    let entries: Vec<_> = entries
                        .iter()
                        .map(|(key, value)| format!("{key} = {value}"))
                        .collect();
                    format!("{{{}}}", entries.join(", "))
                }
            ),
        ]
    })
}

/// The error of settings that cannot be says something; one of the configuration, where.
fn check(result: Result<Invoke, SettingsError>) -> Result<(), TestCaseError> {
    match result {
        Ok(settings) => prop_assert!(!settings.events.is_empty()),
        Err(SettingsError::Config(problem)) => {
            prop_assert!(
                problem.message.contains("samconfig."),
                "{}",
                problem.message
            );
            let no_place = problem.message.contains("'version' key");
            prop_assert!(problem.span.is_some() || no_place, "{}", problem.message);
        }
        Err(error) => prop_assert!(!error.to_string().is_empty()),
    }
    Ok(())
}

fn resolve(words: &[String], env: &Env) -> Result<(), TestCaseError> {
    let begin = ["sam-rs", "local", "invoke"].map(OsString::from);
    let words: Vec<_> = begin
        .into_iter()
        .chain(words.iter().map(OsString::from))
        .collect();
    match cli::parse(&words) {
        Ok(App {
            command: Command::Local(Local::Invoke(args)),
        }) => check(Invoke::resolve(&args, env)),
        Ok(app) => panic!("{words:?} are another command: {app:?}"),
        Err(Unread::Mistake(mistake)) => {
            prop_assert!(!mistake.is_empty());
            Ok(())
        }
        Err(Unread::Help(_)) => Ok(()),
    }
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 600, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn any_command_line_is_read_or_refused(words in prop::collection::vec(word(), 0..10)) {
        let directory = directory();
        resolve(&words, &env(&directory, &[]))?;
    }

    #[test]
    fn any_value_in_a_configuration_is_taken_or_located(
        entries in prop::collection::vec((prop::sample::select(KEYS), value()), 0..6),
        global in any::<bool>(),
    ) {
        let directory = directory();
        let section = if global { "global" } else { "local_invoke" };
        let mut text = format!("version = 0.1\n[default.{section}.parameters]\n");
        let mut seen = Vec::new();
        for (key, value) in entries {
            if !seen.contains(&key) {
                text.extend([key, " = ", &value, "\n"]);
                seen.push(key);
            }
        }
        fs::write(directory.path().join("samconfig.toml"), text).unwrap();
        resolve(&[], &env(&directory, &[]))?;
    }

    #[test]
    fn any_text_is_a_configuration_or_an_error(text in "(version[ =:]+0.1\n)?[\\[\\]{}a-z.:=\"'# \n\t-]{0,60}", yaml in any::<bool>()) {
        let directory = directory();
        let name = if yaml { "samconfig.yaml" } else { "samconfig.toml" };
        fs::write(directory.path().join(name), text).unwrap();
        resolve(&[], &env(&directory, &[]))?;
    }

    #[test]
    fn any_file_of_variables_is_read_or_refused(text in prop_oneof![
        "[{}\\[\\]\":,A-Za-z0-9= \n'\\\\#$äö-]{0,60}",
        "\\PC{0,60}",
        Just("\u{feff}".to_owned()),
    ]) {
        let directory = directory();
        let path = directory.path().join("vars");
        fs::write(&path, &text).unwrap();
        if let Err(error) = EnvVars::load(&path) {
            let text = error.to_string();
            prop_assert!(text.contains("vars"), "{text}");
        }
        fs::write(directory.path().join("samconfig.toml"), "version = 0.1\n[default.global.parameters]\nenv_file = 'vars'\n").unwrap();
        resolve(&[], &env(&directory, &[]))?;
    }

    #[test]
    fn any_variable_of_the_shell_is_taken_or_refused(
        name in prop::sample::select(vec![
            "SAM_TEMPLATE_FILE", "SAM_DOCKER_NETWORK", "SAM_DEBUG_PORT", "DEBUGGER_ARGS", "SAM_DEBUG", "SAM_SKIP_PULL_IMAGE",
            "AWS_REGION", "AWS_PROFILE", "AWS_ACCOUNT_ID", "SAM_LAYER_CACHE_BASEDIR",
        ]),
        value in "[^\u{0}]{0,12}",
    ) {
        let directory = directory();
        resolve(&[], &env(&directory, &[(name, &value)]))?;
    }
}
