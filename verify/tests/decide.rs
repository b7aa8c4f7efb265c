//! Each rule of the decision by its name. The golden vectors hold the boundaries from all sides; here one
//! test fails, and says which, where a rule is cut out.

use crossfade_verify::{AcceptSet, Accepted, Digest, Entry, Moment, Reason, Stage, Verdict, View, decide};

const CURRENT: &[u8] = b"the-current-token";
const PENDING: &[u8] = b"the-pending-token";
const PREVIOUS: &[u8] = b"the-previous-token";
const STRANGER: &[u8] = b"the-token-of-a-stranger";

const NOW: u64 = 1_795_000_000_000;
const DEADLINE: u64 = NOW + 30_000;
const GRACE: u64 = 14_400_000;
const FRESHNESS: u64 = 60_000;
const HOLD: u64 = 86_400_000;
const TAKEN: Moment = Moment { boot_ms: 5_000_000, wall_ms: 1_700_000_000_000 };

const UNKNOWN: Verdict<Accepted<'_>> = Verdict::Refused(Reason::Unknown);
const EXPIRED: Verdict<Accepted<'_>> = Verdict::Refused(Reason::Expired);
const MALFORMED: Verdict<Accepted<'_>> = Verdict::Refused(Reason::Malformed);

fn entry(token: &[u8], stage: Stage, not_after_ms: Option<u64>) -> Entry {
    Entry {
        digest: Digest::of(token),
        secret: "mcp/slack-bot-token".into(),
        version: stage.as_str().into(),
        stage,
        client_id: "slack-bot".into(),
        scopes: [].into(),
        created_ms: NOW - 1,
        grace_ms: GRACE,
        not_after_ms,
    }
}

fn view() -> View {
    let entries = vec![
        entry(CURRENT, Stage::Current, None),
        entry(PENDING, Stage::Pending, None),
        entry(PREVIOUS, Stage::Previous, Some(DEADLINE)),
    ];
    let set = AcceptSet::new("https://mcp.example.com", FRESHNESS, HOLD, entries).expect("a good set");
    View { set, now_ms: NOW, age_ms: 0, taken: TAKEN, complete: true }
}

/// So long after the view was taken, on both clocks.
fn after(ms: u64) -> Moment {
    after_each(ms, ms)
}

fn after_each(boot: u64, wall: u64) -> Moment {
    Moment { boot_ms: TAKEN.boot_ms + boot, wall_ms: TAKEN.wall_ms + wall }
}

fn wall_back(boot: u64, wall: u64) -> Moment {
    Moment { boot_ms: TAKEN.boot_ms + boot, wall_ms: TAKEN.wall_ms - wall }
}

fn verdict(view: &View, token: &[u8], at: Moment) -> (&'static str, Option<u64>) {
    match decide(Some(view), token, at) {
        Verdict::Accepted(Accepted { expires_ms, .. }) => ("accepted", Some(expires_ms)),
        Verdict::Refused(reason) => (reason.as_str(), None),
        Verdict::Unsure => ("unsure", None),
    }
}

#[test]
fn what_is_malformed_is_refused_whatever_is_known() {
    let (fresh, incomplete) = (view(), View { complete: false, ..view() });
    assert_eq!(decide(Some(&fresh), b"", after(0)), MALFORMED);
    assert_eq!(decide(Some(&fresh), b"too short", after(0)), MALFORMED);
    assert_eq!(decide(Some(&fresh), b"", after(HOLD + 1)), MALFORMED);
    assert_eq!(decide(Some(&incomplete), b"", after(0)), MALFORMED);
    assert_eq!(decide(None, b"", after(0)), MALFORMED);
}

#[test]
fn a_malformed_token_is_refused_even_if_its_digest_stands_in_the_set() {
    let wrong_checksum = [b"mcp_".as_slice(), &[b'x'; 43], b"000000"].concat();
    for token in [b"", b"not visible ascii".as_slice(), &[b'x'; 513], &wrong_checksum] {
        let set = AcceptSet::new("a", FRESHNESS, HOLD, vec![entry(token, Stage::Current, None)]);
        let view = View { set: set.expect("a good set"), ..view() };
        // However often it comes.
        for _ in 0..2 {
            assert_eq!(decide(Some(&view), token, after(0)), MALFORMED, "{}", token.escape_ascii());
        }
    }
}

#[test]
fn without_a_view_every_token_is_unsure() {
    assert_eq!(decide(None, CURRENT, after(0)), Verdict::Unsure);
}

#[test]
fn a_known_token_without_a_deadline_is_accepted_up_to_now_and_its_grace() {
    for token in [CURRENT, PENDING] {
        assert_eq!(verdict(&view(), token, after(7)), ("accepted", Some(NOW + 7 + GRACE)));
    }
}

#[test]
fn a_grant_is_that_of_the_presented_token() {
    let view = view();
    for (token, stage) in [(CURRENT, Stage::Current), (PENDING, Stage::Pending), (PREVIOUS, Stage::Previous)]
    {
        let Verdict::Accepted(grant) = decide(Some(&view), token, after(0)) else { panic!("{stage}") };
        assert_eq!((grant.entry.stage, grant.entry.digest), (stage, Digest::of(token)));
    }
}

#[test]
fn a_previous_token_is_accepted_up_to_its_deadline_and_not_at_it() {
    assert_eq!(verdict(&view(), PREVIOUS, after(29_999)), ("accepted", Some(DEADLINE)));
    assert_eq!(decide(Some(&view()), PREVIOUS, after(30_000)), EXPIRED);
}

#[test]
fn an_unknown_token_is_refused_from_a_fresh_view() {
    assert_eq!(decide(Some(&view()), STRANGER, after(0)), UNKNOWN);
}

#[test]
fn a_view_as_old_as_freshness_refuses_nothing() {
    let aged = |age_ms| View { age_ms, ..view() };
    assert_eq!(decide(Some(&view()), STRANGER, after(FRESHNESS - 1)), UNKNOWN);
    assert_eq!(decide(Some(&view()), STRANGER, after(FRESHNESS)), Verdict::Unsure);
    assert_eq!(decide(Some(&view()), PREVIOUS, after(FRESHNESS - 1)), EXPIRED);
    assert_eq!(decide(Some(&view()), PREVIOUS, after(FRESHNESS)), Verdict::Unsure);
    assert_eq!(decide(Some(&aged(FRESHNESS - 10)), STRANGER, after(9)), UNKNOWN);
    assert_eq!(decide(Some(&aged(FRESHNESS - 10)), STRANGER, after(10)), Verdict::Unsure);
}

#[test]
fn a_view_that_is_not_fresh_still_accepts() {
    assert_eq!(verdict(&view(), CURRENT, after(FRESHNESS)), ("accepted", Some(NOW + FRESHNESS + GRACE)));
    assert_eq!(verdict(&view(), CURRENT, after_each(0, FRESHNESS)).0, "accepted");
}

#[test]
fn an_incomplete_view_accepts_what_it_knows_and_refuses_nothing() {
    let view = View { complete: false, ..view() };
    assert_eq!(verdict(&view, CURRENT, after(0)).0, "accepted");
    assert_eq!(decide(Some(&view), STRANGER, after(0)), Verdict::Unsure);
    assert_eq!(decide(Some(&view), PREVIOUS, after(30_000)), Verdict::Unsure);
}

#[test]
fn a_view_older_than_hold_accepts_nothing() {
    let aged = |age_ms| View { age_ms, ..view() };
    assert_eq!(verdict(&view(), CURRENT, after(HOLD)).0, "accepted");
    assert_eq!(decide(Some(&view()), CURRENT, after(HOLD + 1)), Verdict::Unsure);
    assert_eq!(verdict(&aged(HOLD), PREVIOUS, after(0)).0, "accepted");
    assert_eq!(decide(Some(&aged(HOLD)), PREVIOUS, after(1)), Verdict::Unsure);
}

#[test]
fn clocks_that_part_by_more_than_two_seconds_refuse_nothing() {
    for (at, want) in [
        (after_each(10_000, 12_000), UNKNOWN),
        (after_each(10_000, 12_001), Verdict::Unsure),
        (after_each(10_000, 8_000), UNKNOWN),
        (after_each(10_000, 7_999), Verdict::Unsure),
    ] {
        assert_eq!(decide(Some(&view()), STRANGER, at), want, "{at:?}");
    }
    assert_eq!(decide(Some(&view()), PREVIOUS, after_each(30_000, 32_001)), Verdict::Unsure);
}

#[test]
fn a_clock_that_ran_back_parts_from_the_other_by_all_of_it() {
    assert_eq!(decide(Some(&view()), STRANGER, wall_back(1_000, 1_000)), UNKNOWN);
    assert_eq!(decide(Some(&view()), STRANGER, wall_back(1_001, 1_000)), Verdict::Unsure);
}

#[test]
fn a_clock_that_ran_back_counts_as_no_time_and_makes_no_view_younger() {
    assert_eq!(view().age_ms(wall_back(0, 500)), 0);
    assert_eq!(view().now_ms(wall_back(0, 500)), NOW);
    assert_eq!(view().age_ms(wall_back(7, 500)), 7);
}

#[test]
fn the_clock_that_says_more_counts_for_age_and_for_the_time() {
    for at in [after_each(1_500, 0), after_each(0, 1_500)] {
        assert_eq!(view().age_ms(at), 1_500, "{at:?}");
        assert_eq!(view().now_ms(at), NOW + 1_500, "{at:?}");
    }
}

#[test]
fn a_machine_that_slept_past_a_deadline_is_unsure_of_it() {
    assert_eq!(decide(Some(&view()), PREVIOUS, after_each(100, 30_000)), Verdict::Unsure);
    assert_eq!(verdict(&view(), PREVIOUS, after_each(100, 29_999)).0, "accepted");
}

#[test]
fn a_grant_ends_on_the_wall_clock_of_whoever_has_it_and_not_on_the_store_s() {
    let (view, at) = (view(), after(7_000));
    for (token, left_ms) in [(CURRENT, GRACE), (PREVIOUS, 23_000)] {
        let Verdict::Accepted(accepted) = decide(Some(&view), token, at) else { panic!("{left_ms}") };
        assert_eq!(view.on_wall_ms(accepted.expires_ms, at), at.wall_ms + left_ms);
        assert_eq!(accepted.to_grant(&view, at).expires_in().as_millis(), left_ms.into(), "{left_ms}");
    }
    assert_eq!(view.on_wall_ms(NOW - 1, TAKEN), TAKEN.wall_ms - 1, "what has been, too");
    assert_eq!(
        (view.on_wall_ms(0, TAKEN), view.on_wall_ms(u64::MAX, TAKEN)),
        (0, u64::MAX - NOW + TAKEN.wall_ms)
    );
}

#[test]
fn a_view_is_young_up_to_accept_within_and_without_it_up_to_freshness() {
    assert!(view().is_young(after(FRESHNESS - 1)) && !view().is_young(after(FRESHNESS)));
    let set = view().set.with_accept_within(2 * FRESHNESS).expect("long enough");
    let view = View { set, ..view() };
    assert!(view.is_young(after(2 * FRESHNESS - 1)) && !view.is_young(after(2 * FRESHNESS)));
    assert_eq!(verdict(&view, CURRENT, after(2 * FRESHNESS)).0, "accepted", "it changes no verdict");
    assert!(!view.is_fresh(after(FRESHNESS)));
}

#[test]
fn no_view_is_young_for_longer_than_hold() {
    let set = view().set.with_accept_within(HOLD + 1).expect("long enough");
    let view = View { set, ..view() };
    assert!(view.is_young(after(HOLD - 1)) && !view.is_young(after(HOLD)));
    let shorter = View { set: view.set.clone().with_max_hold(20_000), ..view };
    assert!(shorter.is_young(after(19_999)) && !shorter.is_young(after(20_000)));
}

#[test]
fn the_ends_of_time_neither_panic_nor_make_a_view_young() {
    let last = Moment { boot_ms: u64::MAX, wall_ms: u64::MAX };
    let view = View { age_ms: u64::MAX, now_ms: u64::MAX, ..view() };
    assert_eq!((view.age_ms(last), view.now_ms(last)), (u64::MAX, u64::MAX));
    assert_eq!(decide(Some(&view), CURRENT, last), Verdict::Unsure);
    let young = View { age_ms: 0, ..view };
    assert_eq!(verdict(&young, CURRENT, TAKEN), ("accepted", Some(u64::MAX)));
    assert_eq!(decide(Some(&young), PREVIOUS, TAKEN), EXPIRED);
}
