//! What is written about a workout: a new one without a track, or changes of one.

use super::fields::{self, refused};
use super::kept::{Measures, Workout};
use super::own::{Own, Recorded};
use super::query;
use super::shown::{self, rounded};
use super::sports::{self, Sport};
use crate::trackers::fittrackee::wire::{Members, Stop};
use crate::trackers::json::Scalar;

/// The members of a workout, each read and in its bounds.
#[derive(Clone, Debug)]
pub(super) struct Form {
    /// What names the sport, if it was named at all.
    sport: Option<Scalar>,
    pub(super) title: Option<String>,
    pub(super) notes: Option<String>,
    pub(super) description: Option<String>,
    /// A local time.
    date: Option<jiff::civil::DateTime>,
    /// Seconds; none for zero.
    duration: Option<i64>,
    /// Kilometres; none for zero.
    distance: Option<f64>,
    /// Ascent and descent, in metres, if they were named.
    climb: Option<(Option<f64>, Option<f64>)>,
    /// Names of equipment, if it was named.
    equipment: Option<Scalar>,
}

impl Form {
    /// Reads the members.
    ///
    /// # Errors
    ///
    /// 400 for types, numbers and dates that cannot be stored, and for an ascent without a descent.
    pub(super) fn read(mut members: Members) -> Result<Self, Stop> {
        let named = |members: &mut Members, name| members.has(name).then(|| members.take(name));
        let climb = match (named(&mut members, "ascent"), named(&mut members, "descent")) {
            (None, None) => None,
            (ascent, descent) => match (metres(ascent)?, metres(descent)?) {
                (Some(_), None) | (None, Some(_)) => return Err(Stop::PAYLOAD),
                both => Some(both),
            },
        };
        let date = match members.take("workout_date") {
            Scalar::Null => None,
            Scalar::Text(text) if text.is_empty() => None,
            Scalar::Text(text) => Some(query::date_and_minute(&text).ok_or(Stop::PAYLOAD)?),
            _ => return Err(Stop::PAYLOAD),
        };
        Ok(Self {
            sport: named(&mut members, "sport_id"),
            title: fields::text(members.take("title"), TITLE)?.filter(|title| !title.is_empty()),
            notes: fields::text(members.take("notes"), NOTES)?,
            description: fields::text(members.take("description"), DESCRIPTION)?,
            date,
            duration: seconds(&members.take("duration"))?,
            distance: kilometres(&members.take("distance"))?,
            climb,
            equipment: named(&mut members, "equipment_ids"),
        })
    }

    /// The sport.
    ///
    /// # Errors
    ///
    /// 400 if none was named, or one that is unknown.
    pub(super) fn sport(&self) -> Result<&'static Sport, Stop> {
        fields::sport(self.sport.as_ref().unwrap_or(&Scalar::Null))?.ok_or(Stop::PAYLOAD)
    }

    /// The equipment of a new workout: the named one, or the default of the sport.
    ///
    /// # Errors
    ///
    /// 400 for equipment that cannot be used.
    pub(super) fn equipment(&self, own: &Own, sport: &Sport) -> Result<Vec<String>, Stop> {
        match &self.equipment {
            None => Ok(fields::default_equipment(own, own.profile.sports.get(&sport.id))),
            Some(Scalar::Null) => Ok(Vec::new()),
            Some(names) => {
                let piece = fields::equipment(names, own, sport, &[])?;
                Ok(piece.map(|piece| piece.id.to_string()).into_iter().collect())
            }
        }
    }

    /// A new workout, and when it began.
    ///
    /// # Errors
    ///
    /// 400 if something is missing or does not fit.
    pub(super) fn workout(&self, own: &Own, now: i64) -> Result<(i64, Workout), Stop> {
        let (Some(date), Some(duration), Some(distance)) = (self.date, self.duration, self.distance) else {
            return Err(Stop::PAYLOAD);
        };
        let sport = self.sport()?;
        let equipment = self.equipment(own, sport)?;
        let zone = query::zone(own.profile.timezone.as_deref());
        let began = query::microseconds(date, &zone).ok_or(Stop::PAYLOAD)?;
        let (ascent, descent) = self.climb.unwrap_or_default();
        let speed = Some(speed(distance, duration)?);
        let workout = Workout {
            sport_id: sport.id,
            title: Some(self.title.clone().unwrap_or_else(|| title(own, sport, began))),
            notes: self.notes.clone(),
            description: self.description.clone().filter(|text| !text.is_empty()),
            created_at: now,
            measures: Measures {
                duration,
                moving: Some(duration),
                distance: Some(distance),
                ascent,
                descent,
                max_speed: speed,
                ave_speed: speed,
                ..Measures::default()
            },
            equipment,
            ..Workout::default()
        };
        Ok((began, workout))
    }

    /// Changes a workout. What a track tells stays.
    ///
    /// # Errors
    ///
    /// 400 if something does not fit.
    pub(super) fn apply(&self, own: &Own, recorded: &mut Recorded, now: i64) -> Result<(), Stop> {
        let before = recorded.clone();
        let workout = &mut recorded.workout;
        let sport = match &self.sport {
            None => sports::sport(workout.sport_id).ok_or(Stop::PAYLOAD)?,
            Some(named) => fields::sport(named)?.ok_or_else(|| no_sport(named))?,
        };
        match &self.equipment {
            Some(Scalar::Null) => {}
            Some(names) => {
                let piece = fields::equipment(names, own, sport, &workout.equipment)?;
                workout.equipment = piece.map(|piece| piece.id.to_string()).into_iter().collect();
            }
            None => workout.equipment.retain(|id| {
                let kind = own.find_piece(id).map(|piece| piece.equipment.type_id);
                self.sport.is_none() || kind == sport.equipment_type
            }),
        }
        workout.sport_id = sport.id;
        let set = |target: &mut Option<String>, value: &Option<String>| {
            if value.is_some() {
                target.clone_from(value);
            }
        };
        set(&mut workout.title, &self.title);
        set(&mut workout.notes, &self.notes);
        set(&mut workout.description, &self.description);
        if workout.gpx.is_none() && workout.segments.is_empty() {
            if let Some(date) = self.date {
                let zone = query::zone(own.profile.timezone.as_deref());
                recorded.began = query::microseconds(date, &zone).ok_or(Stop::PAYLOAD)?;
            }
            self.measure(&mut workout.measures)?;
        }
        if *recorded != before {
            recorded.workout.modified_at = Some(now);
        }
        Ok(())
    }

    fn measure(&self, measures: &mut Measures) -> Result<(), Stop> {
        if let Some(duration) = self.duration {
            measures.duration = duration;
            measures.moving = Some(duration);
        }
        if self.distance.is_some() {
            measures.distance = self.distance;
        }
        if let Some((ascent, descent)) = self.climb {
            (measures.ascent, measures.descent) = (ascent, descent);
        }
        if self.duration.is_some() || self.distance.is_some() {
            let speed = match measures.duration {
                0 => None,
                duration => Some(speed(measures.distance.unwrap_or(0.0), duration)?),
            };
            (measures.ave_speed, measures.max_speed) = (speed, speed);
        }
        Ok(())
    }
}

/// The title that a workout has unasked: its sport and its beginning in the user's zone.
pub(super) fn title(own: &Own, sport: &Sport, began: i64) -> String {
    let local = shown::timestamp(began).to_zoned(query::zone(own.profile.timezone.as_deref()));
    format!("{} - {}", sport.label, local.strftime("%Y-%m-%d %H:%M:%S"))
}

/// The name that a sport was called by, in Python's words for nothing.
fn no_sport(named: &Scalar) -> Stop {
    let name = match named {
        Scalar::Null => "None".to_owned(),
        Scalar::Text(text) => text.chars().take(32).collect(),
        other => other.number().map(|number| number.to_string()).unwrap_or_default(),
    };
    refused(format!("sport id {name} not found"))
}

/// Kilometres an hour, with two decimals.
fn speed(distance: f64, duration: i64) -> Result<f64, Stop> {
    #[expect(clippy::cast_precision_loss, reason = "a duration has few digits")]
    let speed = rounded(distance / (duration as f64 / 3600.0), 2);
    within(speed, FASTEST)
}

fn seconds(value: &Scalar) -> Result<Option<i64>, Stop> {
    if *value == Scalar::Null {
        return Ok(None);
    }
    let seconds = value.number().ok_or(Stop::PAYLOAD)?;
    if seconds.fract() != 0.0 || !(0.0..=LONGEST).contains(&seconds) {
        return Err(Stop::PAYLOAD);
    }
    #[expect(clippy::cast_possible_truncation, reason = "it is whole and within the bounds")]
    let whole = seconds as i64;
    Ok(Some(whole).filter(|seconds| *seconds != 0))
}

/// As in the original a distance may be less than nothing.
fn kilometres(value: &Scalar) -> Result<Option<f64>, Stop> {
    if *value == Scalar::Null {
        return Ok(None);
    }
    let kilometres = rounded(value.number().ok_or(Stop::PAYLOAD)?, 3);
    within(kilometres, FARTHEST).map(|kilometres| Some(kilometres).filter(|kilometres| *kilometres != 0.0))
}

fn metres(value: Option<Scalar>) -> Result<Option<f64>, Stop> {
    match value {
        None | Some(Scalar::Null) => Ok(None),
        Some(value) => {
            let metres = rounded(value.number().ok_or(Stop::PAYLOAD)?, 3);
            if metres < 0.0 { Err(Stop::PAYLOAD) } else { within(metres, HIGHEST).map(Some) }
        }
    }
}

/// A number whose amount is smaller than the limit.
fn within(value: f64, limit: f64) -> Result<f64, Stop> {
    if value.abs() < limit { Ok(value) } else { Err(Stop::PAYLOAD) }
}

pub(super) const MEMBERS: &[&str] = &[
    "sport_id",
    "title",
    "notes",
    "description",
    "workout_date",
    "duration",
    "distance",
    "ascent",
    "descent",
    "equipment_ids",
];

/// Characters of a title, notes, a description.
pub(super) const TITLE: usize = 255;
const NOTES: usize = 500;
pub(super) const DESCRIPTION: usize = 10_000;

/// What the columns of the original's database hold: km, m, km/h.
pub(super) const FARTHEST: f64 = 1e3;
pub(super) const HIGHEST: f64 = 1e5;
pub(super) const FASTEST: f64 = 1e4;

/// A year, in seconds. Nobody goes on for longer.
pub(super) const LONGEST: f64 = 31_536_000.0;
