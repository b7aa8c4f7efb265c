//! `secrets`.

use std::{
    collections::{BTreeMap, BTreeSet},
    sync::Arc,
    time::Duration,
};

use super::{
    checked::SecretConfig,
    section::{At, Section},
    text,
};
use crate::{
    rotation::{
        policy::{Policy, PolicyError, StoreTraits, Terms},
        schedule::{Schedule, ScheduleError},
    },
    store::{Format, Limits},
};

const HOUR: Duration = Duration::from_secs(3600);
/// Far beyond what anybody means, and far from where sums of times overflow.
const LONGEST: Duration = Duration::from_secs(400 * 24 * 3600);

/// What holds for all secrets.
pub(super) struct Shared {
    pub(super) freshness: Duration,
    pub(super) hold: Duration,
    pub(super) sync: Duration,
    pub(super) store: StoreTraits,
    /// What else the store asks for. None: which store is meant is not known.
    pub(super) limits: Option<&'static Limits>,
    /// Whether freshness and store_lag are what somebody has meant: a mistake in them is told once.
    pub(super) compared: bool,
    /// In which secrets are looked for, where the config says so.
    pub(super) region: Option<String>,
}

/// What the file calls its secrets and their audiences, also where the rest of a secret is unsound.
pub(super) struct Written {
    pub(super) names: BTreeSet<String>,
    pub(super) audiences: BTreeSet<String>,
    /// False: one of them can't be read, so that any name may be meant for it.
    pub(super) whole: bool,
}

/// What many secrets have in common is kept once.
#[derive(Default)]
struct Common {
    texts: BTreeSet<Arc<str>>,
    /// By pattern and time zone: a pattern's gaps are surveyed over 28 years.
    schedules: BTreeMap<(String, String), Schedule>,
}

impl Common {
    fn text(&mut self, text: &str) -> Arc<str> {
        if let Some(known) = self.texts.get(text) {
            return Arc::clone(known);
        }
        let text = Arc::from(text);
        self.texts.insert(Arc::clone(&text));
        text
    }

    fn cron(&mut self, pattern: &str, timezone: &str) -> Result<Schedule, ScheduleError> {
        let key = (pattern.to_owned(), timezone.to_owned());
        if let Some(known) = self.schedules.get(&key) {
            return Ok(known.clone());
        }
        let schedule = Schedule::cron(pattern, timezone)?;
        Ok(self.schedules.entry(key).or_insert(schedule).clone())
    }
}

pub(super) fn parse(top: &Section<'_>, shared: &Shared) -> (Vec<Arc<SecretConfig>>, Written) {
    let mut common = Common::default();
    let mut written = Written { names: BTreeSet::new(), audiences: BTreeSet::new(), whole: true };
    let mut secrets = Vec::new();
    let mut names = BTreeSet::new();
    // Where ARNs say it and the config does not, the first one does.
    let mut region = shared.region.clone();
    for section in top.sections("secrets") {
        let texts = (section.text("name"), section.text("audience"));
        written.whole &= texts.0.is_some() && texts.1.is_some();
        written.audiences.extend(texts.1);
        let is_new = texts.0.is_none_or(|name| written.names.insert(name));
        let name = section.need("name", text::secret_name);
        if let Some(At { place, value }) = &name {
            if let Some(mistake) = shared.limits.and_then(|limits| (limits.name)(value, &names, &mut region))
            {
                section.reading.mistake(*place, mistake);
            }
            if !is_new {
                section.reading.mistake(*place, format!("the secret {value:?} stands here twice"));
            }
            names.insert(value.clone());
        }
        secrets.extend(secret(section, name, shared, &mut common).map(Arc::new));
    }
    written.whole &= top.trusts(&["secrets"]);
    (secrets, written)
}

fn secret(
    section: Section<'_>,
    name: Option<At<String>>,
    shared: &Shared,
    common: &mut Common,
) -> Option<SecretConfig> {
    let client_id = section.need("client_id", text::plain);
    let audience = section.need("audience", text::audience);
    let scopes = section.list("scopes", false, text::scope).unwrap_or_default();
    let token_prefix = section.get("token_prefix", text::token_prefix);
    let format = section.get("format", |text| format(text, shared));
    let schedule = schedule(&section, common);
    let name = name.map(|at| Arc::from(at.value));
    let policy = policy(&section, name.clone().unwrap_or_default(), schedule.as_ref(), shared);
    let words = schedule.is_some().then(|| in_words(&section)).flatten();
    section.finish();
    Some(SecretConfig {
        name: name?,
        client_id: common.text(&client_id?.value),
        audience: common.text(&audience?.value),
        scopes: scopes.into_iter().map(|at| common.text(&at.value)).collect(),
        token_prefix: common.text(token_prefix.as_ref().map_or("mcp", |at| &at.value)),
        format: format.map_or(Format::Plain, |at| at.value),
        schedule: words.map(|words| common.text(&words)),
        policy: Arc::new(policy?),
    })
}

fn format(text: &str, shared: &Shared) -> Result<Format, String> {
    match text {
        "plain" => Ok(Format::Plain),
        "json" => match shared.limits.and_then(|limits| limits.no_json) {
            None => Ok(Format::Json),
            Some(why) => Err(why.to_owned()),
        },
        other => Err(format!("{other:?} is no format: `plain` or `json`")),
    }
}

/// The rules that the secret rotates by, where they are sound.
fn policy(
    section: &Section<'_>,
    secret: Arc<str>,
    schedule: Option<&At<Schedule>>,
    shared: &Shared,
) -> Option<Policy> {
    let [jitter, grace, soak] = ["jitter", "grace", "soak"].map(|key| section.get(key, bounded));
    let value = |at: &Option<At<Duration>>| at.as_ref().map(|at| at.value);
    let terms = Terms {
        secret,
        schedule: schedule.map(|at| at.value.clone()),
        jitter: value(&jitter).unwrap_or_default(),
        grace: value(&grace).unwrap_or(4 * HOUR),
        soak: value(&soak),
        freshness: shared.freshness,
        hold: shared.hold,
        sync: shared.sync,
        store: shared.store,
    };
    let place = |at: &Option<At<Duration>>| at.as_ref().map_or(section.place, |at| at.place);
    let policy = Policy::new(terms).map_err(|errors| {
        for error in errors {
            // What rests on a mistake that has been told is not told as another one.
            let (place, rests_on, compared) = match error {
                PolicyError::SoakTooShort { .. } => (place(&soak), &["soak"][..], shared.compared),
                PolicyError::GraceTooShort { .. } => (place(&grace), &["grace"][..], shared.compared),
                PolicyError::GapTooShort { .. } => {
                    let compared = shared.compared || soak.is_some();
                    let place = schedule.map_or(section.place, |at| at.place);
                    (place, &["soak", "jitter"][..], compared)
                }
                // Said once for the whole file.
                PolicyError::SyncTooSlow { .. } => continue,
            };
            if compared && section.trusts(rests_on) {
                section.reading.mistake(place, error);
            }
        }
    });
    let policy = policy.ok()?;
    let limits = shared.limits.filter(|_| shared.compared && section.trusts(&["grace"]));
    if let (Some(at), Some(limits)) = (schedule, limits) {
        for mistake in (limits.schedule)(&policy, at.value.shortest_gap()) {
            section.reading.mistake(at.place, mistake);
        }
    }
    Some(policy)
}

fn bounded(text: &str) -> Result<Duration, String> {
    let duration = text::duration(text)?;
    match duration > LONGEST {
        true => Err(format!("{duration:?} is longer than 400 days")),
        false => Ok(duration),
    }
}

/// The schedule as a person has written it.
fn in_words(section: &Section<'_>) -> Option<String> {
    let pattern = section.text("schedule");
    let zone = section.text("timezone").map(|zone| format!(" {zone}")).unwrap_or_default();
    let every = || section.text("every").map(|period| format!("every {period}"));
    pattern.map(|pattern| format!("{pattern}{zone}")).or_else(every)
}

/// `schedule` with `timezone`, or `every`, or neither: only by hand.
fn schedule(section: &Section<'_>, common: &mut Common) -> Option<At<Schedule>> {
    let timezone = section.get("timezone", |zone| Ok(zone.to_owned()));
    let pattern = section.get("schedule", |pattern| Ok(pattern.to_owned()));
    let every = section
        .get("every", |text| Schedule::every(text::duration(text)?).map_err(|error| error.to_string()));
    if let (Some(_), Some(every)) = (&pattern, &every) {
        section.reading.mistake(every.place, "`schedule` and `every` exclude each other: take one out");
    }
    if let (Some(zone), false) = (&timezone, section.has("schedule") || !section.trusts(&["schedule"])) {
        let what = "`timezone` is for `schedule`, and there is none: take it out (`every` counts hours, in no time zone)";
        section.reading.mistake(zone.place, what);
    }
    let Some(pattern) = pattern else { return every };
    let zone = timezone.as_ref().map_or("UTC", |at| &at.value);
    match common.cron(&pattern.value, zone) {
        Ok(value) => Some(At { place: pattern.place, value }),
        Err(error) => {
            let of_zone = matches!(error, ScheduleError::Timezone { .. });
            let place = timezone.filter(|_| of_zone).map_or(pattern.place, |at| at.place);
            section.reading.mistake(place, error);
            None
        }
    }
}
