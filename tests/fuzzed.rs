//! What `fuzz/` says of all that the daemon reads, over the inputs that its search begins with, and over whatever a
//! fuzzer has found once.

use std::{fs, path::Path};

#[path = "../fuzz/properties/daemon/mod.rs"]
mod daemon;

/// The seeds, each of them also cut anywhere, with each byte changed, and what was found.
fn check(target: &str, hold: fn(&[u8])) {
    let seeds = daemon::seeds::seeds();
    let (_, seeds) = seeds.iter().find(|(name, _)| *name == target).expect("each target has seeds");
    for seed in seeds {
        hold(seed);
        let step = seed.len() / 200 + 1;
        for at in (0..seed.len()).step_by(step) {
            hold(&seed[..at]);
            let mut changed = seed.clone();
            changed[at] ^= 1 << (at % 7);
            hold(&changed);
        }
    }
    let found = Path::new(env!("CARGO_MANIFEST_DIR")).join("fuzz/found").join(target);
    for file in fs::read_dir(found).into_iter().flatten() {
        let file = file.expect("a file").path();
        hold(&fs::read(&file).unwrap_or_else(|error| panic!("{}: {error}", file.display())));
    }
}

#[test]
fn a_config_is_taken_whole_or_refused_with_reasons() {
    check("configs", daemon::configs::hold);
}

#[test]
fn slots_come_one_after_the_other_and_never_nearer_than_the_stated_gap() {
    check("schedules", daemon::schedules::hold);
}

#[test]
fn an_introspection_accepts_one_rightful_token_and_nothing_else() {
    check("introspections", daemon::introspections::hold);
}

#[test]
fn an_order_is_carried_out_as_it_is_written_or_refused_with_a_reason() {
    check("orders", daemon::orders::hold);
}

#[test]
fn a_read_believes_only_what_aws_has_answered_and_tells_no_token() {
    check("answers", daemon::answers::hold);
}
