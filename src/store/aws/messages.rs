//! What people read of a secret that can't be rotated here, and what to do about it.

/// Somebody else is rotating it.
pub(super) const FOREIGN_PENDING: &str = "\
    AWSPENDING is on a version that is not ours: somebody else is rotating the secret. Let them end it, or \
    take the label off (aws secretsmanager update-secret-version-stage --version-stage AWSPENDING \
    --remove-from-version-id ID)";

/// AWS rotates it.
pub(super) const NATIVE_ROTATION: &str = "\
    AWS's own rotation is on for the secret: two would fight over AWSPENDING. Turn it off (aws \
    secretsmanager cancel-rotate-secret), or take the secret out of our config";

/// It belongs to another AWS service, or to a third party that AWS manages it for.
pub(super) const MANAGED: &str =
    "another AWS service, or a third party, manages the secret and rotates it: take it out of our config";

/// It is a copy of a secret in another region.
pub(super) const REPLICA: &str = "\
    the secret is a replica of one in another region: AWS takes no writes here, and what is read here may \
    lag without a bound. So its tokens are accepted as they are read, and nothing is refused by it. Rotate, \
    pause and revoke at the primary secret, with its region in `store.region`; or make this one a secret of \
    its own (aws secretsmanager stop-replication-to-replica)";

/// There is no room for the notes that a rotation needs: see `TAKEN` in `view`.
pub(super) const FULL: &str = "\
    14 of the 20 labels that a secret can bear are notes of ours, or labels that people have put there: the \
    next rotation waits for a note to expire. Rotate less often, lower grace, or take labels of your own off";

/// Copies in other regions are not in sync.
pub(super) const REPLICATING: &str = "\
    its copies in other regions are not in sync: labels that move close together can leave them so for ever, \
    so all but ends waits. Look at ReplicationStatus (aws secretsmanager describe-secret); where one has \
    failed, take that region out and add it again (remove-regions-from-replication, \
    replicate-secret-to-regions)";
