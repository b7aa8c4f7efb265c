//! Which verifiers follow an audience, and which content each has applied: for people, and for no decision.
//!
//! Only what asked this process is seen here. A verifier is known by a lease that each of its requests
//! renews; one that is gone is remembered for as long as it may go on accepting what it last had.

use std::{
    collections::HashMap,
    sync::{Arc, Mutex},
    time::Duration,
};

use crossfade_verify::Moment;

use super::{content::Content, members::Bounds};
use crate::{clock::elapsed, lock::lock};

/// Verifiers that one client may have; of more, those that were heard of last are kept.
const MAX_A_CLIENT: usize = 1_000;

/// The longest that a request is held open.
const MAX_WAIT: Duration = Duration::from_secs(60);

/// What a request for an accept set says about the verifier.
#[derive(Copy, Clone, Debug)]
pub struct Ask<'a> {
    /// Which client of ours it is.
    pub client: &'a Arc<str>,
    /// For whom it verifies.
    pub audience: &'a Arc<str>,
    /// The name of its process.
    pub instance: &'a str,
    /// Whether it has applied the content that counts now.
    pub confirms: bool,
}

impl Ask<'_> {
    fn find<'a>(&self, all: &'a mut HashMap<Arc<str>, Leases>) -> Option<&'a mut Lease> {
        all.get_mut(self.client)?.get_mut(self.audience)?.get_mut(self.instance)
    }

    /// A new lease. A client that has too many loses the one that was heard of longest ago.
    fn enter(&self, all: &mut HashMap<Arc<str>, Leases>, at: Moment) {
        let leases = all.entry(Arc::clone(self.client)).or_default();
        if leases.values().map(HashMap::len).sum::<usize>() >= MAX_A_CLIENT {
            let every = leases.iter().flat_map(|(of, all)| all.iter().map(move |lease| (of, lease)));
            let oldest = every.min_by_key(|(_, (_, lease))| lease.asked.boot_ms);
            let oldest = oldest.map(|(audience, (instance, _))| (Arc::clone(audience), Arc::clone(instance)));
            if let Some((audience, instance)) = oldest {
                leases.get_mut(&audience).and_then(|leases| leases.remove(&instance));
            }
        }
        let leases = leases.entry(Arc::clone(self.audience)).or_default();
        leases.insert(Arc::from(self.instance), Lease { applied: 0, asked: at, answered: None });
    }
}

labels! {
    /// How a verifier stands.
    #[derive(Copy, Clone, PartialEq, Eq, Debug)]
    pub enum Standing {
        /// It has applied the newest content.
        UpToDate = "up_to_date",
        /// It asks, and has not applied it yet.
        Behind = "behind",
        /// It asks no longer.
        Gone = "gone",
    }
}

/// A verifier, as this process has seen it.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct KnownVerifier {
    /// Which client of ours it is.
    pub client: Arc<str>,
    /// The name of its process.
    pub instance: Arc<str>,
    /// How it stands.
    pub standing: Standing,
    /// Whether it has applied whatever was ended.
    pub confirmed: bool,
    /// How long ago it asked last.
    pub silent: Duration,
    /// How much longer it may accept what it had then.
    pub may_accept: Duration,
}

/// All leases.
#[derive(Debug, Default)]
pub struct Registry(Mutex<HashMap<Arc<str>, Leases>>);

/// Of one client, by audience and instance.
type Leases = HashMap<Arc<str>, HashMap<Arc<str>, Lease>>;

#[derive(Debug)]
struct Lease {
    /// The serial of the content that it has applied; 0: none that we know of.
    applied: u64,
    /// When it asked last.
    asked: Moment,
    /// When it was answered last, and so may have had a new view.
    answered: Option<Moment>,
}

impl Registry {
    /// A verifier asks. Says how long after its publication the verifier confirms a content, where it
    /// followed the one before.
    pub fn asked(&self, ask: Ask<'_>, content: &Content, at: Moment) -> Option<Duration> {
        let mut all = lock(&self.0);
        if ask.find(&mut all).is_none() {
            ask.enter(&mut all, at);
        }
        let lease = ask.find(&mut all)?;
        lease.asked = at;
        if !ask.confirms {
            return None;
        }
        let followed = lease.applied != 0 && lease.applied != content.serial;
        lease.applied = content.serial;
        followed.then(|| elapsed(content.since, at))
    }

    /// A verifier was answered.
    pub fn answered(&self, ask: Ask<'_>, at: Moment) {
        if let Some(lease) = ask.find(&mut lock(&self.0)) {
            (lease.asked, lease.answered) = (at, Some(at));
        }
    }

    /// The verifiers of an audience whose content this is. Forgets those that can't accept anything more.
    pub fn verifiers(
        &self,
        audience: &str,
        content: &Content,
        bounds: Bounds,
        at: Moment,
    ) -> Vec<KnownVerifier> {
        let mut all = lock(&self.0);
        let mut found = Vec::new();
        for (client, leases) in &mut *all {
            let Some(leases) = leases.get_mut(audience) else { continue };
            leases.retain(|instance, lease| {
                let verifier = lease.verifier(client, instance, content, bounds, at);
                let counts = verifier.standing != Standing::Gone || !verifier.may_accept.is_zero();
                found.extend(counts.then_some(verifier));
                counts
            });
        }
        found.sort_by(|a, b| (&a.client, &a.instance).cmp(&(&b.client, &b.instance)));
        found
    }

    /// Forgets the verifiers of other audiences.
    pub(super) fn keep(&self, audiences: &[Arc<str>]) {
        for leases in lock(&self.0).values_mut() {
            leases.retain(|audience, _| audiences.contains(audience));
        }
    }
}

impl Lease {
    fn verifier(
        &self,
        client: &Arc<str>,
        instance: &Arc<str>,
        content: &Content,
        bounds: Bounds,
        at: Moment,
    ) -> KnownVerifier {
        let silent = elapsed(self.asked, at);
        let standing = match self.applied == content.serial {
            _ if silent > term(bounds) => Standing::Gone,
            true => Standing::UpToDate,
            false => Standing::Behind,
        };
        KnownVerifier {
            client: Arc::clone(client),
            instance: Arc::clone(instance),
            standing,
            confirmed: self.applied >= content.narrowed,
            silent,
            may_accept: self
                .answered
                .map_or(Duration::ZERO, |answered| bounds.hold.saturating_sub(elapsed(answered, at))),
        }
    }
}

/// How long a lease lasts: two polls, and the time to connect anew.
fn term(bounds: Bounds) -> Duration {
    2 * longest_wait(bounds.freshness) + Duration::from_secs(5)
}

/// How long a request may be held open: half of `freshness`, so that one lost answer leaves a view fresh.
pub fn longest_wait(freshness: Duration) -> Duration {
    MAX_WAIT.min(freshness / 2)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::distribution::{Publication, tests::publication};

    const BOUNDS: Bounds = Bounds {
        freshness: Duration::from_secs(60),
        hold: Duration::from_secs(600),
        accept_within: Duration::from_secs(80),
    };

    const fn at(second: u64) -> Moment {
        Moment { boot_ms: second * 1000, wall_ms: second * 1000 }
    }

    struct World {
        registry: Registry,
        client: Arc<str>,
        audience: Arc<str>,
    }

    impl World {
        fn new() -> Self {
            Self { registry: Registry::default(), client: "server".into(), audience: "a".into() }
        }

        fn ask(&self, instance: &str, confirms: bool, of: &Publication, second: u64) -> Option<Duration> {
            let ask = Ask { client: &self.client, audience: &self.audience, instance, confirms };
            let took = self.registry.asked(ask, &of.content, at(second));
            self.registry.answered(ask, at(second));
            took
        }

        fn standing(&self, of: &Publication, second: u64) -> Vec<(Standing, bool)> {
            let all = self.registry.verifiers("a", &of.content, BOUNDS, at(second));
            all.iter().map(|verifier| (verifier.standing, verifier.confirmed)).collect()
        }
    }

    #[test]
    fn a_verifier_is_up_to_date_once_it_asks_with_the_newest_tag() {
        let world = World::new();
        let one = publication(&["x"], None, 1, at(0));
        assert_eq!(world.ask("pod", false, &one, 0), None);
        assert_eq!(world.standing(&one, 0), [(Standing::Behind, true)], "there is nothing that was ended");
        assert_eq!(world.ask("pod", true, &one, 1), None, "a newcomer followed nothing");
        assert_eq!(world.standing(&one, 1), [(Standing::UpToDate, true)]);
        let two = publication(&["x", "y"], Some(&one), 2, at(10));
        assert_eq!(world.standing(&two, 10), [(Standing::Behind, true)], "a widening needs no confirmation");
        assert_eq!(world.ask("pod", true, &two, 12), Some(Duration::from_secs(2)));
        assert_eq!(world.ask("pod", true, &two, 13), None, "once");
    }

    #[test]
    fn an_ending_is_unconfirmed_until_its_content_or_a_later_one_is_applied() {
        let world = World::new();
        let one = publication(&["x", "y"], None, 1, at(0));
        world.ask("pod", true, &one, 1);
        let two = publication(&["x"], Some(&one), 2, at(10));
        assert_eq!(world.standing(&two, 10), [(Standing::Behind, false)]);
        let three = publication(&["x", "z"], Some(&two), 3, at(20));
        assert_eq!(world.standing(&three, 20), [(Standing::Behind, false)], "a widening confirms nothing");
        world.ask("pod", true, &three, 21);
        assert_eq!(world.standing(&three, 21), [(Standing::UpToDate, true)]);
    }

    #[test]
    fn a_verifier_that_is_gone_is_remembered_for_as_long_as_it_may_accept() {
        let world = World::new();
        let one = publication(&["x"], None, 1, at(0));
        world.ask("pod", true, &one, 0);
        assert_eq!(world.standing(&one, 65), [(Standing::UpToDate, true)]);
        assert_eq!(world.standing(&one, 66), [(Standing::Gone, true)]);
        assert_eq!(world.standing(&one, 599), [(Standing::Gone, true)]);
        assert_eq!(world.standing(&one, 600), []);
    }

    #[test]
    fn a_client_with_too_many_verifiers_keeps_those_heard_of_last() {
        let world = World::new();
        let one = publication(&["x"], None, 1, at(0));
        for instance in 0..=MAX_A_CLIENT {
            world.ask(&instance.to_string(), true, &one, u64::try_from(instance).expect("small"));
        }
        let bounds = Bounds { hold: Duration::from_secs(7 * 86_400), ..BOUNDS };
        let all = world.registry.verifiers("a", &one.content, bounds, at(1_000));
        assert_eq!(all.len(), MAX_A_CLIENT);
        assert!(all.iter().all(|verifier| &*verifier.instance != "0"));
    }
}
