//! Metrics: counters of every serving thread, and figures that others tell when they are asked.
//!
//! Names and units follow the conventions of Prometheus. Whoever has figures of its own implements [`Gauges`]
//! and is added to the [`Meter`] once.

use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{SystemTime, UNIX_EPOCH};

mod counters;
mod histogram;
mod page;
mod process;

pub use counters::{Authenticated, Counters, Ledger, Line};
pub use page::{Label, Page};

/// Tells figures when the page is read. It must not block for long: it runs beside the serving threads.
pub trait Gauges: std::fmt::Debug + Send + Sync + 'static {
    /// Adds them to the page.
    fn tell(&self, page: &mut Page);
}

/// All metrics of a gateway.
#[derive(Debug)]
pub struct Meter {
    threads: Box<[Arc<Counters>]>,
    gauges: Mutex<Vec<Arc<dyn Gauges>>>,
    reloads: Reloads,
}

#[derive(Debug)]
struct Reloads {
    good: AtomicU64,
    bad: AtomicU64,
    last_is_good: AtomicBool,
    /// Seconds since 1970 of the last good one.
    at: AtomicU64,
}

impl Meter {
    /// For so many serving threads, which run by a configuration that was just loaded.
    pub fn new(threads: usize, now: SystemTime) -> Self {
        let reloads = Reloads {
            good: AtomicU64::new(0),
            bad: AtomicU64::new(0),
            last_is_good: AtomicBool::new(true),
            at: AtomicU64::new(seconds(now)),
        };
        Self { threads: (0..threads).map(|_| Arc::default()).collect(), gauges: Mutex::default(), reloads }
    }

    /// The counters of a thread, if there is one of this number.
    pub fn thread(&self, number: usize) -> Option<&Arc<Counters>> {
        self.threads.get(number)
    }

    /// Tells these figures too from now on.
    pub fn add(&self, gauges: Arc<dyn Gauges>) {
        self.gauges.lock().unwrap_or_else(PoisonError::into_inner).push(gauges);
    }

    /// A configuration was loaded anew, or could not be: `None`.
    pub fn reloaded(&self, at: Option<SystemTime>) {
        match at {
            Some(at) => {
                self.reloads.good.fetch_add(1, Ordering::Relaxed);
                self.reloads.at.store(seconds(at), Ordering::Relaxed);
            }
            None => drop(self.reloads.bad.fetch_add(1, Ordering::Relaxed)),
        }
        self.reloads.last_is_good.store(at.is_some(), Ordering::Relaxed);
    }

    /// The page as it is now.
    pub fn page(&self) -> Page {
        let mut page = Page::default();
        for counters in &self.threads {
            counters.tell(&mut page);
        }
        let gauges = self.gauges.lock().unwrap_or_else(PoisonError::into_inner).clone();
        for gauges in gauges {
            gauges.tell(&mut page);
        }
        self.reloads.tell(&mut page);
        process::tell(&mut page);
        let labels = [("version", env!("CARGO_PKG_VERSION"))];
        page.gauge("trackgate_build_info", "Always 1; which version runs.", &labels, 1.0);
        page
    }
}

impl Reloads {
    fn tell(&self, page: &mut Page) {
        let help = "Configurations that were to be loaded anew.";
        for (outcome, count) in [("success", &self.good), ("failure", &self.bad)] {
            let count = real(count.load(Ordering::Relaxed));
            page.counter("trackgate_config_reloads_total", help, &[("outcome", outcome)], count);
        }
        let good = f64::from(u8::from(self.last_is_good.load(Ordering::Relaxed)));
        let help = "Whether the last configuration that was to be loaded could be.";
        page.gauge("trackgate_config_last_reload_successful", help, &[], good);
        let help = "When the configuration that runs was loaded, in seconds since 1970.";
        let at = real(self.at.load(Ordering::Relaxed));
        page.gauge("trackgate_config_last_reload_success_timestamp_seconds", help, &[], at);
    }
}

/// A count as Prometheus has numbers.
#[expect(clippy::cast_precision_loss, reason = "exact up to 2^53, and nearly so beyond")]
pub fn real(count: u64) -> f64 {
    count as f64
}

fn seconds(at: SystemTime) -> u64 {
    at.duration_since(UNIX_EPOCH).map_or(0, |since| since.as_secs())
}
