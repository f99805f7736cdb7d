//! [`Case`]: a row of the table, and the words that it is written in.

use std::time::Duration;

use hallpass_core::Authorizer;

pub(crate) use crate::expect::{
    Api, Carried, Differs, HEALED, Seen, Then, WAITED, dropped, fine, healed, healed_then_fine,
    kept, refused, then,
};

/// A header of answers that a row has written itself: the gateway passes their head on as it is.
pub(crate) const VERBATIM: &str = "x-conformance-verbatim";

/// A header of a 200 that ends, over gRPC, with this status in its trailers, after a message.
pub(crate) const LATE: &str = "x-conformance-late";

/// The same with the trailers right after the head.
pub(crate) const AT_ONCE: &str = "x-conformance-at-once";

/// The header that only a request's own source knows.
pub(crate) const TENANT: &str = "x-tenant-key";

/// A header beside the token.
pub(crate) const BESIDE: &str = "x-api-key";

/// The header of proofs, and those that a caller or a server writes there.
pub(crate) const DPOP: &str = "dpop";
pub(crate) const OWN_PROOF: &str = "a proof of the caller's own";
pub(crate) const NONCE: &str = "dpop-nonce";

pub(crate) const OWN: &str = "Bearer of-the-callers-own";

#[derive(Clone)]
#[expect(
    clippy::struct_excessive_bools,
    reason = "facts about a case that have nothing to do with each other"
)]
pub(crate) struct Case {
    pub(crate) name: &'static str,
    pub(crate) source: Source,
    /// Whether it has a credential for each key, and that of the usual one comes from the source.
    pub(crate) keyed: bool,
    pub(crate) rules: fn(Authorizer, &Places) -> Authorizer,
    pub(crate) replays: bool,
    pub(crate) below: Below,
    /// Whether a first request has already gone well, with the credential number 1.
    pub(crate) warm: bool,
    /// Whether nobody waits for a token endpoint that is in trouble.
    pub(crate) impatient: bool,
    pub(crate) given: Vec<Given>,
    pub(crate) sent: Sent,
    pub(crate) load: Load,
    /// What is sent after that.
    pub(crate) afterwards: Vec<Sent>,
    pub(crate) then: Then,
    /// Where an adapter legitimately shows something else, and why.
    pub(crate) differs: Vec<(&'static str, Differs)>,
}

/// Scheme, host and port of what there is.
pub(crate) struct Places {
    pub(crate) api: String,
    pub(crate) other: String,
}

/// Where the credential comes from.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Source {
    Tokens,
    /// Each token has [`BESIDE`] beside it.
    TokensAndKey,
    /// A key that never changes, and that the API refuses.
    Static,
    /// Each goes in [`TENANT`].
    Tenant,
    /// The same, without saying so before it is asked.
    Undescribed,
    /// A 419 refuses it.
    With419,
    /// It says that it is for the other server only.
    ForTheOther,
    /// It never has one.
    Hanging,
    /// Its tokens are bound to a key, and go with a proof of it.
    Bound,
    /// The same, at a server that wants nonces in the proofs.
    BoundWithNonces,
}

impl Source {
    pub(crate) fn is_bound(self) -> bool {
        matches!(self, Self::Bound | Self::BoundWithNonces)
    }
}

/// What is special about the client below the adapter.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Below {
    Nothing,
    /// It sends so many requests at a time.
    Limited(usize),
    /// It speaks HTTP/2, and the server ends each connection by GOAWAY after one request.
    Goaway,
    /// It does not need its caller's runtime.
    OnItsOwnRuntime,
}

/// What the server does, from here on.
#[derive(Clone)]
pub(crate) enum Given {
    /// Every token so far is dead.
    Revoked,
    /// The next `n` requests to the API get this answer.
    Answer(usize, u16, Vec<(&'static str, String)>),
    /// The API answers before it has read the body, where it refuses.
    Early,
    /// The API refuses the next request before it has read the body, and breaks the connection
    /// some time after that.
    Unread,
    /// The other server answers this.
    OtherAnswers(u16),
    /// The token endpoint answers every request with this status.
    NoToken(u16),
    /// The token endpoint answers its next `n` requests with this status, and `Retry-After` if any.
    NoTokenFor(usize, u16, Option<u64>),
    /// The token endpoint answers its next request with this.
    TokenAnswers(u16, &'static str, Option<&'static str>),
    /// The server wants another nonce in proofs than any that is known.
    OtherNonces,
    /// The token endpoint takes its next request in and never answers it.
    TokenHangs,
    /// The token endpoint hands out the same token again.
    Sticky,
    /// The credential in hand is due, and so is used while another is fetched.
    Due,
    /// The API refuses new tokens for so long.
    Lag(Duration),
    /// The API takes a moment for its next answer, and for none after it.
    SlowOnce,
}

#[derive(Clone)]
pub(crate) struct Sent {
    pub(crate) to: To,
    /// A header of the caller's own.
    pub(crate) own: Option<(&'static str, &'static str)>,
    pub(crate) body: Sort,
    pub(crate) without_credential: bool,
    /// With a credential for this request alone.
    pub(crate) with: Option<Source>,
    /// Where there is a credential for each key.
    pub(crate) key: Key,
}

/// The key of a request.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(crate) enum Key {
    Usual,
    /// One whose credential comes from here.
    Another(Source),
    Unknown,
    None,
}

impl Sent {
    pub(crate) const fn to(to: To) -> Self {
        Self {
            to,
            own: None,
            body: Sort::None,
            without_credential: false,
            with: None,
            key: Key::Usual,
        }
    }
}

#[derive(Clone, Copy, PartialEq, Eq)]
pub(crate) enum To {
    Api,
    /// An endpoint of the API that accepts a POST and sends its caller to one that refuses.
    Orders,
    /// Another origin.
    Other,
    /// The API, by an address that is not known to be this machine.
    Remote,
    /// The API, with user information in the URL.
    User,
}

#[derive(Clone, Copy)]
pub(crate) enum Sort {
    None,
    Bytes(Size),
    Streamed(Size),
}

#[derive(Clone, Copy)]
pub(crate) enum Size {
    Of(usize),
    /// This many bytes more than are kept for a replay, framing included.
    Limit(usize),
}

/// How often, and how.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(crate) enum Load {
    InARow(usize),
    /// Two in a row, the second when the renewal that the first has caused is over.
    Renewed,
    /// None is answered before all have been sent.
    Together(usize),
    /// None has a token before all have asked for one.
    Waiting(usize),
    /// The second is sent while the first is under way.
    Overtaken,
    /// The caller of the first leaves at this point; then a second is sent.
    Dropped(At),
    /// While so many others wait for a credential that does not come.
    BesideWaiting(usize),
    /// So many, each after one to an endpoint that always answers 401; the first of them while the
    /// renewal that this causes is under way.
    BesideRefused(usize),
    /// One after another, for so long.
    For(Duration),
    /// From a thread without a runtime.
    PlainThread,
}

#[derive(Clone, Copy, PartialEq, Eq)]
pub(crate) enum At {
    /// The token endpoint has its request.
    Fetching,
    /// The API has its request.
    Sending,
}

impl Case {
    /// A request without a body to the API, with a credential in hand.
    pub(crate) fn new(name: &'static str, then: Then) -> Self {
        Self {
            name,
            source: Source::Tokens,
            keyed: false,
            rules: |rules, _| rules,
            replays: true,
            below: Below::Nothing,
            warm: true,
            impatient: false,
            given: Vec::new(),
            sent: Sent::to(To::Api),
            load: Load::InARow(1),
            afterwards: Vec::new(),
            then,
            differs: Vec::new(),
        }
    }

    pub(crate) fn given(mut self, given: Given) -> Self {
        self.given.push(given);
        self
    }

    pub(crate) fn revoked(self) -> Self {
        self.given(Given::Revoked)
    }

    /// The API's next answer.
    pub(crate) fn answer(self, status: u16, headers: &[(&'static str, &str)]) -> Self {
        self.answers(1, status, headers)
    }

    /// The API's next answers.
    pub(crate) fn answers(self, n: usize, status: u16, headers: &[(&'static str, &str)]) -> Self {
        let headers = headers
            .iter()
            .map(|(name, value)| (*name, (*value).to_owned()));
        self.given(Given::Answer(n, status, headers.collect()))
    }

    pub(crate) fn challenged(self, challenge: &'static str) -> Self {
        self.answer(401, &[("www-authenticate", challenge)])
    }

    pub(crate) fn cold(mut self) -> Self {
        self.warm = false;
        self
    }

    pub(crate) fn impatient(mut self) -> Self {
        self.impatient = true;
        self
    }

    pub(crate) fn source(mut self, source: Source) -> Self {
        self.source = source;
        self
    }

    /// With a credential for each key; this is the request's.
    pub(crate) fn key(mut self, key: Key) -> Self {
        self.keyed = true;
        self.sent.key = key;
        self
    }

    pub(crate) fn below(mut self, below: Below) -> Self {
        self.below = below;
        self
    }

    pub(crate) fn rules(mut self, rules: fn(Authorizer, &Places) -> Authorizer) -> Self {
        self.rules = rules;
        self
    }

    pub(crate) fn without_replay(mut self) -> Self {
        self.replays = false;
        self
    }

    pub(crate) fn body(mut self, body: Sort) -> Self {
        self.sent.body = body;
        self
    }

    pub(crate) fn to(mut self, to: To) -> Self {
        self.sent.to = to;
        self
    }

    /// With an `Authorization` of the caller's own.
    pub(crate) fn own_header(mut self) -> Self {
        self.sent.own = Some(("authorization", OWN));
        self
    }

    pub(crate) fn with(mut self, source: Source) -> Self {
        self.sent.with = Some(source);
        self
    }

    pub(crate) fn sent(mut self, edit: fn(&mut Sent)) -> Self {
        edit(&mut self.sent);
        self
    }

    pub(crate) fn load(mut self, load: Load) -> Self {
        self.load = load;
        self
    }

    pub(crate) fn twice(self) -> Self {
        self.load(Load::InARow(2))
    }

    /// A second one follows when the renewal is over.
    pub(crate) fn renewed(self) -> Self {
        self.load(Load::Renewed)
    }

    pub(crate) fn afterwards(mut self, sent: Sent) -> Self {
        self.afterwards.push(sent);
        self
    }

    /// What these adapters show in place of it.
    pub(crate) fn differs(self, adapters: &[&'static str], then: &Then, why: &'static str) -> Self {
        self.except(adapters, &Differs::Expects(then.clone(), why))
    }

    pub(crate) fn not_applicable(self, adapters: &[&'static str], why: &'static str) -> Self {
        self.except(adapters, &Differs::NotApplicable(why))
    }

    fn except(mut self, adapters: &[&'static str], differs: &Differs) -> Self {
        let all = adapters.iter().map(|adapter| (*adapter, differs.clone()));
        self.differs.extend(all);
        self
    }
}
