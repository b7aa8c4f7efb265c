//! Nothing is allocated on the way to a verdict, so that a request costs a hash and a look-up.

#[expect(dead_code, reason = "shared with another test")]
mod counting;

use std::hint::black_box;

use counting::allocations_in;
use crossfade_verify::{AcceptSet, Accepted, Digest, Entry, Moment, Reason, Stage, Verdict, View, decide};

const TAKEN: Moment = Moment { boot_ms: 1, wall_ms: 1 };

fn view() -> View {
    let entry = |n: u32, stage, not_after_ms| Entry {
        digest: Digest::of(format!("token-number-{n:010}").as_bytes()),
        secret: "mcp/slack-bot-token".into(),
        version: "v".into(),
        stage,
        client_id: "slack-bot".into(),
        scopes: ["slack:search".into()].into(),
        created_ms: 0,
        grace_ms: 60_000,
        not_after_ms,
    };
    let mut entries: Vec<_> = (2..1_000).map(|n| entry(n, Stage::Current, None)).collect();
    entries.push(entry(0, Stage::Previous, Some(2_000)));
    entries.push(entry(1, Stage::Previous, Some(500)));
    let set = AcceptSet::new("a", 60_000, 60_000, entries).expect("a good set");
    View { set, now_ms: 1_000, age_ms: 0, taken: TAKEN, complete: true }
}

#[test]
fn no_verdict_allocates_anything() {
    type Expected = fn(Verdict<Accepted<'_>>) -> bool;
    let view = view();
    let accepted: Expected = |verdict| matches!(verdict, Verdict::Accepted(_));
    let cases: [(&[u8], Expected); 5] = [
        (b"token-number-0000000500", accepted),
        (b"token-number-0000000000", accepted),
        (b"token-number-0000000001", |verdict| verdict == Verdict::Refused(Reason::Expired)),
        (&[b'x'; 512], |verdict| verdict == Verdict::Refused(Reason::Unknown)),
        (&[b'x'; 513], |verdict| verdict == Verdict::Refused(Reason::Malformed)),
    ];
    for (token, expected) in cases {
        let text = String::from_utf8_lossy(token);
        assert!(expected(decide(Some(&view), token, TAKEN)), "{text}");
        let made = allocations_in(|| {
            let _ = black_box(decide(black_box(Some(&view)), black_box(token), TAKEN));
        });
        assert_eq!(made, 0, "{text}");
    }
}

#[test]
fn the_counter_counts() {
    assert_eq!(allocations_in(|| drop(black_box(Box::new(1)))), 1);
}

#[cfg(feature = "verifier")]
mod verifier {
    use std::hint::black_box;

    use crossfade_verify::{Reason, Verdict, Verifier};

    use super::{allocations_in, view};

    #[test]
    fn a_verifier_that_follows_allocates_nothing_either() {
        let verifier = Verifier::new("a");
        assert_eq!(verifier.verify("token-number-0000000500"), Verdict::Unsure);
        // Its own clocks say when the view was taken.
        let at = crossfade_verify::Clock::moment(&crossfade_verify::SystemClock);
        verifier.replace(crossfade_verify::View { taken: at, ..view() });
        // The first read on a thread makes a place for that thread.
        assert!(matches!(verifier.verify("token-number-0000000500"), Verdict::Accepted(_)));
        let mut accepted = None;
        let made = allocations_in(|| accepted = Some(verifier.verify(black_box("token-number-0000000500"))));
        let Some(Verdict::Accepted(grant)) = accepted else { panic!("{accepted:?}") };
        assert_eq!((made, grant.client_id()), (0, "slack-bot"));
        let made = allocations_in(|| drop(black_box(grant.clone())));
        assert_eq!(made, 0, "to hand a grant on");
        let mut refused = None;
        let made = allocations_in(|| refused = Some(verifier.verify(black_box("xxxxxxxxxxxxxxxxxxxx"))));
        assert_eq!((made, refused), (0, Some(Verdict::Refused(Reason::Unknown))));
    }
}
