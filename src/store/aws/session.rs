//! The client that calls are made with, and when another one is looked up in the environment and AWS's files.
//!
//! Credentials expire, and are renewed by tools that tell nobody. So what was found is believed until it is missed:
//!
//! - before it expires, or, where that is not known, after [`LONGEST`], so that a renewed file is known before it is
//!   missed;
//! - after AWS has denied a call;
//! - after a lookup that found nothing, for as long as there is nothing;
//! - at once when asked to (SIGHUP).
//!
//! One lookup at a time, and not within [`PAUSE`] of the last one. What was found earlier is used until something else is
//! found: while the metadata of a machine can't be reached, its credentials mostly go on.

use std::{
    fmt,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
    time::{Duration, SystemTime},
};

use aws_sdk_secretsmanager::Client;
use crossfade_verify::Moment;

use super::{
    error::{CallError, SetupError},
    setup::{ClientSettings, Found, Setup},
};
use crate::clock::{Clock, elapsed};

/// Between two lookups.
const PAUSE: Duration = Duration::from_secs(5);
/// A lookup that takes longer is given up.
const PATIENCE: Duration = Duration::from_secs(12);
/// Credentials are looked for so long before they expire.
const MARGIN: Duration = Duration::from_secs(30);
/// Credentials that don't say when they expire are looked for after this.
const LONGEST: Duration = Duration::from_secs(15 * 60);

/// Whoever makes calls asks it for a client first.
pub(super) struct Session {
    clock: Arc<dyn Clock>,
    /// None: the client was given, and stays.
    setup: Option<Setup>,
    lookups: Mutex<Lookups>,
    /// Whoever does the lookup. Those whose call was denied wait here for what is found: engines, and as many hand-outs
    /// as may be under way at once. A lookup ends within [`PATIENCE`], and there is none within [`PAUSE`] of another,
    /// whoever asks.
    looking_up: tokio::sync::Mutex<()>,
}

#[derive(Default)]
struct Lookups {
    found: Option<Arc<Found>>,
    /// Of the last lookup, where it found nothing.
    failure: Option<SetupError>,
    looked_up: Option<Moment>,
    demand: LookupDemand,
}

/// Whether somebody wants another lookup.
#[derive(Copy, Clone, Default, PartialEq, Eq, PartialOrd, Ord)]
enum LookupDemand {
    #[default]
    No,
    /// After the pause.
    Soon,
    AtOnce,
}

/// Credentials are in there.
impl fmt::Debug for Session {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Session")
    }
}

impl Session {
    /// Looks the client up in the environment and AWS's files, at the first call.
    pub(super) fn new(setup: Setup, clock: Arc<dyn Clock>) -> Self {
        Self {
            clock,
            setup: Some(setup),
            lookups: Mutex::default(),
            looking_up: tokio::sync::Mutex::default(),
        }
    }

    /// With that client, for good.
    pub(super) fn with(client: Client, clock: Arc<dyn Clock>) -> Self {
        let found = Found { client, settings: ClientSettings::default(), expires: None };
        let lookups = Lookups { found: Some(Arc::new(found)), ..Lookups::default() };
        Self { clock, setup: None, lookups: Mutex::new(lookups), looking_up: tokio::sync::Mutex::default() }
    }

    /// With what to call now.
    pub(super) async fn found(&self) -> Result<Arc<Found>, CallError> {
        let found = self.lookups().found.clone();
        match (&self.setup, found) {
            (Some(setup), None) => {
                let _one = self.looking_up.lock().await;
                // Somebody else may have looked meanwhile.
                if self.is_due() {
                    self.look_up(setup).await;
                }
            }
            // The others go on with what there is.
            (Some(setup), Some(_)) if self.is_due() => {
                if let Ok(_one) = self.looking_up.try_lock() {
                    self.look_up(setup).await;
                }
            }
            _ => {}
        }
        let lookups = self.lookups();
        let why = || {
            lookups.failure.clone().unwrap_or_else(|| SetupError::Unavailable("nobody has looked yet".into()))
        };
        lookups.found.clone().ok_or_else(|| why().into())
    }

    /// AWS has denied a call that was made with that. What else to call with, where something else is found.
    pub(super) async fn other_than(&self, denied: &Arc<Found>) -> Option<Arc<Found>> {
        let setup = self.setup.as_ref()?;
        // Many are denied at once: one does the lookup, and the others wait for what it finds.
        let _one = self.looking_up.lock().await;
        let is_newer = |found: &Option<Arc<Found>>| found.as_ref().is_some_and(|f| !Arc::ptr_eq(f, denied));
        if !is_newer(&self.lookups().found) {
            self.look_up_soon();
            if self.is_due() {
                self.look_up(setup).await;
            }
        }
        Some(self.lookups().found.clone()).filter(is_newer).flatten()
    }

    /// The next call does a lookup first, unless the last lookup is too short ago.
    pub(super) fn look_up_soon(&self) {
        self.ask(LookupDemand::Soon);
    }

    /// The next call does a lookup first.
    pub(super) fn look_up_at_once(&self) {
        self.ask(LookupDemand::AtOnce);
    }

    /// Why nothing newer was found by the last lookup.
    pub(super) fn failure(&self) -> Option<SetupError> {
        self.lookups().failure.clone()
    }

    fn ask(&self, how: LookupDemand) {
        let mut lookups = self.lookups();
        lookups.demand = lookups.demand.max(how);
    }

    fn is_due(&self) -> bool {
        let (lookups, now) = (self.lookups(), self.clock.moment());
        let Some(looked_up) = lookups.looked_up else { return true };
        let since = elapsed(looked_up, now);
        let missed = || match &lookups.found {
            None => true,
            Some(found) => lookups.failure.is_some() || is_old(found, since, now),
        };
        lookups.demand == LookupDemand::AtOnce
            || (since >= PAUSE && (lookups.demand == LookupDemand::Soon || missed()))
    }

    async fn look_up(&self, setup: &Setup) {
        self.lookups().demand = LookupDemand::No;
        let found = tokio::select! {
            found = setup.look_up() => found,
            () = self.clock.sleep(PATIENCE) => {
                let what = "whoever gives credentials has not answered within";
                Err(SetupError::Unavailable(format!("{what} {} s", PATIENCE.as_secs())))
            }
        };
        let mut lookups = self.lookups();
        lookups.looked_up = Some(self.clock.moment());
        match found {
            Ok(found) => {
                lookups.failure = None;
                if lookups.found.as_ref().is_some_and(|old| old.settings == found.settings) {
                    return;
                }
                if lookups.found.replace(Arc::new(found)).is_some() {
                    tracing::info!(
                        "AWS's environment and files were looked at again, and say something else now"
                    );
                }
            }
            Err(why) => {
                if lookups.found.is_some() && lookups.failure.as_ref() != Some(&why) {
                    tracing::warn!(
                        "AWS is called with what was found earlier, for a new look found nothing: {why}"
                    );
                }
                lookups.failure = Some(why);
            }
        }
    }

    /// Never across an await.
    fn lookups(&self) -> MutexGuard<'_, Lookups> {
        self.lookups.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

fn is_old(found: &Found, since: Duration, now: Moment) -> bool {
    let Some(expires) = found.expires else { return since >= LONGEST };
    let now = SystemTime::UNIX_EPOCH + Duration::from_millis(now.wall_ms);
    expires.duration_since(now).map_or(true, |left| left <= MARGIN)
}
