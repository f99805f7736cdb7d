//! [`setters!`](crate::adapter::setters): what every adapter can be configured with, written once.

/// The methods of an [`Authorizer`](crate::Authorizer) as methods of an adapter that holds one.
///
/// Stands in an inherent `impl` of a type that has
///
/// ```text
/// fn edit<E>(self, edit: impl FnOnce(Authorizer) -> Result<Authorizer, E>) -> Result<Self, E>
/// ```
///
/// and makes `origins`, `any_origin`, `at`, `named`, `dangerously_allow_http`, `override_existing`,
/// `rejected_when`, `client_certificate` and `report_attempts`.
///
/// ```
/// use hallpass_core::{Authorizer, Cached, Credential};
///
/// struct Client {
///     authorizer: Authorizer,
/// }
///
/// impl Client {
///     fn new(source: impl Into<Cached>) -> Self {
///         let authorizer = Authorizer::new(source);
///         Self { authorizer }
///     }
///
///     hallpass_core::adapter::setters!();
///
///     fn edit<E>(
///         self,
///         edit: impl FnOnce(Authorizer) -> Result<Authorizer, E>,
///     ) -> Result<Self, E> {
///         let authorizer = edit(self.authorizer)?;
///         Ok(Self { authorizer })
///     }
/// }
///
/// let client = Client::new(Credential::bearer("a-token")?)
///     .origins(["https://api.example.com"])?
///     .override_existing();
/// # drop(client.authorizer);
/// # Ok::<(), hallpass_core::Error>(())
/// ```
#[doc(hidden)]
#[macro_export]
macro_rules! __adapter_setters {
    () => {
        /// Binds the credential to these origins; requests to any other go without it.
        ///
        /// # Errors
        /// If one is not an `http` or `https` URL with a host, or there is none.
        pub fn origins<O>(
            self,
            origins: impl IntoIterator<Item = O>,
        ) -> ::core::result::Result<Self, $crate::Error>
        where
            O: TryInto<$crate::Origin>,
            $crate::Error: From<O::Error>,
        {
            self.edit(|authorizer| authorizer.origins(origins))
        }

        /// Lets the credential go anywhere. Only for a client that can reach nothing else.
        #[must_use]
        pub fn any_origin(self) -> Self {
            self.always(|authorizer| authorizer.any_origin())
        }

        /// Says where requests without an authority go, because a layer below completes their URI.
        /// Without this such a request is refused.
        ///
        /// # Errors
        /// If it is not an `http` or `https` URL with a host.
        pub fn at<O>(self, origin: O) -> ::core::result::Result<Self, $crate::Error>
        where
            O: TryInto<$crate::Origin>,
            $crate::Error: From<O::Error>,
        {
            self.edit(|authorizer| authorizer.at(origin))
        }

        /// Gives it a name, by which the [`Choices`]($crate::Choices) of single requests address it
        /// where several are stacked.
        #[must_use]
        pub fn named(self, name: impl Into<::std::sync::Arc<str>>) -> Self {
            self.always(|authorizer| authorizer.named(name))
        }

        /// Lets the credential go over plain `http` to other machines, where anyone on the way
        /// reads it.
        #[must_use]
        pub fn dangerously_allow_http(self) -> Self {
            self.always(|authorizer| authorizer.dangerously_allow_http())
        }

        /// Replaces headers that the caller has set, instead of leaving such a request alone.
        #[must_use]
        pub fn override_existing(self) -> Self {
            self.always(|authorizer| authorizer.override_existing())
        }

        /// Also treats answers as a rejection for which this is true, such as a vendor's 419.
        #[must_use]
        pub fn rejected_when(
            self,
            predicate: impl Fn($crate::adapter::StatusCode, &$crate::adapter::HeaderMap) -> bool
            + Send
            + Sync
            + 'static,
        ) -> Self {
            self.always(|authorizer| authorizer.rejected_when(predicate))
        }

        /// Says which certificate the client presents to servers, by its SHA-256 thumbprint in
        /// base64url (`x5t#S256`). A token that is bound to a certificate (RFC 8705) is sent only if
        /// it is that one.
        #[must_use]
        pub fn client_certificate(self, thumbprint: impl Into<::std::sync::Arc<str>>) -> Self {
            self.always(|authorizer| authorizer.client_certificate(thumbprint))
        }

        /// Puts an [`Attempt`]($crate::Attempt) on every response; without this, only those have
        /// one that waited for a credential or were sent again.
        #[must_use]
        pub fn report_attempts(self) -> Self {
            self.always(|authorizer| authorizer.report_attempts())
        }

        fn always(self, edit: impl FnOnce($crate::Authorizer) -> $crate::Authorizer) -> Self {
            let Ok(edited) =
                self.edit(|authorizer| Ok::<_, ::core::convert::Infallible>(edit(authorizer)));
            edited
        }
    };
}
