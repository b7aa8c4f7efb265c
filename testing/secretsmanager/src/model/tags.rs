//! Tags: on the secret, never on a version.

use super::{Error, Secret, Service, Tag, TagResource, UntagResource, limits};

impl Service {
    /// Documented: `TagResource`; a key that is there already gets the new value.
    pub fn tag_resource(&mut self, request: &TagResource, now_ms: u64) -> Result<(), Error> {
        self.edit(&request.secret_id, now_ms, |secret| {
            add(secret, &request.tags)?;
            secret.changed_ms = now_ms;
            Ok(())
        })
    }

    /// Documented: `UntagResource`; a key that is not there is no error.
    pub fn untag_resource(&mut self, request: &UntagResource, now_ms: u64) -> Result<(), Error> {
        self.edit(&request.secret_id, now_ms, |secret| {
            secret.tags.retain(|key, _| !request.tag_keys.contains(key));
            secret.changed_ms = now_ms;
            Ok(())
        })
    }
}

/// The code for too many is documented in `LimitExceededException`'s sense, and unverified.
pub(super) fn add(secret: &mut Secret, tags: &[Tag]) -> Result<(), Error> {
    for Tag { key, value } in tags {
        limits::tag(key, value)?;
        secret.tags.insert(key.clone(), value.clone());
    }
    if secret.tags.len() > limits::TAGS {
        return Err(Error::limit("A secret can't have more than 50 tags."));
    }
    Ok(())
}
