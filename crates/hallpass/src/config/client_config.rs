//! [`ClientConfig`]: the settings of one client.

use std::{collections::BTreeMap, fmt, path::PathBuf};

use hallpass_oauth2::{Profile, Value};

use super::Reference;

/// The settings of one client: plain data, under the names that they have in files. The
/// [module](super) says what each is.
#[derive(Clone, Default)]
#[non_exhaustive]
pub struct ClientConfig {
    /// The vendor; a plain RFC 6749 server unless set.
    pub profile: Profile,
    /// The token endpoint, in place of the profile's; template.
    pub token_url: Option<String>,
    /// The issuer: the audience of assertions. Without a token URL its metadata names the endpoint.
    pub issuer: Option<String>,
    /// The client id.
    pub id: Option<Reference>,
    /// The client secret.
    pub secret: Option<Reference>,
    /// The private key that signs assertions.
    pub private_key: Option<Reference>,
    /// The key's id.
    pub key_id: Option<String>,
    /// The profile's variables.
    pub vars: BTreeMap<String, Reference>,
    /// The scopes to ask for.
    pub scope: Option<String>,
    /// The parameter `audience`.
    pub audience: Option<String>,
    /// The parameters `resource`.
    pub resource: Vec<String>,
    /// Where the credential may go, in place of the profile's origins if there are any.
    pub origins: Vec<String>,
    /// With the grant `refresh_token`: the token.
    pub refresh_token: Option<Reference>,
    /// With the grant `jwt_bearer`: the assertion.
    pub assertion: Option<Reference>,
    /// With the grant `token_exchange`: the token to exchange.
    pub subject_token: Option<Reference>,
    /// Its type, an identifier of RFC 8693 §3; that of an access token unless set.
    pub subject_token_type: Option<String>,
    /// With the grant `password`: the person's name.
    pub username: Option<Reference>,
    /// With the grant `password`: the password.
    pub password: Option<Reference>,
    /// A bearer token that comes from elsewhere.
    pub token: Option<Reference>,
    /// Whether id and secret go on each request of the API.
    pub basic: bool,
    /// Whether tokens are bound to a key.
    pub dpop: bool,
    /// That key; one in memory unless set.
    pub dpop_key: Option<Reference>,
    /// A PEM file with authorities to trust besides the platform's.
    pub ca: Option<PathBuf>,
    /// A PEM file with the certificate that the client presents.
    pub certificate: Option<PathBuf>,
    /// A PEM file with that certificate's key.
    pub certificate_key: Option<PathBuf>,
    /// A proxy's URL, or `env`.
    pub proxy: Option<String>,
    /// Whether secret and token may travel over plain `http`.
    pub dangerously_allow_http: bool,
}

impl ClientConfig {
    /// Every place of a secret with the setting that names it.
    pub fn references(&self) -> Vec<(String, &Reference)> {
        let single = [
            ("id", &self.id),
            ("secret", &self.secret),
            ("private_key", &self.private_key),
            ("refresh_token", &self.refresh_token),
            ("assertion", &self.assertion),
            ("subject_token", &self.subject_token),
            ("username", &self.username),
            ("password", &self.password),
            ("token", &self.token),
            ("dpop_key", &self.dpop_key),
        ];
        let single = single
            .into_iter()
            .filter_map(|(key, reference)| Some((key.to_owned(), reference.as_ref()?)));
        let vars = self.vars.iter();
        single
            .chain(vars.map(|(name, reference)| (format!("vars.{name}"), reference)))
            .collect()
    }

    /// Those of them whose values no message may show: all but the client id, and but variables of
    /// the profile that stand in the settings as texts, under names that aren't those of secrets.
    pub fn secrets(&self) -> Vec<(String, &Reference)> {
        let is_secret = |key: &str, reference: &Reference| match key.strip_prefix("vars.") {
            Some(name) => !matches!(reference, Reference::Value(..)) || Value::is_secret(name),
            None => key != "id",
        };
        let mut references = self.references();
        references.retain(|(key, reference)| is_secret(key, reference));
        references
    }
}

impl fmt::Debug for ClientConfig {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        // URLs may hold keys, and texts what somebody took for one.
        f.debug_struct("ClientConfig")
            .field("profile", &self.profile.name)
            .field("references", &self.references())
            .finish_non_exhaustive()
    }
}
