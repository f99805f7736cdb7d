//! [`Binding`]: what a credential is worth nothing without.

use std::sync::Arc;

use crate::{Error, Proof};

/// What a client has to hold beside the credential, so that a thief of the credential alone has
/// nothing: a key (RFC 9449), a certificate (RFC 8705 §3), or both.
#[derive(Clone, Default)]
pub(crate) struct Binding {
    pub(crate) proof: Option<Arc<dyn Proof>>,
    /// The certificate's SHA-256 thumbprint, in base64url.
    pub(crate) certificate: Option<Arc<str>>,
}

impl Binding {
    /// Whether a client that presents this certificate, if it is known to present one, can use it.
    pub(crate) fn check_certificate(&self, presented: Option<&str>) -> Result<(), Error> {
        let bound = match &self.certificate {
            None => return Ok(()),
            Some(bound) if presented == Some(bound) => return Ok(()),
            Some(bound) => bound,
        };
        let found = match presented {
            Some(other) => format!("the client presents another one, {other}"),
            None => "no certificate of the client's is known here".to_owned(),
        };
        Err(Error::possession(format!(
            "this token works only together with the client certificate whose SHA-256 thumbprint is {bound}, and {found}: give that certificate to the client that sends the request, and its thumbprint to client_certificate"
        )))
    }
}
