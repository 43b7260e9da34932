//! How long things took, in fixed steps.

use std::fmt::Write as _;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use super::page::TAKES;
use super::real;

/// Counts times by size. Noting one costs two additions and no lock.
#[derive(Debug, Default)]
pub(super) struct Histogram {
    /// One for each of [`STEPS`], and one for what is beyond.
    counts: [AtomicU64; STEPS.len() + 1],
    nanos: AtomicU64,
}

impl Histogram {
    pub(super) fn observe(&self, took: Duration) {
        let index = STEPS.partition_point(|(step, _)| *step < took);
        if let Some(count) = self.counts.get(index) {
            count.fetch_add(1, Ordering::Relaxed);
        }
        self.nanos.fetch_add(u64::try_from(took.as_nanos()).unwrap_or(u64::MAX), Ordering::Relaxed);
    }

    pub(super) fn distribution(&self) -> Distribution {
        let counts = self.counts.each_ref().map(|count| count.load(Ordering::Relaxed));
        Distribution { counts, nanos: self.nanos.load(Ordering::Relaxed) }
    }
}

/// What a [`Histogram`] held at one moment.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Distribution {
    counts: [u64; STEPS.len() + 1],
    nanos: u64,
}

impl Distribution {
    pub(super) fn is_empty(&self) -> bool {
        self.counts.iter().all(|count| *count == 0)
    }

    pub(super) fn add(&mut self, other: &Self) {
        for (mine, theirs) in self.counts.iter_mut().zip(other.counts) {
            *mine += theirs;
        }
        self.nanos += other.nanos;
    }

    /// Its lines under this name and these labels.
    pub(super) fn write(&self, out: &mut String, name: &str, labels: &str) {
        let comma = if labels.is_empty() { "" } else { "," };
        let mut sum = 0;
        for (count, le) in self.counts.iter().zip(STEPS.iter().map(|(_, le)| *le).chain(["+Inf"])) {
            sum += count;
            writeln!(out, "{name}_bucket{{{labels}{comma}le=\"{le}\"}} {sum}").expect(TAKES);
        }
        let labels = if labels.is_empty() { String::new() } else { format!("{{{labels}}}") };
        writeln!(out, "{name}_sum{labels} {}", real(self.nanos) / 1e9).expect(TAKES);
        writeln!(out, "{name}_count{labels} {sum}").expect(TAKES);
    }
}

/// The upper ends of the buckets, and how they are written in seconds.
const STEPS: [(Duration, &str); 18] = [
    (Duration::from_micros(100), "0.0001"),
    (Duration::from_micros(250), "0.00025"),
    (Duration::from_micros(500), "0.0005"),
    (Duration::from_millis(1), "0.001"),
    (Duration::from_micros(2500), "0.0025"),
    (Duration::from_millis(5), "0.005"),
    (Duration::from_millis(10), "0.01"),
    (Duration::from_millis(25), "0.025"),
    (Duration::from_millis(50), "0.05"),
    (Duration::from_millis(100), "0.1"),
    (Duration::from_millis(250), "0.25"),
    (Duration::from_millis(500), "0.5"),
    (Duration::from_secs(1), "1"),
    (Duration::from_millis(2500), "2.5"),
    (Duration::from_secs(5), "5"),
    (Duration::from_secs(10), "10"),
    (Duration::from_secs(30), "30"),
    (Duration::from_mins(1), "60"),
];
