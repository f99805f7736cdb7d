//! [`Attach`]: how the token goes onto requests to the API.

use hallpass_core::Error;
use http::{HeaderName, header::AUTHORIZATION};

use super::checks::{check_fixed, header_name, headers};
use crate::{
    Profile,
    profile::BEARER,
    template::{Stage, Template},
    value::sounds_secret,
};

/// The same for a token that is bound to a key.
const DPOP_TOKEN: &str = "DPoP {token}";

/// How the token goes onto requests to the API, and what goes along.
pub(crate) struct Attach {
    pub(crate) header: HeaderName,
    /// With the token in it.
    pub(crate) value: Template,
    /// Whether it is `Bearer` and the token, as RFC 6750 §2.1 has it, or with a proof `DPoP` and the
    /// token (RFC 9449 §7.1).
    pub(crate) bearer: bool,
    pub(crate) beside: Vec<(HeaderName, Template)>,
    /// What is the same for every client, which a request may say otherwise.
    pub(crate) defaults: Vec<(HeaderName, Template)>,
}

impl Attach {
    pub(super) fn compile(profile: &Profile) -> Result<Self, Error> {
        let header = header_name(&profile.header)?;
        let bearer = header == AUTHORIZATION && profile.header_value == BEARER;
        let form = match profile.header_value.as_str() {
            BEARER if profile.dpop => DPOP_TOKEN,
            form => form,
        };
        let value = profile.template(form, Stage::Use)?;
        if !value.has_token() {
            return Err(Error::configuration(
                "the form of the API's header has no {token} in it",
            ));
        }
        check_fixed(&header, &value)?;
        let (constant, own): (Vec<_>, Vec<_>) = profile
            .api_headers
            .iter()
            .cloned()
            .partition(|(name, text)| is_literal(text) && !sounds_secret(name));
        let compiled = |pairs: &[(String, String)]| {
            headers(profile.templates_of(pairs, Stage::Use)?, header_name)
        };
        let (beside, defaults) = (compiled(&own)?, compiled(&constant)?);
        if beside
            .iter()
            .chain(&defaults)
            .any(|(name, _)| *name == header)
        {
            return Err(Error::configuration(format!(
                "the header {header} carries the token and can't be constant too"
            )));
        }
        Ok(Self {
            header,
            value,
            bearer,
            beside,
            defaults,
        })
    }
}

/// Whether a text has nothing in braces.
fn is_literal(text: &str) -> bool {
    !text.replace("{{", "").contains('{')
}
