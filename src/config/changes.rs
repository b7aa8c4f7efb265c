//! What a new config means for a running daemon.

use super::checked::{ClientConfig, Config};

/// What ends and begins, by name; or the keys whose change needs a restart.
pub fn changes(old: &Config, new: &Config) -> Result<Vec<String>, Vec<String>> {
    let fixed = [
        ("listen", old.listen == new.listen),
        // From plain HTTP to HTTPS or back; which files, and what they hold, may change.
        ("tls", old.tls.is_some() == new.tls.is_some()),
        ("metrics_listen", old.metrics_listen == new.metrics_listen),
        ("admin_socket", old.admin_socket == new.admin_socket),
        ("store", old.store == new.store),
        ("audit_log", old.audit_log == new.audit_log),
    ];
    let fixed = fixed.iter().filter(|(_, same)| !same);
    let fixed = fixed.map(|(key, _)| format!("`{key}` can't change while the daemon runs: restart it"));
    // A file that was cut off is well-formed YAML, and would end them all.
    let counts = [
        ("secrets", old.secrets.len(), new.secrets.len()),
        ("clients", old.clients.len(), new.clients.len()),
    ];
    let cut =
        counts.iter().filter(|(key, before, now)| *before > 0 && *now == 0 && !new.emptied.contains(key));
    let cut = cut.map(|(key, before, _)| {
        format!("the file has no `{key}` any more, where {before} are in force: was it cut off? To end them all, say `{key}: []`")
    });
    let errors: Vec<String> = fixed.chain(cut).collect();
    if !errors.is_empty() {
        return Err(errors);
    }
    let mut said = Vec::new();
    for secret in old.secrets.iter().filter(|o| !new.secrets.iter().any(|n| n.name == o.name)) {
        said.push(match new.secret(&secret.name) {
            Ok(now) => format!("{} stands in the config as {} from now on", secret.name, now.name),
            Err(_) => format!("{} is no longer rotated, and its tokens are no longer accepted", secret.name),
        });
    }
    for secret in new.secrets.iter().filter(|n| old.secret(&n.name).is_err()) {
        said.push(format!("{} is rotated from now on", secret.name));
    }
    for client in &old.clients {
        match new.clients.iter().find(|n| n.id == client.id) {
            None => said.push(format!("the client {} is refused from now on", client.id)),
            Some(now) if narrowed(client, now, new) => {
                said.push(format!("the client {} may do less from now on", client.id));
            }
            Some(_) => {}
        }
    }
    for client in new.clients.iter().filter(|n| !old.clients.iter().any(|o| o.id == n.id)) {
        said.push(format!("the client {} is let in from now on", client.id));
    }
    Ok(said)
}

fn narrowed(old: &ClientConfig, new: &ClientConfig, config: &Config) -> bool {
    let keeps = |secret: &str| config.secret(secret).is_ok_and(|secret| new.secrets.contains(&secret.name));
    old.role != new.role
        || old.audiences.iter().any(|audience| !new.audiences.contains(audience))
        || old.secrets.iter().any(|secret| !keeps(secret))
        || (old.cert_san.is_some() && old.cert_san != new.cert_san)
        || old.credentials.iter().any(|credential| !new.credentials.contains(credential))
}
