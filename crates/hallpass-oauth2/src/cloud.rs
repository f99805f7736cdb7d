//! Identities that a platform gives a process, and the tokens that they bring.
//!
//! | the process runs | name |
//! |---|---|
//! | as a GitHub App's installation | [`GithubApp`] |
//! | in a workflow of GitHub Actions | [`GithubActions`] |
//! | in Kubernetes, and wants a token for an audience | [`KubernetesToken`] |
//! | with a token file that Entra ID trusts | [`EntraWorkloadIdentity`] |
//! | on an Azure machine, in App Service or Functions | [`AzureManagedIdentity`] |
//! | on a Google Cloud machine, pod or function | [`GceMetadata`] |
//! | with one of Google's credential files | [`GoogleCredentials`] |
//! | in the place of a Google service account | [`GoogleImpersonation`] |
//!
//! Vault's approle method is the profile `vault-approle`. Each is a source of its own; where the
//! platform is not there it says so in a way that lets a [`Chain`](crate::Chain) go on.

mod azure;
mod entra;
mod github_actions;
mod github_app;
mod google;
mod google_file;
mod impersonation;
mod kubernetes;
mod metadata;
mod source;

pub use self::{
    azure::AzureManagedIdentity, entra::EntraWorkloadIdentity, github_actions::GithubActions,
    github_app::GithubApp, google::GceMetadata, google_file::GoogleCredentials,
    impersonation::GoogleImpersonation, kubernetes::KubernetesToken, source::CloudSource,
};
