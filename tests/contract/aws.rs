//! The AWS store as a subject, on whatever speaks AWS's protocol.

use std::{collections::BTreeMap, sync::Arc};

use aws_sdk_secretsmanager::{
    Client, Config,
    config::{BehaviorVersion, Credentials, Region, retry::RetryConfig},
};
use crossfade::{
    clock::Clock,
    rotation::policy::StoreTraits,
    store::aws::{Aws, Options},
};

use super::*;

/// An AWS store that allows for no lag, and the clock of its service.
pub struct OnAws {
    store: Aws,
    client: Client,
    prefix: String,
    clock: Arc<dyn Clock>,
}

impl OnAws {
    /// `prefix`: of its secrets' names; nobody else's begin with it.
    pub fn new(endpoint: String, prefix: &str, clock: Arc<dyn Clock>) -> Self {
        let traits = StoreTraits {
            store_lag: Duration::ZERO,
            write_lag: Duration::ZERO,
            notes: Notes::BeforePromotion,
            creates: true,
        };
        let options = Options { traits, ..Options::default() };
        let config = Config::builder()
            .behavior_version(BehaviorVersion::v2026_01_12())
            .region(Region::new("us-east-1"))
            .endpoint_url(endpoint)
            .credentials_provider(Credentials::new("AKIDCONTRACT", "none", None, None, "test"))
            .retry_config(RetryConfig::disabled())
            .build();
        let client = Client::from_conf(config);
        let store = Aws::with(client.clone(), options, Arc::clone(&clock));
        Self { store, client, prefix: prefix.to_owned(), clock }
    }

    /// Every label of the secret, with the version that bears it. Of our notes, without their times.
    async fn labels(&self, secret: &Secret) -> BTreeMap<String, String> {
        let described =
            self.client.describe_secret().secret_id(&*secret.name).send().await.expect("an answer");
        let versions = described.version_ids_to_stages.unwrap_or_default();
        let each =
            versions.into_iter().flat_map(|(id, labels)| labels.into_iter().map(move |l| (l, id.clone())));
        each.map(|(label, id)| (label.split_inclusive('-').take(2).collect(), id)).collect()
    }
}

#[async_trait]
impl Subject for OnAws {
    fn store(&self) -> &dyn Store {
        &self.store
    }

    fn notes(&self) -> Notes {
        Notes::BeforePromotion
    }

    fn changes_all_at_once(&self) -> bool {
        false
    }

    fn rounds_to(&self) -> Duration {
        Duration::from_secs(10)
    }

    fn prefix(&self) -> &str {
        &self.prefix
    }

    async fn pass(&self, time: Duration) {
        self.clock.sleep(time).await;
    }
}

/// The promotion moves AWSPREVIOUS along, and leaves AWSPENDING where it was.
pub async fn each_step_of_a_rotation_leaves_the_labels_that_aws_documents(subject: &OnAws) {
    let hand = Hand::created(subject).await;
    let old = hand.ring().await.current.id;
    let new = hand.stages().await.id;
    let until = hand.read().await.now.latest + HOUR;
    let promotion = Step::Promote { pending: new, current: old, accepted_for: HOUR };
    let (retirement, tidying) = (Step::Retire { version: old }, Step::Tidy { version: new });
    let (note, current, pending, previous) = ("crossfade-until-", "AWSCURRENT", "AWSPENDING", "AWSPREVIOUS");
    for (step, want) in [
        (None, vec![(current, old), (pending, new)]),
        (Some(Step::Note { version: old, until }), vec![(current, old), (pending, new), (note, old)]),
        (Some(promotion), vec![(current, new), (pending, new), (previous, old), (note, old)]),
        (Some(tidying), vec![(current, new), (previous, old), (note, old)]),
        (Some(retirement), vec![(current, new), (note, old)]),
        (Some(retirement), vec![(current, new)]),
    ] {
        if let Some(step) = step {
            hand.tries(step).await.unwrap_or_else(|e| panic!("{step:?}: {e:?}"));
        }
        let labels = subject.labels(&hand.secret).await;
        let want = want.into_iter().map(|(label, on)| (label.to_owned(), on.to_string())).collect();
        assert_eq!(labels, want, "after {step:?}");
    }
}
