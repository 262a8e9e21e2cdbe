//! The channel to the supervisor in a sandbox: framing, many streams over one, credit.
//!
//! An engine yields a duplex byte stream; [`open`] turns it into a [`Channel`] (verbs) and a receiver of [`Event`]s.
//! Knows neither Lambda nor an engine.

mod codec;
pub mod frame;
mod mux;
mod stream;

pub use mux::{Channel, Event, Log, open};
pub use stream::Stream;
