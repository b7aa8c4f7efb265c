//! How time passes for a verifier: on two clocks, because one of them may have stopped.
//!
//! Nothing here reads a clock: each reading is an argument.

/// How far two clocks may part before neither is believed to have counted all the time that passed.
const MAX_PARTED_MS: u128 = 2_000;

/// A reading of the caller's two clocks, in milliseconds. No two machines' readings are ever compared.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub struct Moment {
    /// A clock that is never set and runs on while the machine is suspended (`CLOCK_BOOTTIME`).
    pub boot_ms: u64,
    /// The wall clock, since the Unix epoch.
    pub wall_ms: u64,
}

impl Moment {
    /// How long after `earlier` this is, by the clock that says more; one that ran back says nothing.
    pub(crate) fn elapsed_since_ms(self, earlier: Self) -> u64 {
        let boot = self.boot_ms.saturating_sub(earlier.boot_ms);
        let wall = self.wall_ms.saturating_sub(earlier.wall_ms);
        boot.max(wall)
    }

    /// Whether the two clocks say too different things about the time since `earlier`.
    pub(crate) fn parted_since(self, earlier: Self) -> bool {
        let boot = i128::from(self.boot_ms) - i128::from(earlier.boot_ms);
        let wall = i128::from(self.wall_ms) - i128::from(earlier.wall_ms);
        boot.abs_diff(wall) > MAX_PARTED_MS
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_ends_of_the_clocks_neither_panic_nor_wrap() {
        let (first, last) =
            (Moment { boot_ms: 0, wall_ms: 0 }, Moment { boot_ms: u64::MAX, wall_ms: u64::MAX });
        assert_eq!(last.elapsed_since_ms(first), u64::MAX);
        assert_eq!(first.elapsed_since_ms(last), 0);
        assert!(!last.parted_since(first) && !first.parted_since(last));
        let torn = Moment { boot_ms: 0, wall_ms: u64::MAX };
        let other = Moment { boot_ms: u64::MAX, wall_ms: 0 };
        assert!(torn.parted_since(other) && other.parted_since(torn));
    }
}
