//! A store that forgets what it must not: for the runs that have to fail.

use async_trait::async_trait;
use crossfade::{
    rotation::{
        plan::Decided,
        ring::{Ring, VersionId},
    },
    store::{ReadError, Reading, Secret, Store, WriteError, aws::Aws},
};

use crate::scenario::Broken;

pub(crate) struct Forgetful {
    pub(crate) aws: Aws,
    pub(crate) broken: Broken,
}

impl Forgetful {
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

#[async_trait]
impl Store for Forgetful {
    async fn read(&self, secret: &Secret) -> Result<Reading, ReadError> {
        let mut reading = self.aws.read(secret).await?;
        if let (Broken::ValueHidesLabels, Some(unread)) = (self.broken, &reading.unread) {
            return Err(ReadError::Unavailable(unread.to_string().into()));
        }
        if let Some(ring) = &mut reading.ring {
            self.forget(ring);
        }
        Ok(reading)
    }

    async fn apply(
        &self,
        secret: &Secret,
        decided: &Decided,
        seen: &Reading,
    ) -> Result<Option<VersionId>, WriteError> {
        self.aws.apply(secret, decided, seen).await
    }
}
