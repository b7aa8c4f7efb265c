//! What has to hold, whatever the code under test believes: checked on the fake's true state.

use crossfade::distribution::Decision;
use crossfade_verify::Reason as Why;

use super::{
    AUDIENCE, NAME, World, bare,
    oracle::{Said, Standing},
};

impl World {
    /// No version was current twice, and what is ended is accepted by nobody.
    pub(super) fn nothing_came_back(&self) {
        let mut order: Vec<String> = Vec::new();
        for change in self.server.changes() {
            let Some(current) = change.labels.get("AWSCURRENT") else { continue };
            if order.last() != Some(current) {
                assert!(self.excused_by_hand || !order.contains(current), "{current} became current twice");
                order.push(current.clone());
            }
        }
        let labels = self.labels();
        for (id, fate) in &self.oracle.fates {
            let ended = self.notes(id).iter().any(|note| note == "ended");
            if ended && labels.get("AWSCURRENT") != Some(id) {
                for n in 0..self.replicas.len() {
                    assert!(!matches!(self.verdict(n, &fate.token), Decision::Accepted(_)), "{id} is ended");
                }
            }
        }
    }

    /// The promise, on every version that was ever current, as every verifier sees it.
    pub(crate) fn check(&mut self, when: &str) {
        let now = self.server.now_ms();
        let Some(secret) = self.server.secret(NAME) else { return };
        let mut versions = Standing::all(&secret);
        versions.iter_mut().for_each(|version| version.token = bare(&version.token));
        self.oracle.see(versions, now);
        if self.excused {
            self.oracle.excuse_all(now);
        }
        for n in 0..self.replicas.len() {
            let read = self.replicas[n].distribution.published(AUDIENCE);
            let read = read.map_or(0, |read| now - read.view.age_ms(self.replicas[n].now()));
            for (id, fate) in &self.oracle.fates {
                assert!(!self.oracle.is_short(fate, now), "{when}: less than the grace: {id} {fate:?}");
                let said = match self.verdict(n, &fate.token) {
                    Decision::Accepted(_) => Said::Accepted,
                    Decision::Refused(Why::Unknown | Why::Expired) => Said::Refused,
                    // What can't be a token is nobody's by right.
                    Decision::Refused(Why::Malformed) | Decision::Unsure => Said::Unsure,
                };
                let wrong = self.oracle.judge(fate, said, now, read, now);
                assert_eq!(wrong, None, "{when}: replica {n}: {id} {fate:?} at {now} {:#?}", secret.labels());
                // Beside a replica nobody is cut off.
                let over = fate.is_over(now) && !self.oracle.is_held_by_bots(&fate.token);
                assert!(
                    !(over && said == Said::Accepted),
                    "{when}: replica {n}, late: {id} {fate:?} at {now}"
                );
            }
        }
    }
}
