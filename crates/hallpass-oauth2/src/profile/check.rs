//! Mistakes in a [`Profile`] that need no variable's value to be seen.

use hallpass_core::Error;

use super::description::Profile;
use crate::{
    condition,
    template::{Stage, is_placeholder, names, variable},
    token_place::TokenPlace,
};

impl Profile {
    /// Every template with the field that it stands in and the stage at which it is filled.
    pub(crate) fn templates(&self) -> impl Iterator<Item = (&'static str, &str, Stage)> {
        let pairs = [
            ("query", &self.query, Stage::Ask),
            ("token_headers", &self.token_headers, Stage::Ask),
            ("api_headers", &self.api_headers, Stage::Use),
        ];
        let lists = [
            ("resource", Some(&self.resource)),
            ("origins", self.origins.as_ref()),
        ];
        let singles = [
            ("token_url", Some(&self.token_url), Stage::Build),
            ("scope", self.scope.as_ref(), Stage::Build),
            ("audience", self.audience.as_ref(), Stage::Build),
            ("issuer", self.issuer.as_ref(), Stage::Build),
            ("assertion_key", self.assertion_key.as_ref(), Stage::Build),
            ("assertion_kid", self.assertion_kid.as_ref(), Stage::Build),
            ("dpop_htu_base", self.dpop_htu_base.as_ref(), Stage::Build),
            ("header_value", Some(&self.header_value), Stage::Use),
        ];
        let params = [("params", &self.params), ("claims", &self.claims)]
            .into_iter()
            .flat_map(|(field, params)| params.iter().map(move |(_, param)| (field, param)))
            .flat_map(|(field, param)| param.texts().into_iter().map(move |text| (field, text)));
        singles
            .into_iter()
            .filter_map(|(field, text, stage)| Some((field, text?.as_str(), stage)))
            .chain(lists.into_iter().flat_map(|(field, list)| {
                list.into_iter()
                    .flatten()
                    .map(move |text| (field, text.as_str(), Stage::Build))
            }))
            .chain(params.map(|(field, text)| (field, text.as_str(), Stage::Ask)))
            .chain(pairs.into_iter().flat_map(|(field, pairs, stage)| {
                pairs
                    .iter()
                    .map(move |(_, text)| (field, text.as_str(), stage))
            }))
    }

    pub(crate) fn token_places(&self) -> Result<Vec<TokenPlace>, Error> {
        let places = self.token.iter().map(|at| TokenPlace::parse(at));
        places
            .collect::<Result<_, _>>()
            .map_err(|fault| Error::configuration(format!("token {fault}")))
    }

    /// The first mistake in it that needs no variable's value, and the field that holds it.
    pub(super) fn mistake(&self) -> Option<(&'static str, String)> {
        for (field, template, stage) in self.templates() {
            if let Err(fault) = names(template, stage) {
                return Some((field, fault.to_string()));
            }
        }
        if self
            .assertion_key
            .as_deref()
            .is_some_and(|key| variable(key).is_none())
        {
            let fault = "is not one variable in braces, such as {signing_key}";
            return Some(("assertion_key", fault.to_owned()));
        }
        if !self.header_value.contains("{token}") {
            return Some(("header_value", "has no {token} in it".to_owned()));
        }
        if let Some(fault) = self.token.iter().find_map(|at| TokenPlace::parse(at).err()) {
            return Some(("token", fault.to_owned()));
        }
        for (name, _) in &self.capture {
            if is_placeholder(name) || self.variables.contains_key(name) {
                let taken = format!("has the name \"{name}\", which means something else already");
                return Some(("capture", taken));
            }
        }
        let conditions = [
            ("success", &self.success),
            ("busy", &self.busy),
            ("refused", &self.refused),
            ("rejected", &self.rejected),
        ];
        for (field, conditions) in conditions {
            for given in conditions {
                let fault = match condition::compile(given) {
                    Err(fault) => fault,
                    Ok(matcher) if field == "rejected" && matcher.path().is_some() => {
                        if matcher.looks_at_head() {
                            "holds a condition on both the body and the status or a header"
                        } else if given.absent {
                            "holds a condition on what a body lacks, but only its beginning is seen"
                        } else {
                            continue;
                        }
                    }
                    Ok(_) => continue,
                };
                return Some((field, fault.to_owned()));
            }
        }
        None
    }
}
