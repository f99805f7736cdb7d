//! [`Placeholder`]: a name that stands for what only a call knows.

/// What a name in a template stands for, other than a variable.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Placeholder {
    ClientId,
    ClientSecret,
    /// `base64(id:secret)`, both as they are.
    Basic,
    Token,
    Uuid,
}

impl Placeholder {
    const NAMES: [(&'static str, Self); 5] = [
        ("client_id", Self::ClientId),
        ("client_secret", Self::ClientSecret),
        ("basic", Self::Basic),
        ("token", Self::Token),
        ("uuid", Self::Uuid),
    ];

    pub(crate) fn named(name: &str) -> Option<Self> {
        let found = Self::NAMES.iter().find(|(known, _)| *known == name);
        found.map(|(_, placeholder)| *placeholder)
    }

    /// Whether it shows the client's secret.
    pub(crate) fn is_secret(self) -> bool {
        matches!(self, Self::ClientSecret | Self::Basic)
    }
}
