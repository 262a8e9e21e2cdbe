//! The composition roots, one a subcommand: they wire the parts and hold nothing of their own.

mod answer;
mod debug;
mod event;
mod local_invoke;
mod resolve;
mod variables;

pub use local_invoke::local_invoke;
