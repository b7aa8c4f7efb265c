//! The golden vectors, which verifiers in other languages read too. Their numbers are counted, so that none is lost
//! unseen.

use crossfade_verify::{
    AcceptSet, Accepted, Digest, Entry, Grant, Moment, Source, Verdict, View, decide,
    timing::{Exchange, PlaceInTime},
    token::{Shape, checksum, shape},
};
use serde::Deserialize;

fn read<T: for<'a> Deserialize<'a>>(text: &str) -> T {
    serde_json::from_str(text).expect("the vectors are of the documented form")
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Tokens {
    checksums: Vec<Checksum>,
    tokens: Vec<Token>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Checksum {
    body: String,
    checksum: String,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Token {
    name: String,
    token: String,
    shape: String,
    digest: String,
}

#[test]
fn tokens_have_the_shape_the_digest_and_the_checksum_that_the_vectors_say() {
    let Tokens { checksums, tokens } = read(include_str!("../vectors/tokens.json"));
    assert!(checksums.len() >= 7 && tokens.len() >= 49, "cases are missing");
    for Checksum { body, checksum: want } in checksums {
        assert_eq!(checksum(body.as_bytes()), want.as_bytes(), "{body}");
    }
    for Token { name, token, shape: want, digest } in tokens {
        let shape = match shape(token.as_bytes()) {
            Shape::Ours => "ours",
            Shape::Foreign => "foreign",
            Shape::Malformed => "malformed",
        };
        assert_eq!(shape, want, "{name}");
        assert_eq!(Digest::of(token.as_bytes()).to_string(), digest, "{name}");
        assert_eq!(Digest::parse(&digest), Some(Digest::of(token.as_bytes())), "{name}");
    }
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct AcceptSets {
    good: Vec<GoodSet>,
    bad: Vec<BadSet>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct GoodSet {
    name: String,
    audience: String,
    json: String,
    canonical: String,
    expected: Expected,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Expected {
    freshness_ms: u64,
    hold_ms: u64,
    accept_within_ms: Option<u64>,
    entries: Vec<ExpectedEntry>,
}

#[derive(Deserialize, PartialEq, Debug)]
#[serde(deny_unknown_fields)]
struct ExpectedEntry {
    digest: String,
    secret: String,
    version: String,
    stage: String,
    client_id: String,
    scopes: Vec<String>,
    created_ms: u64,
    grace_ms: u64,
    not_after_ms: Option<u64>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct BadSet {
    name: String,
    audience: String,
    json: String,
    reason: String,
}

impl From<&Entry> for ExpectedEntry {
    fn from(entry: &Entry) -> Self {
        Self {
            digest: entry.digest.to_string(),
            secret: entry.secret.to_string(),
            version: entry.version.to_string(),
            stage: entry.stage.to_string(),
            client_id: entry.client_id.to_string(),
            scopes: entry.scopes.iter().map(ToString::to_string).collect(),
            created_ms: entry.created_ms,
            grace_ms: entry.grace_ms,
            not_after_ms: entry.not_after_ms,
        }
    }
}

#[test]
fn good_accept_sets_are_read_and_written_as_the_vectors_say() {
    let AcceptSets { good, .. } = read(include_str!("../vectors/accept_sets.json"));
    assert!(good.len() >= 25, "cases are missing");
    for GoodSet { name, audience, json, canonical, expected } in good {
        let set = match AcceptSet::parse(json.as_bytes(), &audience) {
            Ok(set) => set,
            Err(error) => panic!("{name}: {error}"),
        };
        assert_eq!(set.audience(), audience, "{name}");
        assert_eq!((set.freshness_ms(), set.hold_ms()), (expected.freshness_ms, expected.hold_ms), "{name}");
        assert_eq!(set.accept_within_ms(), expected.accept_within_ms, "{name}");
        let entries: Vec<_> = set.entries().iter().map(ExpectedEntry::from).collect();
        assert_eq!(entries, expected.entries, "{name}");
        assert!(set.entries().iter().all(|entry| set.find(&entry.digest) == Some(entry)), "{name}");
        assert_eq!(set.to_json(), canonical, "{name}");
    }
}

#[test]
fn bad_accept_sets_are_rejected_for_the_reason_that_the_vectors_say() {
    let AcceptSets { bad, .. } = read(include_str!("../vectors/accept_sets.json"));
    assert!(bad.len() >= 124, "cases are missing");
    for BadSet { name, audience, json, reason } in bad {
        let outcome = AcceptSet::parse(json.as_bytes(), &audience);
        assert_eq!(outcome.map(drop).map_err(|error| error.as_str()), Err(reason.as_str()), "{name}");
    }
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Verdicts {
    audience: String,
    sets: std::collections::BTreeMap<String, String>,
    cases: Vec<Case>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Case {
    name: String,
    set: Option<String>,
    view: Option<CaseView>,
    at: CaseMoment,
    max_hold_ms: Option<u64>,
    presented: String,
    expected: ExpectedVerdict,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct CaseView {
    now_ms: u64,
    age_ms: u64,
    taken: CaseMoment,
    complete: bool,
}

impl CaseView {
    fn of(self, set: AcceptSet) -> View {
        let Self { now_ms, age_ms, taken, complete } = self;
        View { set, now_ms, age_ms, taken: taken.into(), complete }
    }
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct CaseMoment {
    boot_ms: u64,
    wall_ms: u64,
}

impl From<CaseMoment> for Moment {
    fn from(CaseMoment { boot_ms, wall_ms }: CaseMoment) -> Self {
        Self { boot_ms, wall_ms }
    }
}

#[derive(Deserialize, PartialEq, Debug)]
#[serde(tag = "verdict", rename_all = "lowercase", deny_unknown_fields)]
enum ExpectedVerdict {
    Accepted { version: String, expires_ms: u64, young: bool },
    Refused { reason: String },
    Unsure,
}

impl ExpectedVerdict {
    fn of(verdict: Verdict<Accepted<'_>>, young: bool) -> Self {
        match verdict {
            Verdict::Accepted(Accepted { entry, expires_ms }) => {
                Self::Accepted { version: entry.version.to_string(), expires_ms, young }
            }
            Verdict::Refused(reason) => Self::Refused { reason: reason.as_str().to_owned() },
            Verdict::Unsure => Self::Unsure,
        }
    }
}

#[test]
fn tokens_are_decided_as_the_vectors_say() {
    let Verdicts { audience, sets, cases } = read(include_str!("../vectors/verdicts.json"));
    assert!(cases.len() >= 131, "cases are missing");
    for Case { name, set, view, at, max_hold_ms, presented, expected } in cases {
        let view = set.zip(view).map(|(set, view)| {
            let set = AcceptSet::parse(sets[&set].as_bytes(), &audience).expect("the sets are good");
            view.of(max_hold_ms.map_or(set.clone(), |max_hold_ms| set.with_max_hold(max_hold_ms)))
        });
        let at = at.into();
        let verdict = decide(view.as_ref(), presented.as_bytes(), at);
        let young = view.as_ref().is_some_and(|view| view.is_young(at));
        assert_eq!(ExpectedVerdict::of(verdict, young), expected, "{name}");
    }
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Grants {
    audience: String,
    set: String,
    cases: Vec<GrantCase>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct GrantCase {
    name: String,
    view: CaseView,
    at: CaseMoment,
    presented: String,
    expected: ExpectedGrant,
}

#[derive(Deserialize, PartialEq, Debug)]
#[serde(deny_unknown_fields)]
struct ExpectedGrant {
    client_id: String,
    principal: String,
    scopes: Vec<String>,
    expires_in_ms: u64,
    source: ExpectedSource,
}

#[derive(Deserialize, PartialEq, Debug)]
#[serde(tag = "kind", rename_all = "lowercase", deny_unknown_fields)]
enum ExpectedSource {
    Secret { name: String, version: String, stage: String, created_ms: u64 },
}

impl From<&Grant> for ExpectedGrant {
    fn from(grant: &Grant) -> Self {
        let Source::Secret(secret) = grant.source() else { panic!("another source: {grant:?}") };
        let created = secret.created().duration_since(std::time::UNIX_EPOCH).expect("after it");
        Self {
            client_id: grant.client_id().to_owned(),
            principal: grant.principal().to_owned(),
            scopes: grant.scopes().iter().map(ToString::to_string).collect(),
            expires_in_ms: millis(grant.expires_in()),
            source: ExpectedSource::Secret {
                name: secret.name().to_owned(),
                version: secret.version().to_owned(),
                stage: secret.stage().to_string(),
                created_ms: millis(created),
            },
        }
    }
}

#[test]
fn a_grant_says_what_the_vectors_say() {
    let Grants { audience, set, cases } = read(include_str!("../vectors/grants.json"));
    assert!(cases.len() >= 10, "cases are missing");
    let set = AcceptSet::parse(set.as_bytes(), &audience).expect("the set is good");
    for GrantCase { name, view, at, presented, expected } in cases {
        let (view, at) = (view.of(set.clone()), at.into());
        let Verdict::Accepted(accepted) = decide(Some(&view), presented.as_bytes(), at) else {
            panic!("{name}: it is not accepted")
        };
        assert_eq!(ExpectedGrant::from(&accepted.to_grant(&view, at)), expected, "{name}");
    }
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Timings {
    cases: Vec<Timing>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Timing {
    name: String,
    status: u16,
    nonce: String,
    timing: Vec<String>,
    sent: CaseMoment,
    received: CaseMoment,
    applied: Option<CasePlace>,
    expected: ExpectedPlace,
}

#[derive(Deserialize, PartialEq, Debug)]
#[serde(deny_unknown_fields)]
struct CasePlace {
    now_ms: u64,
    age_ms: u64,
}

#[derive(Deserialize, PartialEq, Debug)]
#[serde(untagged)]
enum ExpectedPlace {
    Taken(CasePlace),
    Dropped { dropped: String },
}

#[test]
fn answers_have_the_place_in_time_that_the_vectors_say() {
    let Timings { cases } = read(include_str!("../vectors/timings.json"));
    assert!(cases.len() >= 80, "cases are missing");
    for Timing { name, status, nonce, timing, sent, received, applied, expected } in cases {
        assert!([200, 304].contains(&status), "{name}");
        let exchange = Exchange { nonce: &nonce, sent: sent.into(), received: received.into() };
        let applied = applied.map(|CasePlace { now_ms, age_ms }| PlaceInTime { now_ms, age_ms });
        let place = match PlaceInTime::of_answer(timing.iter().map(String::as_bytes), &exchange, applied) {
            Ok(PlaceInTime { now_ms, age_ms }) => ExpectedPlace::Taken(CasePlace { now_ms, age_ms }),
            Err(dropped) => ExpectedPlace::Dropped { dropped: dropped.as_str().to_owned() },
        };
        assert_eq!(place, expected, "{name}");
    }
}

fn millis(duration: std::time::Duration) -> u64 {
    u64::try_from(duration.as_millis()).expect("within some ages")
}
