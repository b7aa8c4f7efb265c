//! `secrets`.

use std::{sync::Arc, time::Duration};

use super::{
    SecretConfig,
    section::{At, Section},
    text,
};
use crate::rotation::{
    policy::{Policy, PolicyError, StoreTraits, Terms},
    schedule::Schedule,
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
}

pub(super) fn parse(top: &Section<'_>, shared: &Shared) -> Vec<SecretConfig> {
    let mut secrets: Vec<SecretConfig> = Vec::new();
    for section in top.sections("secrets") {
        let name = section.need("name", text::secret_name);
        if let Some(at) = name.as_ref().filter(|at| secrets.iter().any(|s| *s.name == *at.value)) {
            section.reading.mistake(at.place, format!("the secret {:?} stands here twice", at.value));
        }
        secrets.extend(secret(section, name, shared));
    }
    secrets
}

fn secret(section: Section<'_>, name: Option<At<String>>, shared: &Shared) -> Option<SecretConfig> {
    let place = section.place;
    let client_id = section.need("client_id", text::plain);
    let audience = section.need("audience", text::audience);
    let scopes = section.list("scopes", false, text::scope).unwrap_or_default();
    let token_prefix = section.get("token_prefix", text::token_prefix);
    section.get("format", |format| match format {
        "plain" => Ok(()),
        "json" => Err("`json` is not built yet in this version: use `plain`".to_owned()),
        other => Err(format!("{other:?} is no format: `plain` or `json`")),
    });
    let schedule = schedule(&section);
    let bounded = |key, default: Option<Duration>| {
        let at = section.get(key, |text| {
            let duration = text::duration(text)?;
            if duration > LONGEST {
                Err(format!("{duration:?} is longer than 400 days"))
            } else {
                Ok(duration)
            }
        });
        (at.as_ref().map_or(place, |at| at.place), at.map(|at| at.value).or(default))
    };
    let jitter = bounded("jitter", Some(Duration::ZERO));
    let grace = bounded("grace", Some(4 * HOUR));
    let soak = bounded("soak", None);
    let terms = Terms {
        secret: name.as_ref().map_or("", |at| &at.value).into(),
        schedule: schedule.as_ref().map(|at| at.value.clone()),
        jitter: jitter.1.unwrap_or_default(),
        grace: grace.1.unwrap_or_default(),
        soak: soak.1,
        freshness: shared.freshness,
        hold: shared.hold,
        sync: shared.sync,
        store: shared.store,
    };
    let policy = Policy::new(terms).map_err(|errors| {
        for error in errors {
            let place = match error {
                PolicyError::SoakTooShort { .. } => soak.0,
                PolicyError::GraceTooShort { .. } => grace.0,
                PolicyError::GapTooShort { .. } => schedule.as_ref().map_or(place, |at| at.place),
                // Said once for the whole file.
                PolicyError::SyncTooSlow { .. } => continue,
            };
            section.reading.mistake(place, error);
        }
    });
    section.finish();
    Some(SecretConfig {
        name: name?.value.into(),
        client_id: client_id?.value.into(),
        audience: audience?.value.into(),
        scopes: scopes.into_iter().map(|at| Arc::from(at.value)).collect(),
        token_prefix: token_prefix.map_or_else(|| "mcp".into(), |at| at.value.into()),
        policy: Arc::new(policy.ok()?),
    })
}

/// `schedule` with `timezone`, or `every`, or neither: only by hand.
fn schedule(section: &Section<'_>) -> Option<At<Schedule>> {
    let timezone = section.get("timezone", |zone| Ok(zone.to_owned()));
    let pattern = section.get("schedule", |pattern| Ok(pattern.to_owned()));
    let every = section
        .get("every", |text| Schedule::every(text::duration(text)?).map_err(|error| error.to_string()));
    if let (Some(_), Some(every)) = (&pattern, &every) {
        section.reading.mistake(every.place, "`schedule` and `every` exclude each other: take one out");
    }
    let Some(pattern) = pattern else { return every };
    let zone = timezone.as_ref().map_or("UTC", |at| &at.value);
    match Schedule::cron(&pattern.value, zone) {
        Ok(value) => Some(At { place: pattern.place, value }),
        Err(error) => {
            use crate::rotation::schedule::ScheduleError;
            let of_zone = matches!(error, ScheduleError::Timezone { .. });
            let place = timezone.filter(|_| of_zone).map_or(pattern.place, |at| at.place);
            section.reading.mistake(place, error);
            None
        }
    }
}
