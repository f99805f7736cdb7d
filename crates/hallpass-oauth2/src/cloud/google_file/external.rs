//! External accounts: workload identity federation of Google Cloud (AIP-4117).

use std::{collections::BTreeMap, path::PathBuf, sync::Arc, time::Duration};

use hallpass_core::Error;
use serde::Deserialize;
use serde_json::Value;
use zeroize::Zeroizing;

use super::{quota::charged_to, universe::Universe};
use crate::{
    Composed, Profile, Secret, TokenExchange, TokenSource, Transport,
    cloud::{CloudSource, GoogleImpersonation, impersonation::CLOUD_PLATFORM, metadata},
    file::WatchedFile,
    template::literal,
    token_type,
};

#[derive(Deserialize)]
pub(super) struct ExternalAccount {
    audience: String,
    subject_token_type: String,
    token_url: String,
    credential_source: CredentialSource,
    service_account_impersonation_url: Option<String>,
    service_account_impersonation: Option<Impersonation>,
    client_id: Option<String>,
    client_secret: Option<Zeroizing<String>>,
    workforce_pool_user_project: Option<String>,
    quota_project_id: Option<String>,
}

#[derive(Deserialize)]
struct Impersonation {
    token_lifetime_seconds: Option<u64>,
}

#[derive(Deserialize)]
struct CredentialSource {
    file: Option<PathBuf>,
    url: Option<String>,
    #[serde(default)]
    headers: BTreeMap<String, Zeroizing<String>>,
    #[serde(default)]
    format: Format,
    executable: Option<serde::de::IgnoredAny>,
    environment_id: Option<String>,
}

#[derive(Deserialize, Default)]
#[serde(tag = "type", rename_all = "lowercase")]
enum Format {
    #[default]
    Text,
    Json {
        subject_token_field_name: String,
    },
}

const URL_SOURCE: &str = r#"
    name = "google-subject-token"
    token_url = "{url}"
    method = "GET"
    encoding = "none"
    client_auth = "none"
    params = { grant_type = "" }
    token_type_optional = true
    lenient_token = true
    expiry = "jwt"
    variables = { url = "the URL of the token" }
"#;

impl ExternalAccount {
    pub(super) fn build<T: Transport>(
        &self,
        universe: &Universe,
        scopes: &[String],
        transport: &Arc<T>,
    ) -> Result<CloudSource, Error> {
        universe.check("token_url", &self.token_url)?;
        if let Some(url) = &self.service_account_impersonation_url {
            universe.check("service_account_impersonation_url", url)?;
        }
        let source = &self.credential_source;
        let exchange = |subject| self.exchange(scopes, subject, transport.clone());
        let exchanged = match (&source.file, &source.url) {
            (Some(path), _) => CloudSource::of(exchange(source.subject_file(path))?),
            (None, Some(url)) => {
                let subject = source.subject_url(url, transport.clone())?;
                CloudSource::of(Composed::new(subject, exchange)?)
            }
            (None, None) => return Err(source.unsupported()),
        };
        let Some(url) = &self.service_account_impersonation_url else {
            return Ok(exchanged);
        };
        let mut acting = GoogleImpersonation::at_url(url.clone()).scopes(scopes);
        let lifetime = self.service_account_impersonation.as_ref();
        if let Some(seconds) = lifetime.and_then(|wanted| wanted.token_lifetime_seconds) {
            acting = acting.lifetime(Duration::from_secs(seconds));
        }
        acting.build(exchanged, transport.clone())
    }

    fn exchange(
        &self,
        scopes: &[String],
        subject: Secret,
        transport: impl Transport,
    ) -> Result<TokenSource, Error> {
        // A token that only impersonates needs the one scope that allows it.
        let scope = match self.service_account_impersonation_url {
            Some(_) => CLOUD_PLATFORM.to_owned(),
            None => scopes.join(" "),
        };
        let mut builder = TokenExchange::at(self.token_url.as_str())
            .name("google-external-account")
            .subject_token(subject, self.subject_token_type.as_str())
            .requested_token_type(token_type::ACCESS_TOKEN)
            .audience(self.audience.as_str())
            .scope(scope);
        match (&self.client_id, &self.client_secret) {
            (Some(id), Some(secret)) => builder = builder.basic(id.as_str(), secret.as_str()),
            _ => {
                if let Some(project) = &self.workforce_pool_user_project {
                    let options = serde_json::json!({ "userProject": project });
                    builder = builder.param("options", options.to_string());
                }
            }
        }
        charged_to(self.quota_project_id.as_ref(), builder).build(transport)
    }
}

impl CredentialSource {
    fn subject_file(&self, path: &std::path::Path) -> Secret {
        let Format::Json {
            subject_token_field_name: field,
        } = &self.format
        else {
            return Secret::file(path);
        };
        let file = Arc::new(WatchedFile::new(path.to_owned()));
        let field: Arc<str> = field.as_str().into();
        Secret::from_async_fn(move || {
            let (file, field) = (file.clone(), field.clone());
            async move {
                let text = file.text().await?;
                // Half a file, perhaps: the next look may find all of it.
                let lacking = || {
                    Error::transient(format!("no text under \"{field}\""))
                        .context(format!("{} holds no token", file.path().display()))
                };
                let json: Value = serde_json::from_str(&text).map_err(|_| lacking())?;
                let token = json.get(&*field).and_then(Value::as_str);
                token.map(str::to_owned).ok_or_else(lacking)
            }
        })
    }

    fn subject_url(&self, url: &str, transport: impl Transport) -> Result<TokenSource, Error> {
        let text = match &self.format {
            Format::Text => format!("{URL_SOURCE}\nanswer = \"text\""),
            Format::Json { .. } => URL_SOURCE.to_owned(),
        };
        let mut profile = Profile::from_toml(&text)?.var("url", url);
        if let Format::Json {
            subject_token_field_name: field,
        } = &self.format
        {
            // A JSON pointer, since the name may have dots in it.
            let name = field.replace('~', "~0").replace('/', "~1");
            profile.token = vec![format!("/{name}")];
        }
        for (name, value) in &self.headers {
            profile.token_headers.push((name.clone(), literal(value)));
        }
        let builder = profile.client("", "");
        if metadata::check(url).is_ok() {
            builder.dangerously_allow_http().build(transport)
        } else {
            builder.build(transport)
        }
    }

    fn unsupported(&self) -> Error {
        Error::configuration(if self.executable.is_some() {
            "the file's \"credential_source\" is a program, which is not run because a file says so: run it with Exec, and exchange its token"
        } else if self.environment_id.is_some() {
            "the file's \"credential_source\" is AWS, which needs a signature of AWS's own: get the token with AWS's SDK, and exchange it"
        } else {
            "the file's \"credential_source\" names neither a file nor a URL"
        })
    }
}
