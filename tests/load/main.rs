//! Nobody's load reaches what keeps the promise: each attack that was found is played for ten seconds, on a disk that is
//! slow to sync. Meanwhile rightful tokens are accepted, unknown ones refused, newcomers let in, orders carried out, and
//! probes answered; afterwards all is as before.

#![expect(clippy::disallowed_methods, reason = "a test waits for processes, and an attack lasts a while")]

mod attacks;
mod siege;
#[path = "../daemon/world.rs"]
#[expect(dead_code, reason = "shared with the tests of the daemon")]
mod world;

use siege::Siege;

#[test]
fn refused_hand_outs_to_a_stolen_verifier_credential() {
    Siege::new().withstands(attacks::refused_hand_outs);
}

#[test]
fn hand_outs_to_bots_that_wait_for_none() {
    Siege::new().withstands(attacks::hand_outs_that_nobody_waits_for);
}

#[test]
fn scrapes_that_nobody_reads() {
    Siege::new().withstands(attacks::scrapes_that_nobody_reads);
}

#[test]
fn answers_to_strangers_that_nobody_reads() {
    Siege::new().withstands(attacks::answers_that_nobody_reads);
}

#[test]
fn a_stranger_who_takes_every_file() {
    Siege::with_files(1024).withstands(attacks::every_connection);
}

#[test]
fn strangers_who_say_nothing() {
    Siege::new().withstands(attacks::silent_strangers);
}

#[test]
fn bodies_that_do_not_come() {
    Siege::new().withstands(attacks::bodies_that_do_not_come);
}

#[test]
fn held_requests_of_a_stolen_verifier_credential() {
    Siege::new().by_a_fleet().withstands(attacks::held_requests);
}

#[test]
fn questions_and_reports_of_a_stolen_verifier_credential() {
    Siege::new().withstands(attacks::questions_and_reports);
}

#[test]
fn lines_for_a_log_that_nobody_reads() {
    Siege::with_a_stuck_log().withstands(attacks::refused_proxies);
}
