//! A value in cache lines of its own.

/// Cores that write to one do not wait for those that use what happens to lie next to it.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
#[repr(align(64))]
pub(crate) struct CachePadded<T>(pub(crate) T);
