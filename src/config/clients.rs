//! `clients`.

use std::{
    collections::{BTreeMap, BTreeSet},
    sync::Arc,
};

use crossfade_verify::Digest;

use super::{
    checked::{ClientConfig, Role, SecretConfig},
    names::{Unnamed, meant},
    published,
    secrets::Written,
    section::{At, Section},
    text,
};
use crate::store::Limits;

/// The secrets that clients may name.
pub(super) struct Known<'a> {
    pub(super) secrets: &'a [Arc<SecretConfig>],
    pub(super) written: &'a Written,
    /// Of the store: whether two names may mean one secret.
    pub(super) limits: &'static Limits,
}

/// What of `listen` bears on clients.
pub(super) struct Listener {
    /// Whether clients show certificates there.
    pub(super) asks_for_certificates: bool,
    pub(super) on_loopback: bool,
}

/// Who has which credential and which name in a certificate.
#[derive(Default)]
struct Owners {
    credentials: BTreeMap<Digest, String>,
    names: BTreeMap<String, String>,
}

pub(super) fn parse(top: &Section<'_>, known: &Known<'_>, listener: &Listener) -> Vec<ClientConfig> {
    let mut clients: Vec<ClientConfig> = Vec::new();
    let mut owners = Owners::default();
    for section in top.sections("clients") {
        let id = section.need("id", text::plain);
        if let Some(at) = id.as_ref().filter(|at| clients.iter().any(|c| *c.id == *at.value)) {
            section.reading.mistake(at.place, format!("the client {:?} stands here twice", at.value));
        }
        clients.extend(client(section, id, known, listener, &mut owners));
    }
    clients
}

fn client(
    section: Section<'_>,
    id: Option<At<String>>,
    known: &Known<'_>,
    listener: &Listener,
    owners: &mut Owners,
) -> Option<ClientConfig> {
    let role = section.need("role", |text| {
        let role = Role::ALL.into_iter().find(|role| role.as_str() == text);
        role.ok_or_else(|| format!("{text:?} is no role: `verifier`, `bot` or `admin`"))
    });
    let name = id.as_ref().map(|at| at.value.clone()).unwrap_or_default();
    let cert_san = certificate(&section, &name, listener, &mut owners.names);
    let credentials = credentials(&section, &name, listener, &mut owners.credentials);
    let audiences = known.list(&section, "audiences", &known.written.audiences, |audience| {
        let mut all = known.secrets.iter().map(|secret| &secret.audience);
        all.find(|known| ***known == *audience)
            .ok_or_else(|| format!("{audience:?}: no secret of this config has it under `audience`"))
    });
    let names = known.list(&section, "secrets", &known.written.names, |name| {
        let all = known.secrets.iter().map(|secret| &secret.name);
        meant(all, name, known.limits).map_err(|unnamed| match unnamed {
            Unnamed::Nobody(_) => format!("{name:?}: no secret of this config has it under `name`"),
            several @ Unnamed::Several(..) => several.to_string(),
        })
    });
    if let Some(role) = &role {
        let wants = match role.value {
            Role::Verifier => "audiences",
            Role::Bot | Role::Admin => "secrets",
        };
        if !section.has(wants) {
            let role = role.value.as_str();
            section.miss(wants, format!("a client with the role `{role}` needs `{wants}`, which is missing"));
        }
    }
    let token_headers = section.list("token_headers", false, text::header).unwrap_or_default();
    section.finish();
    Some(ClientConfig {
        id: id?.value.into(),
        role: role?.value,
        audiences: audiences.unwrap_or_default(),
        secrets: names.unwrap_or_default(),
        credentials,
        cert_san,
        token_headers: token_headers.into_iter().map(|at| at.value).collect(),
    })
}

/// The name by which its certificate shows who it is.
fn certificate(
    section: &Section<'_>,
    id: &str,
    listener: &Listener,
    owners: &mut BTreeMap<String, String>,
) -> Option<String> {
    let At { place, value } = section.get("client_cert_san", text::subject_alternative_name)?;
    if !listener.asks_for_certificates {
        let what = "`client_cert_san` needs `tls.client_ca`: without it nobody shows a certificate";
        section.reading.mistake(place, what);
    }
    if let Some(owner) = owners.insert(value.clone(), id.to_owned()) {
        section.reading.mistake(place, format!("the client {owner:?} has this name already"));
    }
    Some(value)
}

fn credentials(
    section: &Section<'_>,
    id: &str,
    listener: &Listener,
    owners: &mut BTreeMap<Digest, String>,
) -> Vec<Digest> {
    let hashes = section.list("credential_sha256", true, text::sha256).unwrap_or_default();
    if !section.has("credential_sha256") && !section.has("client_cert_san") {
        let what = "`credential_sha256` is missing: `crossfade credential` makes one (or, with `tls.client_ca`, \
                    `client_cert_san`)";
        section.miss("credential_sha256", what);
    }
    for At { place, value } in &hashes {
        if let Some(owner) = owners.insert(*value, id.to_owned()) {
            section.reading.mistake(*place, format!("the client {owner:?} has this credential already"));
        }
        if published::is(value) && !listener.on_loopback {
            section.reading.mistake(*place, format!(
                "this credential stands in Crossfade's public documents, and `listen` is not on loopback: anybody could be \
                 the client {id:?}. Make one with `crossfade credential`"));
        }
    }
    if section.is_empty("credential_sha256") {
        section.reading.mistake(section.place, "`credential_sha256` is empty: nobody could be this client");
    }
    hashes.into_iter().map(|at| at.value).collect()
}

impl Known<'_> {
    /// A list of what some secret bears; empty is as wrong as unknown.
    fn list<'a>(
        &self,
        section: &Section<'_>,
        key: &'static str,
        written: &BTreeSet<String>,
        find: impl Fn(&str) -> Result<&'a Arc<str>, String>,
    ) -> Option<Vec<Arc<str>>> {
        let listed = section.list(key, false, |text| Ok(text.to_owned()))?;
        if section.is_empty(key) {
            section.reading.mistake(section.place, format!("`{key}` is empty: the client could do nothing"));
        }
        let mut found = Vec::new();
        for At { place, value } in &listed {
            match find(value) {
                Ok(known) => found.push(Arc::clone(known)),
                // It stands in the file, and what is wrong with it has been told.
                Err(_) if written.contains(value) || !self.written.whole => {}
                Err(unknown) => section.reading.mistake(*place, unknown),
            }
        }
        Some(found)
    }
}
