//! The properties of `fuzz/`, over the golden vectors and over whatever a fuzzer has found once.

use std::{fs, path::Path};

#[path = "../../fuzz/properties/accept_sets.rs"]
mod accept_sets;
#[path = "../../fuzz/properties/json.rs"]
mod json;
#[path = "../../fuzz/properties/requests.rs"]
mod requests;
#[path = "../../fuzz/properties/seeds.rs"]
mod seeds;
#[path = "../../fuzz/properties/timings.rs"]
mod timings;
#[path = "../../fuzz/properties/tokens.rs"]
mod tokens;

/// The vectors, each of them also cut in the middle and with a byte too many, and what was found.
fn check(target: &str, hold: fn(&[u8])) {
    let seeds = seeds::seeds();
    let (_, seeds) = seeds.iter().find(|(name, _)| *name == target).expect("each target has seeds");
    assert!(seeds.len() > 3, "the vectors of {target} are not found");
    for seed in seeds {
        hold(seed);
        hold(&seed[..seed.len() / 2]);
        hold(&[seed, &b"}"[..]].concat());
    }
    let found = Path::new(env!("CARGO_MANIFEST_DIR")).join("../fuzz/found").join(target);
    for file in fs::read_dir(found).into_iter().flatten() {
        let file = file.expect("a file").path();
        hold(&fs::read(&file).unwrap_or_else(|error| panic!("{}: {error}", file.display())));
    }
}

#[test]
fn what_is_said_of_a_token_s_shape_holds() {
    check("tokens", tokens::hold);
}

#[test]
fn a_token_comes_out_of_a_request_only_where_one_plainly_stands() {
    check("requests", requests::hold);
}

#[test]
fn an_accept_set_that_is_read_is_sound_and_written_in_one_way() {
    check("accept_sets", accept_sets::hold);
}

#[test]
fn what_is_skipped_is_read_as_strictly_as_all_else() {
    check("json", json::hold);
}

#[test]
fn a_view_is_never_taken_for_younger_than_it_says() {
    check("timings", timings::hold);
}
