//! Sources that ask no endpoint: a JWT of one's own, a file, a program, a variable, and the first of
//! several.

mod chain;
mod composed;
#[cfg(feature = "exec")]
mod exec;
mod header;
mod self_signed;
mod statics;
mod token;
mod token_file;

#[cfg(feature = "exec")]
pub use self::exec::Exec;
pub use self::{
    chain::{ABSENT, Chain},
    composed::Composed,
    self_signed::SelfSigned,
    statics::{Basic, Static},
    token::Token,
    token_file::TokenFile,
};
