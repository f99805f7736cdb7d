//! Why a request is refused, and the vendor's words for it.

use std::borrow::Cow;

use http::HeaderValue;
use http::header::HeaderName;

use crate::answer::Answer;
use crate::fields::Fields;
use crate::system::System;

/// Why a request is turned down, before it is put into the vendor's words.
pub(crate) struct Refusal {
    pub(crate) status: u16,
    pub(crate) error: &'static str,
    pub(crate) description: Cow<'static, str>,
    /// Whether a test wants it with this very status, and not put into the vendor's words.
    pub(crate) on_purpose: bool,
    pub(crate) header: Option<(HeaderName, HeaderValue)>,
}

impl Refusal {
    pub(crate) fn new(
        status: u16,
        error: &'static str,
        description: impl Into<Cow<'static, str>>,
    ) -> Self {
        Self {
            status,
            error,
            description: description.into(),
            on_purpose: false,
            header: None,
        }
    }

    pub(crate) fn with_header(mut self, name: HeaderName, value: HeaderValue) -> Self {
        self.header = Some((name, value));
        self
    }

    pub(crate) fn on_purpose(mut self) -> Self {
        self.on_purpose = true;
        self
    }

    pub(crate) fn render(self, system: System) -> Answer {
        let fields = match system {
            System::Atlar => Fields::default()
                .with("status", self.status)
                .with("message", &*self.description),
            _ if self.description.is_empty() => Fields::default().with("error", self.error),
            _ => Fields::default()
                .with("error", self.error)
                .with("error_description", &*self.description),
        };
        let mut answer = Answer::json(self.status, &fields);
        if let Some((name, value)) = self.header {
            answer.headers.insert(name, value);
        }
        answer
    }
}
