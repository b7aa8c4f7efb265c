//! `store`.

use std::{path::Path, time::Duration};

use super::{
    checked::StoreConfig,
    section::{At, Section},
    text::{self, within},
};
use crate::{
    rotation::policy::StoreTraits,
    store::{aws, embedded},
};

const ONLY_EMBEDDED: [&str; 2] = ["path", "key_file"];
const ONLY_AWS: [&str; 4] = ["region", "create_missing", "kms_key_id", "danger_plaintext_endpoint"];
const LAGS: [&str; 2] = ["store_lag", "write_lag"];

/// What the section says.
pub(super) struct Parsed {
    pub(super) config: StoreConfig,
    /// What the rules have to allow for there.
    pub(super) traits: StoreTraits,
    /// Whether it is known which kind of store is meant,
    pub(super) kind: bool,
    /// and how late it is.
    pub(super) lag: bool,
}

/// Where versions live. Where the section has a mistake, the config as a whole fails with it; until then an embedded store
/// stands in its place, so that the rest is read, and its mistakes told, in the same run.
pub(super) fn parse(top: &Section<'_>, folder: &Path, hold: Duration) -> Parsed {
    let unknown = || {
        let config = embedded_in(folder, "data".into(), None);
        Parsed { config, traits: embedded::TRAITS, kind: false, lag: false }
    };
    let Some(node) = top.node("store") else {
        top.miss("store", "`store` is missing: say `store: {kind: embedded}`");
        return unknown();
    };
    let Some(section) = Section::new(top.reading, node, "store") else { return unknown() };
    let kind = section.need("kind", |kind| match kind {
        "embedded" => Ok(false),
        "aws" => Ok(true),
        other => Err(format!("{other:?} is no kind of store: `embedded` or `aws`")),
    });
    let Some(is_aws) = kind.map(|at| at.value) else {
        // They are known, whatever stands behind them.
        for key in [&ONLY_EMBEDDED[..], &ONLY_AWS, &LAGS].concat() {
            section.node(key);
        }
        section.finish();
        return unknown();
    };
    let (own, others) =
        if is_aws { (aws::TRAITS, &ONLY_EMBEDDED[..]) } else { (embedded::TRAITS, &ONLY_AWS[..]) };
    for key in others {
        if let Some(node) = section.node(key) {
            let kind = if is_aws { "embedded" } else { "aws" };
            top.reading.mistake(node.place, format!("`store.{key}` is for `kind: {kind}`: take it out"));
        }
    }
    let lag = |key, default| section.get(key, text::duration).map_or(default, |at: At<Duration>| at.value);
    let [store_lag, write_lag] =
        [("store_lag", own.store_lag), ("write_lag", own.write_lag)].map(|(key, own)| lag(key, own));
    let truth = |key| section.get(key, text::truth).is_some_and(|at| at.value);
    let (config, traits) = if is_aws {
        let creates = truth("create_missing");
        let traits = StoreTraits { store_lag, write_lag, creates, ..own };
        let options = aws::Options {
            region: section.get("region", text::plain).map(|at| at.value),
            kms_key_id: section.get("kms_key_id", text::plain).map(|at| at.value),
            plaintext: truth("danger_plaintext_endpoint"),
            traits,
            hold,
        };
        (StoreConfig::Aws(options), traits)
    } else {
        let path = section.get("path", text::path).map_or_else(|| "data".into(), |at| at.value);
        let key_file = section.get("key_file", text::path).map(|at| at.value);
        (embedded_in(folder, path, key_file), StoreTraits { store_lag, write_lag, ..own })
    };
    let lag = section.trusts(&LAGS);
    section.finish();
    Parsed { config, traits, kind: true, lag }
}

fn embedded_in(folder: &Path, path: std::path::PathBuf, key_file: Option<std::path::PathBuf>) -> StoreConfig {
    let key_file = key_file.unwrap_or_else(|| path.join("key"));
    StoreConfig::Embedded { path: within(folder, &path), key_file: within(folder, &key_file) }
}
