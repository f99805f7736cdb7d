//! What an error made from a text says, and the code that it may carry.

use std::error::Error as _;

use hallpass_core::{Error, adapter::CallError};

#[test]
fn an_error_made_from_a_text_says_the_text() {
    for error in [
        Error::permanent("vault answered 403"),
        Error::transient("vault answered 403".to_owned()),
    ] {
        assert_eq!(error.to_string(), "vault answered 403");
        assert!(error.source().is_none());
        let told = error.context("reading the lease");
        assert_eq!(told.to_string(), "reading the lease");
        assert_eq!(told.source().unwrap().to_string(), "vault answered 403");
    }
    let other = Error::transient(std::io::Error::other("socket closed"));
    assert_eq!(other.to_string(), "the credential source failed for now");
    assert_eq!(other.source().unwrap().to_string(), "socket closed");
}

#[test]
fn a_code_stays_with_its_error() {
    let error = Error::permanent("no").with_code("invalid_grant");
    assert_eq!(error.clone().context("other").code(), Some("invalid_grant"));
    assert_eq!(Error::permanent("no").code(), None);
}

/// What is around an error shows neither a word nor a cause of its own.
#[test]
fn an_error_of_a_call_is_the_one_that_it_is_made_of() {
    let error = Error::transient("closed").context("asking the issuer");
    let call = CallError::<std::io::Error>::from(error.clone());
    assert_eq!(call.to_string(), error.to_string());
    assert_eq!(call.source().unwrap().to_string(), "closed");
    let inner = std::io::Error::other(error);
    let call = CallError::Inner(inner);
    assert_eq!(call.to_string(), "asking the issuer");
    assert_eq!(call.source().unwrap().to_string(), "closed");
}
