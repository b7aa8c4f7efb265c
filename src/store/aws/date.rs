//! Takes down when a request was sent, and the `Date` of its answer; and sends nothing in clear, nor what comes too late.

use std::{
    fmt,
    sync::{Arc, Mutex, PoisonError},
    time::Duration,
};

use aws_sdk_secretsmanager::{
    config::{
        ConfigBag, Intercept, RuntimeComponents,
        interceptors::{BeforeDeserializationInterceptorContextRef, BeforeTransmitInterceptorContextRef},
    },
    error::BoxError,
    primitives::{DateTime, DateTimeFormat},
};
use crossfade_verify::Moment;

use super::{
    network::{Clear, stays_private},
    time,
};
use crate::{
    clock::{Clock, elapsed},
    rotation::policy::OLDEST_READ,
    time::Interval,
};

/// A write was not sent.
#[derive(Debug, thiserror::Error)]
#[error("what was to be written rests on a read of more than {} s ago: it was not sent", OLDEST_READ.as_secs())]
pub(super) struct Late;

/// One call's. Of an attempt that was repeated, the last one's times count.
#[derive(Clone)]
pub(super) struct Stopwatch {
    clock: Arc<dyn Clock>,
    plaintext: bool,
    as_of: Option<Moment>,
    taken: Arc<Mutex<Taken>>,
}

#[derive(Copy, Clone, Default)]
struct Taken {
    sent: Option<Moment>,
    now: Option<(Interval, Moment)>,
}

impl Stopwatch {
    /// `plaintext`: a request may leave the machine unencrypted.
    pub(super) fn new(clock: &Arc<dyn Clock>, plaintext: bool) -> Self {
        Self { clock: Arc::clone(clock), plaintext, as_of: None, taken: Arc::default() }
    }

    /// When the read began that the write rests on. Asked again at the last moment: before it, credentials may have been
    /// waited for, or the machine suspended.
    pub(super) fn resting_on(self, as_of: Option<Moment>) -> Self {
        Self { as_of, ..self }
    }

    /// The store's time as the answer came, and when that was.
    pub(super) fn now(&self) -> Option<(Interval, Moment)> {
        self.taken.lock().unwrap_or_else(PoisonError::into_inner).now
    }
}

impl fmt::Debug for Stopwatch {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Stopwatch")
    }
}

impl Intercept for Stopwatch {
    fn name(&self) -> &'static str {
        "Stopwatch"
    }

    fn read_before_transmit(
        &self,
        context: &BeforeTransmitInterceptorContextRef<'_>,
        _: &RuntimeComponents,
        _: &mut ConfigBag,
    ) -> Result<(), BoxError> {
        if !self.plaintext && !stays_private(context.request().uri()) {
            return Err(Clear.into());
        }
        let sent = self.clock.moment();
        if self.as_of.is_some_and(|read| is_late(read, sent)) {
            return Err(Late.into());
        }
        let taken = Taken { sent: Some(sent), now: None };
        *self.taken.lock().unwrap_or_else(PoisonError::into_inner) = taken;
        Ok(())
    }

    fn read_before_deserialization(
        &self,
        context: &BeforeDeserializationInterceptorContextRef<'_>,
        _: &RuntimeComponents,
        _: &mut ConfigBag,
    ) -> Result<(), BoxError> {
        let received = self.clock.moment();
        let mut taken = self.taken.lock().unwrap_or_else(PoisonError::into_inner);
        let date = context.response().headers().get("date");
        let date = date.and_then(|date| DateTime::from_str(date, DateTimeFormat::HttpDate).ok());
        if let (Some(sent), Some(date)) = (taken.sent, date.and_then(|date| u64::try_from(date.secs()).ok()))
        {
            taken.now = Some((time::interval(date, sent, received), received));
        }
        Ok(())
    }
}

/// By either clock: a wall clock that was set forward since the read signs ahead of AWS's time, and what it signs would
/// be taken for as much longer.
fn is_late(read: Moment, sent: Moment) -> bool {
    let wall = Duration::from_millis(sent.wall_ms.saturating_sub(read.wall_ms));
    elapsed(read, sent).max(wall) > OLDEST_READ
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_write_is_late_on_an_old_read_and_after_a_clock_was_set_forward() {
        let read = Moment { boot_ms: 1_000, wall_ms: 500_000 };
        for (what, boot_ms, wall_ms, late) in [
            ("in time", 11_000, 510_000, false),
            ("too late", 11_001, 510_001, true),
            ("the clock was set forward", 1_001, 510_001, true),
            ("a little", 1_001, 509_000, false),
            ("it was set back, and signs for less long", 1_001, 400_000, false),
        ] {
            assert_eq!(is_late(read, Moment { boot_ms, wall_ms }), late, "{what}");
        }
    }
}
