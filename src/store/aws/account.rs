//! The secrets of one account and region, and with what AWS is asked for them.

use std::{fmt, sync::Arc};

use tokio::sync::Semaphore;

use super::{
    api::Api,
    calls::Calls,
    options::{Lags, Options},
    session::Session,
    setup::Setup,
};
use crate::{clock::Clock, rotation::policy::StoreTraits};

/// The secrets of one account and region. A clone is another handle on the same ones.
#[derive(Clone)]
pub struct Aws {
    pub(super) api: Arc<dyn Calls>,
    /// None where `api` needs none.
    pub(super) session: Option<Arc<Session>>,
    pub(super) clock: Arc<dyn Clock>,
    pub(super) options: Arc<Options>,
    /// Of hand-outs, which callers cause: however many wait here, the other places for reading values are the engines'.
    /// How many may wait, `http::token` says.
    pub(super) hand_outs: Arc<Semaphore>,
}

/// Hand-outs under way at once: half of the places for reading values.
const HAND_OUTS: usize = 16;

impl fmt::Debug for Aws {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Aws").field("options", &self.options).finish_non_exhaustive()
    }
}

impl Aws {
    /// With the standard chain of credentials, and the standard variables for endpoints. Nothing is looked up yet.
    pub fn open(options: Options, clock: Arc<dyn Clock>) -> Self {
        let session = Session::new(Setup::new(&options), Arc::clone(&clock));
        Self::in_session(session, options, clock)
    }

    /// On a client that is set up otherwise. It signs by AWS's time, whatever the environment says: what is signed by
    /// a clock that is ahead is taken for longer, and could land later than `write_lag`.
    pub fn with(client: aws_sdk_secretsmanager::Client, options: Options, clock: Arc<dyn Clock>) -> Self {
        let config = client.config().to_builder().disable_clock_skew_correction(false);
        let client = aws_sdk_secretsmanager::Client::from_conf(config.build());
        Self::in_session(Session::with(client, Arc::clone(&clock)), options, clock)
    }

    fn in_session(session: Session, options: Options, clock: Arc<dyn Clock>) -> Self {
        let session = Arc::new(session);
        let api = Api::new(Arc::clone(&session), Arc::clone(&clock), options.plaintext);
        Self { session: Some(session), ..Self::asking(Arc::new(api), options, clock) }
    }

    /// On something that answers in AWS's place.
    pub fn asking(api: Arc<dyn Calls>, options: Options, clock: Arc<dyn Clock>) -> Self {
        let (options, hand_outs) = (Arc::new(options), Arc::new(Semaphore::new(HAND_OUTS)));
        Self { api, session: None, clock, options, hand_outs }
    }

    /// Region, endpoint and credentials are looked up again before the next call.
    pub fn renew(&self) {
        if let Some(session) = &self.session {
            session.look_up_at_once();
        }
    }

    pub(super) fn lags(&self) -> Lags {
        let StoreTraits { store_lag, write_lag, .. } = self.options.traits;
        Lags { store_lag, write_lag, hold: self.options.hold }
    }
}
