//! Deleting a secret, and taking that back.
//!
//! A secret whose window is over is gone to the millisecond; AWS takes its time after that.

use std::sync::Arc;

use super::{
    DeleteSecret, DeleteSecretReply, Error, Millis, RestoreSecret, SecretIdReply, Service, name,
    secret::Deletion,
};

const DAY_MS: u64 = 24 * 60 * 60 * 1000;

impl Service {
    /// Documented: `DeleteSecret`. By force it is gone at once, and the next of that name has another
    /// ARN; a secret that does not exist is then no error. That force also ends the window of a secret
    /// that is deleted already is unverified.
    pub fn delete_secret(&mut self, request: &DeleteSecret, now_ms: u64) -> Result<DeleteSecretReply, Error> {
        let force = request.force_delete_without_recovery.unwrap_or(false);
        if force && request.recovery_window_in_days.is_some() {
            return Err(Error::parameter(
                "You can't use ForceDeleteWithoutRecovery in conjunction with RecoveryWindowInDays.",
            ));
        }
        let days = request.recovery_window_in_days.unwrap_or(30);
        let window = "RecoveryWindowInDays value must be between 7 and 30 days (inclusive).";
        let days = u64::try_from(days).ok().filter(|days| (7..=30).contains(days));
        let days = days.ok_or_else(|| Error::parameter(window))?;
        if force {
            return self.purge(&request.secret_id, now_ms);
        }
        let due_ms = now_ms + days * DAY_MS;
        self.edit(&request.secret_id, now_ms, |secret| {
            secret.deletion = Some(Deletion { asked_ms: now_ms, due_ms });
            let (arn, name) = (secret.arn.clone(), secret.name.clone());
            Ok(DeleteSecretReply { arn, name, deletion_date: Millis(due_ms) })
        })
    }

    /// Documented: `RestoreSecret`. That it is a success on a secret that is not deleted is unverified.
    pub fn restore_secret(&mut self, request: &RestoreSecret, now_ms: u64) -> Result<SecretIdReply, Error> {
        let mut secret = self.found(&request.secret_id, now_ms)?.clone();
        secret.deletion = None;
        let reply = SecretIdReply { arn: secret.arn.clone(), name: secret.name.clone() };
        self.secrets.insert(secret.name.clone(), Arc::new(secret));
        Ok(reply)
    }

    fn purge(&mut self, id: &str, now_ms: u64) -> Result<DeleteSecretReply, Error> {
        let deletion_date = Millis(now_ms);
        if let Some(secret) = self.secret(id, now_ms) {
            let (arn, name) = (secret.arn.clone(), secret.name.clone());
            self.secrets.remove(&name);
            return Ok(DeleteSecretReply { arn, name, deletion_date });
        }
        // Documented: no error, so that a caller can repeat it. That the reply has an ARN is unverified.
        self.made += 1;
        let (arn, name) = (name::arn(id, self.made - 1), id.to_owned());
        Ok(DeleteSecretReply { arn, name, deletion_date })
    }
}
