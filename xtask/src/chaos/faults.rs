//! What goes wrong in the store: the fake's faults, each for a while or for some calls.

use std::time::Duration;

use crossfade_testing_secretsmanager::{
    Fake,
    faults::{Delay, Effect, Failure, Rule},
    model::Operation,
};

use super::{dice::Dice, promise::Terms, run::Run};

#[derive(Copy, Clone)]
enum Fault {
    LostReply,
    LostRequest,
    Throttling,
    Unavailable,
    FailedAfter,
    KeyDenied,
    AccessDenied,
    LateReads,
    LateWrites,
}

const FAULTS: [(u32, Fault); 9] = [
    (4, Fault::LostReply),
    (2, Fault::LostRequest),
    (3, Fault::Throttling),
    (3, Fault::Unavailable),
    (2, Fault::FailedAfter),
    (2, Fault::KeyDenied),
    (1, Fault::AccessDenied),
    (5, Fault::LateReads),
    (4, Fault::LateWrites),
];

const WRITES: [Operation; 2] = [Operation::PutSecretValue, Operation::UpdateSecretVersionStage];

impl Fault {
    const fn name(self) -> &'static str {
        match self {
            Self::LostReply => "lost replies",
            Self::LostRequest => "lost requests",
            Self::Throttling => "throttling",
            Self::Unavailable => "5xx before the effect",
            Self::FailedAfter => "5xx after the effect",
            Self::KeyDenied => "KMS denied",
            Self::AccessDenied => "access denied",
            Self::LateReads => "late reads",
            Self::LateWrites => "late writes",
        }
    }

    /// No read is later than `store_lag`, and no write than `write_lag`: that is what the config says of the store.
    fn effect(self, terms: Terms, seed: u64) -> Effect {
        match self {
            Self::LostReply => Effect::LostReply,
            Self::LostRequest => Effect::LostRequest,
            Self::Throttling => Effect::FailBefore(Failure::Throttling),
            Self::Unavailable => Effect::FailBefore(Failure::Unavailable),
            Self::FailedAfter => Effect::FailAfter(Failure::Internal),
            Self::KeyDenied => Effect::FailBefore(Failure::KeyAccessDenied),
            Self::AccessDenied => Effect::FailBefore(Failure::AccessDenied),
            Self::LateReads => Effect::LateRead(Delay::UpTo { max_ms: terms.store_lag, seed }),
            Self::LateWrites => Effect::LateWrite(Delay::UpTo { max_ms: terms.write_lag, seed }),
        }
    }
}

pub(super) fn run(run: &Run, fake: &Fake, terms: Terms, mut dice: Dice) {
    while !run.is_over() {
        // Everything is drawn before anything is looked at: the plan is the seed's alone.
        let (before, fault, lasting) =
            (dice.span(300, 3_000), dice.weighted(&FAULTS), dice.span(2_000, 9_000));
        let (seed, nth, operation) = (dice.ms(0, 1 << 40), dice.ms(1, 12), dice.below(3));
        run.nap(before);
        if run.is_over() {
            return;
        }
        // By the daemons and the bots alike: only people at the console are spared.
        let rule = Rule::once(fault.effect(terms, seed)).always();
        let lost = matches!(fault, Fault::LostReply | Fault::LostRequest | Fault::FailedAfter);
        let rule = match (lost, WRITES.get(operation)) {
            // Of writes it is the single one that hurts.
            (true, Some(write)) => rule.on(*write).times(u32::try_from(nth).unwrap_or(1)),
            _ => rule,
        };
        run.inject(fault.name(), &format!("for {:.1} s", lasting.as_secs_f64()));
        let id = fake.fault(rule);
        run.nap(if lost { lasting.min(Duration::from_secs(4)) } else { lasting });
        fake.remove_fault(id);
    }
}
