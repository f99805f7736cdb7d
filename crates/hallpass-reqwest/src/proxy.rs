//! Whether a proxy may stand between this process and its own machine.

use http::Uri;
use hyper_util::client::proxy::matcher::Matcher;

const LOOPBACK: [&str; 3] = ["http://127.0.0.1/", "http://localhost/", "http://[::1]/"];

/// Of documentation (RFC 5737), so that nobody exempts it from proxies.
#[cfg(feature = "transport")]
const ANYWHERE: &str = "http://192.0.2.1/";

/// The proxies that reqwest takes unless it is told otherwise: those that the environment or the
/// system names. Read by the code that reqwest reads them by.
pub(crate) struct SystemProxies(Matcher);

impl SystemProxies {
    pub(crate) fn read() -> Self {
        Self(Matcher::from_system())
    }

    /// Whether one would get this request.
    pub(crate) fn take(&self, uri: &Uri) -> bool {
        self.0.intercept(uri).is_some()
    }

    /// Whether one would get plain requests to this machine.
    pub(crate) fn take_loopback(&self) -> bool {
        let mut uris = LOOPBACK.iter();
        uris.any(|uri| self.take(&Uri::from_static(uri)))
    }

    /// Whether one would get any plain request, but for what is exempt.
    #[cfg(feature = "transport")]
    pub(crate) fn take_plain(&self) -> bool {
        self.take(&Uri::from_static(ANYWHERE))
    }
}
