//! Stand-ins for a token source, a token endpoint and an API that open no socket and keep tokio's time.

mod api;
mod source;
#[cfg(feature = "oauth2")]
mod transport;

pub use api::ScriptedApi;
pub use source::ScriptedSource;
#[cfg(feature = "oauth2")]
pub use transport::ScriptedTransport;
