//! What the log says of a daemon that has started.

use std::path::Path;

use crate::config::Config;

/// What is served, and what a newcomer can try next.
pub(super) fn announce(config: &Config, path: &Path) {
    let path = path.display();
    let scheme = if config.tls.is_some() { "https" } else { "http" };
    tracing::info!("serving verifiers and bots on {scheme}://{}", config.listen);
    tracing::info!("serving /metrics /healthz /readyz on http://{}", config.metrics_listen);
    tracing::info!("taking orders on {}", config.admin_socket.display());
    // A file that was cut off looks so.
    let none = [("secrets", config.secrets.is_empty()), ("clients", config.clients.is_empty())];
    for (key, _) in none.iter().filter(|(key, empty)| *empty && !config.emptied.contains(key)) {
        tracing::warn!("the config has no `{key}`: was it cut off? If that is meant, say `{key}: []`");
    }
    for secret in &config.secrets {
        tracing::info!(secret = %secret.name, audience = %secret.audience, "rotating");
    }
    if let Some(secret) = config.secrets.first() {
        tracing::info!("try next: crossfade -c {path} status; crossfade -c {path} token {}", secret.name);
    }
}
