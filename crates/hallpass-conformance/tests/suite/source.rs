//! Where the credentials of a case come from.

use std::future;

use hallpass_core::{Cached, Policy};
use hallpass_core::{Credential, CredentialSource, Description, Error, Fetch, Origin, Rejected};
use hallpass_oauth2::{ClientCredentials, Dpop, TokenSource};
use hallpass_testkit::{ManualClock, Server};
use http::{HeaderName, StatusCode, header::AUTHORIZATION};

use crate::{
    adapters::transport,
    case::{BESIDE, Places, Source, TENANT},
    stage::LONG,
};

/// For the life of one `Cached`.
pub(crate) fn cached(
    source: Source,
    server: &Server,
    places: &Places,
    policy: Policy,
    clock: &ManualClock,
) -> Cached {
    let issuer = Issuer {
        tokens: tokens(server, source),
        source,
        other: places.other.parse().unwrap(),
    };
    Cached::builder(issuer)
        .policy(policy)
        .clock(clock.clone())
        .build()
}

fn tokens(server: &Server, source: Source) -> TokenSource {
    let credentials = ClientCredentials::at(server.token_url())
        .basic("client", "secret")
        .attempt_deadline(LONG);
    let credentials = if source.is_bound() {
        credentials.dpop(Dpop::new())
    } else {
        credentials
    };
    credentials.build(transport()).unwrap()
}

/// The token endpoint's tokens, in the manner that the case wants.
struct Issuer {
    tokens: TokenSource,
    source: Source,
    other: Origin,
}

impl CredentialSource for Issuer {
    async fn fetch(&self, why: &Fetch) -> Result<Credential, Error> {
        match self.source {
            Source::Tokens
            | Source::With419
            | Source::ForTheOther
            | Source::Bound
            | Source::BoundWithNonces => self.tokens.fetch(why).await,
            Source::TokensAndKey => {
                let name = HeaderName::from_static(BESIDE);
                let key = http::HeaderValue::from_static("a-key");
                Ok(self.tokens.fetch(why).await?.with_header(name, key))
            }
            Source::Static => Credential::bearer("a-static-key"),
            Source::Tenant | Source::Undescribed => {
                let token = self.tokens.fetch(why).await?;
                let token = token.token().unwrap_or_default();
                Credential::header(HeaderName::from_static(TENANT), token)
            }
            Source::Hanging => future::pending().await,
        }
    }

    fn description(&self) -> Description {
        let mut description = self.tokens.description();
        description.header = match self.source {
            Source::Tenant => HeaderName::from_static(TENANT),
            _ => AUTHORIZATION,
        };
        description.fixed = self.source == Source::Static;
        match self.source {
            Source::With419 => {
                let refused = |status: StatusCode, _: &http::HeaderMap| status == 419;
                description.rejected = Rejected::default().when(refused);
            }
            Source::ForTheOther => description.origins = Some(vec![self.other.clone()]),
            _ => {}
        }
        description
    }
}
