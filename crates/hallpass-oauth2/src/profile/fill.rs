//! From a [`Profile`] to a builder: variables get their values, texts become what they stand for.

use std::collections::BTreeSet;

use hallpass_core::Error;

use super::{
    Answer, Profile,
    template::{self, Fault, Place, Stage},
};
use crate::{
    ClientCredentials, Condition, Secret,
    assertion::Audience,
    dialect::{Dialect, Judge, Late, Path, Renewal, Text, judge},
};

impl Profile {
    /// Gives a variable of the templates its value.
    #[must_use]
    pub fn var(mut self, name: impl Into<String>, value: impl Into<String>) -> Self {
        self.values.insert(name.into(), value.into());
        self
    }

    /// Puts another token endpoint in place of the profile's; template.
    #[must_use]
    pub fn token_url(mut self, url: impl Into<String>) -> Self {
        self.retire(&[self.token_url.clone()]);
        self.token_url = url.into();
        self
    }

    /// Puts other origins in place of the profile's; templates.
    #[must_use]
    pub fn origins<I>(mut self, origins: I) -> Self
    where
        I: IntoIterator<Item: Into<String>>,
    {
        self.retire(&self.origins.clone().unwrap_or_default());
        self.origins = Some(origins.into_iter().map(Into::into).collect());
        self
    }

    /// A builder with everything from the profile, for this client. What is wrong with the
    /// profile's variables, [`build`](ClientCredentials::build) says.
    pub fn client(&self, id: impl Into<Secret>, secret: impl Into<Secret>) -> ClientCredentials {
        let builder = self.filled().unwrap_or_else(|fault| {
            let mut builder = ClientCredentials::at(self.token_url.clone());
            builder.fault = Some(fault);
            builder
        });
        builder.authenticated(self.client_auth, id, secret)
    }

    fn retire(&mut self, templates: &[String]) {
        for template in templates {
            let names = template::names(template, Stage::Build).unwrap_or_default();
            self.replaced.extend(names.into_iter().map(str::to_owned));
        }
    }

    fn filled(&self) -> Result<ClientCredentials, Error> {
        self.check_variables()?;
        let text = |template: &String| self.expand(template, Place::Text);
        let option = |template: &Option<String>| match template {
            Some(template) => text(template),
            None => Ok(String::new()),
        };
        let mut builder = ClientCredentials::at(self.expand(&self.token_url, Place::Url)?);
        builder.name = Some(self.name.clone()).filter(|name| !name.is_empty());
        builder.encoding = self.encoding;
        builder.send_client_id = self.send_client_id;
        builder.scope = option(&self.scope)?;
        builder.audience = option(&self.audience)?;
        builder.resources = self.resource.iter().map(text).collect::<Result<_, _>>()?;
        builder.assume_bearer = self.token_type_optional;
        builder.expiry.clone_from(&self.expiry);
        builder.default_lifetime = self.default_lifetime;
        let value = template::settle(&self.header_value, &self.values);
        let value = value.map_err(|fault| self.fault(&fault))?;
        builder.attach = (self.header.clone(), value);
        builder.assertion.issuer = self.issuer.as_ref().map(text).transpose()?;
        if self.assertion_for_token_url {
            builder.assertion.audience = Audience::TokenUrl;
        }
        builder.dialect = Box::new(self.dialect()?);
        // Last, so that what is missing then is missing for them alone.
        let origins = |origins: &Vec<String>| origins.iter().map(|one| self.origin(one)).collect();
        builder.origins = self.origins.as_ref().map(origins).transpose()?;
        Ok(builder)
    }

    fn origin(&self, template: &str) -> Result<String, Error> {
        let filled = template::expand(template, Place::Url, &self.values);
        filled.map_err(|fault| match fault {
            Fault::Unset(_) => Error::configuration(format!(
                "{} for its origins alone: give it a value, or replace the origins",
                self.fault(&fault)
            )),
            _ => self.fault(&fault),
        })
    }

    fn dialect(&self) -> Result<Dialect, Error> {
        let paths = |paths: &[String]| paths.iter().map(|path| Path::parse(path)).collect();
        let mut params = Vec::with_capacity(self.params.len());
        for (name, param) in &self.params {
            let mut replace = |text: &String| self.text(text, Stage::Ask);
            params.push((name.clone(), param.map(&mut replace)?));
        }
        Ok(Dialect {
            method: self.method.clone(),
            params,
            query: self.texts(&self.query, Stage::Ask)?,
            headers: self.texts(&self.token_headers, Stage::Ask)?,
            scope_param: self.scope_param.clone(),
            scope_separator: self.scope_separator.clone(),
            secret_in_url: self.secret_in_url,
            text_answer: self.answer == Answer::Text,
            token: paths(&self.token),
            token_types: self.token_types.clone(),
            lenient_token: self.lenient_token,
            success: self.judges(&self.success)?,
            busy: self.judges(&self.busy)?,
            capture: self
                .capture
                .iter()
                .map(|(name, path)| (name.clone(), Path::parse(path)))
                .collect(),
            api_headers: self.texts(&self.api_headers, Stage::Use)?,
            rejected: self.judges(&self.rejected)?,
            renewal: Renewal {
                before: self.renew_before,
                reissue: self.reissue,
                grace: self.grace.unwrap_or_default(),
                interval: self.min_interval.unwrap_or_default(),
            },
        })
    }

    fn judges(&self, conditions: &[Condition]) -> Result<Vec<Judge>, Error> {
        let judged = |condition| {
            judge(condition)
                .map_err(|fault| Error::configuration(format!("profile \"{}\" {fault}", self.name)))
        };
        conditions.iter().map(judged).collect()
    }

    fn texts(
        &self,
        pairs: &[(String, String)],
        stage: Stage,
    ) -> Result<Vec<(String, Text)>, Error> {
        let text = |(name, value): &(String, String)| Ok((name.clone(), self.text(value, stage)?));
        pairs.iter().map(text).collect()
    }

    fn text(&self, template: &str, stage: Stage) -> Result<Text, Error> {
        let is_field = |name: &str| self.capture.iter().any(|(other, _)| other == name);
        template::text(template, stage, &self.values, is_field).map_err(|fault| self.fault(&fault))
    }

    fn expand(&self, template: &str, place: Place) -> Result<String, Error> {
        template::expand(template, place, &self.values).map_err(|fault| self.fault(&fault))
    }

    fn fault(&self, fault: &Fault) -> Error {
        let meaning = match fault {
            Fault::Unset(name) => self
                .variables
                .get(name)
                .map_or_else(String::new, |meaning| format!(" ({meaning})")),
            _ => String::new(),
        };
        Error::configuration(format!("profile \"{}\" {fault}{meaning}", self.name))
    }

    fn check_variables(&self) -> Result<(), Error> {
        let mut known: BTreeSet<&str> = self.replaced.iter().map(String::as_str).collect();
        known.extend(self.variables.keys().map(String::as_str));
        for (_, template, stage) in self.templates() {
            known.extend(template::names(template, stage).unwrap_or_default());
        }
        for (field, _) in &self.capture {
            known.remove(field.as_str());
        }
        match self
            .values
            .keys()
            .find(|name| !known.contains(name.as_str()))
        {
            None => Ok(()),
            Some(name) if known.is_empty() => Err(Error::configuration(format!(
                "profile \"{}\" has no variable \"{name}\": it has none",
                self.name
            ))),
            Some(name) => Err(Error::configuration(format!(
                "profile \"{}\" has no variable \"{name}\"; it has {}",
                self.name,
                known.into_iter().collect::<Vec<_>>().join(", ")
            ))),
        }
    }

    /// Every template with the field that it stands in and the stage at which it is filled.
    pub(super) fn templates(&self) -> impl Iterator<Item = (&'static str, &str, Stage)> {
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
            ("header_value", Some(&self.header_value), Stage::Use),
        ];
        let params = self.params.iter().flat_map(|(_, param)| param.texts());
        singles
            .into_iter()
            .filter_map(|(field, text, stage)| Some((field, text?.as_str(), stage)))
            .chain(lists.into_iter().flat_map(|(field, list)| {
                list.into_iter()
                    .flatten()
                    .map(move |text| (field, text.as_str(), Stage::Build))
            }))
            .chain(params.map(|text| ("params", text.as_str(), Stage::Ask)))
            .chain(pairs.into_iter().flat_map(|(field, pairs, stage)| {
                pairs
                    .iter()
                    .map(move |(_, text)| (field, text.as_str(), stage))
            }))
    }

    /// The first mistake in it that needs no variable's value, and the field that holds it.
    pub(super) fn mistake(&self) -> Option<(&'static str, String)> {
        for (field, template, stage) in self.templates() {
            if let Err(fault) = template::names(template, stage) {
                return Some((field, fault.to_string()));
            }
        }
        if !self.header_value.contains("{token}") {
            return Some(("header_value", "has no {token} in it".to_owned()));
        }
        for (name, _) in &self.capture {
            if Late::named(name).is_some() || self.variables.contains_key(name) {
                let taken = format!("has the name \"{name}\", which means something else already");
                return Some(("capture", taken));
            }
        }
        let conditions = [
            ("success", &self.success),
            ("busy", &self.busy),
            ("rejected", &self.rejected),
        ];
        for (field, conditions) in conditions {
            for condition in conditions {
                let fault = match judge(condition) {
                    Err(fault) => fault,
                    Ok(judge) if field == "rejected" && judge.path().is_some() => {
                        if judge.looks_at_head() {
                            "holds a condition on both the body and the status or a header"
                        } else if condition.absent {
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
