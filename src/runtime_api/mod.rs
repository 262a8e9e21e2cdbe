//! The server that a runtime talks to. One server a sandbox, over any source of byte streams: the channel is the
//! identity, so no address, header or token is needed to know who asks.
//!
//! [`protocol`] knows paths, headers and error bodies; [`exchange`] knows which call is legal when; [`server`] joins
//! them to hyper; [`extensions`] and `extension_api` do the same for extensions in the runtime's process. Knows
//! neither engines nor templates.

pub mod exchange;
mod extension_api;
pub mod extensions;
pub mod protocol;
pub mod server;

pub use exchange::{Delivery, Exchange};
pub use extension_api::{ExtensionCall, ExtensionWaiting, Registered};
pub use extensions::Extensions;
pub use protocol::ApiError;
pub use server::{Call, Finish, Refusal, ResponseHead, Waiting, serve};
