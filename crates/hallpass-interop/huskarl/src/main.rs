//! An API behind the validator of `huskarl-resource-server`, which asks the authorization server of
//! each token, checks each proof of possession, takes none twice, and wants other nonces all the time.
//!
//! AUTH: the authorization server. SECRET: of its client "post". NONCE_USES: after how many another
//! nonce is wanted; the one before still counts.

use std::{
    collections::HashSet,
    convert::Infallible,
    env,
    error::Error as StdError,
    sync::{
        Arc, Mutex,
        atomic::{AtomicU64, Ordering},
    },
};

use bytes::Bytes;
use http::{Request, Response, Uri};
use http_body_util::Full;
use huskarl_reqwest::ReqwestClient;
use huskarl_resource_server::{
    core::{
        Error,
        client_auth::ClientSecret,
        dpop::{DPoPNonceChecker, NonceCheck},
        jwt::{JtiUniquenessChecker, validator::ClaimCheck},
        platform::MaybeSendBoxFuture,
        secrets::{EnvVarSecret, encodings::StringEncoding},
    },
    validator::{introspection::IntrospectionValidator, metadata::ProvideValidatorMetadata as _},
};
use hyper::{body::Incoming, server::conn::http1, service::service_fn};
use hyper_util::rt::TokioIo;
use tokio::net::TcpListener;

/// Another nonce after so many uses.
struct Rotating {
    uses: u64,
    count: AtomicU64,
}

impl DPoPNonceChecker for Rotating {
    fn check_nonce<'a>(
        &'a self,
        nonce: Option<&'a str>,
    ) -> MaybeSendBoxFuture<'a, Result<NonceCheck, Error>> {
        let of = |count: u64| format!("nonce-{}", count / self.uses);
        let now = self.count.load(Ordering::Relaxed);
        let known = [of(now), of(now.saturating_sub(self.uses))];
        let is_known = nonce.is_some_and(|nonce| known.iter().any(|one| one == nonce));
        let check = if is_known {
            let next = of(self.count.fetch_add(1, Ordering::Relaxed) + 1);
            match nonce {
                Some(nonce) if nonce == next => NonceCheck::Valid,
                _ => NonceCheck::ValidWithNewNonce(next),
            }
        } else {
            NonceCheck::Invalid(of(now))
        };
        Box::pin(std::future::ready(Ok(check)))
    }
}

/// The identifiers of proofs that were seen, and how many came again.
#[derive(Debug, Default)]
struct Seen {
    all: Mutex<HashSet<String>>,
    again: AtomicU64,
}

impl JtiUniquenessChecker for Seen {
    fn check_and_mark_seen(&self, jti: &str) -> MaybeSendBoxFuture<'_, Result<bool, Error>> {
        let again = !self.all.lock().unwrap().insert(jti.to_owned());
        self.again.fetch_add(u64::from(again), Ordering::Relaxed);
        Box::pin(std::future::ready(Ok(again)))
    }
}

struct Api {
    validator: IntrospectionValidator,
    seen: Arc<Seen>,
    origin: String,
}

impl Api {
    async fn answer(&self, request: Request<Incoming>) -> Response<Full<Bytes>> {
        if request.uri().path() == "/stats" {
            let proofs = self.seen.all.lock().unwrap().len();
            let again = self.seen.again.load(Ordering::Relaxed);
            let body = format!(r#"{{"proofs":{proofs},"replayed":{again}}}"#);
            return Response::new(body.into());
        }
        let uri: Uri = format!("{}{}", self.origin, request.uri()).parse().unwrap();
        let (headers, method) = (request.headers(), request.method());
        let result = self.validator.validate_request(headers, method, &uri, None).await;
        if let Err(error) = &result.outcome {
            eprintln!("refused: {error}");
        }
        let metadata = self.validator.validator_metadata(None);
        let mut answer = Response::builder();
        answer = match result.rejection(&metadata, None) {
            Some(rejection) => rejection.apply(answer),
            None => match result.dpop_nonce {
                Some(nonce) => answer.header("dpop-nonce", nonce),
                None => answer,
            },
        };
        answer.body(Bytes::from("{}").into()).unwrap()
    }
}

#[tokio::main]
async fn main() -> Result<(), Box<dyn StdError>> {
    let listener = TcpListener::bind("127.0.0.1:0").await?;
    let port = listener.local_addr()?.port();
    let seen = Arc::new(Seen::default());
    let uses = env::var("NONCE_USES")?.parse()?;
    let introspection = format!("{}/token/introspection", env::var("AUTH")?);
    let secret = EnvVarSecret::new("SECRET", &StringEncoding)?;
    let validator = IntrospectionValidator::builder()
        .client_id("post")
        .introspection_endpoint(introspection.parse()?)
        .aud(ClaimCheck::NoCheck)
        .client_auth(ClientSecret::new(secret))
        .http_client(ReqwestClient::builder().build().await?)
        .require_dpop(true)
        .dpop_nonce_checker(Rotating {
            uses,
            count: AtomicU64::new(0),
        })
        .dpop_jti_checker(Arc::clone(&seen))
        .build()
        .await?;
    let api = Arc::new(Api {
        validator,
        seen,
        origin: format!("http://127.0.0.1:{port}"),
    });
    println!(r#"{{"port":{port}}}"#);
    loop {
        let (stream, _) = listener.accept().await?;
        let api = Arc::clone(&api);
        let service = service_fn(move |request| {
            let api = Arc::clone(&api);
            async move { Ok::<_, Infallible>(api.answer(request).await) }
        });
        tokio::spawn(http1::Builder::new().serve_connection(TokioIo::new(stream), service));
    }
}
