//! An authority of a test's own, and whom it certifies.

use std::fs;

use rcgen::{BasicConstraints, CertificateParams, DnType, IsCa, Issuer, KeyPair};

use crate::harness::Folder;

/// The authority, after it has certified a server at `localhost`: `server.pem` and `server.key` in
/// the server's folder.
pub(crate) fn certificates(folder: &Folder) -> String {
    let (authority, issuer) = authority();
    certified(&issuer, "localhost").write(folder, "server");
    authority
}

/// A certificate with its key, both in PEM.
pub(crate) struct Identity {
    pub(crate) certificate: String,
    pub(crate) key: String,
}

/// What a server that asks for certificates needs, and clients with theirs.
pub(crate) struct Identities {
    pub(crate) authority: String,
    /// Of the client `client.test`, by the authority.
    pub(crate) client: Identity,
    /// Of somebody else, by the same authority.
    pub(crate) stranger: Identity,
    /// By nobody but itself.
    pub(crate) own: Identity,
}

impl Identities {
    /// Leaves in the server's folder what is the server's business.
    pub(crate) fn new(folder: &Folder) -> Self {
        let (authority, issuer) = authority();
        certified(&issuer, "localhost").write(folder, "server");
        let key = KeyPair::generate().unwrap();
        let own = params("own.test").self_signed(&key).unwrap();
        let path = folder.path();
        fs::write(path.join("self.pem"), own.pem()).unwrap();
        fs::write(path.join("authority.pem"), &authority).unwrap();
        Self {
            authority,
            client: certified(&issuer, "client.test"),
            stranger: certified(&issuer, "stranger.test"),
            own: Identity {
                certificate: own.pem(),
                key: key.serialize_pem(),
            },
        }
    }
}

impl Identity {
    fn write(&self, folder: &Folder, name: &str) {
        let path = |end| folder.path().join(format!("{name}.{end}"));
        fs::write(path("pem"), &self.certificate).unwrap();
        fs::write(path("key"), &self.key).unwrap();
    }
}

fn params(name: &str) -> CertificateParams {
    let mut params = CertificateParams::new([name.to_owned()]).unwrap();
    // OpenSSL takes a certificate with its issuer's name for one that certifies itself.
    params.distinguished_name.push(DnType::CommonName, name);
    params
}

fn authority() -> (String, Issuer<'static, KeyPair>) {
    let mut params = CertificateParams::default();
    let name = &mut params.distinguished_name;
    name.push(DnType::CommonName, "authority");
    params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
    let key = KeyPair::generate().unwrap();
    let authority = params.self_signed(&key).unwrap().pem();
    (authority, Issuer::new(params, key))
}

fn certified(issuer: &Issuer<'_, KeyPair>, name: &str) -> Identity {
    let key = KeyPair::generate().unwrap();
    let leaf = params(name).signed_by(&key, issuer).unwrap();
    Identity {
        certificate: leaf.pem(),
        key: key.serialize_pem(),
    }
}
