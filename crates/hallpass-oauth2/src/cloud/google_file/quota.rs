//! Whose quota the requests to the API count against.

use crate::TokenRequest;

/// Makes the API count against this project.
pub(super) fn charged_to(project: Option<&String>, builder: TokenRequest) -> TokenRequest {
    match project {
        Some(project) => builder.api_header("x-goog-user-project", project.as_str()),
        None => builder,
    }
}
