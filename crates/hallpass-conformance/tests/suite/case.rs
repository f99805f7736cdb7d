//! [`Case`]: a row of the table, and the words that it is written in.

use hallpass_core::Authorizer;

use crate::adapter::Failure;

/// A header of answers that a row has written itself: the gateway passes their head on as it is.
pub(crate) const VERBATIM: &str = "x-conformance-verbatim";

/// A header of a 200 that ends, over gRPC, with this status in its trailers.
pub(crate) const LATE: &str = "x-conformance-late";

#[derive(Clone)]
pub(crate) struct Case {
    pub(crate) name: &'static str,
    pub(crate) rules: fn(Authorizer, &Places) -> Authorizer,
    pub(crate) replays: bool,
    /// Whether a first request has already gone well, with the credential number 1.
    pub(crate) warm: bool,
    pub(crate) given: Vec<Given>,
    pub(crate) sent: Sent,
    pub(crate) load: Load,
    pub(crate) then: Then,
    /// Whether a short refusal must leave the connection usable.
    pub(crate) one_connection: bool,
    /// Where an adapter legitimately shows something else, and why.
    pub(crate) differs: Vec<(&'static str, Differs)>,
}

/// Scheme, host and port of what there is.
pub(crate) struct Places {
    pub(crate) api: String,
    pub(crate) other: String,
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
    /// The other server answers this.
    OtherAnswers(u16),
    /// The token endpoint answers its next requests with this status.
    NoToken(u16),
    /// The API takes a moment for its next answer, and for none after it.
    SlowOnce,
}

#[derive(Clone)]
pub(crate) struct Sent {
    pub(crate) to: To,
    pub(crate) own: Option<&'static str>,
    pub(crate) body: Sort,
    pub(crate) without_credential: bool,
    /// With a credential for this request alone.
    pub(crate) with_own_source: bool,
}

#[derive(Clone, Copy, PartialEq, Eq)]
pub(crate) enum To {
    Api,
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
    /// None is answered before all have been sent.
    Together(usize),
    /// None has a token before all have asked for one.
    Waiting(usize),
    /// The second is sent while the first is under way.
    Overtaken,
    /// The caller of the first leaves at this point; then a second is sent.
    Dropped(At),
}

#[derive(Clone, Copy, PartialEq, Eq)]
pub(crate) enum At {
    /// The token endpoint has its request.
    Fetching,
    /// The API has its request.
    Sending,
}

/// What must be observed.
#[derive(Clone)]
pub(crate) struct Then {
    /// By the caller, for each request in order; the last stands for all that follow.
    pub(crate) caller: Vec<Seen>,
    /// At the API, request by request.
    pub(crate) api: Api,
    /// At the other server: how many requests, none of which carried anything of ours.
    pub(crate) other: Option<Carried>,
    /// At the token endpoint.
    pub(crate) tokens: usize,
    pub(crate) rejections: u64,
}

#[derive(Clone)]
pub(crate) enum Api {
    Carrying(Vec<Carried>),
    /// So many with each of these.
    Counts(Vec<(Carried, usize)>),
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Carried {
    Nothing,
    /// The nth credential that the API has seen.
    Token(usize),
    /// What the caller has put there.
    Own,
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
    Failed(Failure),
}

#[derive(Clone)]
pub(crate) enum Differs {
    Expects(Then, &'static str),
    NotApplicable(&'static str),
}

pub(crate) const OWN: &str = "Bearer of-the-callers-own";

pub(crate) const HEALED: Seen = Seen::Ok {
    generation: 2,
    waited: true,
    replayed: true,
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
        other: None,
        tokens,
        rejections,
    }
}

/// Renewed, and replayed with success.
pub(crate) fn healed() -> Then {
    then(&[HEALED], &[Carried::Token(1), Carried::Token(2)], 1, 1)
}

/// Handed to the caller; the credential stays.
pub(crate) fn kept(status: u16) -> Then {
    then(&[Seen::Status(status)], &[Carried::Token(1)], 0, 0)
}

/// Handed to the caller, while the credential goes: the second request heals.
pub(crate) fn dropped(status: u16) -> Then {
    let second = Seen::Ok {
        generation: 2,
        waited: true,
        replayed: false,
    };
    let api = [Carried::Token(1), Carried::Token(2)];
    then(&[Seen::Status(status), second], &api, 1, 1)
}

/// Nothing was sent.
pub(crate) fn refused(failure: Failure) -> Then {
    then(&[Seen::Failed(failure)], &[], 0, 0)
}

impl Then {
    pub(crate) fn other(mut self, carried: Carried) -> Self {
        self.other = Some(carried);
        self
    }

    pub(crate) fn counts(mut self, counts: &[(Carried, usize)]) -> Self {
        self.api = Api::Counts(counts.to_vec());
        self
    }
}

impl Case {
    /// A request without a body to the API, with a credential in hand.
    pub(crate) fn new(name: &'static str, then: Then) -> Self {
        Self {
            name,
            rules: |rules, _| rules,
            replays: true,
            warm: true,
            given: Vec::new(),
            sent: Sent {
                to: To::Api,
                own: None,
                body: Sort::None,
                without_credential: false,
                with_own_source: false,
            },
            load: Load::InARow(1),
            then,
            one_connection: false,
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
        let headers = headers
            .iter()
            .map(|(name, value)| (*name, (*value).to_owned()));
        self.given(Given::Answer(1, status, headers.collect()))
    }

    pub(crate) fn challenged(self, challenge: &'static str) -> Self {
        self.answer(401, &[("www-authenticate", challenge)])
    }

    pub(crate) fn cold(mut self) -> Self {
        self.warm = false;
        self
    }

    pub(crate) fn rules(mut self, rules: fn(Authorizer, &Places) -> Authorizer) -> Self {
        self.rules = rules;
        self
    }

    pub(crate) fn one_connection(mut self) -> Self {
        self.one_connection = true;
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

    pub(crate) fn own_header(mut self) -> Self {
        self.sent.own = Some(OWN);
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

    pub(crate) fn differs(mut self, adapter: &'static str, then: Then, why: &'static str) -> Self {
        self.differs.push((adapter, Differs::Expects(then, why)));
        self
    }

    pub(crate) fn not_applicable(mut self, adapter: &'static str, why: &'static str) -> Self {
        self.differs.push((adapter, Differs::NotApplicable(why)));
        self
    }
}
