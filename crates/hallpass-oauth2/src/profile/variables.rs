//! The variables of a [`Profile`]: their values, and what templates become with them.

use std::collections::BTreeSet;

use hallpass_core::Error;

use super::description::Profile;
use crate::{
    Param,
    condition::{self, Condition, Matcher},
    template::{Fault, Place, Stage, Template, expand, names},
    value::Value,
};

impl Profile {
    /// Gives a variable of the templates its value: a text, or a [`Secret`](crate::Secret) where it
    /// stands in parameters and headers.
    #[must_use]
    pub fn var(mut self, name: impl Into<String>, value: impl Into<Value>) -> Self {
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
        self.replace_origins(origins.into_iter().map(Into::into).collect());
        self
    }

    pub(crate) fn replace_origins(&mut self, origins: Vec<String>) {
        self.retire(&self.origins.clone().unwrap_or_default());
        self.origins = Some(origins);
    }

    fn retire(&mut self, templates: &[String]) {
        for template in templates {
            self.replaced
                .extend(names(template, Stage::Build).unwrap_or_default());
        }
    }

    pub(crate) fn expanded_origins(&self) -> Result<Option<Vec<String>>, Error> {
        let filled = |template: &String| {
            expand(template, Place::Url, &self.values).map_err(|fault| match fault {
                Fault::Unset(_) => Error::configuration(format!(
                    "{} for its origins alone: give it a value, or replace the origins",
                    self.fault(&fault)
                )),
                _ => self.fault(&fault),
            })
        };
        let origins = self.origins.as_ref();
        origins
            .map(|origins| origins.iter().map(filled).collect())
            .transpose()
    }

    pub(crate) fn expanded(&self, template: &str, place: Place) -> Result<String, Error> {
        expand(template, place, &self.values).map_err(|fault| self.fault(&fault))
    }

    /// Empty if there is no template.
    pub(crate) fn expanded_text(&self, template: Option<&String>) -> Result<String, Error> {
        template.map_or_else(
            || Ok(String::new()),
            |template| self.expanded(template, Place::Text),
        )
    }

    pub(crate) fn template(&self, template: &str, stage: Stage) -> Result<Template, Error> {
        let is_field = |name: &str| self.capture.iter().any(|(other, _)| other == name);
        Template::compile(template, stage, &self.values, &is_field)
            .map_err(|fault| self.fault(&fault))
    }

    pub(crate) fn templates_of(
        &self,
        pairs: &[(String, String)],
        stage: Stage,
    ) -> Result<Vec<(String, Template)>, Error> {
        let compiled =
            |(name, text): &(String, String)| Ok((name.clone(), self.template(text, stage)?));
        pairs.iter().map(compiled).collect()
    }

    pub(crate) fn compiled_params(
        &self,
        params: &[(String, Param)],
    ) -> Result<Vec<(String, Param<Template>)>, Error> {
        let mut replace = |text: &String| self.template(text, Stage::Ask);
        let compiled =
            |(name, param): &(String, Param)| Ok((name.clone(), param.map(&mut replace)?));
        params.iter().map(compiled).collect()
    }

    pub(crate) fn matchers(&self, conditions: &[Condition]) -> Result<Vec<Matcher>, Error> {
        let compiled = |given| {
            condition::compile(given)
                .map_err(|fault| Error::configuration(format!("{} {fault}", self.shown())))
        };
        conditions.iter().map(compiled).collect()
    }

    fn shown(&self) -> String {
        if self.name.is_empty() {
            "the token request".to_owned()
        } else {
            format!("profile \"{}\"", self.name)
        }
    }

    pub(crate) fn unset(&self, variable: String) -> Error {
        self.fault(&Fault::Unset(variable))
    }

    fn fault(&self, fault: &Fault) -> Error {
        let meaning = match fault {
            Fault::Unset(name) => self
                .variables
                .get(name)
                .map_or_else(String::new, |meaning| format!(" ({meaning})")),
            _ => String::new(),
        };
        Error::configuration(format!("{} {fault}{meaning}", self.shown()))
    }

    /// Finds values that no template asks for.
    pub(crate) fn check_variables(&self) -> Result<(), Error> {
        let mut known: BTreeSet<String> = self.replaced.clone();
        known.extend(self.variables.keys().cloned());
        for (_, template, stage) in self.templates() {
            known.extend(names(template, stage).unwrap_or_default());
        }
        for (field, _) in &self.capture {
            known.remove(field);
        }
        let stray = self.values.keys().find(|name| !known.contains(*name));
        let Some(name) = stray else { return Ok(()) };
        let known: Vec<String> = known.into_iter().collect();
        let known = match &known[..] {
            [] => ": it has none".to_owned(),
            known => format!("; it has {}", known.join(", ")),
        };
        Err(Error::configuration(format!(
            "{} has no variable \"{name}\"{known}",
            self.shown()
        )))
    }
}
