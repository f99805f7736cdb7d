//! The client that MCP's conformance suite runs: `cargo xtask mcp` starts the suite, which starts this
//! with the server's URL.
//!
//! Everything about tokens is done by `Protected` and hallpass-rmcp. The rest of what the suite wants
//! to see is what people do: they register the client (once, with an issuer that they trust), and
//! they sign in where a scenario has somebody do so.

use std::{env, process::ExitCode};

use base64::{Engine as _, prelude::BASE64_URL_SAFE_NO_PAD};
use bytes::Bytes;
use hallpass_core::{BoxError, Cached, CredentialSource as _, Fetch};
use hallpass_hyper::{Client, HyperTransport};
use hallpass_oauth2::{
    ClientCredentials, JwtBearer, Key, Metadata, Protected, Secret, TokenExchange, TokenRequest,
    token_type,
};
use hallpass_rmcp::McpClient;
use hallpass_tower::BearerLayer;
use http::{Request, Response, header::LOCATION};
use http_body_util::{BodyExt as _, Full};
use rmcp::{
    ServiceExt as _,
    model::CallToolRequestParams,
    transport::{
        StreamableHttpClientTransport, streamable_http_client::StreamableHttpClientTransportConfig,
    },
};
use serde_json::{Value, json};
use tower::{Layer as _, ServiceExt as _};

const REDIRECT: &str = "http://localhost:1/callback";
const VERIFIER: &str = "a-verifier-of-at-least-forty-three-characters-0";

type Build = Box<dyn Fn(&Metadata) -> TokenRequest + Send + Sync>;

#[tokio::main]
async fn main() -> ExitCode {
    match run().await {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("{error}");
            let mut cause = error.source();
            while let Some(one) = cause {
                eprintln!("  {one}");
                cause = one.source();
            }
            ExitCode::FAILURE
        }
    }
}

async fn run() -> Result<(), BoxError> {
    let server = env::args()
        .next_back()
        .ok_or("the server's URL is missing")?;
    let scenario = env::var("MCP_CONFORMANCE_SCENARIO")?;
    let context = env::var("MCP_CONFORMANCE_CONTEXT").unwrap_or_default();
    let context: Value = serde_json::from_str(&context).unwrap_or_default();
    let transport = hallpass_hyper::transport()?;
    let issuer = issuer_of(&server, &transport).await?;
    let build = client(&scenario, &context, &server, &issuer, &transport).await?;
    let source = Protected::mcp(&*server)
        .resource_covers()
        .client_for(&*issuer, build)
        .source(transport)?;

    let client = BearerLayer::new(source).layer(hallpass_hyper::client()?);
    let config = StreamableHttpClientTransportConfig::with_uri(server);
    let transport = StreamableHttpClientTransport::with_client(McpClient::new(client), config);
    let session = ().serve(transport).await?;
    session.list_tools(None).await?;
    session
        .call_tool(CallToolRequestParams::new("test-tool"))
        .await?;
    session.cancel().await?;
    Ok(())
}

/// The issuer that whoever configures the client has registered it with. The suite tells of none, so
/// it is read out of what a source says that is configured for another one.
async fn issuer_of(server: &str, transport: &HyperTransport) -> Result<String, BoxError> {
    let nobody = Protected::mcp(server)
        .resource_covers()
        .client_for("http://localhost:1", |found| {
            found.client_secret("nobody", "nothing")
        })
        .source(transport.clone())?;
    let error = match nobody.fetch(&Fetch::first()).await {
        Ok(_) => return Err("a token of a server that nobody trusts".into()),
        Err(error) => error,
    };
    let text = error.to_string();
    let named = text
        .split_once("client_for(\"")
        .and_then(|(_, rest)| rest.split_once('"'));
    match named {
        Some((issuer, _)) => Ok(issuer.to_owned()),
        None => Err(error.into()),
    }
}

async fn client(
    scenario: &str,
    context: &Value,
    server: &str,
    issuer: &str,
    transport: &HyperTransport,
) -> Result<Build, BoxError> {
    let text = |name: &str| context[name].as_str().unwrap_or_default().to_owned();
    let (id, secret) = (text("client_id"), text("client_secret"));
    Ok(match scenario {
        "auth/client-credentials-jwt" => {
            let key = Key::from_pem(&text("private_key_pem"))?;
            Box::new(move |found| found.client_key(&*id, key.clone()))
        }
        "auth/client-credentials-basic" => {
            Box::new(move |found| found.client_secret(&*id, &*secret))
        }
        "auth/cross-app-access-complete-flow" => {
            // Who has signed in at work gets a grant for the other server, and that one a token.
            let grant = TokenExchange::at(text("idp_token_endpoint"))
                .public(text("idp_client_id"))
                .subject_token(text("idp_id_token"), token_type::ID_TOKEN)
                .requested_token_type("urn:ietf:params:oauth:token-type:id-jag")
                .audience(issuer)
                .resource(server)
                .profile(|profile| profile.token_types = vec!["N_A".to_owned()])
                .build(transport.clone())?;
            let grant = Cached::new(grant);
            Box::new(move |found| {
                let grant = grant.clone();
                let assertion = Secret::from_async_fn(move || {
                    let grant = grant.clone();
                    async move {
                        let grant = grant.get().await?;
                        Ok(grant.token().unwrap_or_default().to_owned())
                    }
                });
                JwtBearer::at(found.token_endpoint())
                    .basic(&*id, &*secret)
                    .assertion(assertion)
            })
        }
        _ => signed_in(server, issuer).await?,
    })
}

/// Registers a client, and signs in as a person would with the browser.
async fn signed_in(server: &str, issuer: &str) -> Result<Build, BoxError> {
    let registration = json!({"client_name": "hallpass", "redirect_uris": [REDIRECT]});
    let request = Request::post(format!("{issuer}/register"))
        .header("content-type", "application/json")
        .body(Full::new(Bytes::from(registration.to_string())))?;
    let registered: Value = serde_json::from_slice(send(request).await?.body())?;
    let id = registered["client_id"]
        .as_str()
        .ok_or("no client id")?
        .to_owned();
    let secret = registered["client_secret"].as_str().map(str::to_owned);

    let digest = ring::digest::digest(&ring::digest::SHA256, VERIFIER.as_bytes());
    let challenge = BASE64_URL_SAFE_NO_PAD.encode(digest);
    let url = format!(
        "{issuer}/authorize?response_type=code&client_id={id}&redirect_uri={REDIRECT}&resource={server}&code_challenge={challenge}&code_challenge_method=S256"
    );
    let answer = send(Request::get(url).body(Full::default())?).await?;
    let location = answer
        .headers()
        .get(LOCATION)
        .ok_or("nobody signed in")?
        .to_str()?;
    let code = location.split_once("code=").ok_or("no code")?.1;
    let code = code.split('&').next().unwrap_or_default().to_owned();
    Ok(Box::new(move |found| {
        let request = match &secret {
            Some(secret) => found.client_secret(&*id, &**secret),
            None => ClientCredentials::at(found.token_endpoint()).public(&*id),
        };
        request
            .param("grant_type", "authorization_code")
            .param("code", Secret::from(code.as_str()))
            .param("code_verifier", Secret::from(VERIFIER))
            .param("redirect_uri", REDIRECT)
    }))
}

async fn send(request: Request<Full<Bytes>>) -> Result<Response<Bytes>, BoxError> {
    let client: Client<Full<Bytes>> = hallpass_hyper::client()?;
    let (head, body) = client.oneshot(request).await?.into_parts();
    Ok(Response::from_parts(head, body.collect().await?.to_bytes()))
}
