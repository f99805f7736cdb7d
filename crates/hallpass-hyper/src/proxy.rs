//! [`Proxy`]: whether connections go through a proxy, and through which.

use std::{env, fmt, sync::Arc};

use hallpass_core::{Error, Origin};
use http::{Uri, header::PROXY_AUTHORIZATION, request::Parts, uri::Scheme};
use hyper_util::client::proxy::matcher::{Intercept, Matcher};

/// Whether connections go through a proxy: through none, unless a [`Builder`](crate::Builder) is
/// given one.
///
/// ```no_run
/// # fn main() -> Result<(), Box<dyn std::error::Error>> {
/// use hallpass_hyper::{Builder, Proxy};
/// let builder = Builder::new().proxy(Proxy::from_env());
/// let (transport, client) = (builder.transport()?, builder.client()?);
/// # let _: hallpass_hyper::Client<http_body_util::Empty<bytes::Bytes>> = client;
/// # let _ = transport;
/// # Ok(())
/// # }
/// ```
///
/// For an `https` destination the proxy is asked for a tunnel (`CONNECT`), and sees nothing of what
/// goes through it. A request to an `http` destination is handed to the proxy as it is, with its
/// credential if it has one. This machine and what is on its link, metadata servers among it
/// ([`Origin::is_local`]), are never asked for through a proxy: plain HTTP is private there only if
/// nobody stands in between, and a proxy has a metadata server of its own.
///
/// Proxies may be `http`, `https`, `socks4`, `socks4a`, `socks5` or `socks5h`, with a name and a
/// password before an `@`. `socks4` and `socks5` resolve the destination's name here, the other two
/// in the proxy.
#[derive(Clone, Default)]
pub struct Proxy(Choice);

#[derive(Clone, Default)]
enum Choice {
    #[default]
    None,
    Some(Arc<Matcher>),
    /// Reported when something is built.
    Unreadable(&'static str),
}

/// The variables that name a proxy.
const VARIABLES: [&str; 6] = [
    "ALL_PROXY",
    "all_proxy",
    "HTTPS_PROXY",
    "https_proxy",
    "HTTP_PROXY",
    "http_proxy",
];

impl Proxy {
    /// No proxy, whatever the environment says.
    pub fn none() -> Self {
        Self(Choice::None)
    }

    /// What the environment says at this moment: `HTTPS_PROXY` and `HTTP_PROXY` by the scheme of
    /// the destination, `ALL_PROXY` where the fitting one is missing, and `NO_PROXY` with what goes
    /// without. Names in lower case count too, after those in upper case.
    ///
    /// In a CGI program, where `HTTP_PROXY` comes from the request, there is no proxy. A variable
    /// that can't be read as a proxy's URL is an error of what is built with this.
    pub fn from_env() -> Self {
        let set = VARIABLES.into_iter().filter_map(|name| {
            let value = env::var_os(name)?;
            (!value.is_empty()).then(|| (name, value.into_string().unwrap_or_default()))
        });
        for (name, value) in set {
            if !is_readable(&value) {
                return Self(Choice::Unreadable(name));
            }
        }
        Self(Choice::Some(Arc::new(Matcher::from_env())))
    }

    /// This proxy for every destination, such as `http://proxy.example.com:3128`.
    ///
    /// A URL that can't be read is an error of what is built with this.
    pub fn all(url: impl AsRef<str>) -> Self {
        Self::all_except(url, "")
    }

    /// This proxy for every destination but those of a list like that of `NO_PROXY`: names with
    /// all that is below them, addresses, and networks (`10.0.0.0/8`), separated by commas.
    ///
    /// A URL that can't be read is an error of what is built with this.
    pub fn all_except(url: impl AsRef<str>, except: impl AsRef<str>) -> Self {
        let (url, except) = (url.as_ref(), except.as_ref());
        if !is_readable(url) {
            return Self(Choice::Unreadable("the proxy's URL"));
        }
        let matcher = Matcher::builder().all(url).no(except).build();
        Self(Choice::Some(Arc::new(matcher)))
    }

    pub(crate) fn check(&self) -> Result<(), Error> {
        match self.0 {
            // Without the value, which may hold a password.
            Choice::Unreadable(what) => Err(Error::configuration(format!(
                "{what} is not the URL of a proxy, such as http://proxy.example.com:3128"
            ))),
            Choice::None | Choice::Some(_) => Ok(()),
        }
    }

    /// The proxy on the way to this destination.
    pub(crate) fn to(&self, destination: &Uri) -> Option<Intercept> {
        let Choice::Some(matcher) = &self.0 else {
            return None;
        };
        let intercept = matcher.intercept(destination)?;
        (!is_local(destination)).then_some(intercept)
    }

    /// Puts the proxy's password on a request that the proxy reads. A tunnel has it already.
    pub(crate) fn authorize(&self, head: &mut Parts) {
        if matches!(self.0, Choice::None) || head.uri.scheme() != Some(&Scheme::HTTP) {
            return;
        }
        let intercept = self.to(&head.uri);
        if let Some(password) = intercept.as_ref().and_then(Intercept::basic_auth) {
            let mut password = password.clone();
            password.set_sensitive(true);
            head.headers.entry(PROXY_AUTHORIZATION).or_insert(password);
        }
    }
}

fn is_readable(url: &str) -> bool {
    let any = Uri::from_static("https://example.com");
    Matcher::builder()
        .all(url)
        .build()
        .intercept(&any)
        .is_some()
}

/// By the destination's spelling; what a name resolves to is the business of whoever connects.
fn is_local(destination: &Uri) -> bool {
    let host = destination.host().unwrap_or_default();
    format!("http://{host}")
        .parse()
        .is_ok_and(|origin: Origin| origin.is_local())
}

impl fmt::Debug for Proxy {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &self.0 {
            Choice::None => f.write_str("Proxy(none)"),
            // It leaves out passwords.
            Choice::Some(matcher) => f.debug_tuple("Proxy").field(matcher).finish(),
            Choice::Unreadable(what) => f.debug_tuple("Proxy").field(what).finish(),
        }
    }
}
