//! The task behind a verifier. It ends with its verifier, and with nothing else: what panics in a part of it (a hook, a
//! caller's own [`Machine`]) begins that part again.

use std::{sync::Arc, time::Duration};

use tokio::sync::watch;

use super::{
    cache::Keeper,
    follow::Follower,
    machine::{Machine, both, caught, closed, race},
    refresh::Refresher,
    report::Reporter,
};

/// Before a part begins again.
const AFTER_PANIC: Duration = Duration::from_secs(1);

/// Follows until nobody has the verifier any more. Then what was decided is reported once more, and the last view kept.
pub(super) async fn run(
    machine: Arc<dyn Machine>,
    mut follower: Follower,
    mut refresher: Refresher,
    mut reporter: Reporter,
    mut keeper: Option<Keeper>,
    closing: watch::Receiver<()>,
) {
    let machine = &*machine;
    let again = || machine.sleep(AFTER_PANIC);
    let asking = async {
        let follow = async {
            while caught(follower.run()).await.is_none() {
                again().await;
            }
        };
        let refresh = async {
            while caught(refresher.run()).await.is_none() {
                again().await;
            }
        };
        race(closed(closing.clone()), both(follow, refresh)).await;
    };
    let report = async {
        while caught(reporter.run(closing.clone())).await.is_none() {
            again().await;
        }
    };
    let keep = async {
        if let Some(keeper) = &mut keeper {
            while caught(keeper.run(closing.clone())).await.is_none() {
                again().await;
            }
        }
    };
    both(asking, both(report, keep)).await;
}
