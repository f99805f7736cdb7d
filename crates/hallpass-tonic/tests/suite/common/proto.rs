//! `peer.Echo`, with all four kinds of calls. `echo.rs` is what `tonic_build::manual` generates for
//! it, as it came; the message is written by hand, so that nobody needs `protoc`.

#[derive(Clone, PartialEq, Eq, Hash, prost::Message)]
pub(crate) struct Message {
    #[prost(string, tag = "1")]
    pub(crate) text: String,
}

#[allow(
    unreachable_pub,
    unused_qualifications,
    clippy::pedantic,
    reason = "generated"
)]
mod echo {
    use super::Message;

    include!("proto/echo.rs");
}

pub(crate) use echo::{echo_client::EchoClient, echo_server};

pub(crate) fn message(text: impl Into<String>) -> Message {
    Message { text: text.into() }
}
