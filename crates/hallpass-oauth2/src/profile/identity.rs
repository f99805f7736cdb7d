//! What tells credentials of one profile from those of another.

use hallpass_core::{Error, Identity};
use zeroize::Zeroizing;

use super::Profile;
use crate::{Param, json, secret::Use, value::Value};

impl Profile {
    /// What tells credentials that are asked for by this profile from those of another: everything
    /// that it says of what is sent, of where the token stands in an answer, and of what requests get
    /// beside it. Two profiles that differ in names, messages, origins or times alone are the same.
    ///
    /// It is for whoever keeps credentials by name and has no [`TokenSource`](crate::TokenSource) yet,
    /// because an endpoint has to be found first. Who asks comes on top.
    ///
    /// # Errors
    /// If a secret variable can't be read.
    pub async fn identity(&self) -> Result<Identity, Error> {
        let mut identity = self.settings();
        for (variable, value) in &self.values {
            let value = match value {
                Value::Plain(text) => Zeroizing::new(text.clone()),
                Value::Secret(secret) => {
                    let (what, of) = ("secret variables", self.name.as_str());
                    secret.read(Use { what, of }).await?
                }
            };
            identity = identity.part("variable", variable).part("is", value);
        }
        Ok(identity)
    }

    /// All but the variables' values.
    fn settings(&self) -> Identity {
        // Every field is named, so that a new one has to be put on one side.
        let Self {
            token_url,
            method,
            grant,
            encoding,
            client_auth,
            issuer,
            claims,
            dpop,
            subject_token_type,
            actor_token_type,
            requested_token_type,
            scope_in_claims,
            params,
            query,
            send_client_id,
            token_headers,
            scope,
            scope_param,
            scope_separator,
            audience,
            resource,
            answer,
            token,
            capture,
            header,
            header_value,
            api_headers,
            // How the client proves who it is, and how proofs are made.
            assertion_for_token_url: _,
            assertion_key: _,
            assertion_kid: _,
            assertion_alg: _,
            assertion_typ: _,
            assertion_lifetime: _,
            assertion_backdated: _,
            dpop_alg: _,
            dpop_htu_base: _,
            dpop_bearer_allowed: _,
            secret_in_url: _,
            // What is taken for a success, and for a refusal.
            issued_token_type_optional: _,
            success: _,
            busy: _,
            refused: _,
            error_at: _,
            message_at: _,
            token_types: _,
            token_type_optional: _,
            lenient_token: _,
            rejected: _,
            // When it is asked for again.
            expiry: _,
            default_lifetime: _,
            renew_before: _,
            reissue: _,
            grace: _,
            min_interval: _,
            metered: _,
            // What it is called, and where it may go.
            name: _,
            documentation: _,
            variables: _,
            values: _,
            origins: _,
            replaced: _,
        } = self;
        let identity = Identity::new("profile")
            .part("url", token_url)
            .part("method", method.as_str())
            .part("grant", format!("{grant:?}"))
            .part("encoding", format!("{encoding:?}"))
            .part("auth", format!("{client_auth:?}"))
            .optional("issuer", issuer.as_deref())
            .part("claims", members(claims))
            .part(
                "flags",
                [*dpop, *scope_in_claims, *send_client_id].map(u8::from),
            )
            .optional("subject token type", subject_token_type.as_deref())
            .optional("actor token type", actor_token_type.as_deref())
            .optional("requested token type", requested_token_type.as_deref())
            .part("params", members(params))
            .optional("scope", scope.as_deref())
            .part("scope param", scope_param)
            .part("scope separator", scope_separator)
            .optional("audience", audience.as_deref())
            .list("resource", resource)
            .part("answer", format!("{answer:?}"))
            .list("token", token)
            .part("header", header)
            .part("header value", header_value);
        let pairs = [
            ("query", query),
            ("token headers", token_headers),
            ("kept", capture),
            ("API headers", api_headers),
        ];
        pairs.iter().fold(identity, |identity, (label, pairs)| {
            let both = pairs.iter().flat_map(|(name, value)| [name, value]);
            identity.list(label, both)
        })
    }
}

/// Parameters as a text that says all of them, which `Debug` does not.
fn members(members: &[(String, Param)]) -> Zeroizing<Vec<u8>> {
    let filled = members.iter().map(|(name, param)| {
        let text = param.map(&mut |text: &String| {
            Ok::<_, std::convert::Infallible>(Zeroizing::new(text.clone()))
        });
        let Ok(text) = text;
        (name.clone(), text)
    });
    json::object(&filled.collect::<Vec<_>>())
}
