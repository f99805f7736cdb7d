//! `google-cloud-auth`: a user's refresh token at a token endpoint of ours.

use google_cloud_auth::credentials::{CacheableResource, user_account::Builder};
use hallpass_benches::trouble::Contender;
use http::{Extensions, header::AUTHORIZATION};
use serde_json::json;

use super::asking::asking;

pub(super) fn contender() -> Contender {
    Contender::new("google-cloud-auth", |place| async move {
        let user = json!({
            "type": "authorized_user",
            "client_id": "client",
            "client_secret": "secret",
            "refresh_token": "refresh",
        });
        let credentials = Builder::new(user).with_token_uri(place.token_url).build()?;
        Ok(asking(
            move || {
                let credentials = credentials.clone();
                async move {
                    let CacheableResource::New { data, .. } =
                        credentials.headers(Extensions::new()).await?
                    else {
                        return Err("no header".into());
                    };
                    Ok(data.get(AUTHORIZATION).ok_or("no token")?.clone())
                }
            },
            |_| {},
        ))
    })
}
