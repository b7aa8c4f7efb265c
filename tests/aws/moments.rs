//! When a write is sent, and which of AWS's times is believed.

use std::{
    sync::{
        Arc, Mutex,
        atomic::{AtomicBool, Ordering::SeqCst},
    },
    time::Duration,
};

use aws_sdk_secretsmanager::{
    Client,
    config::{
        ConfigBag, Intercept, RuntimeComponents,
        interceptors::{BeforeDeserializationInterceptorContextMut, BeforeTransmitInterceptorContextRef},
    },
    error::BoxError,
};
use crossfade::{
    rotation::plan::{Request, Step, Why},
    store::{ReadError, Store, WriteError},
};
use crossfade_testing_secretsmanager::Fake;

use crate::world::{FIRST, GRACE, NAME, SOAK, World, client};

/// While it is armed, a request waits for its signature for eleven seconds.
#[derive(Clone, Debug)]
struct Slow {
    fake: Fake,
    armed: Arc<AtomicBool>,
}

impl Intercept for Slow {
    fn name(&self) -> &'static str {
        "Slow"
    }

    fn read_before_signing(
        &self,
        _: &BeforeTransmitInterceptorContextRef<'_>,
        _: &RuntimeComponents,
        _: &mut ConfigBag,
    ) -> Result<(), BoxError> {
        if self.armed.load(SeqCst) {
            self.fake.advance(Duration::from_secs(11));
        }
        Ok(())
    }
}

/// The next answer bears this `Date`.
#[derive(Clone, Debug, Default)]
struct Wrong(Arc<Mutex<Option<&'static str>>>);

impl Intercept for Wrong {
    fn name(&self) -> &'static str {
        "Wrong"
    }

    fn modify_before_deserialization(
        &self,
        context: &mut BeforeDeserializationInterceptorContextMut<'_>,
        _: &RuntimeComponents,
        _: &mut ConfigBag,
    ) -> Result<(), BoxError> {
        if let Some(date) = self.0.lock().expect("no panic").take() {
            context.response_mut().headers_mut().insert("date", date);
        }
        Ok(())
    }
}

const THEIRS: &str = "22222222-0000-4000-8000-000000000002";
const DATES: [&str; 2] = ["Tue, 01 Jan 2030 00:00:00 GMT", "Wed, 01 Jan 2020 00:00:00 GMT"];

fn sent(world: &World, operation: &str) -> usize {
    world.server.calls().iter().filter(|call| call.operation == operation).count()
}

#[tokio::test]
async fn a_write_that_has_waited_too_long_for_its_signature_is_not_sent() {
    let world = World::new().await;
    let slow = Slow { fake: world.server.fake(), armed: Arc::default() };
    let config = client(&world.server, "AKIDSLOW").config().to_builder().interceptor(slow.clone());
    let store = world.store(Client::from_conf(config.build()));
    let mut versions = store.secret(world.secret());
    for (armed, puts) in [(true, 0), (false, 1)] {
        slow.armed.store(false, SeqCst);
        versions.read().await.expect("a read");
        slow.armed.store(armed, SeqCst);
        let outcome = versions.apply(&Step::Stage { current: world.current() }.because(Why::Soaked)).await;
        assert_eq!(matches!(outcome, Err(WriteError::Conflict)), armed, "{outcome:?}");
        assert_eq!(sent(&world, "PutSecretValue"), puts, "armed: {armed}");
    }
}

#[tokio::test]
async fn a_process_that_was_just_started_believes_no_time_that_a_second_answer_does_not_bear_out() {
    for date in DATES {
        let world = World::new().await;
        world.server.person().put(NAME, THEIRS, "another-token-that-they-have-made", &[]).expect("a put");
        let wrong = Wrong::default();
        let config = client(&world.server, "AKIDWRONG").config().to_builder().interceptor(wrong.clone());
        let store = world.store(Client::from_conf(config.build()));
        *wrong.0.lock().expect("no panic") = Some(date);
        let mut versions = store.secret(world.secret());
        let first = versions.read().await;
        assert!(matches!(first, Err(ReadError::Unavailable(_))), "{date}: {first:?}");
        let then = versions.read().await.expect("both of its answers agree");
        assert_eq!(then.now.earliest.as_millis(), world.server.now_ms() / 1000 * 1000);
        let replaced = then.ring.expect("a ring").previous[0];
        assert_eq!(replaced.deadline, then.now.latest + GRACE, "first seen now, not then");
    }
}

#[tokio::test]
async fn a_version_whose_read_back_bears_another_time_is_not_promoted() {
    for date in DATES {
        let mut world = World::new().await;
        world.run(Duration::from_secs(3)).await;
        let current = world.current();
        world.order(0, Request::Rotate { named: Some(current) }).await.expect("a rotation");
        let wrong = Wrong::default();
        let config = client(&world.server, "AKIDWRONG").config().to_builder().interceptor(wrong.clone());
        let store = world.store(Client::from_conf(config.build()));
        world
            .until("the note", |labels| labels.keys().any(|label| label.starts_with("crossfade-until")))
            .await;
        world.server.advance(SOAK);
        let mut versions = store.secret(world.secret());
        let seen = versions.read().await.expect("a read");
        let pending = seen.ring.as_ref().and_then(|ring| ring.pending).expect("a pending version").id;
        *wrong.0.lock().expect("no panic") = Some(date);
        let promote = Step::Promote { pending, current, accepted_for: Duration::ZERO };
        let outcome = versions.apply(&promote.because(Why::Soaked)).await;
        assert!(matches!(outcome, Err(WriteError::Conflict)), "{date}: {outcome:?}");
        assert_eq!(world.holder("AWSCURRENT").as_deref(), Some(FIRST));
        assert!(world.labels().contains_key("AWSPENDING"), "{NAME} goes on with the next look");
    }
}
