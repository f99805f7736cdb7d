//! What tells a token endpoint's credential from all others.

use std::borrow::Cow;

use hallpass_core::{Error, Identified, Identity};
use http::header::{ACCEPT, ACCEPT_ENCODING, CONTENT_LENGTH, USER_AGENT};

use super::TokenSource;
use crate::{
    ClientAuth,
    plan::ResolvedInputs,
    template::{Template, TemplateContext},
};

/// Headers that say something of the program, and nothing of the credential.
const OF_THE_PROGRAM: [http::HeaderName; 4] = [ACCEPT, ACCEPT_ENCODING, CONTENT_LENGTH, USER_AGENT];

impl Identified for TokenSource {
    /// The token request itself, but without what only proves who the client is: its secret, its
    /// assertion, a password, a proof of possession. JWTs that are signed anew each time count by their
    /// claims, and keys and certificates that the token will be bound to by their thumbprints. Times and
    /// random numbers among the parameters, which change each time, don't count.
    ///
    /// And what is made of the answer: where the token stands in it, what is kept of it, and every
    /// header that requests get beside the token.
    ///
    /// # Errors
    /// If what is sent can't be read. With a rotating refresh token, which changes each time, and
    /// with a client certificate, which only the transport knows, nothing that is sent tells whose
    /// credential it is: an error says so.
    async fn identity(&self) -> Result<Identity, Error> {
        let plan = &self.plan;
        if self.rotation().is_some() {
            return Err(self.unidentified("its refresh token changes"));
        }
        if plan.request.auth == ClientAuth::Tls {
            return Err(self.unidentified("its transport's certificate is not known to it"));
        }
        let mut inputs = plan.inputs.resolve_constant(&plan.name).await?;
        let dpop = inputs.dpop.take();
        let key = dpop.as_ref().map(|(_, prover)| prover.thumbprint());
        let prepared = plan.request.prepare(&plan.url, &inputs)?;
        let request = prepared.request;
        let identity = Identity::new("token request")
            .part("method", request.method().as_str())
            .part("url", request.uri().to_string())
            .part("auth", format!("{:?}", plan.request.auth))
            .optional("client", inputs.id.as_deref().map(String::as_str))
            .optional("key", key)
            .optional("certificate", inputs.certificate.as_deref())
            .part("body", request.body());
        let telling = request
            .headers()
            .iter()
            .filter(|(name, _)| !OF_THE_PROGRAM.contains(*name));
        let identity = telling.fold(identity, |identity, (name, value)| {
            identity.part(name.as_str(), value.as_bytes())
        });
        self.with_use(identity, &inputs)
    }
}

impl TokenSource {
    /// Adds what becomes of an answer.
    fn with_use(&self, identity: Identity, inputs: &ResolvedInputs) -> Result<Identity, Error> {
        let (response, attach) = (&self.plan.response, &self.plan.attach);
        let places = response.token.iter().map(|place| format!("{place:?}"));
        let kept = response.capture.iter();
        let kept = kept.map(|(name, path)| format!("{name} {path:?}"));
        let identity = identity
            .part("answer", format!("{:?}", response.format))
            .list("token at", places)
            .list("kept", kept);
        // Of what only the answer brings, the names count.
        let fields = response.capture.iter();
        let fields = fields.map(|(name, _)| (name.clone(), String::new()));
        let context = TemplateContext {
            fields: Cow::Owned(fields.collect()),
            ..inputs.context()
        };
        let fill = |text: &Template| {
            let filled = text.fill(&context);
            filled.map_err(|_| self.unidentified("a header of its requests grows beyond 1 MiB"))
        };
        let mut identity = identity
            .part("attached as", attach.header.as_str())
            .part("form", fill(&attach.value)?.as_bytes());
        for (kind, headers) in [("beside", &attach.beside), ("unless set", &attach.defaults)] {
            for (name, text) in headers {
                identity = identity
                    .part(kind, name.as_str())
                    .part("is", fill(text)?.as_bytes());
            }
        }
        Ok(identity)
    }

    fn unidentified(&self, why: &str) -> Error {
        Error::configuration(format!(
            "\"{}\" can't tell whose credential it brings, because {why}: name it, with Shared::named",
            self.plan.name
        ))
    }
}
