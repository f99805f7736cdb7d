//! The profiles that come with this crate.

use hallpass_core::Error;

use super::{description::Profile, file};
use crate::text::printable;

/// Names and texts of the files of these names.
macro_rules! shipped {
    ($($name:literal),+ $(,)?) => {
        &[$(($name, include_str!(concat!("../../profiles/", $name, ".toml")))),+]
    };
}

const SHIPPED: &[(&str, &str)] = shipped![
    "adobe-umapi",
    "airwallex",
    "amadeus",
    "ataccama",
    "atlar",
    "atomic",
    "auth0",
    "autodesk",
    "azure-app-service",
    "azure-imds",
    "box",
    "checkout-com",
    "cisco-secure-access",
    "cisco-umbrella",
    "cisco-xdr",
    "cognito",
    "commercetools",
    "crowdstrike",
    "databricks",
    "dingtalk",
    "dynatrace",
    "ebay",
    "entra",
    "entra-v1",
    "entra-workload-identity",
    "fedex",
    "feishu",
    "gce-metadata",
    "generic",
    "genesys",
    "github-actions",
    "github-app",
    "google-impersonation",
    "iceberg-rest",
    "is2",
    "jamf-pro",
    "keycloak",
    "kroger",
    "kubernetes-token-request",
    "lark",
    "marketo",
    "moov",
    "oauth-v2",
    "officernd",
    "okta",
    "onelogin",
    "oracle-idcs",
    "palo-alto-sase",
    "pax8",
    "paypal",
    "personio",
    "personio-v1",
    "pingone",
    "pluggy",
    "procore",
    "sabre",
    "sailpoint",
    "salesforce",
    "sap-ariba",
    "sentinel-hub",
    "servicenow",
    "servicetitan",
    "shopify",
    "spotify",
    "tableau",
    "tink",
    "toast",
    "truelayer",
    "twitch",
    "ups",
    "usps",
    "vanta",
    "vault-approle",
    "walmart",
    "xero",
    "zoom",
    "zoominfo",
];

impl Profile {
    /// A profile that comes with this crate: one of [`names`](Self::names).
    ///
    /// Each says in its file which documentation it follows, and how far that was read again when
    /// it was written.
    ///
    /// ```
    /// use hallpass_oauth2::Profile;
    ///
    /// let zoom = Profile::named("zoom")?.var("account_id", "abc");
    /// assert_eq!(zoom.origins, Some(vec!["https://api.zoom.us".to_owned()]));
    /// # Ok::<(), hallpass_core::Error>(())
    /// ```
    ///
    /// # Errors
    /// If there is none of that name; the message lists those that there are.
    pub fn named(name: &str) -> Result<Self, Error> {
        let Some((name, text)) = SHIPPED.iter().find(|(shipped, _)| *shipped == name) else {
            return Err(Error::configuration(format!(
                "there is no profile \"{}\"; one of {}",
                printable(name),
                Self::names().collect::<Vec<_>>().join(", ")
            )));
        };
        file::parse(text, &format!("{name}.toml"), name)
    }

    /// The text of a profile that comes with this crate, to read, to show, or to begin one's own with.
    pub fn shipped_toml(name: &str) -> Option<&'static str> {
        let (_, text) = SHIPPED.iter().find(|(shipped, _)| *shipped == name)?;
        Some(text)
    }

    /// The names of the profiles that come with this crate.
    pub fn names() -> impl Iterator<Item = &'static str> {
        SHIPPED.iter().map(|(name, _)| *name)
    }
}
