//! How much is sent to an upstream at once, and how often again.

use std::sync::Arc;
use std::sync::atomic::{AtomicU32, AtomicU64, AtomicUsize, Ordering::Relaxed};

use tokio::sync::{OwnedSemaphorePermit, Semaphore};
use tokio::time::timeout;

use super::settings::RequestLimits;

/// Lets so many requests through at once, of all cores; others wait in line for a while.
#[derive(Debug)]
pub(in crate::proxy) struct Queue {
    slots: Arc<Semaphore>,
    limits: RequestLimits,
    waiting: AtomicUsize,
    refused: AtomicU64,
}

/// The line is full, or its time is over.
#[derive(Debug)]
pub(super) struct Busy;

impl Queue {
    pub(super) fn new(limits: &RequestLimits) -> Self {
        let slots = Arc::new(Semaphore::new(limits.requests.min(Semaphore::MAX_PERMITS)));
        Self { slots, limits: *limits, waiting: AtomicUsize::new(0), refused: AtomicU64::new(0) }
    }

    /// A place among the requests under way, first come, first served.
    ///
    /// # Errors
    ///
    /// [`Busy`] at once if the line is full, else when the time is over.
    pub(super) async fn enter(&self) -> Result<OwnedSemaphorePermit, Busy> {
        if let Ok(slot) = Arc::clone(&self.slots).try_acquire_owned() {
            return Ok(slot);
        }
        let place = Place::take(&self.waiting, self.limits.queue).ok_or_else(|| self.refuse())?;
        let turn = timeout(self.limits.queue_timeout, Arc::clone(&self.slots).acquire_owned()).await;
        drop(place);
        turn.ok().and_then(Result::ok).ok_or_else(|| self.refuse())
    }

    pub(super) fn limits(&self) -> RequestLimits {
        self.limits
    }

    pub(super) fn waiting(&self) -> usize {
        self.waiting.load(Relaxed)
    }

    pub(super) fn refused(&self) -> u64 {
        self.refused.load(Relaxed)
    }

    fn refuse(&self) -> Busy {
        self.refused.fetch_add(1, Relaxed);
        Busy
    }
}

/// A place in the line, given back when dropped: clients leave it, too.
struct Place<'a>(&'a AtomicUsize);

impl<'a> Place<'a> {
    fn take(waiting: &'a AtomicUsize, most: usize) -> Option<Self> {
        let place = Self(waiting);
        // Who finds it full drops the place again.
        (waiting.fetch_add(1, Relaxed) < most).then_some(place)
    }
}

impl Drop for Place<'_> {
    fn drop(&mut self) {
        self.0.fetch_sub(1, Relaxed);
    }
}

/// How many more tries are good: a fifth of the requests, and a few at the start. An upstream that is down gets a
/// fifth more than its load, not a multiple of it.
#[derive(Debug)]
pub(in crate::proxy) struct Budget(AtomicU32);

impl Budget {
    /// A request came.
    pub(super) fn earn(&self) {
        let have = self.0.load(Relaxed);
        if have < MOST {
            // What is lost when two do so at once is a fifth of a try.
            self.0.fetch_add(EARNED, Relaxed);
        }
    }

    /// Whether one may be tried again.
    pub(super) fn spend(&self) -> bool {
        self.0.fetch_update(Relaxed, Relaxed, |have| have.checked_sub(COST)).is_ok()
    }
}

impl Default for Budget {
    fn default() -> Self {
        Self(AtomicU32::new(MOST))
    }
}

const EARNED: u32 = 1;

/// In requests.
const COST: u32 = 5;

/// Ten tries.
const MOST: u32 = 10 * COST;

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;

    #[test]
    fn dos_09_no_more_than_a_fifth_of_the_requests_is_tried_again() {
        let budget = Budget::default();
        let mut again = 0;
        for _ in 0..1000 {
            budget.earn();
            again += u32::from(budget.spend());
        }
        assert!((200..=210).contains(&again), "{again}");
    }

    #[tokio::test]
    async fn dos_08_the_line_is_bounded_in_length_and_time() {
        let limits = RequestLimits { requests: 1, queue: 1, queue_timeout: Duration::from_millis(300) };
        let queue = Arc::new(Queue::new(&limits));
        let first = queue.enter().await.unwrap();
        let second = tokio::spawn({
            let queue = Arc::clone(&queue);
            async move { queue.enter().await.is_ok() }
        });
        while queue.waiting() == 0 {
            tokio::task::yield_now().await;
        }
        assert!(queue.enter().await.is_err(), "there is no room");
        drop(first);
        assert!(second.await.unwrap());
        let _slot = queue.enter().await.unwrap();
        let started = std::time::Instant::now();
        assert!(queue.enter().await.is_err());
        assert!(started.elapsed() >= Duration::from_millis(295));
        assert_eq!((queue.waiting(), queue.refused()), (0, 2));
    }
}
