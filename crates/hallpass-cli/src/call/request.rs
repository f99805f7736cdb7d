//! The request that the command line describes.

use std::{
    fs,
    io::{self, Read as _},
};

use bytes::Bytes;
use http::{HeaderName, HeaderValue, Method, Request, Uri};

use super::CallArgs;
use crate::exit::Failure;

pub(super) fn of(args: &CallArgs) -> Result<Request<Bytes>, Failure> {
    let wrong = |message: &str| Failure::configuration(message);
    let url = url(&args.url)?;
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

/// An absolute URL.
pub(crate) fn url(text: &str) -> Result<Uri, Failure> {
    let absolute = || Failure::configuration("this is no absolute URL: write https://host/path");
    let url: Uri = text.parse().map_err(|_| absolute())?;
    match (url.scheme_str(), url.authority()) {
        (Some("http" | "https"), Some(_)) => Ok(url),
        _ => Err(absolute()),
    }
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
