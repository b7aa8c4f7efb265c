//! A verifier that bots ask: an example server, or a daemon's own endpoint.

use std::{
    net::SocketAddr,
    sync::{PoisonError, RwLock, TryLockError},
};

use crossfade_testing_fleet::{
    VERIFIER,
    bots::{ask, passed},
    process::call,
    servers::{Kind, Server, Setting},
};

use super::daemon::signal;

pub(super) struct Post {
    pub(super) store: &'static str,
    pub(super) language: &'static str,
    place: Place,
}

enum Place {
    Server(Box<Example>),
    Endpoint { port: u16 },
}

struct Example {
    kind: Kind,
    setting: Setting,
    running: RwLock<Option<Server>>,
}

#[derive(Copy, Clone, PartialEq, Eq, Debug)]
pub(super) enum Verdict {
    Accepted,
    Refused,
    Unsure,
    Silent,
}

impl Post {
    pub(super) fn server(store: &'static str, kind: &Kind, setting: Setting) -> Result<Self, String> {
        let server = Server::start_with(kind, &setting)?;
        let example = Example { kind: kind.clone(), setting, running: RwLock::new(Some(server)) };
        Ok(Self { store, language: kind.language, place: Place::Server(Box::new(example)) })
    }

    pub(super) fn endpoint(store: &'static str, port: u16) -> Self {
        Self { store, language: "introspect", place: Place::Endpoint { port } }
    }

    pub(super) fn whose(&self) -> (&'static str, &'static str) {
        (self.store, self.language)
    }

    pub(super) fn is_server(&self) -> bool {
        matches!(self.place, Place::Server(_))
    }

    pub(super) fn ask(&self, header: &str, token: &str) -> Verdict {
        match &self.place {
            Place::Server(example) => {
                // Not held while it is asked, so that it can be killed meanwhile.
                let address = example
                    .running
                    .read()
                    .unwrap_or_else(PoisonError::into_inner)
                    .as_ref()
                    .map(|s| s.address);
                address.map_or(Verdict::Silent, |address| server_says(address, header, token))
            }
            Place::Endpoint { port } => introspected(*port, token),
        }
    }

    /// The file by which its clock is set, where it has one.
    pub(super) fn clock(&self) -> Option<&std::ffi::OsStr> {
        let Place::Server(example) = &self.place else { return None };
        example
            .setting
            .environment
            .iter()
            .find(|(name, _)| *name == super::clocks::FILE)
            .map(|(_, file)| file.as_os_str())
    }

    /// Killed, and started again after what is done meanwhile. What it said, where it does not start.
    pub(super) fn kill_during(&self, meanwhile: impl FnOnce()) -> Result<bool, String> {
        let Place::Server(example) = &self.place else { return Ok(false) };
        let Example { kind, setting, running } = &**example;
        match running.try_write() {
            Ok(mut server) => drop(server.take()),
            Err(TryLockError::WouldBlock | TryLockError::Poisoned(_)) => return Ok(false),
        }
        meanwhile();
        let started = Server::start_with(kind, setting)?;
        *running.write().unwrap_or_else(PoisonError::into_inner) = Some(started);
        Ok(true)
    }

    /// Stopped, and let go on after what is done meanwhile.
    pub(super) fn stop_during(&self, meanwhile: impl FnOnce()) -> bool {
        let Place::Server(example) = &self.place else { return false };
        let pid = example.running.read().unwrap_or_else(PoisonError::into_inner).as_ref().map(Server::pid);
        let Some(pid) = pid else { return false };
        signal(pid, "-STOP");
        meanwhile();
        signal(pid, "-CONT");
        true
    }
}

fn server_says(address: SocketAddr, header: &str, token: &str) -> Verdict {
    match ask(address, header, token) {
        None => Verdict::Silent,
        Some(503) => Verdict::Unsure,
        Some(status) if passed(status) => Verdict::Accepted,
        Some(_) => Verdict::Refused,
    }
}

fn introspected(port: u16, token: &str) -> Verdict {
    let form: String = token.bytes().map(|b| format!("%{b:02X}")).collect();
    let bearer = format!("Bearer {VERIFIER}");
    let headers = [("Authorization", &*bearer), ("Content-Type", "application/x-www-form-urlencoded")];
    match call(port, "POST", "/v1/introspect", &headers, &format!("token={form}")) {
        Ok(answer) if answer.status == 503 => Verdict::Unsure,
        Ok(answer) if answer.status == 200 => {
            let body: serde_json::Value = serde_json::from_str(&answer.body).unwrap_or_default();
            match body["active"].as_bool() {
                Some(true) => Verdict::Accepted,
                Some(false) => Verdict::Refused,
                None => Verdict::Silent,
            }
        }
        Ok(_) | Err(_) => Verdict::Silent,
    }
}
