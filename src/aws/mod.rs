//! What there is to do with AWS itself: credentials of the user, and the few calls that a run may need. Nothing is called
//! before something needs it.
//!
//! [`credentials`](mod@credentials) knows where credentials come from; `profiles` reads the shared configuration files,
//! `process` asks programs, `sdk` asks services through AWS's library. `http` makes signed requests and downloads, and
//! `calls` is what is asked for: a layer, a login to a registry. The feature `aws` has the libraries for all that needs a
//! service.

pub mod credentials;
mod process;
mod profiles;

#[cfg(feature = "aws")]
mod calls;
#[cfg(feature = "aws")]
mod http;
#[cfg(feature = "aws")]
mod sdk;

#[cfg(not(feature = "aws"))]
#[path = "without.rs"]
mod calls;

pub use calls::{Caller, LayerContent};
pub use credentials::{Keys, Source};
pub use profiles::Profiles;

/// Why a call to AWS gave nothing.
#[derive(Debug, PartialEq, Eq)]
pub enum CallError {
    /// The service refused; its code, and its text.
    Refused {
        /// The category of the error, such as `AccessDeniedException`.
        code: String,
        /// For people.
        text: String,
    },
    /// There was no answer, or none that is one.
    Failed(String),
}

impl std::fmt::Display for CallError {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::Refused { code, text } => write!(f, "{code}: {text}"),
            Self::Failed(text) => f.write_str(text),
        }
    }
}
