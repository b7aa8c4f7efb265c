//! What a sound config says that its owner may not have meant.

use super::checked::{Config, Role};

/// The most bytes that a unix socket's path may have (unix(7): `sun_path`, without its final zero).
const SOCKET_PATH: usize = 107;

impl Config {
    /// What `check` and `serve` warn of. None of it keeps the daemon from what it promises.
    pub fn warnings(&self) -> Vec<String> {
        let mut warnings = Vec::new();
        let socket = self.admin_socket.as_os_str().len();
        if socket > SOCKET_PATH {
            warnings.push(format!(
                "the path of `admin_socket` has {socket} bytes, and a socket's path may have {SOCKET_PATH}: the daemon can't \
                 bind it. Take a shorter one, like /run/crossfade/crossfade.sock"
            ));
        }
        for client in &self.clients {
            if client.credentials.iter().any(super::published::is) {
                warnings.push(format!(
                    "the client {} has a credential that stands in Crossfade's public documents, for a tour on one machine: \
                     whoever reaches `listen` can be this client. Make one with `crossfade credential`",
                    client.id
                ));
            }
        }
        for client in &self.clients {
            let (is_verifier, id) = (client.role == Role::Verifier, &client.id);
            let idle = [
                ("audiences", !is_verifier && !client.audiences.is_empty()),
                ("secrets", is_verifier && !client.secrets.is_empty()),
                ("token_headers", !is_verifier && !client.token_headers.is_empty()),
            ];
            for (key, _) in idle.into_iter().filter(|(_, is_idle)| *is_idle) {
                let role = client.role.as_str();
                warnings.push(format!(
                    "the client {id}: `{key}` does nothing with the role `{role}`: take it out"
                ));
            }
        }
        for secret in &self.secrets {
            let terms = secret.policy.terms();
            if terms.schedule.is_none() && !terms.jitter.is_zero() {
                let name = &secret.name;
                warnings.push(format!(
                    "{name}: `jitter` does nothing without `schedule` or `every`: take it out"
                ));
            }
            let (grace, freshness, lag) = (terms.grace, terms.freshness, terms.store.store_lag);
            if grace <= freshness + lag {
                warnings.push(format!(
                    "{}: grace ({grace:?}) is not longer than freshness + store_lag ({freshness:?} + {lag:?} = {:?}): a bot \
                     has no time in which a token that it has read is certain to be accepted. Raise grace to that sum, and \
                     the longest that a bot keeps a token",
                    secret.name,
                    freshness + lag
                ));
            }
        }
        warnings
    }
}
