//! What the two ends of one connection, below and above hyper, tell each other.

use std::sync::atomic::{AtomicBool, AtomicU8, AtomicU64, AtomicUsize, Ordering};
use std::sync::{Mutex, OnceLock, PoisonError};
use std::task::Waker;
use std::time::{Duration, Instant};

use aws_lc_rs::constant_time;
use http::{HeaderMap, HeaderName};
use trackgate_schemes::Reason;

/// One connection's state. The times are milliseconds since [`started`](Self::started).
#[derive(Debug)]
pub(crate) struct Shared {
    started: Instant,
    /// Why the last head of the connection was refused.
    refused: OnceLock<Reason>,
    /// The number of the request whose body broke its framing; 0 is none.
    broken: AtomicU64,
    upgrade: AtomicU8,
    /// The reader that waits for the answer to an upgrade.
    waiting: Mutex<Option<Waker>>,
    /// Requests begun and responses handed to hyper whole, or dropped.
    begun: AtomicU64,
    finished: AtomicU64,
    /// When the last response was finished.
    idle_since: AtomicU64,
    /// Response bodies that wait for the client to take more, and when one of them last moved.
    stalled: AtomicUsize,
    moved: AtomicU64,
    /// The reader waits for a request, and nothing is on its way to the client.
    resting: AtomicBool,
}

/// What became of a request for an upgrade.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Upgrade {
    Refused,
    Switched,
    Undecided,
}

impl Shared {
    pub(crate) fn new() -> Self {
        Self {
            started: Instant::now(),
            refused: OnceLock::new(),
            broken: AtomicU64::new(0),
            upgrade: AtomicU8::new(UNDECIDED),
            waiting: Mutex::new(None),
            begun: AtomicU64::new(0),
            finished: AtomicU64::new(0),
            idle_since: AtomicU64::new(0),
            stalled: AtomicUsize::new(0),
            moved: AtomicU64::new(0),
            resting: AtomicBool::new(false),
        }
    }

    pub(crate) fn started(&self) -> Instant {
        self.started
    }

    /// Notes that the head behind the good ones is refused; gives the head that stands for it, with its method
    /// and path if those are good.
    pub(crate) fn refuse(&self, reason: Reason, to_head: bool, line: Option<(&str, &str)>) -> String {
        // A connection ends with its first refused head, so nothing was set before.
        let reason = *self.refused.get_or_init(|| reason);
        let (method, path) = line.unwrap_or((if to_head { "HEAD" } else { "GET" }, "/"));
        format!("{method} {path} HTTP/1.1\r\nhost: x\r\n{MARK}: {}{reason}\r\nconnection: close\r\n\r\n", nonce())
    }

    /// The reason, if this is the head made by [`refuse`](Self::refuse).
    ///
    /// A client cannot make one: it would have to know 128 random bits of this process.
    pub(crate) fn refusal(&self, headers: &HeaderMap) -> Option<Reason> {
        let reason = self.refused.get()?;
        let mark = headers.get(&MARK)?.as_bytes().get(..NONCE_DIGITS)?;
        constant_time::verify_slices_are_equal(mark, nonce().as_bytes()).is_ok().then_some(*reason)
    }

    pub(crate) fn set_broken(&self, request: u64) {
        self.broken.store(request, Ordering::Release);
    }

    /// Whether the body of this request broke its framing.
    pub(crate) fn is_broken(&self, request: u64) -> bool {
        self.broken.load(Ordering::Acquire) == request
    }

    /// Says what became of the upgrade, and wakes the reader.
    pub(crate) fn decide(&self, upgrade: Upgrade) {
        let value = match upgrade {
            Upgrade::Refused => REFUSED,
            Upgrade::Switched => SWITCHED,
            Upgrade::Undecided => UNDECIDED,
        };
        self.upgrade.store(value, Ordering::Release);
        let waker = self.waiting.lock().unwrap_or_else(PoisonError::into_inner).take();
        if let Some(waker) = waker {
            waker.wake();
        }
    }

    /// What became of the upgrade; wakes the caller later while that is undecided.
    pub(crate) fn upgrade(&self, waker: &Waker) -> Upgrade {
        let mut waiting = self.waiting.lock().unwrap_or_else(PoisonError::into_inner);
        match self.upgrade.load(Ordering::Acquire) {
            SWITCHED => Upgrade::Switched,
            REFUSED => {
                // The next request for an upgrade is a question of its own.
                self.upgrade.store(UNDECIDED, Ordering::Release);
                Upgrade::Refused
            }
            _ => {
                *waiting = Some(waker.clone());
                Upgrade::Undecided
            }
        }
    }

    /// Whether the connection becomes a tunnel.
    pub(crate) fn is_switched(&self) -> bool {
        self.upgrade.load(Ordering::Acquire) == SWITCHED
    }

    /// A request begins; its number, from 1 on.
    pub(crate) fn begin(&self) -> u64 {
        self.begun.fetch_add(1, Ordering::AcqRel) + 1
    }

    /// A response was handed over whole, or dropped.
    pub(crate) fn finish(&self) {
        self.idle_since.store(self.now(), Ordering::Release);
        self.finished.fetch_add(1, Ordering::AcqRel);
    }

    pub(crate) fn finished(&self) -> u64 {
        self.finished.load(Ordering::Acquire)
    }

    pub(crate) fn begun(&self) -> u64 {
        self.begun.load(Ordering::Acquire)
    }

    /// When the last response was finished; the start when there was none.
    pub(crate) fn idle_since(&self) -> Instant {
        self.started + Duration::from_millis(self.idle_since.load(Ordering::Acquire))
    }

    /// A response body begins or ends to wait for the client.
    pub(crate) fn stall(&self, wait: Stall) {
        self.moved.store(self.now(), Ordering::Release);
        match wait {
            Stall::Begins => self.stalled.fetch_add(1, Ordering::AcqRel),
            Stall::Ends => self.stalled.fetch_sub(1, Ordering::AcqRel),
        };
    }

    /// Since when the client takes nothing of the responses that wait for it.
    pub(crate) fn stalled_since(&self) -> Option<Instant> {
        (self.stalled.load(Ordering::Acquire) > 0)
            .then(|| self.started + Duration::from_millis(self.moved.load(Ordering::Acquire)))
    }

    /// Says whether the connection rests: hyper holds nothing of it that it needs.
    pub(crate) fn set_resting(&self, resting: bool) {
        self.resting.store(resting, Ordering::Release);
    }

    pub(crate) fn is_resting(&self) -> bool {
        self.resting.load(Ordering::Acquire)
    }

    fn now(&self) -> u64 {
        u64::try_from(self.started.elapsed().as_millis()).unwrap_or(u64::MAX)
    }
}

/// See [`Shared::stall`].
#[derive(Clone, Copy, Debug)]
pub(crate) enum Stall {
    Begins,
    Ends,
}

/// 128 random bits of this process, as hex digits.
fn nonce() -> &'static str {
    static NONCE: OnceLock<String> = OnceLock::new();
    NONCE.get_or_init(|| format!("{:032x}", rand::random::<u128>()))
}

const MARK: HeaderName = HeaderName::from_static("x-trackgate-refused");
const NONCE_DIGITS: usize = 32;
const UNDECIDED: u8 = 0;
const REFUSED: u8 = 1;
const SWITCHED: u8 = 2;
