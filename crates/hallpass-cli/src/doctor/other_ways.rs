//! Whether a client that was refused is taken if it sends its secret in another usual way.

use hallpass::{CredentialSource as _, Error, Fetch, oauth2::ClientAuth};

use super::exchange::{Body, Exchange};
use crate::target::Target;

/// What another way has shown.
pub(super) struct Found {
    pub(super) cause: String,
    pub(super) fix: String,
}

/// Whether the refusal is about how the client says who it is.
pub(super) fn may_help(error: &Error, last: &Exchange) -> bool {
    let about_client = matches!(error.code(), Some("invalid_client" | "unauthorized_client"))
        || (error.code() == Some("invalid_request"))
        || last.status.as_u16() == 401;
    // Some servers say no more than this.
    let is_bare = last.status.as_u16() == 403 && matches!(last.body, Body::Empty);
    (error.is_permanent() && about_client) || is_bare
}

/// Asks in the other usual ways, at most two, until one works.
pub(super) async fn try_them(target: &Target) -> Option<Found> {
    let used = target.config.profile.client_auth;
    target.config.secret.as_ref()?;
    let others: &[(ClientAuth, &str)] = match used {
        ClientAuth::Basic => &[
            (ClientAuth::Post, "post"),
            (ClientAuth::BasicRaw, "basic-raw"),
        ],
        ClientAuth::BasicRaw => &[(ClientAuth::Post, "post"), (ClientAuth::Basic, "basic")],
        ClientAuth::Post => &[
            (ClientAuth::Basic, "basic"),
            (ClientAuth::BasicRaw, "basic-raw"),
        ],
        _ => return None,
    };
    for (auth, name) in others {
        let mut config = target.config.clone();
        config.profile.client_auth = *auth;
        let Ok(transport) = target.transport() else {
            return None;
        };
        let Ok(source) = config.source(&target.name, transport) else {
            continue;
        };
        if source.fetch(&Fetch::first()).await.is_ok() {
            return Some(Found {
                cause: format!(
                    "the server takes id and secret as \"{name}\", and the profile sends them as \"{}\"",
                    name_of(used)
                ),
                fix: format!("set client_auth = \"{name}\" in the profile"),
            });
        }
    }
    None
}

fn name_of(auth: ClientAuth) -> &'static str {
    match auth {
        ClientAuth::Basic => "basic",
        ClientAuth::BasicRaw => "basic-raw",
        _ => "post",
    }
}
