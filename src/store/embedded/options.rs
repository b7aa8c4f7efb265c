//! How an embedded store is opened, and what the rules allow for where it is used.

use std::time::Duration;

use crate::{
    rotation::policy::{Notes, StoreTraits},
    store::Limits,
};

/// What the rules have to allow for: nothing is late, and a promotion bears its deadline.
pub const TRAITS: StoreTraits = StoreTraits {
    store_lag: Duration::ZERO,
    write_lag: Duration::ZERO,
    notes: Notes::WithPromotion,
    creates: true,
};

/// What it asks of a config: a name is what is spelled so, and a schedule may be any.
pub const LIMITS: Limits = Limits {
    may_be_one: |one, other| one == other,
    name: |_, _, _| None,
    name_warning: |_| None,
    schedule: |_, _| Vec::new(),
    no_json: Some("`json` is for `store.kind: aws`: the embedded store holds bare tokens"),
    bill: |_| None,
    prints_secrets: false,
};

/// How a store is opened.
#[derive(Clone, Debug)]
pub struct Options {
    /// Whether the directory, the key and the database are made where they are missing.
    pub create: bool,
    /// Which boot of the machine this is; none: as the kernel says.
    pub boot_id: Option<String>,
    /// How long another process may hold the lock before a step gives up.
    pub patience: Duration,
}

impl Default for Options {
    fn default() -> Self {
        Self { create: true, boot_id: None, patience: Duration::from_secs(5) }
    }
}
