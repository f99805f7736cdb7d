//! What several sources say of themselves together, of which one delivers.

use std::sync::Arc;

use hallpass_core::{Description, Rejected};

/// What holds for all of them, whichever delivers: the header is the first one's, where it goes and
/// who is asked is known if it is the same for all, and each is as careful as any of them asks.
///
/// `delivered` is the position of the one whose credential is in hand. What refuses a credential is
/// its own source's word.
pub(crate) fn described(
    all: &[Description],
    delivered: impl Fn() -> Option<usize> + Clone + Send + Sync + 'static,
) -> Description {
    let mut description = all.first().cloned().unwrap_or_default();
    for other in all.iter().skip(1) {
        if other.origins != description.origins {
            description.origins = None;
        }
        if other.endpoint != description.endpoint {
            description.endpoint = None;
        }
        // Whichever delivers, no token of its is put at risk.
        description.kills_old |= other.kills_old;
        description.one_at_a_time |= other.one_at_a_time;
        description.hedge &= other.hedge;
        description.fixed &= other.fixed;
        // It may not be the one that delivers.
        description.kept_key = None;
        if other.key_thumbprint != description.key_thumbprint {
            description.key_thumbprint = None;
        }
    }
    if all.len() > 1 {
        description.rejected = rejected(all, delivered);
    }
    description
}

fn rejected(
    all: &[Description],
    delivered: impl Fn() -> Option<usize> + Clone + Send + Sync + 'static,
) -> Rejected {
    let all: Arc<[Rejected]> = all.iter().map(|one| one.rejected.clone()).collect();
    let looks_at_bodies = all.iter().any(Rejected::looks_at_bodies);
    let by = move |judge: &dyn Fn(&Rejected) -> bool| {
        match delivered().and_then(|at| all.get(at)) {
            Some(own) => judge(own),
            // It was fetched elsewhere, by whichever of them: a fleet shares it.
            None => all.iter().any(judge),
        }
    };
    let head = by.clone();
    let rejected =
        Rejected::default().when(move |status, headers| head(&|own| own.by_head(status, headers)));
    if looks_at_bodies {
        rejected.when_body(move |start| by(&|own| own.by_body(start)))
    } else {
        rejected
    }
}
