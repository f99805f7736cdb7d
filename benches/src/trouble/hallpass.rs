//! Hallpass as its documentation says, with its defaults.

use bytes::Bytes;
use hallpass::{BearerLayer, ClientCredentials, reqwest::Bearer};
use http::Request;
use tower::Layer as _;

use super::contender::{BoxError, Contender, client, tower as over_tower};

pub(super) const TOWER: &str = "hallpass/tower";
pub(super) const REQWEST: &str = "hallpass/reqwest";

pub(super) fn tower() -> Contender {
    Contender::new(TOWER, |place| async move {
        let source = ClientCredentials::at(&place.token_url)
            .basic("client", "secret")
            .build(hallpass::hyper::transport()?)?;
        let layer = BearerLayer::new(source).origins([place.api.as_str()])?;
        Ok(over_tower(layer.layer(hallpass::hyper::client()?)))
    })
}

pub(super) fn reqwest() -> Contender {
    Contender::new(REQWEST, |place| async move {
        let source = ClientCredentials::at(&place.token_url)
            .basic("client", "secret")
            .build(hallpass::reqwest::transport()?)?;
        let http = Bearer::new(source)
            .origins([place.api.as_str()])?
            .client_from(::reqwest::Client::builder())?;
        Ok(client(move |request: Request<Bytes>| {
            let http = http.clone();
            async move {
                let response = http.execute(request.try_into()?).await?;
                let status = response.status();
                response.bytes().await?;
                Ok::<_, BoxError>(status)
            }
        }))
    })
}
