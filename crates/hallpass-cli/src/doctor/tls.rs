//! What TLS did not like, and what to do about it.

use std::{error::Error as StdError, io};

use rustls::{AlertDescription, CertificateError, Error, OtherError};

/// The cause and what to change, if this is an error of TLS.
pub(super) fn explain(error: &(dyn StdError + 'static), host: &str) -> Option<(String, String)> {
    let error = find(error)?;
    let (cause, fix) = match error {
        Error::InvalidCertificate(why) => return Some(of_certificate(why, host)),
        Error::InvalidMessage(_) => (
            "the server does not speak TLS on this port",
            "check the port of the token URL; http is possible on this machine alone",
        ),
        Error::AlertReceived(
            AlertDescription::CertificateRequired
            | AlertDescription::BadCertificate
            | AlertDescription::CertificateUnknown
            | AlertDescription::UnknownCA
            | AlertDescription::AccessDenied,
        ) => (
            "the server wants a certificate of the client, or another one (mTLS)",
            "name it with --certificate and --certificate-key",
        ),
        Error::AlertReceived(AlertDescription::UnrecognisedName) => (
            "the server knows no host of this name",
            "check the host of the token URL",
        ),
        Error::AlertReceived(_) | Error::PeerIncompatible(_) => (
            "client and server have no version or cipher of TLS in common",
            "let the server speak TLS 1.2 or 1.3; look for a middlebox that breaks it",
        ),
        _ => return None,
    };
    Some((cause.to_owned(), fix.to_owned()))
}

fn of_certificate(why: &CertificateError, host: &str) -> (String, String) {
    match why {
        CertificateError::Expired | CertificateError::ExpiredContext { .. } => (
            "the server's certificate has expired, or this machine's clock is ahead".to_owned(),
            "have the certificate renewed, and check the clock with `date`".to_owned(),
        ),
        CertificateError::NotValidYet | CertificateError::NotValidYetContext { .. } => (
            "the server's certificate is not valid yet: this machine's clock is behind".to_owned(),
            "set the clock, and keep it right with NTP".to_owned(),
        ),
        CertificateError::NotValidForName | CertificateError::NotValidForNameContext { .. } => (
            format!("the server's certificate is for other names than {host}"),
            "write the host in the token URL as it stands in the certificate; an address or an alias is often not there".to_owned(),
        ),
        CertificateError::UnknownIssuer => untrusted(),
        CertificateError::Revoked => (
            "the server's certificate has been revoked".to_owned(),
            "have it replaced; trust nothing on the way until then".to_owned(),
        ),
        CertificateError::Other(OtherError(other)) if other.to_string().contains("CaUsedAsEndEntity") => {
            untrusted()
        }
        other => (
            format!("the server's certificate is not accepted ({other:?})"),
            "have the server's certificate checked".to_owned(),
        ),
    }
}

fn untrusted() -> (String, String) {
    (
        "the server's certificate is self-signed, or signed by an authority that this machine does not trust; a proxy that looks into TLS has one of its own too".to_owned(),
        "name the authority's certificate, in PEM, with --ca or the setting ca, or install it in the system".to_owned(),
    )
}

/// The error of TLS behind another one.
fn find<'a>(error: &'a (dyn StdError + 'static)) -> Option<&'a Error> {
    let mut next = Some(error);
    while let Some(error) = next {
        if let Some(found) = error.downcast_ref::<Error>() {
            return Some(found);
        }
        // An I/O error hands out what is behind its content, and not the content.
        if let Some(inner) = error
            .downcast_ref::<io::Error>()
            .and_then(io::Error::get_ref)
        {
            return find(inner);
        }
        next = error.source();
    }
    None
}
