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
}

pub(super) async fn open(config: &Config, clock: &Arc<dyn Clock>) -> Result<Opened> {
    Ok(match &config.store {
        StoreConfig::Embedded { path, key_file } => of(Embedded::open(path, key_file, Arc::clone(clock))?),
        StoreConfig::Aws(options) => of(Aws::open(options.clone(), Arc::clone(clock)).await),
    })
}

fn of<S: Store + Reveal + 'static>(store: S) -> Opened {
    let store = Arc::new(store);
    Opened { store: Arc::<S>::clone(&store), reveal: store }
}
