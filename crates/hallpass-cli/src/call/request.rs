//! The request that the command line describes.

use std::{
    fs,
    io::{self, Read as _},
};

use bytes::Bytes;
use http::{
    HeaderName, HeaderValue, Method, Request, Uri,
    uri::{Authority, Scheme},
};

use super::CallArgs;
use crate::exit::Failure;

pub(super) fn of(args: &CallArgs) -> Result<Request<Bytes>, Failure> {
    let wrong = |message: &str| Failure::configuration(message);
    let (url, ..) = url("URL", &args.url)?;
    let method = match (&args.method, &args.data) {
        (Some(method), _) => method
            .parse()
            .map_err(|_| wrong("-X takes a method, such as PUT"))?,
        (None, Some(_)) => Method::POST,
        (None, None) => Method::GET,
    };
    let mut request = Request::new(body(args.data.as_deref())?);
    *request.method_mut() = method;
    *request.uri_mut() = url;
    for header in &args.header {
        let malformed = || wrong("-H takes 'NAME: VALUE'");
        let (name, value) = header.split_once(':').ok_or_else(malformed)?;
        let name: HeaderName = name.trim().parse().map_err(|_| malformed())?;
        let value = HeaderValue::from_str(value.trim()).map_err(|_| malformed())?;
        request.headers_mut().append(name, value);
    }
    Ok(request)
}

/// An absolute URL, and its scheme and authority. `argument` is the one that it stands in.
pub(crate) fn url(argument: &str, text: &str) -> Result<(Uri, Scheme, Authority), Failure> {
    let url: Option<Uri> = text.parse().ok();
    let parts = url.and_then(|url| {
        let parts = url.clone().into_parts();
        Some((url, parts.scheme?, parts.authority?))
    });
    parts
        .filter(|(_, scheme, _)| [Scheme::HTTP, Scheme::HTTPS].contains(scheme))
        .ok_or_else(|| {
            Failure::configuration(format!(
                "{argument}: write the whole URL, scheme and host included: https://host/path"
            ))
        })
}

fn body(data: Option<&str>) -> Result<Bytes, Failure> {
    let Some(data) = data else {
        return Ok(Bytes::new());
    };
    let failed = |error: io::Error| Failure::configuration(format!("--data {data}: {error}"));
    match data.strip_prefix('@') {
        None => Ok(Bytes::from(data.to_owned())),
        Some("-") => {
            let mut body = Vec::new();
            io::stdin().read_to_end(&mut body).map_err(failed)?;
            Ok(body.into())
        }
        Some(path) => Ok(fs::read(path).map_err(failed)?.into()),
    }
}
