//! `cargo xtask trouble`: what callers notice of two and a half minutes of trouble.
//!
//! ```text
//! [--ages N,N,N]     503, hang and 429 begin at these ages of the token, in seconds; one N for all
//! [--late]           the same as --ages 3,6,8
//! [--short]          tokens of 3 s and half a minute, without the hang
//! [--only EVENT]     one event after a cold start
//! [--contender NAME] those whose name has this in it
//! [--in-turn]        one contender after the other; else all at once
//! [--json FILE] [--markdown FILE] [--svg FILE]
//! ```

use hallpass_benches::trouble;

fn main() -> Result<(), String> {
    trouble::main(&trouble::contenders())
}
