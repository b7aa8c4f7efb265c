//! A store that forgets what it must not: for the runs that have to fail.

use async_trait::async_trait;
use crossfade::{
    rotation::{
        plan::Decided,
        ring::{Ring, VersionId},
    },
    store::{ReadError, Reading, Secret, Store, Versions, WriteError},
};

use crate::scenario::Broken;

/// A store, or a handle of it.
pub(crate) struct Forgetful<S> {
    pub(crate) inner: S,
    pub(crate) broken: Broken,
}

impl<S> Forgetful<S> {
    fn forget(&self, ring: &mut Ring) {
        match self.broken {
            Broken::NoteIsForgotten => ring.previous.clear(),
            Broken::EndIsForgotten => {
                ring.previous.iter_mut().for_each(|previous| previous.version.ended = None);
            }
            _ => {}
        }
    }
}

impl<S: Store> Store for Forgetful<S> {
    fn secret(&self, secret: Secret) -> Box<dyn Versions> {
        Box::new(Forgetful { inner: self.inner.secret(secret), broken: self.broken })
    }
}

#[async_trait]
impl Versions for Forgetful<Box<dyn Versions>> {
    async fn read(&mut self) -> Result<Reading, ReadError> {
        let mut reading = self.inner.read().await?;
        if let (Broken::ValueHidesLabels, Some(unread)) = (self.broken, &reading.unread) {
            return Err(ReadError::Unavailable(unread.to_string().into()));
        }
        if let Some(ring) = &mut reading.ring {
            self.forget(ring);
        }
        Ok(reading)
    }

    async fn apply(&mut self, decided: &Decided) -> Result<Option<VersionId>, WriteError> {
        self.inner.apply(decided).await
    }
}
