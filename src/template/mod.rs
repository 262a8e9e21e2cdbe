//! Templates: text to a tree of nodes, what it includes and nests, resources with `Globals` merged in, intrinsics resolved
//! against a scope.
//!
//! Synchronous and without file access beyond the loader that the caller passes in. Knows Lambda's vocabulary, nothing of
//! how functions run.
//!
//! An [`Application`] is a template with its nested stacks; a [`Scope`] is the view from one of them, in which nodes are
//! resolved to values.

mod aliases;
mod application;
mod error;
mod globals;
mod intrinsics;
mod json;
mod keys;
mod logic;
mod lookup;
mod node;
pub mod overrides;
mod parameters;
mod published;
mod resource;
mod scalar;
mod scope;
mod transform;
mod value;
mod yaml;

pub use application::{Application, Load, Stack, Surroundings};
pub use error::{Problem, Source, SyntaxError};
pub use node::{Entry, Kind, Node, Span};
pub use overrides::Overrides;
pub use resource::Resource;
pub use scope::Scope;
pub use value::{LayerRef, Unresolved, Value};

/// Largest file: many times what the service takes, and read in a moment.
const MAX_TEXT: usize = 16 << 20;

/// Reads a document: as JSON where it is JSON, else as YAML.
///
/// # Errors
/// It is neither.
pub fn read(text: &str) -> Result<Node, SyntaxError> {
    // A byte order mark is none of JSON's, so what follows one is YAML.
    let bare = text.strip_prefix('\u{feff}');
    match json::read(text, 0) {
        Some(document) => Ok(document.root),
        None => Ok(yaml::read(bare.unwrap_or(text), 0)?.root),
    }
}

/// Reads one of several files, and tells of the keys in it that a later one of the same map has replaced.
fn read_as(text: &str, file: usize) -> Result<(Node, Vec<(String, Span)>), SyntaxError> {
    if text.len() > MAX_TEXT {
        let message = format!("the file is larger than {MAX_TEXT} bytes");
        let span = Span {
            line: 1,
            column: 1,
            file: file as u32,
            ..Span::default()
        };
        return Err(SyntaxError::new(message, span));
    }
    let document = match json::read(text, file) {
        Some(document) => document,
        None => yaml::read(text, file)?,
    };
    Ok((document.root, document.replaced))
}
