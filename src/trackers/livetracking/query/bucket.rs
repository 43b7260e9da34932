//! Buckets of time.

use jiff::tz::TimeZone;

use super::time::{FIRST, LAST, offset_seconds};

/// How time is cut into buckets, or not.
#[derive(Clone, Debug)]
pub(crate) struct Buckets {
    /// Nanoseconds; 0 for one bucket that holds all.
    pub(crate) interval: i64,
    pub(crate) offset: i64,
    pub(crate) zone: Option<TimeZone>,
    /// The first instant that is asked for.
    pub(crate) first: i64,
    /// The last one.
    pub(crate) last: i64,
}

impl Buckets {
    /// Whether all is one bucket.
    pub(crate) fn is_whole(&self) -> bool {
        self.interval == 0
    }

    /// Where the bucket of an instant begins, and the last instant that surely is in it too.
    pub(crate) fn of(&self, at: i64) -> (i64, i64) {
        if self.interval == 0 {
            return (self.first, LAST);
        }
        let shifted = at.saturating_sub(self.offset);
        let zone = self.zone.as_ref().map_or(0, |zone| offset_seconds(zone, shifted) * 1_000_000_000);
        let into = shifted.saturating_add(zone).rem_euclid(self.interval);
        let mut start = shifted.saturating_sub(into).max(FIRST);
        if let Some(zoned) = &self.zone {
            let moved = zone - offset_seconds(zoned, start) * 1_000_000_000;
            if moved != 0 && moved.abs() < self.interval {
                start += moved;
            }
            // Near a change of the clocks the end is not known: each instant is looked at.
            let end = shifted.saturating_add(self.interval - into - 1);
            let even = moved == 0 && offset_seconds(zoned, end) * 1_000_000_000 == zone;
            let end = if even { end.saturating_add(self.offset).min(LAST) } else { at };
            return (start.saturating_add(self.offset), end);
        }
        let end = shifted.saturating_add(self.interval - into - 1);
        (start.saturating_add(self.offset).max(FIRST), end.saturating_add(self.offset).min(LAST))
    }
}

/// How a row of the bucket that begins there shows its time.
pub(crate) fn shown(start: i64) -> i64 {
    if start <= FIRST { 0 } else { start }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn buckets(interval: i64, offset: i64) -> Buckets {
        Buckets { interval, offset, zone: None, first: FIRST, last: LAST }
    }

    #[test]
    fn buckets_are_aligned_to_the_epoch_and_moved_by_the_offset() {
        assert_eq!(buckets(10, 0).of(27), (20, 29));
        assert_eq!(buckets(10, 3).of(27), (23, 32));
        assert_eq!(buckets(10, -3).of(27), (27, 36));
        assert_eq!(buckets(10, 0).of(-1), (-10, -1));
    }

    #[test]
    fn days_begin_at_midnight_of_the_zone() {
        let mut buckets = buckets(86_400_000_000_000, 0);
        buckets.zone = Some(TimeZone::get("Europe/Berlin").unwrap());
        assert_eq!(buckets.of(1_795_311_540_000_000_000).0, 1_795_302_000_000_000_000);
    }

    #[test]
    fn the_ends_of_time_are_no_trouble() {
        for at in [FIRST, LAST] {
            let (start, end) = buckets(604_800_000_000_000, 0).of(at);
            assert!(start <= at && at <= end);
        }
    }
}
