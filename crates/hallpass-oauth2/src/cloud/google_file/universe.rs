//! [`Universe`]: whose hosts a credential file may name.

use hallpass_core::Error;
use http::Uri;

use crate::text::printable;

/// The domain below which all hosts are that get a file's secrets.
#[derive(Clone)]
pub(super) struct Universe(pub(super) String);

impl Universe {
    /// Refuses a URL of somebody else's.
    pub(super) fn check(&self, member: &str, url: &str) -> Result<(), Error> {
        let uri: Option<Uri> = url.parse().ok();
        let host = uri.as_ref().and_then(Uri::host).unwrap_or_default();
        let inside = host
            .strip_suffix(self.0.as_str())
            .is_some_and(|rest| rest.ends_with('.'));
        // What service accounts' files said before 2018.
        let known = inside || host == "accounts.google.com";
        let secure = uri
            .as_ref()
            .is_some_and(|uri| uri.scheme_str() == Some("https"));
        if known && secure {
            return Ok(());
        }
        Err(Error::configuration(format!(
            "the file's \"{member}\" leads to \"{}\", which is no host of {}",
            printable(host),
            printable(&self.0)
        )))
    }
}
