//! [`Attach`]: how the token goes onto requests to the API.

use hallpass_core::Error;
use http::{HeaderName, header::AUTHORIZATION};

use super::checks::{check_fixed, header_name};
use crate::{
    Profile,
    profile::BEARER,
    template::{Stage, Template},
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
        let mut beside: Vec<(HeaderName, Template)> = Vec::new();
        for (name, text) in profile.templates_of(&profile.api_headers, Stage::Use)? {
            let name = header_name(&name)?;
            check_fixed(&name, &text)?;
            if name == header {
                return Err(Error::configuration(format!(
                    "the header {header} carries the token and can't be constant too"
                )));
            }
            // The last one counts: a builder sets it after its profile.
            beside.retain(|(other, _)| *other != name);
            beside.push((name, text));
        }
        Ok(Self {
            header,
            value,
            bearer,
            beside,
        })
    }
}
