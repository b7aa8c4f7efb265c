//! What is asked of a store, and what comes of it, in the words of metrics and audit entries.

use crate::{
    rotation::plan::Step,
    store::{ReadError, WriteError},
};

labels! {
    /// A call of a store: a read, a hand-out of a token, or a step by its kind.
    #[derive(Copy, Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Debug)]
    pub enum Operation {
        /// All versions were read.
        Read = "read",
        /// The current token was asked for.
        Reveal = "reveal",
        /// [`Step::Create`].
        Create = "create",
        /// [`Step::Stage`].
        Stage = "stage",
        /// [`Step::Note`].
        Note = "note",
        /// [`Step::Promote`].
        Promote = "promote",
        /// [`Step::Drop`].
        Drop = "drop",
        /// [`Step::Retire`].
        Retire = "retire",
        /// [`Step::End`].
        End = "end",
        /// [`Step::EndAll`].
        EndAll = "end_all",
        /// [`Step::Pause`].
        Pause = "pause",
        /// [`Step::Unpause`].
        Unpause = "unpause",
        /// [`Step::Keep`].
        Keep = "keep",
        /// [`Step::Tidy`].
        Tidy = "tidy",
    }
}

labels! {
    /// What came of a call.
    #[derive(Copy, Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Debug)]
    pub enum Outcome {
        /// What was asked for.
        Done = "done",
        /// Somebody else was first.
        Conflict = "conflict",
        /// Nothing, for now.
        Unavailable = "unavailable",
        /// The store refuses us.
        Denied = "denied",
        /// The record is not believed.
        Damaged = "damaged",
        /// The store will never do it.
        Rejected = "rejected",
        /// There is no such secret.
        Missing = "missing",
    }
}

impl Operation {
    /// The kind of the step.
    pub const fn of(step: &Step) -> Self {
        match step {
            Step::Create => Self::Create,
            Step::Stage { .. } => Self::Stage,
            Step::Note { .. } => Self::Note,
            Step::Promote { .. } => Self::Promote,
            Step::Drop { .. } => Self::Drop,
            Step::Retire { .. } => Self::Retire,
            Step::End { .. } => Self::End,
            Step::EndAll { .. } => Self::EndAll,
            Step::Pause { .. } => Self::Pause,
            Step::Unpause { .. } => Self::Unpause,
            Step::Keep { .. } => Self::Keep,
            Step::Tidy { .. } => Self::Tidy,
        }
    }
}

impl Outcome {
    pub(super) fn of_read<T>(result: &Result<T, ReadError>) -> Self {
        result.as_ref().err().map_or(Self::Done, Self::of_read_error)
    }

    pub(super) fn of_write<T>(result: &Result<T, WriteError>) -> Self {
        match result {
            Ok(_) => Self::Done,
            Err(WriteError::Conflict) => Self::Conflict,
            Err(WriteError::Unavailable(_)) => Self::Unavailable,
            Err(WriteError::Denied(_)) => Self::Denied,
            Err(WriteError::Rejected(_)) => Self::Rejected,
        }
    }

    fn of_read_error(error: &ReadError) -> Self {
        match error {
            ReadError::Unavailable(_) => Self::Unavailable,
            ReadError::Denied(_) | ReadError::Misconfigured(_) => Self::Denied,
            ReadError::Damaged(_) => Self::Damaged,
            ReadError::Missing { .. } => Self::Missing,
        }
    }
}
