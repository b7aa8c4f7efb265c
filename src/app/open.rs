//! Opens the config's store.

use std::{path::Path, sync::Arc};

use anyhow::Result;

use crate::{
    clock::Clock,
    config::{Config, StoreConfig},
    store::{Secret, Store, aws::Aws, embedded::Embedded, proof::Prove},
    token::Reveal,
};

/// A store, and who hands out tokens from it.
pub(super) struct OpenedStore {
    pub(super) store: Arc<dyn Store>,
    pub(super) reveal: Arc<dyn Reveal<Secret>>,
    /// What files it holds, where it holds any.
    pub(super) files: Option<Arc<dyn StoreFiles>>,
    /// Has what the store was told from outside looked up again before its next call.
    pub(super) renew: Renew,
}

/// Files that are held open, or were read once.
pub(super) trait StoreFiles: Send + Sync {
    /// Why an order could be lost.
    fn database(&self) -> Option<String>;
    /// Why the next start would fail.
    fn key(&self) -> Option<String>;
}

impl StoreFiles for Embedded {
    fn database(&self) -> Option<String> {
        self.database_problem()
    }

    fn key(&self) -> Option<String> {
        self.key_problem()
    }
}

pub(super) type Renew = Box<dyn Fn() + Send + Sync>;

pub(super) fn open(config: &Config, clock: &Arc<dyn Clock>) -> Result<OpenedStore> {
    Ok(match &config.store {
        StoreConfig::Embedded { path, key_file } => {
            let store = Arc::new(Embedded::open(path, key_file, Arc::clone(clock))?);
            OpenedStore {
                store: Arc::<Embedded>::clone(&store),
                reveal: Arc::<Embedded>::clone(&store),
                files: Some(store),
                renew: Box::new(|| {}),
            }
        }
        StoreConfig::Aws(options) => {
            let aws = Arc::new(Aws::open(options.clone(), Arc::clone(clock)));
            let (store, renewed) = (Arc::<Aws>::clone(&aws), Arc::clone(&aws));
            OpenedStore { store, reveal: aws, files: None, renew: Box::new(move || renewed.renew()) }
        }
    })
}

/// The store, for whoever tries what it lets us do. It is not made for that.
pub(super) fn prover(config: &Config, clock: Arc<dyn Clock>) -> Result<Box<dyn Prove>> {
    Ok(match &config.store {
        StoreConfig::Embedded { path, key_file } => Box::new(Embedded::open_existing(path, key_file, clock)?),
        StoreConfig::Aws(options) => Box::new(Aws::open(options.clone(), clock)),
    })
}

/// The folder of a store that is not made yet, of the kind that we make.
pub(super) fn unmade(config: &Config) -> Option<&Path> {
    match &config.store {
        StoreConfig::Embedded { path, .. } if !Embedded::exists(path) => Some(path),
        _ => None,
    }
}
