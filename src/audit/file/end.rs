//! How the file ends: the last entry, and what a crash may have left behind it.

use std::{
    fs::File,
    io::{self, Read, Seek, SeekFrom},
};

use super::super::chain::{LINE_BYTES, Link, Rest};

/// What is searched for the last entry before we give up: crashes leave less than a line each.
const MOST_BYTES: u64 = 1024 * 1024;

/// How the file ends.
#[derive(PartialEq, Eq, Debug)]
pub(super) struct End {
    pub(super) length: u64,
    /// The last entry.
    pub(super) link: Link,
    /// The last byte is no line feed.
    pub(super) open: bool,
    /// What stands behind the last entry, with the line feed that it gets if it is open.
    pub(super) rest: Option<Rest>,
}

impl End {
    pub(super) fn read(file: &mut File) -> io::Result<Self> {
        let length = file.metadata()?.len();
        let mut window = 4 * LINE_BYTES as u64;
        loop {
            let start = length.saturating_sub(window);
            file.seek(SeekFrom::Start(start))?;
            let mut bytes = Vec::new();
            file.take(length - start).read_to_end(&mut bytes)?;
            if let Some(end) = find(&bytes, start == 0, length) {
                return Ok(end);
            }
            if window >= MOST_BYTES {
                let what = "it does not end like an audit log: move the file away, and a new chain begins";
                return Err(io::Error::new(io::ErrorKind::InvalidData, what));
            }
            window *= 4;
        }
    }
}

/// None where these bytes, the file's last ones, hold no entry, and are not the whole file.
fn find(bytes: &[u8], whole: bool, length: u64) -> Option<End> {
    let open = bytes.last().is_some_and(|byte| *byte != b'\n');
    // From the end: what stands before `end` is not looked at yet.
    let mut end = bytes.len();
    while end > 0 {
        let line_end = if bytes[end - 1] == b'\n' { end - 1 } else { end };
        let start = bytes[..line_end].iter().rposition(|byte| *byte == b'\n').map_or(0, |at| at + 1);
        // The first line in sight may have begun before it.
        if start == 0 && !whole {
            return None;
        }
        if let Some(link) = Link::of(&bytes[start..line_end]) {
            return Some(End { length, link, open, rest: rest(&bytes[end..], open) });
        }
        end = start;
    }
    whole.then(|| End { length, link: Link::default(), open, rest: rest(bytes, open) })
}

fn rest(bytes: &[u8], open: bool) -> Option<Rest> {
    let line_feed: &[u8] = if open { b"\n" } else { b"" };
    (!bytes.is_empty()).then(|| Rest::of(&[bytes, line_feed].concat()))
}
