//! What is summed up from workouts: totals and records (contract section 4.1).

use std::collections::BTreeSet;
use std::sync::Arc;

use super::kept::Measures;
use super::own::Recorded;
use super::shown;
use crate::trackers::fittrackee::wire::Json;

/// The totals and records of an account.
#[derive(Clone, Debug, Default, PartialEq)]
pub(in crate::trackers::fittrackee) struct Summary {
    workouts: usize,
    sports: BTreeSet<u8>,
    /// Kilometres.
    distance: f64,
    /// Seconds.
    duration: i64,
    /// Metres.
    ascent: f64,
    records: Vec<Record>,
}

/// The best workout of a sport, in one respect.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct Record {
    pub(super) kind: RecordKind,
    pub(super) sport_id: u8,
    /// The name of the workout.
    pub(super) workout: Arc<str>,
    /// When it began, in microseconds since 1970 (UTC).
    pub(super) began: i64,
    /// Kilometres, metres, seconds or km/h.
    pub(super) value: f64,
}

/// In which respect a workout may be the best.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum RecordKind {
    AverageSpeed,
    FarthestDistance,
    HighestAscent,
    LongestDuration,
    MaximumSpeed,
}

impl Summary {
    /// Sums up these workouts.
    pub(super) fn of(workouts: &[Recorded]) -> Self {
        let measures = || workouts.iter().map(|recorded| &recorded.workout.measures);
        Self {
            workouts: workouts.len(),
            sports: workouts.iter().map(|recorded| recorded.workout.sport_id).collect(),
            distance: sum(measures().map(|measures| measures.distance)).unwrap_or(0.0),
            duration: measures().map(|measures| measures.duration).fold(0, i64::saturating_add),
            ascent: sum(measures().map(|measures| measures.ascent)).unwrap_or(0.0),
            records: records(workouts),
        }
    }

    /// The members of the user object that tell it, for this user.
    pub(in crate::trackers::fittrackee) fn members(&self, user: &str) -> [(&'static str, Json); 7] {
        [
            ("nb_sports", count(self.sports.len())),
            ("nb_workouts", count(self.workouts)),
            ("records", Json::List(self.records.iter().map(|record| record.shown(user)).collect())),
            ("sports_list", Json::List(self.sports.iter().map(|id| Json::Int((*id).into())).collect())),
            ("total_ascent", Json::Float(self.ascent)),
            ("total_distance", Json::Float(self.distance)),
            ("total_duration", Json::Text(shown::duration(self.duration))),
        ]
    }

    /// The records, by sport.
    pub(super) fn records(&self) -> &[Record] {
        &self.records
    }
}

impl Record {
    /// As the original shows it to this user. The original numbers the rows of its table; here each kind of
    /// each sport has its own number.
    pub(super) fn shown(&self, user: &str) -> Json {
        let value = match self.kind {
            #[expect(clippy::cast_possible_truncation, reason = "it was whole seconds before")]
            RecordKind::LongestDuration => Json::Text(shown::duration(self.value as i64)),
            _ => Json::Float(self.value),
        };
        Json::object([
            ("id", Json::Int((i64::from(self.sport_id) - 1) * 5 + self.kind as i64 + 1)),
            ("record_type", Json::Text(self.kind.as_str().into())),
            ("sport_id", Json::Int(self.sport_id.into())),
            ("user", Json::Text(user.to_owned())),
            ("value", value),
            ("workout_date", Json::Text(shown::date(self.began))),
            ("workout_id", Json::Text(self.workout.to_string())),
        ])
    }
}

impl RecordKind {
    const ALL: [Self; 5] =
        [Self::AverageSpeed, Self::FarthestDistance, Self::HighestAscent, Self::LongestDuration, Self::MaximumSpeed];

    fn as_str(self) -> &'static str {
        match self {
            Self::AverageSpeed => "AS",
            Self::FarthestDistance => "FD",
            Self::HighestAscent => "HA",
            Self::LongestDuration => "LD",
            Self::MaximumSpeed => "MS",
        }
    }

    fn of(self, measures: &Measures) -> Option<f64> {
        match self {
            Self::AverageSpeed => measures.ave_speed,
            Self::FarthestDistance => measures.distance,
            Self::HighestAscent => measures.ascent,
            #[expect(clippy::cast_precision_loss, reason = "a duration has few digits")]
            Self::LongestDuration => measures.moving.map(|seconds| seconds as f64),
            Self::MaximumSpeed => measures.max_speed,
        }
    }
}

/// The largest value of each kind and sport, of equal ones the earliest; zero is no record.
fn records(workouts: &[Recorded]) -> Vec<Record> {
    let sports: BTreeSet<u8> = workouts.iter().map(|recorded| recorded.workout.sport_id).collect();
    let mut records = Vec::new();
    for sport_id in sports {
        for kind in RecordKind::ALL {
            let mut best: Option<Record> = None;
            for recorded in workouts.iter().filter(|recorded| recorded.workout.sport_id == sport_id) {
                let Some(value) = kind.of(&recorded.workout.measures) else { continue };
                let is_better = |best: &Record| (value, -recorded.began) > (best.value, -best.began);
                if best.as_ref().is_none_or(is_better) {
                    let workout = Arc::clone(&recorded.id);
                    best = Some(Record { kind, sport_id, workout, began: recorded.began, value });
                }
            }
            records.extend(best.filter(|best| best.value != 0.0));
        }
    }
    records
}

/// The sum of those that are there, exact to three decimals; `None` if none is there.
pub(super) fn sum(values: impl Iterator<Item = Option<f64>>) -> Option<f64> {
    thousandths(values).map(|(sum, _count)| sum / 1000.0)
}

/// The average of those that are there; `None` if none is there.
pub(super) fn average(values: impl Iterator<Item = Option<f64>>) -> Option<f64> {
    thousandths(values).map(|(sum, count)| sum / count / 1000.0)
}

/// Sum in thousandths, and count, of those that are there. Each is a whole number of thousandths, so that
/// the order of adding does not matter.
fn thousandths(values: impl Iterator<Item = Option<f64>>) -> Option<(f64, f64)> {
    values.flatten().fold(None, |before, value| {
        let (sum, count) = before.unwrap_or((0.0, 0.0));
        Some((sum + (value * 1000.0).round(), count + 1.0))
    })
}

/// A count as JSON.
pub(super) fn count(of: usize) -> Json {
    Json::Int(i64::try_from(of).unwrap_or(i64::MAX))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::trackers::fittrackee::objects::kept::Workout;

    fn recorded(id: &str, sport_id: u8, began: i64, measures: Measures) -> Recorded {
        Recorded { id: id.into(), began, workout: Workout { sport_id, measures, ..Workout::default() } }
    }

    fn run(id: &str, began: i64, distance: f64, duration: i64, ascent: Option<f64>) -> Recorded {
        let speed = Some(distance / 2.0);
        recorded(
            id,
            5,
            began,
            Measures {
                duration,
                moving: Some(duration),
                distance: Some(distance),
                ascent,
                max_speed: speed,
                ave_speed: speed,
                ..Measures::default()
            },
        )
    }

    fn holders(workouts: &[Recorded]) -> Vec<(&'static str, u8, String)> {
        records(workouts).iter().map(|it| (it.kind.as_str(), it.sport_id, it.workout.to_string())).collect()
    }

    #[test]
    fn a_record_is_the_largest_value_of_its_sport_and_of_equal_ones_the_earliest() {
        let workouts = [
            run("late", 30, 10.0, 3600, None),
            run("early", 10, 10.0, 1800, None),
            run("hilly", 20, 2.0, 3600, Some(100.0)),
            recorded("row", 11, 40, Measures { distance: Some(1.0), ..Measures::default() }),
        ];
        let expected = [
            ("AS", 5, "early"),
            ("FD", 5, "early"),
            ("HA", 5, "hilly"),
            ("LD", 5, "hilly"),
            ("MS", 5, "early"),
            ("FD", 11, "row"),
        ];
        assert_eq!(holders(&workouts), expected.map(|(kind, sport, id)| (kind, sport, id.to_owned())));
    }

    #[test]
    fn zero_is_no_record_and_nothing_has_none() {
        assert!(holders(&[]).is_empty());
        assert!(holders(&[run("still", 1, 0.0, 0, Some(0.0))]).is_empty());
    }

    #[test]
    fn totals_are_exact_in_their_decimals() {
        let workouts: Vec<_> = (0..10).map(|n| run("x", n, 0.1, 9000, Some(0.7))).collect();
        let summary = Summary::of(&workouts);
        assert_eq!((summary.workouts, summary.distance, summary.ascent), (10, 1.0, 7.0));
        assert_eq!((summary.duration, summary.sports.len()), (90_000, 1));
        assert_eq!(Summary::of(&[]), Summary::default());
    }

    #[test]
    fn what_is_not_there_does_not_count_in_an_average() {
        assert_eq!(average([Some(1.0), None, Some(2.0)].into_iter()), Some(1.5));
        assert_eq!(average([None, None].into_iter()), None);
        assert_eq!(sum([Some(0.1), Some(0.2), None].into_iter()), Some(0.3));
    }
}
