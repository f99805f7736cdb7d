//! One source for each key, made of one request.

use std::sync::Arc;

use hallpass_core::Error;

use super::TokenRequest;
use crate::{TokenSource, Transport, Value, rotation::Rotation, transport::DynTransport};

/// # One for each key
impl TokenRequest {
    /// Gives a variable of the profile's templates its value, as
    /// [`Profile::var`](crate::Profile::var) does.
    #[must_use]
    pub fn var(mut self, name: impl Into<String>, value: impl Into<Value>) -> Self {
        self.settings
            .profile
            .values
            .insert(name.into(), value.into());
        self
    }

    /// Makes the sources of a [`Keyed`](hallpass_core::Keyed): each begins as this request is, and
    /// `edit` gives it what its key wants, such as variables, a scope, an audience, or a client.
    ///
    /// They share the transport, and a [refresh token](crate::RefreshToken) unless `edit` gives each
    /// its own.
    ///
    /// ```
    /// use hallpass_core::{Error, Keyed};
    /// use hallpass_oauth2::{Profile, Secret, Transport};
    ///
    /// #[derive(Clone, PartialEq, Eq, Hash)]
    /// struct Tenant {
    ///     realm: String,
    ///     scope: Option<String>,
    /// }
    ///
    /// fn tenants(transport: impl Transport) -> Result<Keyed<Tenant>, Error> {
    ///     let request = Profile::named("is2")?
    ///         .client("my-gateway", Secret::env("GATEWAY_SECRET"));
    ///     Ok(Keyed::new(request.per_key(transport, |tenant: &Tenant, request| {
    ///         let request = request.var("realm", tenant.realm.as_str());
    ///         Ok(match &tenant.scope {
    ///             Some(scope) => request.scope(scope),
    ///             None => request,
    ///         })
    ///     })))
    /// }
    /// ```
    ///
    /// A key that it does not know, `edit` refuses with
    /// [`Error::unknown_key`](hallpass_core::Error::unknown_key).
    pub fn per_key<K>(
        mut self,
        transport: impl Transport,
        edit: impl Fn(&K, Self) -> Result<Self, Error> + Send + Sync + 'static,
    ) -> impl Fn(&K) -> Result<TokenSource, Error> + Send + Sync + 'static {
        let rotation = self.settings.grant.rotation.take();
        self.settings.grant.rotation = rotation.map(Rotation::kept);
        let transport: Arc<dyn DynTransport> = Arc::new(transport);
        move |key| {
            let request = edit(key, self.clone())?;
            TokenSource::new(&request.settings()?, transport.clone())
        }
    }
}
