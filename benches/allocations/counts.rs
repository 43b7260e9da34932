//! Counting what a thread takes from the heap.

use std::alloc::{GlobalAlloc, Layout, System};
use std::cell::Cell;
use std::fmt;

/// How often something allocates, and how often it may.
#[derive(Debug)]
pub(crate) struct Count {
    pub(crate) what: &'static str,
    pub(crate) taken: usize,
    /// `None` where it is only told.
    pub(crate) most: Option<usize>,
}

impl Count {
    /// Whether it is no more than it may be.
    pub(crate) fn fits(&self) -> bool {
        self.most.is_none_or(|most| self.taken <= most)
    }
}

impl fmt::Display for Count {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let most = self.most.map_or("-".to_owned(), |most| most.to_string());
        let broken = if self.fits() { "" } else { "  BROKEN" };
        write!(f, "{:>5} {most:>7}  {}{broken}", self.taken, self.what)
    }
}

/// What `work` gives, and how often it allocated until then. Dropping the result is not part of it.
pub(crate) fn taken<T>(work: impl FnOnce() -> T) -> (T, usize) {
    let before = TAKEN.get();
    let result = work();
    (result, TAKEN.get() - before)
}

/// Counts for each thread, so that hash pools and other tests are not counted.
struct Counting;

thread_local! {
    static TAKEN: Cell<usize> = const { Cell::new(0) };
}

#[global_allocator]
static COUNTING: Counting = Counting;

#[expect(unsafe_code, reason = "an allocator can only be counted by standing in for it")]
// SAFETY: every call goes on to the system's allocator unchanged.
unsafe impl GlobalAlloc for Counting {
    unsafe fn alloc(&self, layout: Layout) -> *mut u8 {
        TAKEN.set(TAKEN.get() + 1);
        // SAFETY: the caller's promise holds for the system's allocator too.
        unsafe { System.alloc(layout) }
    }

    unsafe fn alloc_zeroed(&self, layout: Layout) -> *mut u8 {
        TAKEN.set(TAKEN.get() + 1);
        // SAFETY: the caller's promise holds for the system's allocator too.
        unsafe { System.alloc_zeroed(layout) }
    }

    unsafe fn dealloc(&self, block: *mut u8, layout: Layout) {
        // SAFETY: the block came from the system's allocator.
        unsafe { System.dealloc(block, layout) }
    }

    unsafe fn realloc(&self, block: *mut u8, layout: Layout, size: usize) -> *mut u8 {
        TAKEN.set(TAKEN.get() + 1);
        // SAFETY: the block came from the system's allocator.
        unsafe { System.realloc(block, layout, size) }
    }
}
