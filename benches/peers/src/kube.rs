//! `kube-client`: its layer for a token file.

use std::io::Write as _;

use hallpass_benches::{contenders::Contender, token};
use kube_client::{Config, client::ConfigExt as _};
use tower::{BoxError, Layer as _};

use crate::{Outcome, noop::Noop};

pub(crate) const NAME: &str = "kube";

pub(crate) fn contender() -> Outcome<Contender> {
    let path = std::env::temp_dir().join(format!("hallpass-peers-{}.token", std::process::id()));
    std::fs::File::create(&path)?.write_all(token().as_bytes())?;
    let mut config = Config::new("https://api.example.com".parse()?);
    config.auth_info.token_file = Some(path.to_string_lossy().into_owned());
    let layer = config.auth_layer()?.ok_or("no layer for a token file")?;
    // It reads the file again every minute, within a request, and keeps what it has if it is gone.
    std::fs::remove_file(&path)?;
    Ok(Contender::tower(NAME, layer.layer(Noop::<BoxError>::new())))
}
