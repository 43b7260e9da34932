//! What is kept of workouts, equipment and sport preferences: the JSON texts in the store.
//!
//! Lengths are kilometres with three decimals, heights metres, speeds km/h with two decimals, as the
//! original's database has them. Members that are not there have the value of their type's default.

use serde::{Deserialize, Serialize};
use uuid::Uuid;

use super::sports::Sport;

/// The collection of workouts. An item's place is when the workout began.
pub(in crate::trackers::fittrackee) const WORKOUTS: &str = "fittrackee/workouts";

/// The collection of equipment. An item's place is when it was made.
pub(in crate::trackers::fittrackee) const EQUIPMENTS: &str = "fittrackee/equipments";

/// A workout. Its name, owner and beginning are those of the item: the name is a [`short_id`].
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(default)]
pub(in crate::trackers::fittrackee) struct Workout {
    /// 1 to 18.
    pub(in crate::trackers::fittrackee) sport_id: u8,
    /// Up to 255 characters.
    pub(in crate::trackers::fittrackee) title: Option<String>,
    /// Up to 500 characters.
    pub(in crate::trackers::fittrackee) notes: Option<String>,
    /// Up to 10 000 characters.
    pub(in crate::trackers::fittrackee) description: Option<String>,
    /// When it was stored, in microseconds since 1970 (UTC).
    pub(in crate::trackers::fittrackee) created_at: i64,
    /// When it was changed last, likewise.
    pub(in crate::trackers::fittrackee) modified_at: Option<i64>,
    /// What was done.
    #[serde(flatten)]
    pub(in crate::trackers::fittrackee) measures: Measures,
    /// Names of the equipment that was used.
    pub(in crate::trackers::fittrackee) equipment: Vec<String>,
    /// The parts of a track; none without a GPX file.
    pub(in crate::trackers::fittrackee) segments: Vec<Measures>,
    /// Smallest latitude and longitude, then the largest ones; none without a GPX file.
    pub(in crate::trackers::fittrackee) bounds: Option<[f64; 4]>,
    /// The name of the stored GPX file, if it came from one.
    pub(in crate::trackers::fittrackee) gpx: Option<String>,
}

/// What was measured, of a workout or a part of one.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(default)]
pub(in crate::trackers::fittrackee) struct Measures {
    /// From the beginning to the end, in seconds.
    pub(in crate::trackers::fittrackee) duration: i64,
    /// Of these standing still; `None` if nobody knows.
    pub(in crate::trackers::fittrackee) pauses: Option<i64>,
    /// Of these moving.
    pub(in crate::trackers::fittrackee) moving: Option<i64>,
    /// Kilometres.
    pub(in crate::trackers::fittrackee) distance: Option<f64>,
    /// Metres.
    pub(in crate::trackers::fittrackee) min_alt: Option<f64>,
    /// Metres.
    pub(in crate::trackers::fittrackee) max_alt: Option<f64>,
    /// Metres.
    pub(in crate::trackers::fittrackee) ascent: Option<f64>,
    /// Metres.
    pub(in crate::trackers::fittrackee) descent: Option<f64>,
    /// Kilometres an hour.
    pub(in crate::trackers::fittrackee) max_speed: Option<f64>,
    /// Kilometres an hour.
    pub(in crate::trackers::fittrackee) ave_speed: Option<f64>,
}

/// A piece of equipment. Its name, owner and making are those of the item: the name is a [`short_id`].
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(in crate::trackers::fittrackee) struct Equipment {
    /// Up to 50 characters, no other of the owner's has the same.
    pub(in crate::trackers::fittrackee) label: String,
    /// Up to 200 characters.
    pub(in crate::trackers::fittrackee) description: Option<String>,
    /// 1 to 6.
    pub(in crate::trackers::fittrackee) type_id: u8,
    /// Whether it is still in use.
    pub(in crate::trackers::fittrackee) is_active: bool,
}

/// What somebody wants of a sport (contract section 4.2); kept in the profile.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub(in crate::trackers::fittrackee) struct SportPreference {
    /// `#` and 3 or 6 hex digits.
    pub(in crate::trackers::fittrackee) color: Option<String>,
    /// Whether the sport is offered.
    pub(in crate::trackers::fittrackee) is_active: bool,
    /// Slower is standing still, in km/h.
    pub(in crate::trackers::fittrackee) stopped_speed_threshold: f64,
    /// The name of the equipment that a new workout has unasked.
    #[serde(default)]
    pub(in crate::trackers::fittrackee) default_equipment: Option<String>,
}

impl SportPreference {
    /// What everybody gets of this sport.
    pub(in crate::trackers::fittrackee) fn of(sport: &Sport) -> Self {
        Self {
            color: None,
            is_active: true,
            stopped_speed_threshold: sport.stopped_speed_threshold,
            default_equipment: None,
        }
    }
}

/// The 22 characters that the original writes for this UUID, highest digit first.
pub(in crate::trackers::fittrackee) fn short_id(uuid: Uuid) -> String {
    let mut digits = [0_u8; SHORT_ID_LENGTH];
    let mut number = uuid.as_u128();
    for digit in digits.iter_mut().rev() {
        let at = usize::try_from(number % ALPHABET.len() as u128).expect("smaller than the alphabet");
        *digit = ALPHABET.get(at).copied().expect("smaller than the alphabet");
        number /= ALPHABET.len() as u128;
    }
    digits.iter().map(|digit| char::from(*digit)).collect()
}

/// A name for something new.
pub(super) fn fresh_id() -> String {
    short_id(Uuid::new_v4())
}

/// Letters and digits without those that look alike.
const ALPHABET: &[u8; 57] = b"23456789ABCDEFGHJKLMNPQRSTUVWXYZabcdefghijkmnopqrstuvwxyz";

const SHORT_ID_LENGTH: usize = 22;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn short_ids_are_those_of_the_original() {
        for (uuid, short) in [
            (0_u128, "2222222222222222222222"),
            (56, "222222222222222222222z"),
            (57, "2222222222222222222232"),
            (u128::MAX, "oZEq7ovRbLq6UnGMPwc8B5"),
        ] {
            assert_eq!(short_id(Uuid::from_u128(uuid)), short);
        }
        assert_ne!(fresh_id(), fresh_id());
    }

    #[test]
    fn what_was_kept_before_a_member_came_is_read() {
        let workout: Workout = serde_json::from_str(r#"{"sport_id":3,"distance":1.5,"gone":true}"#).unwrap();
        let measures = Measures { distance: Some(1.5), ..Measures::default() };
        assert_eq!(workout, Workout { sport_id: 3, measures, ..Workout::default() });
        let whole = Workout { segments: vec![Measures::default()], bounds: Some([1.0, 2.0, 3.0, 4.0]), ..workout };
        assert_eq!(serde_json::from_str::<Workout>(&serde_json::to_string(&whole).unwrap()).unwrap(), whole);
    }
}
