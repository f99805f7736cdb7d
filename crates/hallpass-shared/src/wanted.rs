//! [`Wanted`]: which entries a fetch can do with.

use hallpass_core::{Credential, Fetch, Reason};
use tokio::time::Instant;

use crate::{
    entry::Unpacked,
    known::{Given, Known},
};

/// Which entries a fetch can do with.
///
/// Entries are told apart by generation where it is known, because an issuer may issue the same
/// secret twice; else by the secret itself.
#[derive(Debug)]
pub(crate) struct Wanted {
    /// Only entries of a higher generation.
    pub(crate) newer_than: u64,
    /// The generation that a server refused; 0 for none.
    pub(crate) refused: u64,
    /// Up to which generation all were refused; 0 for none. What is of no use for another reason
    /// raises only `newer_than`.
    pub(crate) refused_up_to: u64,
    replaces: Option<Replaced>,
}

#[derive(Debug)]
struct Replaced {
    credential: Credential,
    known: Option<Given>,
    was_refused: bool,
}

impl Wanted {
    pub(crate) fn by(why: &Fetch, known: &Known) -> Self {
        let was_refused = why.reason() == Reason::Rejected;
        // One that has ended is replaced by any that has not.
        let displaces = was_refused || why.reason() == Reason::Ahead;
        let replaces = why
            .replaces()
            .filter(|_| displaces)
            .map(|credential| Replaced {
                credential: credential.clone(),
                known: known.find(credential),
                was_refused,
            });
        let mut wanted = Self {
            newer_than: 0,
            refused: 0,
            refused_up_to: 0,
            replaces,
        };
        if let Some(Replaced {
            known: Some(given),
            was_refused,
            ..
        }) = &wanted.replaces
        {
            if given.through_store || *was_refused {
                wanted.newer_than = given.stamp;
            }
            if *was_refused {
                wanted.refused_up_to = given.stamp;
            }
            if given.through_store && *was_refused {
                wanted.refused = given.stamp;
            }
        }
        wanted
    }

    /// Whether this entry will do. If not, a newer one is wanted from now on.
    pub(crate) fn accepts(&mut self, generation: u64, entry: &Unpacked) -> bool {
        let accepted = !entry.is_over() && self.is_an_improvement(generation, entry);
        if !accepted {
            self.newer_than = self.newer_than.max(generation);
        }
        accepted
    }

    fn is_an_improvement(&mut self, generation: u64, entry: &Unpacked) -> bool {
        let Some(replaced) = &self.replaces else {
            return true;
        };
        match &replaced.known {
            Some(given) if given.through_store => generation > given.stamp,
            // Fetched without the store: what ends later was fetched later.
            Some(given) if !replaced.was_refused => match (given.end, entry.end()) {
                (Some(one), Some(other)) => other > one,
                _ => !entry.credential.same_secret(&replaced.credential),
            },
            _ => {
                let same = entry.credential.same_secret(&replaced.credential);
                if same && replaced.was_refused {
                    self.refused = self.refused.max(generation);
                    self.refused_up_to = self.refused_up_to.max(generation);
                }
                !same
            }
        }
    }
}

impl Unpacked {
    fn end(&self) -> Option<Instant> {
        Instant::now().checked_add(self.left)
    }
}
