//! Who calls us: client credentials and roles.
//!
//! We hold hashes only. A credential has the shape of our tokens with the prefix `cfc`; anything
//! else is refused before it is hashed.

use std::{
    collections::HashMap,
    sync::{Arc, Mutex, atomic::AtomicBool},
};

use arc_swap::ArcSwap;
use axum::http::{HeaderMap, header};
use base64::{Engine as _, prelude::BASE64_STANDARD};
use crossfade_verify::{
    Digest,
    token::{Shape, shape},
};
use percent_encoding::percent_decode;
use tokio::sync::Semaphore;
use tokio_util::sync::CancellationToken;

use super::{
    error::ApiError,
    limits,
    listener::Peer,
    share::{Among, Share},
    tls::Certificate,
    unauthenticated::Unauthenticated,
};
use crate::lock::lock;

/// What a client may do.
#[derive(Copy, Clone, PartialEq, Eq, Debug)]
pub enum Role {
    /// Ask for verdicts on tokens.
    Verifier,
    /// Fetch tokens.
    Bot,
    /// Order rotations, on the admin socket. Over `listen` nobody orders anything: this role may do nothing there.
    Admin,
}

/// A client of ours.
#[derive(Debug)]
pub struct Client {
    /// Its name.
    pub id: Arc<str>,
    /// What it may do.
    pub role: Role,
    /// For whom it may verify.
    pub audiences: Arc<[Arc<str>]>,
    /// Whose tokens it may have.
    pub secrets: Arc<[Arc<str>]>,
    /// Where else than in Authorization a token may stand, before its proxy.
    pub token_headers: Arc<[String]>,
    /// The requests that it holds open.
    pub polls: Polls,
    /// What else it takes.
    pub share: Arc<Share>,
}

impl Client {
    /// Whether it has that role; if not, it may not do this.
    pub(super) fn has(&self, role: Role, or_else: &'static str) -> Result<(), ApiError> {
        if self.role == role { Ok(()) } else { Err(ApiError::forbidden(or_else)) }
    }

    /// The audience of that name, where it verifies for it.
    pub(super) fn audience(&self, name: &str) -> Result<&Arc<str>, ApiError> {
        let known = self.audiences.iter().find(|known| ***known == *name);
        known.ok_or_else(|| ApiError::forbidden("this client does not verify for that audience"))
    }
}

/// The requests that a client holds open: its share of places, and their end.
#[derive(Debug)]
pub struct Polls {
    pub(super) places: Semaphore,
    /// Cancelled by the next config.
    pub(super) over: CancellationToken,
}

impl Default for Polls {
    fn default() -> Self {
        Self { places: Semaphore::new(limits::POLLS), over: CancellationToken::new() }
    }
}

/// All clients, by what they show. Replaced as a whole by a new config, which
/// counts at once: each request looks its client up.
#[derive(Debug, Default)]
pub struct Clients(ArcSwap<ClientIndex>);

/// Finds clients by what they show.
#[derive(Debug, Default)]
pub struct ClientIndex {
    /// By the hash of each of their credentials.
    pub by_credential: HashMap<Digest, Arc<Client>>,
    /// By the name in their certificate: `dns:…`, `uri:…`.
    pub by_name: HashMap<String, Arc<Client>>,
}

impl Clients {
    /// Takes the clients of a config. Requests that are held open end, and their clients have to show their
    /// credentials again.
    pub fn replace(&self, index: ClientIndex) {
        let ClientIndex { by_credential, by_name } = &*self.0.swap(Arc::new(index));
        for client in by_credential.values().chain(by_name.values()) {
            client.polls.over.cancel();
        }
    }

    /// What this client takes already, for its place in the next config: a new share would be a second one for a thief who
    /// holds the first.
    pub fn share_of(&self, id: &str) -> Arc<Share> {
        let index = self.0.load();
        let mut clients = index.by_credential.values().chain(index.by_name.values());
        clients.find(|client| &*client.id == id).map(|client| Arc::clone(&client.share)).unwrap_or_default()
    }

    /// The client whose credential stands in the request's `Authorization`: as Bearer, or as Basic, by RFC 7617 or with both
    /// parts encoded as in a form (RFC 6749, section 2.3.1).
    pub(super) fn authenticate(&self, headers: &HeaderMap) -> Option<Arc<Client>> {
        let mut values = headers.get_all(header::AUTHORIZATION).iter();
        let value = values.next()?;
        if values.next().is_some() {
            return None;
        }
        let (scheme, rest) = value.to_str().ok()?.split_once(' ')?;
        // One space or more (RFC 9110, section 11.4).
        let rest = rest.trim_start_matches(' ');
        if scheme.eq_ignore_ascii_case("bearer") {
            return self.by_credential(rest.as_bytes());
        }
        if !scheme.eq_ignore_ascii_case("basic") {
            return None;
        }
        let pair = BASE64_STANDARD.decode(rest).ok()?;
        // The last colon: a name may have some, and a credential has none.
        let colon = pair.iter().rposition(|byte| *byte == b':')?;
        let (id, credential) = (&pair[..colon], &pair[colon + 1..]);
        self.by_name_and_credential(id, credential)
            .or_else(|| self.by_name_and_credential(&from_form(id), &from_form(credential)))
    }

    fn by_name_and_credential(&self, id: &[u8], credential: &[u8]) -> Option<Arc<Client>> {
        self.by_credential(credential).filter(|client| client.id.as_bytes() == id)
    }

    /// The client that this certificate is of: the first of its names that is a client's. It goes before whatever a
    /// request's headers say, since before a proxy those are its caller's.
    pub(super) fn by_certificate(&self, certificate: Option<&Arc<Certificate>>) -> Option<Arc<Client>> {
        let index = self.0.load();
        certificate?.names().find_map(|name| index.by_name.get(name).cloned())
    }

    /// The client with this credential.
    pub(super) fn by_credential(&self, credential: &[u8]) -> Option<Arc<Client>> {
        let ours = credential.starts_with(b"cfc_") && shape(credential) == Shape::Ours;
        ours.then(|| self.0.load().by_credential.get(&Digest::of(credential)).cloned())?
    }
}

/// What was encoded as in a form.
fn from_form(text: &[u8]) -> Vec<u8> {
    let spaced: Vec<u8> = text.iter().map(|byte| if *byte == b'+' { b' ' } else { *byte }).collect();
    percent_decode(&spaced).collect()
}

/// Who is at the other end, as far as its connection shows.
#[derive(Debug)]
pub struct Caller {
    pub(super) peer: Peer,
    pub(super) unauthenticated: Unauthenticated,
    pub(super) certificate: Option<Arc<Certificate>>,
    /// How many connections one client may have here.
    pub(super) share: usize,
    /// Whose the connection is: the client's that asked last.
    pub(super) client: Mutex<Option<Among>>,
    /// Whether we have waited for it since its last request. Else it had sent the next one already.
    pub(super) has_paused: AtomicBool,
}

impl From<Peer> for Caller {
    fn from(peer: Peer) -> Self {
        Self {
            peer,
            unauthenticated: Unauthenticated::default(),
            certificate: None,
            share: limits::CONNECTIONS,
            client: Mutex::default(),
            has_paused: AtomicBool::new(true),
        }
    }
}

impl Caller {
    /// The connection is this client's from now on. False: that one has its share already.
    pub(super) fn is_known(&self, client: &Arc<Client>) -> bool {
        let mut known = lock(&self.client);
        if !known.as_ref().is_some_and(|among| among.is_of(&client.share)) {
            let Some(among) = Among::enter(&client.share, self.share) else { return false };
            *known = Some(among);
            self.unauthenticated.leave();
        }
        true
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn client(id: &str) -> Client {
        Client {
            id: id.into(),
            role: Role::Verifier,
            audiences: [].into(),
            secrets: [].into(),
            token_headers: [].into(),
            polls: Polls::default(),
            share: Arc::default(),
        }
    }

    /// A connection where each client may have one.
    fn connection() -> Caller {
        Caller { share: 1, ..Caller::from(Peer { name: "somewhere".into(), uid: None }) }
    }

    #[test]
    fn a_connection_is_in_the_share_of_the_client_that_asked_last_on_it() {
        let (one, other) = (Arc::new(client("one")), Arc::new(client("other")));
        let (first, second) = (connection(), connection());
        assert!(first.is_known(&one) && first.is_known(&one), "it is counted once");
        assert!(!second.is_known(&one) && second.is_known(&other));
        assert!(!first.is_known(&other), "and is still the one's");
        drop(second);
        assert!(first.is_known(&other));
        assert!(connection().is_known(&one), "it has its place back");
    }

    #[test]
    fn a_client_keeps_its_share_when_the_config_is_read_again() {
        let clients = Clients::default();
        let reads = |id: &str| {
            let client = Arc::new(Client { share: clients.share_of(id), ..client(id) });
            clients.replace(ClientIndex {
                by_name: [(id.to_owned(), Arc::clone(&client))].into(),
                ..ClientIndex::default()
            });
            client
        };
        let before = reads("one");
        let held = connection();
        assert!(held.is_known(&before));
        let after = reads("one");
        assert!(!connection().is_known(&after), "what it holds counts");
        assert!(held.is_known(&after), "and is still its own");
        assert!(connection().is_known(&reads("other")));
    }
}
