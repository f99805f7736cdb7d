//! Clients by name: what an operator writes into a file or the environment, and the program only
//! names.
//!
//! ```toml
//! [clients.atlar]
//! profile = "atlar"                      # one that ships, a file of one's own, or a table
//! id = "env:ATLAR_ACCESS_KEY"
//! secret = "env:ATLAR_SECRET"            # never the secret itself
//!
//! [clients.acme]
//! profile = "./acme.toml"                # beside this file
//! vars = { tenant = "blue" }
//! id = "my-client"
//! private_key = "file:/run/secrets/acme.pem"
//! scope = "accounts.read"
//! ```
//!
//! ```no_run
//! # fn main() -> Result<(), Box<dyn std::error::Error>> {
//! use hallpass::{BearerLayer, Clients};
//!
//! let clients = Clients::from_path("clients.toml")?;
//! let layer = BearerLayer::new(clients.get("atlar")?);
//! # let _ = layer;
//! # Ok(())
//! # }
//! ```
//!
//! # Settings of a client
//!
//! | key | is |
//! |---|---|
//! | `profile` | a name of [`Profile::names`](crate::Profile::names), the path of a TOML file, or a table with the fields of a [`Profile`](crate::Profile) |
//! | `token_url` | the token endpoint, in place of the profile's |
//! | `issuer` | the server's issuer identifier, for which assertions are. Unless `token_url` is set too, its metadata names the token endpoint |
//! | `id` | the client id; a text or a reference |
//! | `secret` | the client secret; a reference |
//! | `private_key`, `key_id` | the key that signs assertions, PEM or JWK (a reference), and its `kid` |
//! | `vars` | a table with the profile's variables; texts or references |
//! | `scope`, `audience`, `resource` | what the token is for; `resource` may be a list |
//! | `origins` | where the token may go, in place of the profile's; a text or a list |
//! | `refresh_token`, `assertion` | what these grants bring; references |
//! | `subject_token`, `subject_token_type` | the token to exchange, a reference, and its type |
//! | `username`, `password` | of the password grant; a text or a reference, and a reference |
//! | `token` | a bearer token that comes from elsewhere; a reference. No endpoint is asked |
//! | `basic` | `true`: id and secret go on each request of the API. No endpoint is asked |
//! | `dpop`, `dpop_key` | `true` to bind tokens to a key in memory; or that key, a reference |
//! | `ca` | a PEM file with authorities to trust besides the platform's |
//! | `certificate`, `certificate_key` | PEM files with the certificate that the client presents, and its key |
//! | `proxy` | the URL of a proxy, or `env` for what the environment says |
//! | `dangerously_allow_http` | `true` to let secret and token travel in the clear |
//!
//! A *reference* is `env:NAME`, `file:PATH`, or the table `{ value = "…" }`, which says that the
//! value itself is meant to stand there. Environment and files are read at each fetch, so that a new
//! value needs no restart. Relative paths start at the folder of the file they stand in.
//!
//! # In the environment
//!
//! [`Clients::from_env`] takes the same settings, in upper case, behind a prefix and the client's
//! name. With the prefix `HALLPASS_CLIENT`, which is the command line's too, these are
//! `HALLPASS_CLIENT_ATLAR_PROFILE=atlar`, `HALLPASS_CLIENT_ATLAR_ID=…`,
//! `HALLPASS_CLIENT_ATLAR_SECRET=…`, `HALLPASS_CLIENT_ACME_VAR_TENANT=blue`. There the variable
//! itself holds the secret, and `HALLPASS_CLIENT_ATLAR_SECRET_FILE` the path of a file that does;
//! `env:NAME` would be sent as it stands. A
//! variable of the profile (`_VAR_`) is a text or a reference, as in a file: write
//! `HALLPASS_CLIENT_ACME_VAR_API_KEY=env:ACME_API_KEY`, so that it is read anew at each fetch and never
//! shown. A text is kept out of messages only if its name is that of a secret, as `api_key` is.
//! The name `atlar` comes out in lower case, with dashes for underscores. A shorter prefix takes
//! the variables of others for clients: `HALLPASS` would those of the command line, such as
//! `HALLPASS_CONFIG`.

mod build;
mod client_config;
mod clients;
mod environment;
mod fields;
mod read;
mod reference;
mod source;
mod suggest;

pub use self::{
    client_config::ClientConfig, clients::Clients, reference::Reference, source::ClientSource,
};
