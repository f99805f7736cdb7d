//! The command line, run as a user runs it, against servers in the test's process.

#![allow(
    clippy::unwrap_used,
    reason = "clippy sees tests in functions marked as such, and not in those that help them"
)]

mod arguments;
mod cache;
mod call_credentials;
mod call_failures;
mod call_once;
mod call_pace;
mod call_shipped;
mod call_strangers;
mod common;
mod doctor;
mod doctor_case;
mod doctor_setups;
mod profiles;
mod proxy;
mod proxy_life;
mod proxy_streams;
mod proxy_tunnels;
mod settings;
mod tls;
mod token;
