//! What a bench of many entries measures by: bytes that live on the heap, resident memory, processor time.

use std::alloc::{GlobalAlloc, Layout, System};
use std::fs;
use std::sync::atomic::{AtomicIsize, Ordering};
use std::time::Duration;

use rustix::time::{ClockId, clock_gettime};

#[global_allocator]
static COUNTING: Counting = Counting;

/// Counts the bytes that were asked for and not given back.
struct Counting;

static LIVE: AtomicIsize = AtomicIsize::new(0);

fn count(bytes: usize, sign: isize) {
    LIVE.fetch_add(isize::try_from(bytes).unwrap() * sign, Ordering::Relaxed);
}

#[expect(unsafe_code, reason = "an allocator can only be counted by standing in for it")]
// SAFETY: every call goes on to the system's allocator unchanged.
unsafe impl GlobalAlloc for Counting {
    unsafe fn alloc(&self, layout: Layout) -> *mut u8 {
        count(layout.size(), 1);
        // SAFETY: the caller's promise holds for the system's allocator too.
        unsafe { System.alloc(layout) }
    }

    unsafe fn alloc_zeroed(&self, layout: Layout) -> *mut u8 {
        count(layout.size(), 1);
        // SAFETY: the caller's promise holds for the system's allocator too.
        unsafe { System.alloc_zeroed(layout) }
    }

    unsafe fn dealloc(&self, block: *mut u8, layout: Layout) {
        count(layout.size(), -1);
        // SAFETY: the block came from the system's allocator.
        unsafe { System.dealloc(block, layout) }
    }

    unsafe fn realloc(&self, block: *mut u8, layout: Layout, size: usize) -> *mut u8 {
        count(layout.size(), -1);
        count(size, 1);
        // SAFETY: the block came from the system's allocator.
        unsafe { System.realloc(block, layout, size) }
    }
}

/// Memory at one instant.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Memory {
    live: isize,
    resident: isize,
}

impl Memory {
    pub(crate) fn now() -> Self {
        let statm = fs::read_to_string("/proc/self/statm").unwrap();
        let pages: isize = statm.split(' ').nth(1).unwrap().parse().unwrap();
        Self { live: LIVE.load(Ordering::Relaxed), resident: pages * 4096 }
    }

    /// Bytes on the heap and resident bytes since then, for each of `entries`.
    pub(crate) fn since(self, entries: usize) -> String {
        let now = Self::now();
        let each = |bytes: isize| per(bytes as f64, entries);
        format!("{:7.1} B live, {:7.1} B resident", each(now.live - self.live), each(now.resident - self.resident))
    }
}

/// Processor time that this thread has used.
fn on_cpu() -> Duration {
    let time = clock_gettime(ClockId::ThreadCPUTime);
    Duration::new(time.tv_sec.try_into().unwrap(), time.tv_nsec.try_into().unwrap())
}

/// Processor time of this thread for each of `times` calls: the least of five rounds, each of which does them all.
pub(crate) fn each(times: usize, mut work: impl FnMut(usize)) -> String {
    let mut least = Duration::MAX;
    for _ in 0..5 {
        let began = on_cpu();
        for n in 0..times {
            work(n);
        }
        least = least.min(on_cpu().saturating_sub(began));
    }
    format!("{:6.0} ns", per(least.as_secs_f64() * 1e9, times))
}

/// Processor time of this thread for each of `times` calls that can be done once, and for the longest of them. Reading
/// the clock is part of it: some 200 to 300 ns.
pub(crate) fn once(times: usize, mut work: impl FnMut(usize)) -> String {
    let (mut longest, began) = (Duration::ZERO, on_cpu());
    let mut last = began;
    for n in 0..times {
        work(n);
        let now = on_cpu();
        longest = longest.max(now.saturating_sub(last));
        last = now;
    }
    format!("{:6.0} ns each, longest {longest:.1?}", per(last.saturating_sub(began).as_secs_f64() * 1e9, times))
}

fn per(sum: f64, times: usize) -> f64 {
    sum / times as f64
}

/// A number that looks random, another one for each `n`.
pub(crate) fn scattered(n: usize, below: usize) -> usize {
    (n.wrapping_mul(0x9E37_79B9_7F4A_7C15) >> 20) % below
}

/// The sizes to measure: three that grow tenfold to `largest`, or small ones after `--quick`.
pub(crate) fn sizes(largest: usize) -> [usize; 3] {
    let largest = if std::env::args().any(|argument| argument == "--quick") { largest / 100 } else { largest };
    [largest / 100, largest / 10, largest]
}

/// Whether this part was asked for: all are when none is named.
pub(crate) fn wanted(part: &str) -> bool {
    let mut named = std::env::args().skip(1).filter(|argument| !argument.starts_with("--")).peekable();
    named.peek().is_none() || named.any(|name| name == part)
}
