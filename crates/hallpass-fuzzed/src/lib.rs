#![doc = include_str!("../README.md")]
#![allow(
    clippy::missing_panics_doc,
    clippy::unwrap_used,
    clippy::expect_used,
    reason = "a promise that is broken is shown by a panic"
)]

mod answers;
mod challenges;
mod clients;
mod entries;
mod exec;
mod jwt;
mod offline;
mod profiles;
mod retry_after;
mod templates;

pub use self::{
    answers::{answers, answers_of, profile_count},
    challenges::challenges,
    clients::clients,
    entries::entries,
    exec::exec,
    jwt::jwt,
    profiles::profiles,
    retry_after::retry_after,
    templates::templates,
};

/// A target: takes any bytes, and panics where a promise is broken.
pub type Target = fn(&[u8]);

/// Every target by its name, which its seeds and its binary have as well.
pub const TARGETS: [(&str, Target); 9] = [
    ("answers", answers),
    ("challenges", challenges),
    ("clients", clients),
    ("entries", entries),
    ("exec", exec),
    ("jwt", jwt),
    ("profiles", profiles),
    ("retry_after", retry_after),
    ("templates", templates),
];
