//! The program from outside: the built binary, a real engine, real runtime clients. What needs no engine is tested
//! here too where it needs more than one module.

#![expect(
    clippy::disallowed_methods,
    clippy::unwrap_used,
    reason = "tests read the environment of the test runner, start threads and wait; a test that cannot go on panics"
)]

mod support;

mod catalogue;
mod clients;
mod command_lines;
mod completions;
mod conformance;
mod container;
mod credentials;
mod debugging;
mod endings;
mod engine_faults;
mod errors;
mod events;
mod extensions;
mod fuzzed;
mod images;
mod invoke_api;
mod kill;
mod layers;
mod local_layers;
mod networks;
mod output;
mod pull;
mod readme;
mod remote_layers;
mod rude_client;
mod runtime_api;
mod runtimes;
mod service;
mod settings;
mod settings_properties;
mod start_lambda;
mod state_machine;
mod supervisor;
mod template_properties;
mod templates;
mod yaml;
