//! What `check` says of files that a group of ours may read or change. Kubernetes and systemd hand them out so; on a plain
//! host nobody else need be in the group's hands.

use std::path::Path;

use super::context::environment;
use crate::{
    config::{Config, StoreConfig},
    ownership::{self, Limits},
};

/// A line for each file; none where Kubernetes made the modes.
pub(super) fn warnings(path: &Path, config: &Config) -> Vec<String> {
    if environment("KUBERNETES_SERVICE_HOST").is_some() {
        return Vec::new();
    }
    let mut files: Vec<(&str, &Path, Limits)> = vec![("the config", path, ownership::UNCHANGED)];
    if let Some(tls) = &config.tls {
        files.push(("`tls.cert`", &tls.cert, ownership::UNCHANGED));
        files.push(("`tls.key`", &tls.key, ownership::SHARED_SECRET));
        files.extend(tls.client_ca.as_deref().map(|ca| ("`tls.client_ca`", ca, ownership::UNCHANGED)));
    }
    if let StoreConfig::Embedded { path, key_file } = &config.store {
        files.push(("`store.path`", path, ownership::UNCHANGED));
        files.push(("`store.key_file`", key_file, ownership::SECRET));
    }
    files.extend(config.audit_log.as_deref().map(|log| ("`audit_log`", log, ownership::UNCHANGED)));
    let credentials = environment("CREDENTIALS_DIRECTORY");
    let from_systemd = |file: &Path| credentials.as_ref().is_some_and(|folder| file.starts_with(folder));
    let shared = files.into_iter().filter(|(_, file, limits)| {
        !from_systemd(file)
            && std::fs::metadata(file).is_ok_and(|about| ownership::is_shared(&about, *limits))
    });
    let line = |(what, file, limits): (&str, &Path, Limits)| {
        let verb = if limits == ownership::UNCHANGED { "change" } else { "read or change" };
        format!(
            "warning: everybody in our group can {verb} {what} ({}): chmod {} it",
            file.display(),
            ownership::remedy(limits)
        )
    };
    shared.map(line).collect()
}
