//! The text of the cache file (`verify/vectors/README.md`, `caches.json`): a checksum, the view's place in time, and the
//! set as it came.

use std::{fmt, sync::Arc};

use sha2::{Digest as _, Sha256};

use crate::{
    accept_set::{AcceptSet, SetError, Text},
    clock::Moment,
    json::{JsonError, Reader},
    timing::PlaceInTime,
    verdict::View,
};

/// As much of a file as says whether it is one of ours.
pub(super) const BEGINNING: u64 = 32;

pub(super) const FORMAT: u64 = 2;

/// Whose view is kept, and on which boot of the machine.
#[derive(Clone, Debug)]
pub(super) struct Whose {
    pub(super) audience: Arc<str>,
    /// The replicas' URLs, without a slash at the end, sorted.
    pub(super) feed: Arc<[String]>,
    /// Names the boot that the boot clock counts from; empty where the machine does not say.
    pub(super) boot: Arc<str>,
}

/// Why a file is of no use.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Unused {
    Empty,
    Foreign,
    OtherFormat,
    Damaged,
    OtherAudience,
    OtherFeed,
    Future,
}

impl fmt::Display for Unused {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Empty => "it is empty",
            Self::Foreign => "it is no cache of ours",
            Self::OtherFormat => "it is of a format that this version does not read",
            Self::Damaged => "it is damaged",
            Self::OtherAudience => "it is of another audience",
            Self::OtherFeed => "it is of another feed",
            Self::Future => "it was written later than now, so how old it is can't be told",
        })
    }
}

impl std::error::Error for Unused {}

/// When a view was kept, and what it said of its time then.
#[derive(Debug, Default)]
pub(super) struct Kept {
    pub(super) boot: String,
    pub(super) taken: Moment,
    pub(super) now_ms: u64,
    pub(super) age_ms: u64,
}

impl Whose {
    pub(super) fn new<'u>(audience: &str, urls: impl IntoIterator<Item = &'u str>, boot: &str) -> Self {
        let mut feed: Vec<_> = urls.into_iter().map(|url| url.trim_end_matches('/').to_owned()).collect();
        feed.sort_unstable();
        Self { audience: audience.into(), feed: feed.into(), boot: boot.into() }
    }

    /// What stands before the set.
    pub(super) fn head(
        &self,
        set: &[u8],
        PlaceInTime { now_ms, age_ms }: PlaceInTime,
        taken: Moment,
    ) -> String {
        let feed: Vec<_> = self.feed.iter().map(|url| Text(url).to_string()).collect();
        let (audience, feed, boot) = (Text(&self.audience), feed.join(","), Text(&self.boot));
        let Moment { boot_ms, wall_ms } = taken;
        let place = format!(
            "{{\"audience\":{audience},\"feed\":[{feed}],\"boot\":{boot},\"boot_ms\":{boot_ms},\
             \"wall_ms\":{wall_ms},\"now_ms\":{now_ms},\"age_ms\":{age_ms}}}\n"
        );
        format!("{{\"format\":{FORMAT},\"sha256\":\"{}\"}}\n{place}", checksum(&[place.as_bytes(), set]))
    }

    /// The view that a file of this format holds, as old as it is at that moment. It is never complete: it refuses nothing.
    pub(super) fn view(&self, file: &[u8], at: Moment) -> Result<View, Unused> {
        let (first, rest) = line(file).ok_or(Unused::Damaged)?;
        if stated(first).ok_or(Unused::Damaged)? != checksum(&[rest]) {
            return Err(Unused::Damaged);
        }
        let (second, set) = line(rest).ok_or(Unused::Damaged)?;
        let Head { audience, feed, kept } = Head::read(second).ok_or(Unused::Damaged)?;
        let set = AcceptSet::parse(set, &self.audience);
        if audience != *self.audience || matches!(set, Err(SetError::OtherAudience)) {
            return Err(Unused::OtherAudience);
        }
        if feed != *self.feed {
            return Err(Unused::OtherFeed);
        }
        self.aged(set.map_err(|_| Unused::Damaged)?, &kept, at)
    }

    /// Of another boot, the wall clock alone says how long ago it was.
    pub(super) fn aged(&self, set: AcceptSet, kept: &Kept, at: Moment) -> Result<View, Unused> {
        let Kept { boot, taken, now_ms, age_ms } = kept;
        let same_boot = !self.boot.is_empty() && *boot == *self.boot && at.boot_ms >= taken.boot_ms;
        if !same_boot && at.wall_ms < taken.wall_ms {
            return Err(Unused::Future);
        }
        let since = if same_boot { *taken } else { Moment { boot_ms: at.boot_ms, ..*taken } };
        let elapsed = at.elapsed_since_ms(since);
        let (now_ms, age_ms) = (now_ms.saturating_add(elapsed), age_ms.saturating_add(elapsed));
        Ok(View { set, now_ms, age_ms, taken: at, complete: false })
    }
}

struct Head {
    audience: String,
    feed: Vec<String>,
    kept: Kept,
}

impl Head {
    fn read(line: &str) -> Option<Self> {
        let (mut audience, mut feed, mut boot) = (None, None, None);
        let [mut boot_ms, mut wall_ms, mut now_ms, mut age_ms] = [None; 4];
        let mut reader = Reader::new(line);
        let read = reader.object::<JsonError>(|reader, key| {
            match key {
                "audience" => audience = Some(reader.string()?.into_owned()),
                "feed" => {
                    let urls = feed.insert(Vec::new());
                    reader.array::<JsonError>(|reader| {
                        urls.push(reader.string()?.into_owned());
                        Ok(())
                    })?;
                }
                "boot" => boot = Some(reader.string()?.into_owned()),
                "boot_ms" => boot_ms = Some(reader.integer()?),
                "wall_ms" => wall_ms = Some(reader.integer()?),
                "now_ms" => now_ms = Some(reader.integer()?),
                "age_ms" => age_ms = Some(reader.integer()?),
                _ => reader.skip()?,
            }
            Ok(())
        });
        read.and_then(|()| reader.end()).ok()?;
        let taken = Moment { boot_ms: boot_ms?, wall_ms: wall_ms? };
        let kept = Kept { boot: boot?, taken, now_ms: now_ms?, age_ms: age_ms? };
        (kept.age_ms <= kept.now_ms).then_some(Self { audience: audience?, feed: feed?, kept })
    }
}

/// Of which format a file says that it is; by its beginning alone.
pub(super) fn of(file: &[u8]) -> Result<u64, Unused> {
    if file.is_empty() {
        return Err(Unused::Empty);
    }
    stated_format(file).ok_or(Unused::Foreign)
}

/// None, where none of our programs wrote it: other people's files may begin with a `format` too.
fn stated_format(file: &[u8]) -> Option<u64> {
    let text = file.strip_prefix(b"{\"format\":")?;
    let before = [&b"1,\"feed\":"[..], b"1,\"audience\":", b" 1, \"audience\":"];
    if before.iter().any(|known| text.starts_with(known)) {
        return Some(1);
    }
    let digits = text.iter().take_while(|byte| byte.is_ascii_digit()).count();
    let (number, rest) = text.split_at(digits);
    let is_ours = (1..=9).contains(&digits) && rest.starts_with(b",\"sha256\":\"");
    str::from_utf8(number).ok().filter(|_| is_ours)?.parse().ok()
}

/// The checksum in the first line.
fn stated(line: &str) -> Option<String> {
    let mut stated = None;
    let mut reader = Reader::new(line);
    let read = reader.object::<JsonError>(|reader, key| match key {
        "sha256" => {
            stated = Some(reader.string()?.into_owned());
            Ok(())
        }
        _ => reader.skip(),
    });
    read.and_then(|()| reader.end()).ok()?;
    stated
}

/// Up to the first end of a line, and after it.
pub(super) fn line(text: &[u8]) -> Option<(&str, &[u8])> {
    let end = text.iter().position(|byte| *byte == b'\n')?;
    let (line, rest) = text.split_at(end);
    Some((str::from_utf8(line).ok()?, &rest[1..]))
}

fn checksum(parts: &[&[u8]]) -> String {
    let mut hash = Sha256::new();
    parts.iter().for_each(|part| hash.update(part));
    hash.finalize().iter().map(|byte| format!("{byte:02x}")).collect()
}
