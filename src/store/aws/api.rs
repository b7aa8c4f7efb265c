//! The calls that we make, each with the time that AWS's answer bears.
//!
//! Reads are retried by the SDK. Writes are not: a retry would be signed anew, and could land later than the state
//! that it was decided on allows. Nor is one sent on a read (`as_of`) that has grown old by then. AWS is never left to invent a version's id (it would invent one a call).

use std::{
    error::Error,
    sync::{Arc, Mutex, PoisonError},
    time::Duration,
};

use async_trait::async_trait;
use aws_sdk_secretsmanager::{
    Client, Config,
    config::{Builder, retry::RetryConfig},
    error::{ProvideErrorMetadata, SdkError},
};
use crossfade_verify::Moment;

use super::{
    answers::{described, listed, stored},
    calls::{Answer, Calls, Described, Listed, Stored},
    date::Stopwatch,
    error::CallError,
    name::Arn,
    pace::{Pace, Urgency},
    session::Session,
    time,
};
use crate::{clock::Clock, quiet::Quiet};

/// AWS, and our clock beside it.
pub(super) struct Api {
    session: Arc<Session>,
    clock: Arc<dyn Clock>,
    plaintext: bool,
    last: Mutex<Option<time::Last>>,
    pace: Pace,
    /// Lines about answers whose time can't be: each answer can cause one, and a hand-out is answered too.
    odd_times: Quiet,
}

/// Of a list of at most 100 versions.
const PAGES: usize = 10;

/// How long a value, or the list of versions, is waited for in all: a step is not sent on a read that is older than ten
/// seconds, and one value that does not come must not keep it from that.
const PARTS_WITHIN: Duration = Duration::from_secs(5);

/// What does not come within that time.
async fn soon<T>(answer: impl Future<Output = Answer<T>>) -> Answer<T> {
    tokio::time::timeout(PARTS_WITHIN, answer).await.unwrap_or_else(|_| {
        let why = format!("no answer came within {PARTS_WITHIN:?}");
        Answer { outcome: Err(CallError::Unavailable(why.into())), now: None }
    })
}

/// A write's retry would be a new one.
fn once() -> Builder {
    Config::builder().retry_config(RetryConfig::disabled())
}

impl Api {
    pub(super) fn new(session: Arc<Session>, clock: Arc<dyn Clock>, plaintext: bool) -> Self {
        Self {
            session,
            clock,
            plaintext,
            last: Mutex::default(),
            pace: Pace::new(),
            odd_times: Quiet::default(),
        }
    }

    async fn read<O, E, T, F>(
        &self,
        send: impl Fn(&Client, Stopwatch) -> F + Send + Sync,
        of: fn(O) -> Option<T>,
    ) -> Answer<T>
    where
        E: ProvideErrorMetadata + Error + Send + Sync + 'static,
        F: Future<Output = Result<O, SdkError<E>>> + Send,
    {
        let _place = self.pace.read().await;
        self.ask(send, of).await
    }

    /// A read that has its place. One that is denied is sent once more, where other credentials are found then.
    async fn ask<O, E, T, F>(
        &self,
        send: impl Fn(&Client, Stopwatch) -> F + Send + Sync,
        of: fn(O) -> Option<T>,
    ) -> Answer<T>
    where
        E: ProvideErrorMetadata + Error + Send + Sync + 'static,
        F: Future<Output = Result<O, SdkError<E>>> + Send,
    {
        let found = match self.session.found().await {
            Ok(found) => found,
            Err(error) => return Answer { outcome: Err(error), now: None },
        };
        let watch = Stopwatch::new(&self.clock, self.plaintext);
        let sent = send(&found.client, watch.clone()).await;
        let answer = self.answer(sent, &watch, of);
        if !matches!(answer.outcome, Err(CallError::Denied(_))) {
            return answer;
        }
        let Some(other) = self.session.other_than(&found).await else { return self.with_why(answer) };
        let watch = Stopwatch::new(&self.clock, self.plaintext);
        let sent = send(&other.client, watch.clone()).await;
        self.answer(sent, &watch, of)
    }

    /// A write. It is sent once; where it is denied, the read that comes before the next one looks for credentials.
    async fn write<O, E, F>(
        &self,
        send: impl FnOnce(&Client, Stopwatch) -> F + Send,
        as_of: Option<Moment>,
    ) -> Result<(), CallError>
    where
        E: ProvideErrorMetadata + Error + Send + Sync + 'static,
        F: Future<Output = Result<O, SdkError<E>>> + Send,
    {
        let found = self.session.found().await?;
        let watch = Stopwatch::new(&self.clock, self.plaintext).resting_on(as_of);
        let sent = send(&found.client, watch.clone()).await;
        let answer = self.answer(sent, &watch, |_| Some(()));
        if let Err(CallError::Denied(_)) = answer.outcome {
            self.session.look_up_soon();
        }
        answer.outcome
    }

    /// AWS says of an ARN of another region only that there is no such secret.
    async fn is_of_our_region(&self, secret: &str) -> Result<(), CallError> {
        let Some(Arn { region: theirs, .. }) = Arn::parse(secret) else { return Ok(()) };
        let found = self.session.found().await?;
        let ours = found.client.config().region().map(ToString::to_string).unwrap_or_default();
        if ours == theirs {
            return Ok(());
        }
        Err(CallError::Misconfigured(
            format!(
                "the secret's ARN is of the region {theirs}, and AWS is asked in {ours}: set `store.region: {theirs}`, or \
                 name a secret of {ours}"
            )
            .into(),
        ))
    }

    /// A denial, and why there are no other credentials.
    fn with_why<T>(&self, answer: Answer<T>) -> Answer<T> {
        let outcome = match (answer.outcome, self.session.failure()) {
            (Err(CallError::Denied(said)), Some(why)) => {
                Err(CallError::Denied(format!("{said}. Other credentials were looked for: {why}").into()))
            }
            (outcome, _) => outcome,
        };
        Answer { outcome, ..answer }
    }

    /// At most 100 versions exist, and that many fit one page; but a page can be empty, and not the last one.
    async fn pages(&self, secret: &str) -> Answer<Vec<Listed>> {
        let _place = self.pace.part().await;
        let (mut all, mut next) = (Vec::new(), None);
        for _ in 0..PAGES {
            let send = |client: &Client, watch| {
                let call = client.list_secret_version_ids().secret_id(secret).include_deprecated(true);
                call.max_results(100).set_next_token(next.clone()).customize().interceptor(watch).send()
            };
            let page = self.ask(send, listed).await;
            let (listed, more) = match page.outcome {
                Ok(page) => page,
                Err(error) => return Answer { outcome: Err(error), now: page.now },
            };
            all.extend(listed);
            if more.is_none() {
                return Answer { outcome: Ok(all), now: page.now };
            }
            next = more;
        }
        let why = format!("the list of the secret's versions does not end after {PAGES} pages");
        Answer { outcome: Err(CallError::Unavailable(why.into())), now: None }
    }

    fn answer<O, E, T>(
        &self,
        sent: Result<O, SdkError<E>>,
        watch: &Stopwatch,
        of: impl FnOnce(O) -> Option<T>,
    ) -> Answer<T>
    where
        E: ProvideErrorMetadata + Error + Send + Sync + 'static,
    {
        let now = watch.now().filter(|(now, at)| {
            let mut last = self.last.lock().unwrap_or_else(PoisonError::into_inner);
            let follows = time::follows(&mut last, *now, *at);
            if !follows && let Some(left_out) = self.odd_times.may_write(self.clock.moment().boot_ms) {
                tracing::error!(
                    "AWS's time does not go on as ours does: an answer was replayed, or a clock was set{left_out}"
                );
            }
            follows
        });
        let lacking =
            || CallError::Unavailable("AWS's answer lacks a time or a name that it has to bear".into());
        let outcome = sent.map_err(CallError::of).and_then(|output| of(output).ok_or_else(lacking));
        Answer { outcome, now: now.map(|(now, _)| now) }
    }
}

#[async_trait]
impl Calls for Api {
    async fn describe(&self, secret: &str) -> Answer<Described> {
        if let Err(error) = self.is_of_our_region(secret).await {
            return Answer { outcome: Err(error), now: None };
        }
        let send = |client: &Client, watch| {
            client.describe_secret().secret_id(secret).customize().interceptor(watch).send()
        };
        self.read(send, described).await
    }

    async fn value(&self, secret: &str, version: Option<&str>) -> Answer<Stored> {
        let send = |client: &Client, watch| {
            let call = client.get_secret_value().secret_id(secret);
            call.set_version_id(version.map(str::to_owned)).customize().interceptor(watch).send()
        };
        soon(async {
            let _place = self.pace.part().await;
            self.ask(send, stored).await
        })
        .await
    }

    async fn versions(&self, secret: &str) -> Answer<Vec<Listed>> {
        soon(self.pages(secret)).await
    }

    async fn create(
        &self,
        name: &str,
        id: &str,
        value: &str,
        kms_key_id: Option<&str>,
        as_of: Option<Moment>,
    ) -> Result<(), CallError> {
        let send = |client: &Client, watch| {
            let call = client.create_secret().name(name).client_request_token(id).secret_string(value);
            let call = call.set_kms_key_id(kms_key_id.map(str::to_owned));
            call.customize().config_override(once()).interceptor(watch).send()
        };
        self.write(send, as_of).await
    }

    async fn put(
        &self,
        secret: &str,
        id: &str,
        value: &str,
        label: &str,
        as_of: Option<Moment>,
    ) -> Result<(), CallError> {
        let send = |client: &Client, watch| {
            let call = client.put_secret_value().secret_id(secret).client_request_token(id);
            let call = call.secret_string(value).version_stages(label);
            call.customize().config_override(once()).interceptor(watch).send()
        };
        self.write(send, as_of).await
    }

    async fn turn(&self, urgency: Urgency) -> Result<(), CallError> {
        let busy = "too many writes wait for their turn already: Secrets Manager takes 50 a second";
        let may = self.pace.write(urgency, &*self.clock).await;
        if may { Ok(()) } else { Err(CallError::Unavailable(busy.into())) }
    }

    async fn relabel(
        &self,
        secret: &str,
        label: &str,
        from: Option<&str>,
        to: Option<&str>,
        as_of: Option<Moment>,
    ) -> Result<(), CallError> {
        let send = |client: &Client, watch| {
            let call = client.update_secret_version_stage().secret_id(secret).version_stage(label);
            let call = call.set_remove_from_version_id(from.map(str::to_owned));
            let call = call.set_move_to_version_id(to.map(str::to_owned));
            call.customize().config_override(once()).interceptor(watch).send()
        };
        self.write(send, as_of).await
    }
}
