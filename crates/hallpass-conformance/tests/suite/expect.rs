//! [`Then`]: what must be observed, and the words that it is written in.

use std::ops::RangeInclusive;

use crate::adapter::Failure;

#[derive(Clone)]
pub(crate) struct Then {
    /// By the caller, for each request in order; the last stands for all that follow.
    pub(crate) caller: Vec<Seen>,
    /// At the API, request by request.
    pub(crate) api: Api,
    /// At the other server, for each request that it got.
    pub(crate) other: Vec<Carried>,
    /// At the token endpoint.
    pub(crate) tokens: RangeInclusive<usize>,
    pub(crate) rejections: RangeInclusive<u64>,
    /// Whether a short refusal must leave the connection usable.
    pub(crate) one_connection: bool,
}

#[derive(Clone)]
pub(crate) enum Api {
    Carrying(Vec<Carried>),
    /// So many with each of these.
    Counts(Vec<(Carried, usize)>),
    /// Whatever it takes; the callers' answers and the token requests tell.
    Any,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Carried {
    Nothing,
    /// The nth credential that the API has seen.
    Token(usize),
    /// What the caller has put there.
    Own,
    /// The nth credential, in the header that only the request's own source knows.
    Tenant(usize),
    /// What the caller has put in that header.
    OwnTenant,
    /// The nth token, bound to a key, and a proof with this nonce.
    Proved(usize, Option<&'static str>),
    /// A proof that the caller has put there, and no token.
    OwnProof,
}

#[derive(Clone)]
pub(crate) enum Seen {
    /// This HTTP status, or the gRPC code for it.
    Status(u16),
    /// A 200 whose attempt says this.
    Ok {
        generation: u64,
        waited: bool,
        replayed: bool,
    },
    /// A 200 that waited for nothing and was sent once, with whatever credential.
    Unhindered,
    Failed(Failure),
}

#[derive(Clone)]
pub(crate) enum Differs {
    Expects(Then, &'static str),
    NotApplicable(&'static str),
}

pub(crate) const HEALED: Seen = Seen::Ok {
    generation: 2,
    waited: true,
    replayed: true,
};

/// The first token, waited for.
pub(crate) const WAITED: Seen = Seen::Ok {
    generation: 1,
    waited: true,
    replayed: false,
};

/// One that went out with the credential in hand, the nth.
pub(crate) const fn fine(generation: u64) -> Seen {
    Seen::Ok {
        generation,
        waited: false,
        replayed: false,
    }
}

pub(crate) fn then(caller: &[Seen], api: &[Carried], tokens: usize, rejections: u64) -> Then {
    Then {
        caller: caller.to_vec(),
        api: Api::Carrying(api.to_vec()),
        other: Vec::new(),
        tokens: tokens..=tokens,
        rejections: rejections..=rejections,
        one_connection: false,
    }
}

/// Renewed, and replayed with success.
pub(crate) fn healed() -> Then {
    then(&[HEALED], &[Carried::Token(1), Carried::Token(2)], 1, 1)
}

pub(crate) fn healed_then_fine() -> Then {
    let api = [Carried::Token(1), Carried::Token(2), Carried::Token(2)];
    then(&[HEALED, fine(2)], &api, 1, 1)
}

/// Handed to the caller; the credential stays.
pub(crate) fn kept(status: u16) -> Then {
    then(&[Seen::Status(status)], &[Carried::Token(1)], 0, 0)
}

/// Handed to the caller, while the credential is renewed: the second request has the new one.
pub(crate) fn dropped(status: u16) -> Then {
    let api = [Carried::Token(1), Carried::Token(2)];
    then(&[Seen::Status(status), fine(2)], &api, 1, 1)
}

/// Nothing was sent.
pub(crate) fn refused(failure: Failure) -> Then {
    then(&[Seen::Failed(failure)], &[], 0, 0)
}

impl Then {
    pub(crate) fn other(mut self, carried: Carried) -> Self {
        self.other.push(carried);
        self
    }

    pub(crate) fn counts(mut self, counts: &[(Carried, usize)]) -> Self {
        self.api = Api::Counts(counts.to_vec());
        self
    }

    pub(crate) fn whatever_it_takes(mut self) -> Self {
        self.api = Api::Any;
        self
    }

    pub(crate) fn tokens(mut self, tokens: RangeInclusive<usize>) -> Self {
        self.tokens = tokens;
        self
    }

    pub(crate) fn rejections(mut self, rejections: RangeInclusive<u64>) -> Self {
        self.rejections = rejections;
        self
    }

    pub(crate) fn one_connection(mut self) -> Self {
        self.one_connection = true;
        self
    }
}
