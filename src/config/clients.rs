//! `clients`.

use std::{collections::BTreeMap, sync::Arc};

use crossfade_verify::Digest;

use super::{
    ClientConfig, Role, SecretConfig, TlsConfig,
    names::{Unnamed, meant},
    section::{At, Section},
    text,
};

/// Who has which credential and which name in a certificate.
#[derive(Default)]
struct Owners {
    credentials: BTreeMap<Digest, String>,
    names: BTreeMap<String, String>,
}

pub(super) fn parse(
    top: &Section<'_>,
    secrets: &[SecretConfig],
    is_aws: bool,
    tls: Option<&TlsConfig>,
) -> Vec<ClientConfig> {
    let mut clients: Vec<ClientConfig> = Vec::new();
    let mut owners = Owners::default();
    for section in top.sections("clients") {
        let id = section.need("id", text::plain);
        if let Some(at) = id.as_ref().filter(|at| clients.iter().any(|c| *c.id == *at.value)) {
            section.reading.mistake(at.place, format!("the client {:?} stands here twice", at.value));
        }
        clients.extend(client(section, id, (secrets, is_aws), tls, &mut owners));
    }
    clients
}

fn client(
    section: Section<'_>,
    id: Option<At<String>>,
    (secrets, is_aws): (&[SecretConfig], bool),
    tls: Option<&TlsConfig>,
    owners: &mut Owners,
) -> Option<ClientConfig> {
    let role = section.need("role", |role| match role {
        "verifier" => Ok(Role::Verifier),
        "bot" => Ok(Role::Bot),
        "admin" => Ok(Role::Admin),
        other => Err(format!("{other:?} is no role: `verifier`, `bot` or `admin`")),
    });
    let name = id.as_ref().map(|at| at.value.clone()).unwrap_or_default();
    let has_certificate = section.node("client_cert_san").is_some();
    let cert_san = certificate(&section, &name, tls, &mut owners.names);
    let credentials = credentials(&section, &name, has_certificate, &mut owners.credentials);
    let audiences = known(&section, "audiences", |audience| {
        secrets
            .iter()
            .map(|secret| &secret.audience)
            .find(|known| ***known == *audience)
            .ok_or_else(|| format!("{audience:?}: no secret of this config has it under `audience`"))
    });
    let names = known(&section, "secrets", |name| {
        meant(secrets.iter().map(|secret| &secret.name), name, is_aws).map_err(|unnamed| match unnamed {
            Unnamed::Nobody(_) => format!("{name:?}: no secret of this config has it under `name`"),
            several @ Unnamed::Several(..) => several.to_string(),
        })
    });
    if let Some(role) = &role {
        let (wants, has) = match role.value {
            Role::Verifier => ("audiences", audiences.is_some()),
            Role::Bot | Role::Admin => ("secrets", names.is_some()),
        };
        if !has {
            let role = role.value;
            section.reading.mistake(
                section.place,
                format!("a client with the role `{role}` needs `{wants}`, which is missing"),
            );
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
    tls: Option<&TlsConfig>,
    owners: &mut BTreeMap<String, String>,
) -> Option<String> {
    let At { place, value } = section.get("client_cert_san", text::subject_alternative_name)?;
    if tls.is_none_or(|tls| tls.client_ca.is_none()) {
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
    has_certificate: bool,
    owners: &mut BTreeMap<Digest, String>,
) -> Vec<Digest> {
    let Some(hashes) = section.list("credential_sha256", true, text::sha256) else {
        if !has_certificate {
            let what = "`credential_sha256` is missing: `crossfade credential` makes one (or, with `tls.client_ca`, \
                        `client_cert_san`)";
            section.reading.mistake(section.place, what);
        }
        return Vec::new();
    };
    for At { place, value } in &hashes {
        if let Some(owner) = owners.insert(*value, id.to_owned()) {
            section.reading.mistake(*place, format!("the client {owner:?} has this credential already"));
        }
    }
    if hashes.is_empty() && !section.reading.has_mistakes() {
        section.reading.mistake(section.place, "`credential_sha256` is empty: nobody could be this client");
    }
    hashes.into_iter().map(|at| at.value).collect()
}

/// A list of what some secret bears; empty is as wrong as unknown.
fn known<'a>(
    section: &Section<'_>,
    key: &'static str,
    find: impl Fn(&str) -> Result<&'a Arc<str>, String>,
) -> Option<Vec<Arc<str>>> {
    let listed = section.list(key, false, |text| Ok(text.to_owned()))?;
    if listed.is_empty() {
        section.reading.mistake(section.place, format!("`{key}` is empty: the client could do nothing"));
    }
    let mut found = Vec::new();
    for At { place, value } in &listed {
        match find(value) {
            Ok(known) => found.push(Arc::clone(known)),
            Err(unknown) => section.reading.mistake(*place, unknown),
        }
    }
    Some(found)
}
