//! Whether a proxy may stand between this process and its own machine.

use http::Uri;
use hyper_util::client::proxy::matcher::Matcher;

const LOOPBACK: [&str; 3] = ["http://127.0.0.1/", "http://localhost/", "http://[::1]/"];

/// Whether reqwest's default, the proxies that the environment or the system names, would take plain
/// requests to this machine away from it. Reads the environment by the code that reqwest reads it by.
pub(crate) fn may_take_loopback() -> bool {
    let system = Matcher::from_system();
    LOOPBACK
        .iter()
        .any(|uri| system.intercept(&Uri::from_static(uri)).is_some())
}
