//! An allocator that counts, per thread.

use std::{
    alloc::{GlobalAlloc, Layout, System},
    cell::Cell,
};

thread_local! {
    /// Per thread, so that the test harness's own threads don't count.
    static ALLOCATIONS: Cell<u64> = const { Cell::new(0) };
    /// Bytes that are allocated now, and the most there were.
    static BYTES: Cell<[i64; 2]> = const { Cell::new([0; 2]) };
}

struct Counting;

#[expect(
    unsafe_code,
    reason = "an allocator can't be written without it; this one adds counters to the system's"
)]
// SAFETY: every call goes to the system's allocator as it came; the counters are plain cells without a
// destructor, so counting allocates nothing.
unsafe impl GlobalAlloc for Counting {
    unsafe fn alloc(&self, layout: Layout) -> *mut u8 {
        count(1, layout.size(), 0);
        // SAFETY: the caller keeps `alloc`'s contract, which is the same.
        unsafe { System.alloc(layout) }
    }

    unsafe fn dealloc(&self, at: *mut u8, layout: Layout) {
        count(0, 0, layout.size());
        // SAFETY: as above; whatever is freed here came from `System`.
        unsafe { System.dealloc(at, layout) }
    }

    unsafe fn realloc(&self, at: *mut u8, layout: Layout, size: usize) -> *mut u8 {
        count(1, size, layout.size());
        // SAFETY: as above.
        unsafe { System.realloc(at, layout, size) }
    }
}

#[global_allocator]
static ALLOCATOR: Counting = Counting;

fn count(allocations: u64, more: usize, fewer: usize) {
    ALLOCATIONS.with(|n| n.set(n.get() + allocations));
    BYTES.with(|bytes| {
        let [now, most] = bytes.get();
        let now = now + more as i64 - fewer as i64;
        bytes.set([now, most.max(now)]);
    });
}

pub(crate) fn allocations_in(work: impl FnOnce()) -> u64 {
    let before = ALLOCATIONS.with(Cell::get);
    work();
    ALLOCATIONS.with(Cell::get) - before
}

/// The most bytes that it has held at once.
pub(crate) fn most_bytes_in(work: impl FnOnce()) -> i64 {
    let [before, _] = BYTES.with(Cell::get);
    BYTES.with(|bytes| bytes.set([before; 2]));
    work();
    BYTES.with(Cell::get)[1] - before
}
