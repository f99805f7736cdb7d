//! The profiles that come with this crate.

use hallpass_core::Error;

use super::{description::Profile, file};
use crate::text::printable;

/// Names and files, one line each.
const SHIPPED: &[(&str, &str)] = &[
    (
        "adobe-umapi",
        include_str!("../../profiles/adobe-umapi.toml"),
    ),
    ("airwallex", include_str!("../../profiles/airwallex.toml")),
    ("amadeus", include_str!("../../profiles/amadeus.toml")),
    ("ataccama", include_str!("../../profiles/ataccama.toml")),
    ("atlar", include_str!("../../profiles/atlar.toml")),
    ("atomic", include_str!("../../profiles/atomic.toml")),
    ("auth0", include_str!("../../profiles/auth0.toml")),
    ("autodesk", include_str!("../../profiles/autodesk.toml")),
    (
        "azure-app-service",
        include_str!("../../profiles/azure-app-service.toml"),
    ),
    ("azure-imds", include_str!("../../profiles/azure-imds.toml")),
    ("box", include_str!("../../profiles/box.toml")),
    (
        "checkout-com",
        include_str!("../../profiles/checkout-com.toml"),
    ),
    (
        "cisco-secure-access",
        include_str!("../../profiles/cisco-secure-access.toml"),
    ),
    (
        "cisco-umbrella",
        include_str!("../../profiles/cisco-umbrella.toml"),
    ),
    ("cognito", include_str!("../../profiles/cognito.toml")),
    (
        "commercetools",
        include_str!("../../profiles/commercetools.toml"),
    ),
    (
        "crowdstrike",
        include_str!("../../profiles/crowdstrike.toml"),
    ),
    ("databricks", include_str!("../../profiles/databricks.toml")),
    ("dingtalk", include_str!("../../profiles/dingtalk.toml")),
    ("dynatrace", include_str!("../../profiles/dynatrace.toml")),
    ("ebay", include_str!("../../profiles/ebay.toml")),
    ("entra", include_str!("../../profiles/entra.toml")),
    ("entra-v1", include_str!("../../profiles/entra-v1.toml")),
    (
        "entra-workload-identity",
        include_str!("../../profiles/entra-workload-identity.toml"),
    ),
    ("fedex", include_str!("../../profiles/fedex.toml")),
    ("feishu", include_str!("../../profiles/feishu.toml")),
    (
        "gce-metadata",
        include_str!("../../profiles/gce-metadata.toml"),
    ),
    ("generic", include_str!("../../profiles/generic.toml")),
    ("genesys", include_str!("../../profiles/genesys.toml")),
    (
        "github-actions",
        include_str!("../../profiles/github-actions.toml"),
    ),
    ("github-app", include_str!("../../profiles/github-app.toml")),
    (
        "google-impersonation",
        include_str!("../../profiles/google-impersonation.toml"),
    ),
    (
        "iceberg-rest",
        include_str!("../../profiles/iceberg-rest.toml"),
    ),
    ("is2", include_str!("../../profiles/is2.toml")),
    ("jamf-pro", include_str!("../../profiles/jamf-pro.toml")),
    ("keycloak", include_str!("../../profiles/keycloak.toml")),
    ("kroger", include_str!("../../profiles/kroger.toml")),
    (
        "kubernetes-token-request",
        include_str!("../../profiles/kubernetes-token-request.toml"),
    ),
    ("lark", include_str!("../../profiles/lark.toml")),
    ("marketo", include_str!("../../profiles/marketo.toml")),
    ("moov", include_str!("../../profiles/moov.toml")),
    ("oauth-v2", include_str!("../../profiles/oauth-v2.toml")),
    ("officernd", include_str!("../../profiles/officernd.toml")),
    ("okta", include_str!("../../profiles/okta.toml")),
    ("onelogin", include_str!("../../profiles/onelogin.toml")),
    (
        "oracle-idcs",
        include_str!("../../profiles/oracle-idcs.toml"),
    ),
    (
        "palo-alto-sase",
        include_str!("../../profiles/palo-alto-sase.toml"),
    ),
    ("pax8", include_str!("../../profiles/pax8.toml")),
    ("paypal", include_str!("../../profiles/paypal.toml")),
    ("personio", include_str!("../../profiles/personio.toml")),
    (
        "personio-v1",
        include_str!("../../profiles/personio-v1.toml"),
    ),
    ("pingone", include_str!("../../profiles/pingone.toml")),
    ("pluggy", include_str!("../../profiles/pluggy.toml")),
    ("procore", include_str!("../../profiles/procore.toml")),
    ("sabre", include_str!("../../profiles/sabre.toml")),
    ("sailpoint", include_str!("../../profiles/sailpoint.toml")),
    ("salesforce", include_str!("../../profiles/salesforce.toml")),
    ("sap-ariba", include_str!("../../profiles/sap-ariba.toml")),
    (
        "sentinel-hub",
        include_str!("../../profiles/sentinel-hub.toml"),
    ),
    ("servicenow", include_str!("../../profiles/servicenow.toml")),
    (
        "servicetitan",
        include_str!("../../profiles/servicetitan.toml"),
    ),
    ("shopify", include_str!("../../profiles/shopify.toml")),
    ("spotify", include_str!("../../profiles/spotify.toml")),
    ("tableau", include_str!("../../profiles/tableau.toml")),
    ("tink", include_str!("../../profiles/tink.toml")),
    ("toast", include_str!("../../profiles/toast.toml")),
    ("truelayer", include_str!("../../profiles/truelayer.toml")),
    ("twitch", include_str!("../../profiles/twitch.toml")),
    ("ups", include_str!("../../profiles/ups.toml")),
    ("usps", include_str!("../../profiles/usps.toml")),
    ("vanta", include_str!("../../profiles/vanta.toml")),
    (
        "vault-approle",
        include_str!("../../profiles/vault-approle.toml"),
    ),
    ("walmart", include_str!("../../profiles/walmart.toml")),
    ("xero", include_str!("../../profiles/xero.toml")),
    ("zoom", include_str!("../../profiles/zoom.toml")),
    ("zoominfo", include_str!("../../profiles/zoominfo.toml")),
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

    /// The names of the profiles that come with this crate.
    pub fn names() -> impl Iterator<Item = &'static str> {
        SHIPPED.iter().map(|(name, _)| *name)
    }
}
