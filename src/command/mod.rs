//! The composition roots, one a subcommand: they wire the parts and hold nothing of their own.

mod answer;
pub mod completions;
mod content;
mod debug;
mod event;
mod image;
mod local_invoke;
mod man_pages;
mod prepare;
mod resolve;
mod sandboxes;
mod start_lambda;
mod variables;

pub use local_invoke::local_invoke;
pub use man_pages::man_pages;
pub use start_lambda::start_lambda;
