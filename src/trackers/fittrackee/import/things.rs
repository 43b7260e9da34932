//! Equipment, workouts and choices about sports of the other server as they are kept here.

use std::collections::{BTreeMap, HashSet};
use std::time::SystemTime;

use serde::Serialize;
use trackgate_schemes::AccountId;
use uuid::Uuid;

use super::user::instant;
use crate::ports::{Foreign, ForeignEquipment, ForeignSport, ForeignWorkout, Item};
use crate::trackers::fittrackee::objects::kept::{Equipment, Measures, SportPreference, Workout, short_id};
use crate::trackers::fittrackee::objects::sports;

/// A piece of equipment as an item of this account.
///
/// # Errors
///
/// In words, why it stays away.
pub(super) fn equipment(owner: AccountId, row: &Foreign<ForeignEquipment>) -> Result<Item, String> {
    let of = |why: &str| format!("equipment {}: {why}", row.id);
    let foreign = row.row.as_ref().map_err(|why| of(why))?;
    let type_id = foreign.equipment_type.and_then(|id| u8::try_from(id).ok());
    let type_id =
        type_id.filter(|id| sports::equipment_type(*id).is_some()).ok_or_else(|| of("its type is unknown"))?;
    let kept = Equipment {
        label: cut(&foreign.label, 50),
        description: foreign.description.as_deref().map(|text| cut(text, 200)),
        type_id,
        is_active: foreign.is_active,
    };
    let made = foreign.creation_date.as_deref().and_then(micros).unwrap_or_default();
    item(owner, &foreign.uuid, made, &kept).map_err(of)
}

/// A workout as an item of this account, with the equipment that came along.
///
/// # Errors
///
/// In words, why it stays away.
pub(super) fn workout(
    owner: AccountId,
    row: &Foreign<ForeignWorkout>,
    equipment: &HashSet<String>,
) -> Result<Item, String> {
    let of = |why: &str| format!("workout {}: {why}", row.id);
    let foreign = row.row.as_ref().map_err(|why| of(why))?;
    let sport_id = u8::try_from(foreign.sport).ok().filter(|id| sports::sport(*id).is_some());
    let sport_id = sport_id.ok_or_else(|| of("its sport is unknown"))?;
    let began = foreign.workout_date.as_deref().and_then(micros).ok_or_else(|| of("its date cannot be read"))?;
    let duration = seconds(foreign.duration).ok_or_else(|| of("its duration cannot be read"))?;
    let number = |value: Option<f64>| value.filter(|value| value.is_finite());
    let kept = Workout {
        sport_id,
        title: foreign.title.as_deref().map(|text| cut(text, 255)),
        notes: foreign.notes.as_deref().map(|text| cut(text, 500)),
        description: foreign.description.as_deref().map(|text| cut(text, 10_000)),
        created_at: foreign.creation_date.as_deref().and_then(micros).unwrap_or(began),
        modified_at: foreign.modification_date.as_deref().and_then(micros),
        measures: Measures {
            duration,
            pauses: seconds(foreign.pauses),
            moving: seconds(foreign.moving),
            distance: number(foreign.distance),
            min_alt: number(foreign.min_alt),
            max_alt: number(foreign.max_alt),
            ascent: number(foreign.ascent),
            descent: number(foreign.descent),
            max_speed: number(foreign.max_speed),
            ave_speed: number(foreign.ave_speed),
        },
        equipment: foreign
            .equipments
            .iter()
            .filter_map(|uuid| name(uuid))
            .filter(|id| equipment.contains(id))
            .collect(),
        segments: Vec::new(),
        bounds: None,
        gpx: None,
    };
    item(owner, &foreign.uuid, began, &kept).map_err(of)
}

/// Choices about sports, with the equipment that came along.
pub(super) fn choices(
    rows: &[Foreign<ForeignSport>],
    equipment: &HashSet<String>,
    left_out: &mut Vec<String>,
) -> BTreeMap<u8, SportPreference> {
    let mut choices = BTreeMap::new();
    for row in rows {
        let sport = u8::try_from(row.id).ok().and_then(sports::sport);
        let (foreign, sport) = match (&row.row, sport) {
            (Ok(foreign), Some(sport)) => (foreign, sport),
            (Ok(_), None) => {
                left_out.push(format!("preferences of sport {}: it is unknown", row.id));
                continue;
            }
            (Err(why), _) => {
                left_out.push(format!("preferences of sport {}: {why}", row.id));
                continue;
            }
        };
        let threshold = Some(foreign.stopped_speed_threshold).filter(|speed| speed.is_finite());
        let mut names = foreign.default_equipments.iter().filter_map(|uuid| name(uuid));
        let choice = SportPreference {
            color: foreign.color.clone().filter(|color| is_color(color)),
            is_active: foreign.is_active,
            stopped_speed_threshold: threshold.unwrap_or(sport.stopped_speed_threshold),
            default_equipment: names.find(|id| equipment.contains(id)),
        };
        choices.insert(sport.id, choice);
    }
    choices
}

fn item(owner: AccountId, uuid: &str, place: i64, kept: &impl Serialize) -> Result<Item, &'static str> {
    let id = name(uuid).ok_or("its UUID cannot be read")?;
    let body = serde_json::to_string(kept).map_err(|_unfit| "it cannot be written")?;
    Ok(Item { id: id.into(), account: owner, place, body })
}

/// The name that clients know a thing by.
fn name(uuid: &str) -> Option<String> {
    uuid.parse::<Uuid>().ok().map(short_id)
}

/// Microseconds since 1970 of a date and time.
fn micros(text: &str) -> Option<i64> {
    let at = instant(text)?;
    match at.duration_since(SystemTime::UNIX_EPOCH) {
        Ok(since) => i64::try_from(since.as_micros()).ok(),
        Err(before) => i64::try_from(before.duration().as_micros()).ok().map(|micros| -micros),
    }
}

/// Whole seconds of an interval.
#[expect(clippy::cast_possible_truncation, reason = "the bounds are checked")]
fn seconds(interval: Option<f64>) -> Option<i64> {
    interval.filter(|seconds| (0.0..=LONGEST).contains(seconds)).map(|seconds| seconds as i64)
}

fn is_color(text: &str) -> bool {
    let Some(digits) = text.strip_prefix('#') else { return false };
    matches!(digits.len(), 3 | 6) && digits.bytes().all(|byte| byte.is_ascii_hexdigit())
}

/// As much of a text as its column has room for.
fn cut(text: &str, most: usize) -> String {
    text.chars().take(most).collect()
}

/// A hundred years: no workout lasts longer.
const LONGEST: f64 = 100.0 * 366.0 * 86_400.0;
