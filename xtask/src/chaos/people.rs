//! What people do: rotations, holds, ends and, on Secrets Manager, edits by hand.

use std::time::Duration;

use crossfade_testing_secretsmanager::{
    Fake, Person,
    faults::{Delay, Effect, Rule},
    model::Operation,
};

use super::{
    credentials,
    dice::Dice,
    reported::Open,
    run::{Run, now_ms},
    side::Side,
};

#[derive(Copy, Clone)]
enum Order {
    Rotate,
    Compromised,
    RevokePrevious,
    RevokeAll,
    Pause,
    Resume,
    Abort,
    Edit(Edit),
    /// A token is put by hand, and ended at once: by a daemon that can't have seen it yet.
    EndWhatWasPut,
    /// A tool writes other credentials of a replica's, and those before expire.
    RenewCredentials,
}

#[derive(Copy, Clone)]
enum Edit {
    /// AWSCURRENT on the one before.
    RollBack,
    /// AWSCURRENT on a version that has not soaked.
    PromotePending,
    /// A new token, current at once.
    Put,
    PendingOff,
    PreviousOff,
    /// AWSPENDING on a token of somebody else's, and off again.
    ForeignPending,
}

const ORDERS: [(u32, Order); 15] = [
    (52, Order::Rotate),
    (3, Order::Compromised),
    (3, Order::RevokePrevious),
    (2, Order::RevokeAll),
    (4, Order::Pause),
    (8, Order::Resume),
    (4, Order::Abort),
    (2, Order::Edit(Edit::RollBack)),
    (1, Order::Edit(Edit::PromotePending)),
    (2, Order::Edit(Edit::Put)),
    (1, Order::Edit(Edit::PendingOff)),
    (1, Order::Edit(Edit::PreviousOff)),
    (1, Order::Edit(Edit::ForeignPending)),
    (3, Order::EndWhatWasPut),
    (4, Order::RenewCredentials),
];

/// For a daemon that is stopped; what it was told stands or does not, as with any lost reply.
const PATIENCE: Duration = Duration::from_secs(25);

pub(super) fn run(run: &Run, side: &Side, fake: Option<&Fake>, mut dice: Dice) {
    let mut edits = 0;
    while !run.is_over() {
        // Everything is drawn before anything is looked at: the plan is the seed's alone.
        let (before, order) = (dice.span(400, 2_600), dice.weighted(&ORDERS));
        let (which, hand, lasting) = (dice.below(60), dice.below(8), dice.span(1_000, 4_000));
        let (gently, killed) = (dice.below(2) == 0, dice.below(3) == 0);
        run.nap(before);
        if run.is_over() {
            return;
        }
        let secret = side.active_one(which).to_owned();
        let order = match order {
            Order::EndWhatWasPut => {
                let Some(fake) = fake else { continue };
                edits += 1;
                by_hand(run, side, fake, &secret, Edit::Put, edits, lasting);
                // All that it reads for the order is as late as a read can be.
                let late = Effect::LateRead(Delay::Fixed(side.terms.store_lag));
                let hand = side.daemons.get(hand).map_or(&side.by_hand, |daemon| &daemon.hand);
                let Ok(caller) = credentials::key(&hand.folder) else { continue };
                fake.fault(Rule::once(late).on(Operation::DescribeSecret).by(&caller).times(3));
                if gently { Order::Compromised } else { Order::RevokeAll }
            }
            order => order,
        };
        let words = match order {
            Order::Rotate => vec!["rotate", &secret],
            Order::Compromised => vec!["rotate", &secret, "--compromised"],
            Order::RevokePrevious => vec!["revoke", &secret, "--previous", "--yes"],
            Order::RevokeAll => vec!["revoke", &secret, "--all", "--yes"],
            Order::Pause => vec!["pause", &secret],
            Order::Resume => vec!["resume", &secret],
            Order::Abort => vec!["abort", &secret],
            Order::Edit(edit) => {
                if let Some(fake) = fake {
                    edits += 1;
                    by_hand(run, side, fake, &secret, edit, edits, lasting);
                }
                continue;
            }
            Order::RenewCredentials => {
                if let Some(fake) = fake {
                    let daemon = &side.daemons[hand % side.daemons.len()];
                    run.inject("credentials renewed", &daemon.name);
                    if let Err(error) = credentials::renew(&daemon.hand.folder, fake) {
                        run.score.broken(format!("the credentials can't be renewed: {error}"));
                    }
                }
                continue;
            }
            Order::EndWhatWasPut => continue,
        };
        let by = side.daemons.get(hand).map_or(&side.by_hand, |daemon| &daemon.hand);
        let whose = side.daemons.get(hand).map_or("on the store itself", |daemon| &daemon.name);
        let at_once = matches!(order, Order::RevokeAll);
        let ends = matches!(order, Order::Compromised | Order::RevokePrevious | Order::RevokeAll);
        let number = ends.then(|| side.ledger().order(&secret, at_once, now_ms()));
        run.inject(
            &format!(
                "order: {}",
                words[..1].iter().chain(words.iter().skip(2)).copied().collect::<Vec<_>>().join(" ")
            ),
            &format!("{} {secret}, {whose}", side.store),
        );
        let before = ends.then(|| Open::of(side, fake, &secret)).flatten();
        let said = by.give(&words, None, PATIENCE);
        if let Some(number) = number {
            side.ledger().given(number, now_ms());
        }
        let done = said.as_ref().is_some_and(|said| said.code == Some(0));
        if let Some(before) = before.filter(|_| done) {
            look_into(run, side, fake, &words, &before);
            if let Some(daemon) = side.daemons.get(hand).filter(|_| killed) {
                // What stands in the store needs nobody's memory.
                if let Err(error) = daemon.kill_during(|| {}) {
                    run.score.broken(format!("{}: {error:#}", daemon.name));
                }
            }
        }
        let code =
            said.and_then(|said| said.code).map_or_else(|| "no answer".to_owned(), |code| code.to_string());
        run.tell(&format!("  {} {} {secret}: {code}", side.store, words[0]));
    }
}

/// An order that ends versions was reported as done: none of those that it was about is open.
fn look_into(run: &Run, side: &Side, fake: Option<&Fake>, words: &[&str], before: &Open) {
    let secret = words[1];
    let Some(after) = Open::of(side, fake, secret) else { return };
    let left = after.left(before, words.contains(&"--previous"));
    run.score.store(side.store, |tally| {
        tally.done += 1;
        tally.untrue += left.len() as u64;
    });
    if !left.is_empty() {
        println!(
            "{} {words:?} was reported as done, and version {} stands; before that:\n{}",
            side.store,
            left.join(", version "),
            run.last_events()
        );
    }
}

fn by_hand(run: &Run, side: &Side, fake: &Fake, name: &str, edit: Edit, number: u32, lasting: Duration) {
    let Some(secret) = fake.secret(name) else { return };
    let holder = |label: &str| secret.labels().get(label).map(String::as_str);
    let (current, pending, previous) = (holder("AWSCURRENT"), holder("AWSPENDING"), holder("AWSPREVIOUS"));
    let pending = pending.filter(|pending| Some(*pending) != current);
    let person: Person<'_> = fake.person();
    let version = format!("{number:08x}-0000-4000-9000-{:012x}", now_ms());
    let token = format!("a-token-that-somebody-made-by-hand-{version}");
    // Written down first: what it does, it may do at once.
    side.ledger().edits.push((name.to_owned(), now_ms()));
    let (what, result) = match edit {
        Edit::RollBack => ("rolled back", person.label(name, "AWSCURRENT", previous, current)),
        Edit::PromotePending => ("promoted early", person.label(name, "AWSCURRENT", pending, current)),
        Edit::Put => ("a token put", person.put(name, &version, &token, &[])),
        Edit::PendingOff => ("AWSPENDING taken off", person.label(name, "AWSPENDING", None, pending)),
        Edit::PreviousOff => ("AWSPREVIOUS taken off", person.label(name, "AWSPREVIOUS", None, previous)),
        Edit::ForeignPending => ("a foreign AWSPENDING", person.put(name, &version, &token, &["AWSPENDING"])),
    };
    match result {
        Ok(()) => run.inject(&format!("by hand: {what}"), name),
        // There was nothing to edit.
        Err(error) => return run.tell(&format!("  by hand, {name}: {what}: {}", error.code)),
    }
    if let Edit::ForeignPending = edit {
        run.nap(lasting);
        side.ledger().edits.push((name.to_owned(), now_ms()));
        drop(person.label(name, "AWSPENDING", None, Some(&version)));
    }
}
