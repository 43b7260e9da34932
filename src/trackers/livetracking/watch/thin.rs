//! Thinning: of each stretch of time the extremes, so that a long ride keeps its peaks in few points.

use std::mem;

/// An instant in nanoseconds since 1970 and a value on each axis.
pub(super) type Point<const AXES: usize> = (i64, [f64; AXES]);

/// A line that keeps, of each stretch of time, the lowest and the highest point on each axis.
///
/// Stretches begin at a second; when there are more than the limit, each two become one. Points may come in any
/// order, best in that of time.
#[derive(Clone, Debug)]
pub(super) struct Thin<const AXES: usize> {
    /// How long a stretch is, in nanoseconds.
    width: i64,
    limit: usize,
    stretches: Vec<Stretch<AXES>>,
}

#[derive(Clone, Copy, Debug)]
struct Stretch<const AXES: usize> {
    /// Its start divided by the width.
    key: i64,
    lows: [Point<AXES>; AXES],
    highs: [Point<AXES>; AXES],
}

impl<const AXES: usize> Thin<AXES> {
    /// An empty line of at most so many stretches, each of at most two points an axis.
    pub(super) fn new(limit: usize) -> Self {
        Self { width: FINEST, limit: limit.max(1), stretches: Vec::new() }
    }

    /// Takes a point.
    pub(super) fn add(&mut self, point: Point<AXES>) {
        let key = point.0.div_euclid(self.width);
        let stretch = Stretch { key, lows: [point; AXES], highs: [point; AXES] };
        match self.stretches.last_mut() {
            Some(last) if last.key == key => last.join(&stretch),
            Some(last) if last.key > key => match self.stretches.binary_search_by_key(&key, |stretch| stretch.key) {
                Ok(place) => self.stretches.get_mut(place).expect("it was found there").join(&stretch),
                Err(place) => self.stretches.insert(place, stretch),
            },
            _ => self.stretches.push(stretch),
        }
        while self.stretches.len() > self.limit {
            self.halve();
        }
    }

    /// What is left, in order of time, each instant once.
    pub(super) fn points(&self) -> Vec<Point<AXES>> {
        let mut points = Vec::with_capacity(self.stretches.len() * 2 * AXES);
        for stretch in &self.stretches {
            let start = points.len();
            points.extend(stretch.lows.iter().chain(&stretch.highs));
            if let Some(own) = points.get_mut(start..) {
                own.sort_unstable_by_key(|(at, _)| *at);
            }
        }
        points.dedup_by_key(|(at, _)| *at);
        points
    }

    /// Makes one of each two stretches.
    fn halve(&mut self) {
        self.width = self.width.saturating_mul(2);
        let fine = mem::take(&mut self.stretches);
        for mut stretch in fine {
            stretch.key = stretch.key.div_euclid(2);
            match self.stretches.last_mut() {
                Some(last) if last.key == stretch.key => last.join(&stretch),
                _ => self.stretches.push(stretch),
            }
        }
    }
}

impl<const AXES: usize> Stretch<AXES> {
    fn join(&mut self, other: &Self) {
        let axes = self.lows.iter_mut().zip(&mut self.highs).zip(other.lows.iter().zip(&other.highs));
        for (axis, ((low, high), (other_low, other_high))) in axes.enumerate() {
            let on = |point: &Point<AXES>| point.1.get(axis).copied().unwrap_or_default();
            if on(other_low) < on(low) {
                *low = *other_low;
            }
            if on(other_high) > on(high) {
                *high = *other_high;
            }
        }
    }
}

/// A second.
const FINEST: i64 = 1_000_000_000;

#[cfg(test)]
mod tests {
    use super::*;

    const SECOND: i64 = FINEST;

    #[test]
    fn a_short_line_stays_whole() {
        let mut thin = Thin::<1>::new(100);
        let line: Vec<_> = (0..100).map(|n| (n * SECOND, [f64::from(i32::try_from(n % 7).unwrap())])).collect();
        for point in &line {
            thin.add(*point);
        }
        assert_eq!(thin.points(), line);
    }

    #[test]
    fn a_long_line_keeps_its_peaks_in_few_points() {
        let mut thin = Thin::<1>::new(600);
        for n in 0..28_800_i64 {
            let value = if n == 12_345 {
                1200.0
            } else if n == 20_000 {
                -3.0
            } else {
                200.0
            };
            thin.add((n * SECOND, [value]));
        }
        let points = thin.points();
        assert!((300..=1200).contains(&points.len()), "{}", points.len());
        assert!(points.contains(&(12_345 * SECOND, [1200.0])) && points.contains(&(20_000 * SECOND, [-3.0])));
        assert!(points.is_sorted_by(|a, b| a.0 < b.0));
    }

    #[test]
    fn order_does_not_matter() {
        let line: Vec<_> =
            (0..5000_i64).map(|n| (n * SECOND, [f64::from(i32::try_from(n * 7919 % 1000).unwrap())])).collect();
        let (mut forth, mut back) = (Thin::<1>::new(100), Thin::<1>::new(100));
        for point in &line {
            forth.add(*point);
        }
        for point in line.iter().rev() {
            back.add(*point);
        }
        let values = |thin: &Thin<1>| {
            thin.points()
                .iter()
                .map(|(_, [value])| *value)
                .fold((f64::MAX, f64::MIN), |(low, high), value| (low.min(value), high.max(value)))
        };
        assert_eq!((forth.width, values(&forth)), (back.width, values(&back)));
    }

    #[test]
    fn each_axis_keeps_its_own_extremes() {
        let mut thin = Thin::<2>::new(1);
        for point in
            [(1, [0.0, 5.0]), (2, [9.0, 5.0]), (3, [1.0, -5.0]), (4, [-9.0, 0.0]), (5, [0.0, 6.0]), (6, [0.0, 0.0])]
        {
            thin.add(point);
        }
        let times: Vec<_> = thin.points().iter().map(|(at, _)| *at).collect();
        assert_eq!(times, [2, 3, 4, 5]);
    }

    #[test]
    fn instants_before_1970_and_at_the_ends_of_time_are_taken() {
        let mut thin = Thin::<1>::new(2);
        for at in [i64::MIN, -1, 0, i64::MAX] {
            thin.add((at, [1.0]));
        }
        assert!(!thin.points().is_empty());
    }
}
