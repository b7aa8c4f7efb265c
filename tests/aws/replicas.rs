//! Any number of replicas, no leader.

#![expect(clippy::disallowed_methods, reason = "the long runs are asked for by the test command")]

use std::{collections::BTreeMap, time::Duration};

use crossfade_testing_secretsmanager::{
    faults::{Delay, Effect, Rule},
    log::{Call, Change},
};

use crate::world::{FIRST, LAG, NAME, World, millis, policy};

/// The shortest that Secrets Manager's quota of versions allows.
const SLOT: Duration = Duration::from_secs(900);

#[tokio::test]
async fn five_replicas_with_late_reads_and_clocks_that_differ_rotate_once_a_slot() {
    let slots = if std::env::var_os("CROSSFADE_FULL").is_some() { 500 } else { 40 };
    let mut world = World::new().await;
    world.policy = policy(SLOT);
    world.replicas.clear();
    for skew_s in [0, 90, -90, 45, -30] {
        world.add(skew_s * 1_000);
    }
    let late = Delay::UpTo { max_ms: millis(LAG), seed: 7 };
    world.server.fault(Rule::once(Effect::LateRead(late)).always());
    world.run(Duration::from_secs(6)).await;
    let mut kept = Vec::new();
    for slot in 0..slots {
        let before = world.holder("AWSCURRENT").expect("a current version");
        sleep_until_shortly_before_the_slot(&mut world);
        for _ in 0..40 {
            world.run(Duration::from_secs(3)).await;
            if world.holder("AWSCURRENT").as_ref() != Some(&before) {
                break;
            }
        }
        let after = world.holder("AWSCURRENT").expect("a current version");
        assert_ne!(after, before, "slot {slot} passed without a rotation: {:#?}", world.labels());
        assert_eq!(
            made_after(&world, &before),
            *std::slice::from_ref(&after),
            "slot {slot}: one new version"
        );
        world.settle().await;
        assert_eq!(world.holder("AWSCURRENT"), Some(after), "slot {slot}: and no second rotation");
        kept.extend(world.server.changes());
        no_label_was_lost(&kept, &world.server.calls());
        kept = kept.split_off(kept.len().saturating_sub(1));
        world.server.clear_calls();
    }
}

/// Nobody looks meanwhile: the verifiers grow unsure, which they may.
fn sleep_until_shortly_before_the_slot(world: &mut World) {
    let secret = world.server.secret(NAME).expect("the secret");
    let current = world.holder("AWSCURRENT").expect("a current version");
    let created = secret.versions().iter().find(|version| version.id == current).expect("it").created_ms;
    // The first one was made an hour before it was adopted; its slots go on from there.
    let since = world.server.now_ms() - created;
    let slot = created + (since / millis(SLOT) + 1) * millis(SLOT);
    world.server.set_clock((slot - 12_000).max(world.server.now_ms()));
}

fn made_after(world: &World, version: &str) -> Vec<String> {
    let secret = world.server.secret(NAME).expect("the secret");
    let all: Vec<String> = secret.versions().iter().map(|version| version.id.clone()).collect();
    let at = all.iter().position(|id| id == version).unwrap_or_else(|| panic!("{version} is gone; {FIRST}"));
    all[at + 1..].to_vec()
}

/// A label goes only by a call that names it; AWSPREVIOUS follows AWSCURRENT.
fn no_label_was_lost(changes: &[Change], calls: &[Call]) {
    let named: BTreeMap<u64, &Call> = calls.iter().map(|call| (call.seq, call)).collect();
    for pair in changes.windows(2) {
        let [before, after] = pair else { continue };
        let Some(call) = named.get(&after.seq) else { continue };
        for (label, holder) in &before.labels {
            let stands = after.labels.get(label) == Some(holder);
            let meant = call.labels.contains(label) || label == "AWSPREVIOUS";
            assert!(stands || meant, "{label} was lost by {call:?}");
        }
    }
}
