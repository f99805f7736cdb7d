//! A Google service account's key file, as it is downloaded.

use hallpass_core::Error;
use serde::Deserialize;
use zeroize::Zeroizing;

use super::{TokenRequest, jwt_bearer::JwtBearer};
use crate::{Jwt, Key, text::printable};

#[derive(Deserialize)]
struct KeyFile {
    #[serde(rename = "type", default)]
    kind: String,
    client_email: Option<String>,
    private_key: Option<Zeroizing<String>>,
    private_key_id: Option<String>,
    token_uri: Option<String>,
}

impl JwtBearer {
    /// A Google service account, from the JSON of its key file.
    ///
    /// The scope goes into the assertion, as Google wants it. With
    /// [`subject`](TokenRequest::subject) it acts for a user of the domain.
    ///
    /// The file says where the assertion goes: take it only from those whom you trust with the
    /// account.
    ///
    /// ```no_run
    /// use hallpass_oauth2::JwtBearer;
    ///
    /// let builder = JwtBearer::google(&std::fs::read_to_string("service-account.json")?)?
    ///     .scope("https://www.googleapis.com/auth/cloud-platform");
    /// # let _ = builder;
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    ///
    /// # Errors
    /// If it is no service account's key file, or its key can't be used. No message holds a piece
    /// of it.
    pub fn google(service_account: &str) -> Result<TokenRequest, Error> {
        // The parser's own message may quote the key.
        let file: KeyFile = serde_json::from_str(service_account)
            .map_err(|_| Error::configuration("the service account's file is not its JSON"))?;
        if file.kind != "service_account" {
            return Err(Error::configuration(format!(
                "the file is of type \"{}\", not \"service_account\"",
                printable(&file.kind)
            )));
        }
        let lacking =
            |name| Error::configuration(format!("the service account's file has no \"{name}\""));
        let private_key = file.private_key.ok_or_else(|| lacking("private_key"))?;
        let email = file.client_email.ok_or_else(|| lacking("client_email"))?;
        let token_uri = file.token_uri.ok_or_else(|| lacking("token_uri"))?;
        let key = Key::from_pem(&private_key)?;
        let key = match file.private_key_id {
            Some(id) => key.kid(id),
            None => key,
        };
        let jwt = Jwt::signed_by(key).issuer(email).audience(&token_uri);
        let mut builder = Self::at(token_uri).jwt(jwt);
        builder.settings.profile.scope_in_claims = true;
        Ok(builder)
    }
}
