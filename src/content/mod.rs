//! What a function is made of, as directories of this machine: code and layers, whatever they are in.
//!
//! [`store`](Store) keeps what has to be made; `zip` unpacks, `merge` puts layers together, `layer` fetches those of the
//! service into a cache, and `links` finds what code leads to outside of its directory. Knows nothing of functions.

mod layer;
mod links;
mod merge;
mod store;
mod zip;

use std::io;
use std::path::PathBuf;

pub use layer::{Cached, LayerCache, LayerError, Step};
pub use links::{Link, links};
pub use merge::Part;
pub use store::{Note, Store, Unpacked};
pub use zip::Watch;

/// What Lambda takes at most, unpacked: what is larger runs here, with a warning.
pub const LAMBDA_LIMIT: u64 = 262_144_000;

/// Why contents cannot be used.
#[derive(Debug, thiserror::Error)]
#[expect(missing_docs, reason = "the docs of a variant name its fields")]
pub enum ContentError {
    /// A file cannot be read or written.
    #[error("{path}: {source}", path = path.display())]
    File { path: PathBuf, source: io::Error },
    /// The archive is none, or must not be unpacked.
    #[error("Failed to extract file from the zip file {path}. {reason}", path = path.display())]
    Refused { path: PathBuf, reason: String },
}
