//! What handlers take from members: numbers, texts, lists of names.

use http::StatusCode;

use super::kept::SportPreference;
use super::own::{Own, Piece};
use super::sports::{self, Sport};
use crate::trackers::fittrackee::wire::{self, Stop};
use crate::trackers::json::Scalar;

/// 400 with this message.
pub(super) fn refused(message: impl Into<String>) -> Stop {
    Stop::Message(StatusCode::BAD_REQUEST, message.into().into())
}

/// A number that names a row, `None` if it is none of the small ones that exist: as number or as text.
///
/// # Errors
///
/// 400 for other types and texts that are no number.
pub(super) fn number(value: &Scalar) -> Result<Option<u8>, Stop> {
    match value {
        Scalar::Null => Ok(None),
        Scalar::Text(text) => {
            text.trim().parse::<i32>().map(|number| u8::try_from(number).ok()).map_err(|_other| Stop::PAYLOAD)
        }
        value => {
            let number = value.number().ok_or(Stop::PAYLOAD)?;
            Ok((0..=u8::MAX).find(|small| f64::from(*small) == number))
        }
    }
}

/// The sport that a member names.
///
/// # Errors
///
/// 400 for what cannot name one.
pub(super) fn sport(value: &Scalar) -> Result<Option<&'static Sport>, Stop> {
    Ok(number(value)?.and_then(sports::sport))
}

/// Text, cut to so many characters; `None` for `null`.
///
/// # Errors
///
/// 400 for other types.
pub(super) fn text(value: Scalar, most: usize) -> Result<Option<String>, Stop> {
    match value {
        Scalar::Null => Ok(None),
        Scalar::Text(text) => Ok(Some(text.chars().take(most).collect())),
        _ => Err(Stop::PAYLOAD),
    }
}

/// The piece of equipment that a list of names names, for use with this sport: of the account's own, of a
/// type that goes with the sport, and in use unless it was `used` for this already. An empty list names none.
///
/// # Errors
///
/// 400, with the name where one is to blame (contract section 6.4).
pub(super) fn equipment<'a>(
    value: &Scalar,
    own: &'a Own,
    sport: &Sport,
    used: &[String],
) -> Result<Option<&'a Piece>, Stop> {
    let Scalar::List(names) = value else { return Err(refused(NO_LIST)) };
    let name = match names.as_slice() {
        [] => return Ok(None),
        [Scalar::Text(name)] => name,
        [_] => return Err(refused(NO_LIST)),
        [_, _, ..] => return Err(refused("only one equipment can be added")),
    };
    let faulty = |status: &str, message: &str| {
        let members = [("status", status), ("equipment_id", name), ("message", message)];
        Stop::from(wire::error(EQUIPMENT_FAULT, &members))
    };
    let Some(piece) = own.find_piece(name) else {
        return Err(faulty("not_found", &format!("equipment with id {name} does not exist")));
    };
    if sport.equipment_type != Some(piece.equipment.type_id) {
        return Err(faulty("invalid", &format!("invalid equipment id {name} for sport {}", sport.label)));
    }
    if !piece.equipment.is_active && !used.contains(name) {
        return Err(faulty("inactive", &format!("equipment with id {name} is inactive")));
    }
    Ok(Some(piece))
}

/// The names of the equipment that a new workout of this sport has unasked.
pub(super) fn default_equipment(own: &Own, preference: Option<&SportPreference>) -> Vec<String> {
    let named = preference.and_then(|preference| preference.default_equipment.as_deref());
    let piece = named.and_then(|name| own.find_piece(name)).filter(|piece| piece.equipment.is_active);
    piece.map(|piece| piece.id.to_string()).into_iter().collect()
}

/// The status of a fault of equipment. The manual lists it under 401; every real client meets 400.
const EQUIPMENT_FAULT: StatusCode = StatusCode::BAD_REQUEST;

const NO_LIST: &str = "equipment_ids must be an array of strings";
