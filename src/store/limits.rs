//! What a kind of store asks of a config, beyond what the rules of rotation do, and what it says of one.

use std::{collections::BTreeSet, time::Duration};

use crate::rotation::policy::Policy;

/// Said by each kind of store for its own part, so that nobody else has to know any.
#[derive(Copy, Clone, Debug)]
pub struct Limits {
    /// Whether two names may mean one secret.
    pub may_be_one: fn(&str, &str) -> bool,
    /// What is wrong with a name, given the names that stand before it in the config. The first region that a name says is
    /// the one in which all secrets have to be.
    pub name: fn(&str, &BTreeSet<String>, &mut Option<String>) -> Option<String>,
    /// What people should know of a name that is right.
    pub name_warning: fn(&str) -> Option<String>,
    /// What a schedule with that shortest gap asks of the store that it does not give.
    pub schedule: fn(&Policy, Duration) -> Vec<String>,
    /// Why a value can't be a JSON object.
    pub no_json: Option<&'static str>,
    /// What a secret costs that is read once in so long.
    pub bill: fn(Duration) -> Option<String>,
    /// Whether it prints secrets where the environment says so.
    pub prints_secrets: bool,
}
