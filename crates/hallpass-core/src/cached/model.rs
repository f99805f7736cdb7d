//! The shell around the machine, under a model checker: `cargo xtask model`.
//!
//! Each scene is played in every order in which its threads and fetches can go on, as far as these
//! orders differ by a few preemptions, or until its time is up, which is printed. Time stands still
//! unless a scene moves it. So whoever is not woken by a change waits for ever, which the checker
//! calls a deadlock.

mod play;
mod scenes;
mod scheduler;
