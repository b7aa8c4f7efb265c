//! Wall clocks that jump: libfaketime, by a file that it reads at each look at the clock.
//!
//! What it does, as measured (0.9.10): with `FAKETIME_DONT_FAKE_MONOTONIC` it leaves CLOCK_MONOTONIC and CLOCK_BOOTTIME
//! alone, as a clock that somebody sets does; without it, both would jump, which no machine's do. It sits in libc, so it
//! reaches Node.js and CPython, and of Rust what asks libc. Our Rust code reads both clocks by rustix, which calls the
//! kernel itself: there it changes nothing but the time in AWS's signatures.

use std::{ffi::OsString, fs, path::Path};

/// The variable that names the file.
pub(super) const FILE: &str = "FAKETIME_TIMESTAMP_FILE";

/// What a process with a clock of its own has in its environment; nothing without the library.
pub(super) fn environment(library: Option<&Path>, file: &Path) -> Vec<(&'static str, OsString)> {
    let Some(library) = library else { return Vec::new() };
    set(file.as_os_str(), 0);
    vec![
        ("LD_PRELOAD", library.into()),
        (FILE, file.into()),
        ("FAKETIME_NO_CACHE", "1".into()),
        ("FAKETIME_DONT_FAKE_MONOTONIC", "1".into()),
    ]
}

/// By how many seconds that clock is ahead from now on.
pub(super) fn set(file: &std::ffi::OsStr, ahead_s: i64) {
    // As a whole: a half-written one would be another time.
    let new = Path::new(file).with_extension("new");
    drop(fs::write(&new, format!("{ahead_s:+}\n")).and_then(|()| fs::rename(&new, file)));
}
