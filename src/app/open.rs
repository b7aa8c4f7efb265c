//! Opens the config's store.

use std::sync::Arc;

use anyhow::Result;

use crate::{
    clock::Clock,
    config::{Config, StoreConfig},
    store::{Store, aws::Aws, embedded::Embedded},
    token::Reveal,
};

/// A store, and who hands out tokens from it.
pub(super) struct Opened {
    pub(super) store: Arc<dyn Store>,
    pub(super) reveal: Arc<dyn Reveal>,
    /// Has what the store was told from outside looked up again before its next call.
    pub(super) renew: Renew,
}

pub(super) type Renew = Box<dyn Fn() + Send + Sync>;

pub(super) fn open(config: &Config, clock: &Arc<dyn Clock>) -> Result<Opened> {
    Ok(match &config.store {
        StoreConfig::Embedded { path, key_file } => {
            let store = Arc::new(Embedded::open(path, key_file, Arc::clone(clock))?);
            Opened { store: Arc::<Embedded>::clone(&store), reveal: store, renew: Box::new(|| {}) }
        }
        StoreConfig::Aws(options) => {
            let aws = Arc::new(Aws::open(options.clone(), Arc::clone(clock)));
            let (store, renewed) = (Arc::<Aws>::clone(&aws), Arc::clone(&aws));
            Opened { store, reveal: aws, renew: Box::new(move || renewed.renew()) }
        }
    })
}
