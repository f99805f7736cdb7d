//! What tells a token endpoint's credential from all others.

use std::sync::Arc;

use hallpass_core::{Error, Identified, Identity};
use http::header::{ACCEPT, ACCEPT_ENCODING, CONTENT_LENGTH, USER_AGENT};

use super::TokenSource;
use crate::{ClientAuth, dpop::Prover};

/// Headers that say something of the program, and nothing of the credential.
const OF_THE_PROGRAM: [http::HeaderName; 4] = [ACCEPT, ACCEPT_ENCODING, CONTENT_LENGTH, USER_AGENT];

impl Identified for TokenSource {
    /// The token request itself, but without what only proves who the client is: its secret, its
    /// assertion, a password, a proof of possession. JWTs that are signed anew each time count by their
    /// claims, and keys and certificates that the token will be bound to by their thumbprints.
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
        let inputs = plan.inputs.resolve(&plan.name).await?;
        let prover = inputs.dpop.as_ref().map(|(_, prover)| Arc::clone(prover));
        let key = prover.as_deref().map(Prover::thumbprint);
        let certificate = inputs.certificate.clone();
        let inputs = inputs.without_proofs();
        let prepared = plan.request.prepare(&plan.url, &inputs)?;
        let request = prepared.request;
        let identity = Identity::new("token request")
            .part("method", request.method().as_str())
            .part("url", request.uri().to_string())
            .part("auth", format!("{:?}", plan.request.auth))
            .optional("client", inputs.id.as_deref().map(String::as_str))
            .optional("key", key)
            .optional("certificate", certificate.as_deref())
            .part("body", request.body())
            .part("attached as", plan.attach.header.as_str());
        let telling = request
            .headers()
            .iter()
            .filter(|(name, _)| !OF_THE_PROGRAM.contains(*name));
        Ok(telling.fold(identity, |identity, (name, value)| {
            identity.part(name.as_str(), value.as_bytes())
        }))
    }
}

impl TokenSource {
    fn unidentified(&self, why: &str) -> Error {
        Error::configuration(format!(
            "\"{}\" can't tell whose credential it brings, because {why}: name it, with Shared::named",
            self.plan.name
        ))
    }
}
