#![doc = include_str!("../README.md")]

mod notes;

pub use self::notes::Notes;
