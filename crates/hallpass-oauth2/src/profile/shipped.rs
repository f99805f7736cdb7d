//! The profiles that come with this crate.

use hallpass_core::Error;

use super::{Profile, file};

/// Names and files, one line each.
const SHIPPED: &[(&str, &str)] = &[
    ("ataccama", include_str!("../../profiles/ataccama.toml")),
    ("atlar", include_str!("../../profiles/atlar.toml")),
    ("atomic", include_str!("../../profiles/atomic.toml")),
    ("generic", include_str!("../../profiles/generic.toml")),
    ("is2", include_str!("../../profiles/is2.toml")),
    ("oauth-v2", include_str!("../../profiles/oauth-v2.toml")),
];

impl Profile {
    /// A profile that comes with this crate.
    ///
    /// # Errors
    /// If there is none of that name; the message lists those that there are.
    pub fn named(name: &str) -> Result<Self, Error> {
        let Some((name, text)) = SHIPPED.iter().find(|(shipped, _)| *shipped == name) else {
            return Err(Error::configuration(format!(
                "there is no profile \"{}\"; one of {}",
                crate::text::printable(name),
                Self::names().collect::<Vec<_>>().join(", ")
            )));
        };
        file::parse(text, &format!("{name}.toml"), name)
    }

    /// The names of the profiles that come with this crate.
    pub fn names() -> impl Iterator<Item = &'static str> {
        SHIPPED.iter().map(|(name, _)| *name)
    }
}
