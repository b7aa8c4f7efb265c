//! Which secret of the config is meant by a name: what the store takes for one secret is one.

use std::sync::Arc;

use super::checked::{Config, SecretConfig};
use crate::store::Limits;

/// Why a name means no secret.
#[derive(Clone, PartialEq, Eq, Debug, thiserror::Error)]
pub enum Unnamed {
    /// None is called so.
    #[error("no secret named {0:?} in the config")]
    Nobody(String),
    /// Secrets of several accounts or regions are.
    #[error("{0:?} may be each of {1}: name the secret as the config does")]
    Several(String, String),
}

/// The name that is spelled so, or else the only one that the store may take for the same.
pub fn meant<'a>(
    names: impl Iterator<Item = &'a Arc<str>> + Clone,
    name: &str,
    limits: &Limits,
) -> Result<&'a Arc<str>, Unnamed> {
    if let Some(exactly) = names.clone().find(|known| ***known == *name) {
        return Ok(exactly);
    }
    let others: Vec<&Arc<str>> = names.filter(|known| (limits.may_be_one)(known, name)).collect();
    match others[..] {
        [one] => Ok(one),
        [] => Err(Unnamed::Nobody(name.to_owned())),
        _ => {
            let others: Vec<&str> = others.iter().map(|other| &***other).collect();
            Err(Unnamed::Several(name.to_owned(), others.join(" and ")))
        }
    }
}

impl Config {
    /// The secret that is meant by a name.
    pub fn secret(&self, name: &str) -> Result<&Arc<SecretConfig>, Unnamed> {
        let meant = meant(self.secrets.iter().map(|secret| &secret.name), name, self.store.limits())?;
        self.secrets
            .iter()
            .find(|secret| Arc::ptr_eq(&secret.name, meant))
            .ok_or_else(|| Unnamed::Nobody(name.to_owned()))
    }
}
