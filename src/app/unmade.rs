//! Commands before the embedded store is made. Only the daemon's start and `rotate --due` make it; whoever just looks, or
//! orders something about versions that can't be there, makes neither a folder nor a file.

use std::{path::Path, sync::Arc};

use async_trait::async_trait;

use super::{open, status};
use crate::{
    clock::{Clock, SystemClock},
    config::Config,
    http::operator::{Operator, OrderError, OrderReport, Preview, SecretStatus},
    rotation::plan::Request,
};

/// A config whose store is not made yet, as an operator sees it.
pub(super) struct Unmade {
    secrets: Vec<SecretStatus>,
    why: String,
}

/// Where there is no store to read from, nothing is known.
pub(super) fn refuse(config: &Config) -> Result<(), OrderError> {
    open::unmade(config).map_or(Ok(()), |path| Err(OrderError::Unknown(why(path))))
}

/// The operator of a config whose store is not made yet; none where it is.
pub fn unmade(config: &Config) -> Option<Arc<dyn Operator>> {
    let why = why(open::unmade(config)?);
    let now = SystemClock.moment();
    let secret =
        |secret: &Arc<_>| SecretStatus { message: Some(why.clone()), ..status::of(secret, None, now, None) };
    let secrets = config.secrets.iter().map(secret).collect();
    Some(Arc::new(Unmade { secrets, why }))
}

fn why(path: &Path) -> String {
    format!(
        "there is no store in {} yet: the first start of the daemon, or `rotate --due`, makes it, and each secret's first \
         version (or look at `store.path` in the config)",
        path.display()
    )
}

#[async_trait]
impl Operator for Unmade {
    async fn secrets(&self) -> Result<Vec<SecretStatus>, OrderError> {
        Ok(self.secrets.clone())
    }

    async fn secret(&self, name: &str) -> Result<SecretStatus, OrderError> {
        let found = self.secrets.iter().find(|secret| secret.secret == name).cloned();
        found.ok_or_else(|| OrderError::NoSuchSecret(name.to_owned()))
    }

    async fn preview(&self, name: &str, _: bool) -> Result<Preview, OrderError> {
        self.secret(name).await?;
        Err(OrderError::Refused(self.why.clone()))
    }

    async fn order(&self, name: &str, _: Request) -> Result<OrderReport, OrderError> {
        self.secret(name).await?;
        Err(OrderError::Refused(self.why.clone()))
    }
}
