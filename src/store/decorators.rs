//! What can be put around a store, each one thing: `Metered(Audited(Embedded))`, `DryRun(…)`.

mod audited;
mod dry_run;
mod metered;
mod operation;

pub use audited::{AuditEntry, AuditSink, Audited};
pub use dry_run::DryRun;
pub use metered::{Metered, StoreMeter};
pub use operation::{Operation, Outcome};
