//! What a token endpoint answers: read once, classified in one place, and made into a credential or
//! an error that says what to check.

mod answer;
mod classify;
mod decode;
mod issue;
mod message;
mod quota;
mod redactor;

pub(crate) use self::{
    answer::Answer,
    classify::{Verdict, classify},
    decode::decode,
    issue::issue,
    message::{Asked, error},
    redactor::Redactor,
};
