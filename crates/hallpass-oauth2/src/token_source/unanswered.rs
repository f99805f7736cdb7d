//! Why there is no answer, in words that help: what a transport only hints at.

use std::{error::Error as StdError, io, time::Duration};

use hallpass_core::{BoxError, Error, Origin};

use crate::transport::{Phase, TransportError};

/// How soon another try makes sense after this machine had no room for a connection. Whatever takes
/// the descriptors gives them back within moments, and a longer gap would lock everybody out.
const LOCAL_GAP: Duration = Duration::from_secs(1);

/// The error for an exchange without an answer.
pub(super) fn unanswered(origin: &Origin, failed: TransportError) -> Error {
    let phase = failed.phase();
    if failed.is_local() {
        let words = format!("this machine has no room for a connection to {origin}");
        let error = caused(cause_of(phase, None), words).with_type("connect");
        return error.after(LOCAL_GAP);
    }
    let cause = failed.into_cause();
    let hint = cause.as_deref().and_then(|cause| hint(cause));
    let hint = hint.map_or_else(String::new, |hint| format!(": {hint}"));
    let words = match phase {
        Phase::Connect => format!("no connection to {origin}{hint}"),
        Phase::TooLarge => format!("{origin} answered with more than 1 MiB"),
        _ => format!("the connection to {origin} ended before its answer was whole{hint}"),
    };
    let error_type = match phase {
        Phase::Connect => "connect",
        Phase::TooLarge => "malformed",
        _ => "exchange",
    };
    caused(cause_of(phase, cause), words).with_type(error_type)
}

fn caused(cause: BoxError, words: String) -> Error {
    Error::transient(cause).context(words)
}

// The transport's own words for the phase would say the same again.
fn cause_of(phase: Phase, cause: Option<BoxError>) -> BoxError {
    cause.unwrap_or_else(|| {
        match phase {
            Phase::TooLarge => "nothing of it was used",
            _ => "the transport gives no reason",
        }
        .into()
    })
}

type Cause<'a> = &'a (dyn StdError + 'static);

fn chain(error: Cause<'_>) -> impl Iterator<Item = Cause<'_>> {
    let mut next = Some(error);
    std::iter::from_fn(move || {
        let error = next?;
        next = error.source();
        Some(error)
    })
}

/// The usual mistakes behind a connection that does not come about.
fn hint(error: Cause<'_>) -> Option<&'static str> {
    let said: Vec<String> = chain(error)
        .map(|error| error.to_string().to_lowercase())
        .collect();
    let says = |words: &[&str]| {
        said.iter()
            .any(|said| words.iter().any(|word| said.contains(word)))
    };
    let refused = chain(error)
        .filter_map(|error| error.downcast_ref::<io::Error>())
        .any(|error| error.kind() == io::ErrorKind::ConnectionRefused);
    // What libraries for TLS and names say; none has a type that all transports share.
    Some(
        if says(&[
            "invalidcontenttype",
            "wrong version number",
            "not a tls",
            "record overflow",
        ]) {
            "what listens there speaks no TLS: check the scheme and the port of the token URL"
        } else if says(&[
            "unknownissuer",
            "unknown issuer",
            "self-signed",
            "self signed",
        ]) {
            "its certificate comes from an authority that is not trusted here"
        } else if says(&["notvalidforname", "not valid for name", "hostname mismatch"]) {
            "its certificate is for another name: check the host of the token URL"
        } else if says(&["certificate expired", "invalid peer certificate: expired"]) {
            "its certificate has expired, or this machine's clock is wrong"
        } else if says(&[
            "failed to lookup",
            "dns error",
            "name or service not known",
            "no such host",
        ]) {
            "its name can't be resolved: check the host of the token URL"
        } else if refused || says(&["connection refused"]) {
            "nothing listens there: check host and port of the token URL"
        } else {
            return None;
        },
    )
}
