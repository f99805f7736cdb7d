//! [`Notes`]: what stands below a table, once each.

use std::fmt;

/// Reasons below a table, numbered in the order in which its cells name them.
#[derive(Debug, Default)]
pub struct Notes(Vec<&'static str>);

impl Notes {
    /// The number of this reason, counted from 1.
    pub fn number(&mut self, why: &'static str) -> usize {
        let known = self.0.iter().position(|reason| *reason == why);
        1 + known.unwrap_or_else(|| {
            self.0.push(why);
            self.0.len() - 1
        })
    }
}

/// One line each.
impl fmt::Display for Notes {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (at, why) in self.0.iter().enumerate() {
            writeln!(f, "{}. {why}", at + 1)?;
        }
        Ok(())
    }
}
