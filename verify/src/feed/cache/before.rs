//! The cache file of 0.1.0: one line about the view, and the set. It had no checksum, and its tag is not believed.

use super::format::{Kept, Unused, Whose, line};
use crate::{
    accept_set::{AcceptSet, SetError},
    clock::Moment,
    json::{JsonError, Reader},
    verdict::View,
};

pub(super) const FORMAT: u64 = 1;

pub(super) fn view(whose: &Whose, file: &[u8], at: Moment) -> Result<View, Unused> {
    let (head, set) = line(file).ok_or(Unused::Damaged)?;
    // Verifiers in other languages had formats of their own.
    let (feed, kept) = head_of(head).ok_or(Unused::OtherFormat)?;
    let set = AcceptSet::parse(set, &whose.audience).map_err(|error| match error {
        SetError::OtherAudience => Unused::OtherAudience,
        _ => Unused::Damaged,
    })?;
    if feed != whose.feed.join(" ") {
        return Err(Unused::OtherFeed);
    }
    whose.aged(set, &kept, at)
}

fn head_of(line: &str) -> Option<(String, Kept)> {
    let (mut feed, mut kept, mut seen) = (String::new(), Kept::default(), 0);
    let mut reader = Reader::new(line);
    let read = reader.object::<JsonError>(|reader, key| {
        match key {
            "feed" => feed = reader.string()?.into_owned(),
            "boot" => kept.boot = reader.string()?.into_owned(),
            "now_ms" => kept.now_ms = reader.integer()?,
            "age_ms" => kept.age_ms = reader.integer()?,
            "boot_ms" => kept.taken.boot_ms = reader.integer()?,
            "wall_ms" => kept.taken.wall_ms = reader.integer()?,
            _ => return reader.skip(),
        }
        seen += 1;
        Ok(())
    });
    let is_whole = read.is_ok() && seen == 6 && reader.end().is_ok() && kept.age_ms <= kept.now_ms;
    is_whole.then_some((feed, kept))
}
