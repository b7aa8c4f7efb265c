//! Whose a file is, and who besides us may read or change it: one rule for the config, keys, certificates, the
//! database and the audit log.
//!
//! A file belongs to root or to our own user. Others can't change it, and can't read it where it is secret. Our own
//! groups may do both, since that is how Kubernetes (`fsGroup`) and systemd (`LoadCredential=`) hand files out; on a
//! plain host `crossfade check` warns of it.

use std::{
    fs::{File, Metadata, OpenOptions},
    io,
    os::unix::fs::{MetadataExt as _, OpenOptionsExt as _},
    path::Path,
};

/// What is kept from others, and from groups that are not ours: bits of a file's mode.
#[derive(Copy, Clone, PartialEq, Eq, Debug)]
pub struct Limits {
    others: u32,
    groups: u32,
    remedy: &'static str,
}

/// It decides who gets in, or what is stored: only we change it.
pub const UNCHANGED: Limits = Limits { others: 0o002, groups: 0o020, remedy: "o-w,g-w" };
/// A key: nobody reads it but root, us, and groups that we are in.
pub const SECRET: Limits = Limits { others: 0o007, groups: 0o070, remedy: "go=" };
/// The listener's key, which several servers of a machine may read by a group of theirs.
pub const SHARED_SECRET: Limits = Limits { others: 0o007, groups: 0o030, remedy: "u=rw,g=r,o=" };

/// Opens a file to read it, and waits for nobody: a pipe in its place is opened at once too, and is no file.
pub fn open(path: &Path) -> io::Result<File> {
    let at_once = i32::try_from(rustix::fs::OFlags::NONBLOCK.bits()).unwrap_or(0);
    OpenOptions::new().read(true).custom_flags(at_once).open(path)
}

/// Why the file is not safe to rest on, and what to do; none: it is.
pub fn concern(about: &Metadata, limits: Limits) -> Option<String> {
    let us = rustix::process::geteuid().as_raw();
    let Limits { others, groups, remedy } = limits;
    let (owner, group, mode) = (about.uid(), about.gid(), about.mode() & 0o7777);
    if owner != 0 && owner != us {
        Some(format!(
            "it belongs to uid {owner}, and we are uid {us}: chown it to root or to uid {us}, or run as its owner"
        ))
    } else if mode & others != 0 {
        Some(format!("its mode {mode:04o} lets in others: chmod {remedy} it"))
    } else if mode & groups != 0 && !is_ours(group) && !is_roots(about, limits) {
        Some(format!(
            "its mode {mode:04o} lets in group {group}, which is none of ours: chgrp it to one of ours, or chmod {remedy} it"
        ))
    } else {
        None
    }
}

/// What `chmod` takes to keep groups and others out.
pub fn remedy(limits: Limits) -> &'static str {
    limits.remedy
}

/// Whether a group of ours may do with it what is kept from others.
pub fn is_shared(about: &Metadata, limits: Limits) -> bool {
    about.mode() & limits.groups != 0 && is_ours(about.gid())
}

/// What root lets its own group read: systemd shows credentials so, and lets us in by an access control list.
fn is_roots(about: &Metadata, limits: Limits) -> bool {
    about.uid() == 0 && about.gid() == 0 && about.mode() & limits.groups & 0o030 == 0
}

fn is_ours(group: u32) -> bool {
    let others = rustix::process::getgroups().unwrap_or_default();
    rustix::process::getegid().as_raw() == group || others.iter().any(|other| other.as_raw() == group)
}
