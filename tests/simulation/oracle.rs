//! What the promise says of each version, by the true state of the store, whatever the code under test believes.

use std::{collections::BTreeMap, time::Duration};

use crossfade_testing_secretsmanager::model::Secret;

/// By what the promise is bounded.
#[derive(Copy, Clone, Debug)]
pub(crate) struct Bounds {
    pub(crate) freshness: Duration,
    pub(crate) store_lag: Duration,
    pub(crate) grace: Duration,
    pub(crate) soak: Duration,
    pub(crate) hold: Duration,
}

/// A version, as it truly stands in the store.
#[derive(Debug)]
pub(crate) struct Standing {
    pub(crate) id: String,
    pub(crate) token: String,
    pub(crate) created_ms: u64,
    pub(crate) is_current: bool,
    /// The latest deadline that is noted.
    pub(crate) until_ms: Option<u64>,
    /// Whether a mark ends it.
    pub(crate) is_ended: bool,
    /// It bears no label: to the store's readers it is not there.
    pub(crate) is_bare: bool,
}

impl Standing {
    /// All that a secret of Secrets Manager has, by the labels that they bear.
    pub(crate) fn all(secret: &Secret) -> Vec<Self> {
        let labels = secret.labels();
        let marks = || labels.iter().filter_map(|(label, on)| Some((time(label, "compromised")?, on)));
        let versions = secret.versions().iter().filter_map(|version| {
            let ours = || labels.iter().filter(|(_, on)| **on == version.id).map(|(label, _)| label);
            let condemned = marks().any(|(at_ms, on)| *on == version.id || version.created_ms < at_ms);
            Some(Self {
                id: version.id.clone(),
                token: version.text()?.to_owned(),
                created_ms: version.created_ms,
                is_current: labels.get("AWSCURRENT") == Some(&version.id),
                until_ms: ours().filter_map(|label| time(label, "until")).max(),
                is_ended: condemned || ours().any(|label| time(label, "ended").is_some()),
                is_bare: ours().next().is_none(),
            })
        });
        versions.collect()
    }
}

/// What is known of a version from outside.
#[derive(Clone, Default, Debug)]
pub(crate) struct Fate {
    pub(crate) token: String,
    pub(crate) created_ms: u64,
    /// When it was current first, and last.
    pub(crate) current_ms: Option<(u64, u64)>,
    pub(crate) is_current: bool,
    /// Since when it is not any more.
    replaced_ms: Option<u64>,
    deadline_ms: Option<u64>,
    /// Since when its end stands in the store.
    ended_ms: Option<u64>,
    /// Until then it may be refused: a person was at it, or had it made current at once.
    excused_until_ms: u64,
    /// Until then it may be accepted by who was away while a person replaced it.
    away_until_ms: u64,
    /// A person has replaced it and taken its last label off before any note stood on it: whoever saw it keeps its grace,
    /// and whoever starts after that can't know of it.
    is_lost: bool,
}

impl Fate {
    /// Whether its deadline has passed.
    pub(crate) fn is_over(&self, now_ms: u64) -> bool {
        self.deadline_ms.is_some_and(|deadline| now_ms >= deadline.max(self.away_until_ms))
    }

    fn was_replaced_by_hand(&self) -> bool {
        self.replaced_ms.is_some_and(|replaced_ms| replaced_ms < self.excused_until_ms)
    }

    /// As it may be shown.
    pub(crate) fn without_token(&self) -> Self {
        Self { token: String::new(), ..self.clone() }
    }
}

/// What somebody said of a token.
#[derive(Copy, Clone, PartialEq, Eq, Debug)]
pub(crate) enum Said {
    Accepted,
    Refused,
    Unsure,
}

/// How the promise is broken.
#[derive(Copy, Clone, PartialEq, Eq, Debug)]
pub(crate) enum Wrong {
    Refusal,
    LateAcceptance,
    /// Its deadline leaves less than the grace to those who have read it.
    ShortGrace,
}

/// All versions of one secret.
#[derive(Debug)]
pub(crate) struct Oracle {
    bounds: Bounds,
    pub(crate) fates: BTreeMap<String, Fate>,
    /// Somebody has ordered `revoke --all`: the next one may be made current without a soak.
    pub(crate) hasty: bool,
    pub(crate) promotions: u64,
}

fn millis(duration: Duration) -> u64 {
    u64::try_from(duration.as_millis()).expect("a short time")
}

impl Oracle {
    pub(crate) fn new(bounds: Bounds) -> Self {
        Self { bounds, fates: BTreeMap::new(), hasty: false, promotions: 0 }
    }

    /// A person has moved labels: for one soak, nothing is promised to anybody.
    pub(crate) fn excuse_all(&mut self, now_ms: u64) {
        let until_ms = now_ms + millis(self.bounds.soak);
        for fate in self.fates.values_mut() {
            fate.excused_until_ms = fate.excused_until_ms.max(until_ms);
        }
    }

    /// A process sees only now that it is not the current version any more. Where a person has replaced it, no note says
    /// when: whoever was away, or was started since, gives the whole grace from now on (docs/proof.md, known and left).
    pub(crate) fn learns_of_its_replacement(&mut self, id: &str, now_ms: u64) {
        let until_ms = (now_ms + millis(self.bounds.grace) + 1_000).next_multiple_of(10_000);
        if let Some(fate) = self.fates.get_mut(id).filter(|fate| fate.was_replaced_by_hand()) {
            fate.away_until_ms = fate.away_until_ms.max(until_ms);
        }
    }

    /// Takes in the true state.
    pub(crate) fn see(&mut self, versions: Vec<Standing>, now_ms: u64) {
        let Bounds { soak, freshness, store_lag, .. } = self.bounds;
        for Standing { id, token, created_ms, is_current, until_ms, is_ended, is_bare } in versions {
            let fate = self.fates.entry(id).or_default();
            let was_current = std::mem::replace(&mut fate.is_current, is_current);
            (fate.token, fate.created_ms) = (token, created_ms);
            if is_current {
                if fate.current_ms.is_none() {
                    self.promotions += 1;
                    let young = now_ms < created_ms + millis(soak);
                    // What has soaked was promoted by its schedule, and the other one is still to come.
                    if young && std::mem::take(&mut self.hasty) {
                        fate.excused_until_ms = now_ms + millis(freshness + store_lag);
                    }
                }
                let first_ms = fate.current_ms.map_or(now_ms, |(first, _)| first);
                fate.current_ms = Some((first_ms, now_ms));
                (fate.replaced_ms, fate.deadline_ms) = (None, None);
            } else {
                if was_current {
                    fate.replaced_ms = Some(now_ms);
                }
                fate.deadline_ms = fate.deadline_ms.max(until_ms);
            }
            fate.is_lost = is_bare && fate.deadline_ms.is_none() && fate.was_replaced_by_hand();
            if is_ended {
                fate.ended_ms.get_or_insert(now_ms);
            }
        }
    }

    /// Whether bots can hold it, and it is not over for good.
    pub(crate) fn is_open(&self, fate: &Fate, now_ms: u64) -> bool {
        let is_over = fate.deadline_ms.is_some_and(|deadline| deadline + 10_000 < now_ms);
        fate.current_ms.is_some() && (fate.is_current || !is_over)
    }

    /// Whether its deadline leaves less than the grace to those who have read it. After a replacement by hand one of an
    /// earlier replacement may stand there, until a daemon reaches the store: then verdicts alone can be wrong.
    pub(crate) fn is_short(&self, fate: &Fate, now_ms: u64) -> bool {
        let excused =
            fate.ended_ms.is_some() || now_ms <= fate.excused_until_ms || fate.was_replaced_by_hand();
        let times = fate.current_ms.zip(fate.deadline_ms).filter(|_| !excused);
        times.is_some_and(|((_, last_ms), deadline_ms)| deadline_ms < last_ms + millis(self.bounds.grace))
    }

    /// Whether it is what bots read now.
    pub(crate) fn is_held_by_bots(&self, token: &str) -> bool {
        self.fates.values().any(|fate| fate.is_current && fate.token == token)
    }

    /// Whether that is wrong, said now by whoever has a view that was read then, and last heard of the store then.
    pub(crate) fn judge(
        &self,
        fate: &Fate,
        said: Said,
        now_ms: u64,
        read_ms: u64,
        heard_ms: u64,
    ) -> Option<Wrong> {
        let Bounds { freshness, store_lag, grace, hold, .. } = self.bounds;
        let (_, last_ms) = fate.current_ms?;
        match said {
            Said::Unsure => None,
            Said::Refused => {
                // A read can be late by store_lag, and what it showed may be used for as much less.
                let rightful = now_ms <= last_ms + millis(grace) - millis(freshness);
                let excused = fate.ended_ms.is_some() || fate.is_lost || now_ms <= fate.excused_until_ms;
                (rightful && !excused).then_some(Wrong::Refusal)
            }
            // Under whatever version: a person can have put an old token back.
            Said::Accepted if self.is_held_by_bots(&fate.token) => None,
            Said::Accepted => {
                // Whoever is cut off since before it was replaced, or ended, can't know.
                let same = self.fates.values().filter(|other| other.token == fate.token);
                let replaced_ms = same.filter_map(|twin| twin.replaced_ms).max().unwrap_or(0);
                let knows = |since_ms: u64| {
                    read_ms >= since_ms + millis(store_lag) || now_ms > heard_ms + millis(hold)
                };
                let over = fate.is_over(now_ms) && knows(replaced_ms);
                let ended = fate.ended_ms.is_some_and(|ended| knows(ended.max(replaced_ms)));
                (over || ended).then_some(Wrong::LateAcceptance)
            }
        }
    }
}

/// The time in a note of that kind, in milliseconds.
pub(crate) fn time(label: &str, kind: &str) -> Option<u64> {
    let rest = label.strip_prefix("crossfade-")?.strip_prefix(kind)?.strip_prefix('-')?;
    rest.split('-').next()?.parse::<u64>().ok().map(|seconds| seconds * 1000)
}
