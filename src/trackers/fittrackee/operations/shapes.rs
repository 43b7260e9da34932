//! Objects and parts that several operations share (contract sections 2.4 and 4).

use utoipa::openapi::schema::ObjectBuilder;

use super::export::archive_name;
use crate::trackers::Manual;
use crate::trackers::manual::Draft;
use crate::trackers::schema::{
    Record, Shape, any, any_of, at_least, between, boolean, integer, list, matching, named as refer, nullable, number,
    record, text, up_to, word,
};

/// The manual with the objects that operations refer to.
pub(super) fn named(manual: Manual) -> Manual {
    manual
        .naming("fittrackee.Error", record().must("status", word(&["error", "fail"])).must("message", text()))
        .naming("fittrackee.NotFound", record().must("status", word(&["not found"])).must("message", text()))
        .naming("fittrackee.User", user())
        .naming("fittrackee.Record", best())
        .naming("fittrackee.SportPreference", sport_preference())
        .naming("fittrackee.Sport", sport())
        .naming("fittrackee.EquipmentType", equipment_type())
        .naming("fittrackee.Equipment", equipment())
        .naming("fittrackee.Export", export())
        .naming("fittrackee.Pagination", pagination())
        .naming("fittrackee.Workout", workout())
        .naming("fittrackee.Client", client())
}

/// A JSON body, and what is answered when it is none (contract section 2.1).
pub(super) fn reads(draft: Draft, body: Record) -> Draft {
    draft
        .json(body)
        .answer(400, "A member is missing or does not fit.", refer("fittrackee.Error"))
        .page(400, "The body is not JSON.")
        .page(415, "The body is of another type.")
}

/// `{"status": "success", "message": …}`.
pub(super) fn message(text: &str) -> Record {
    success().must("message", word(&[text]))
}

/// `{"status": "success"}`.
pub(super) fn success() -> Record {
    record().must("status", word(&["success"]))
}

/// 400 where equipment may be to blame (contract section 2.4, E400q).
pub(super) fn unfit() -> Shape {
    let unfit = record()
        .must("status", word(&["not_found", "invalid", "inactive"]))
        .must("equipment_id", text())
        .must("message", text());
    any_of([refer("fittrackee.Error"), unfit.into()])
}

/// The id of a workout or a piece of equipment.
pub(super) fn short_id() -> ObjectBuilder {
    matching("^[A-Za-z0-9]{22}$")
}

/// The name of an account, whichever tracker took it.
pub(super) fn user_name() -> ObjectBuilder {
    matching(r"^[.]*[^\u0000-\u0020\u007F-\u00A0:@/\\;.][^\u0000-\u0020\u007F-\u00A0:@/\\;]*$").max_length(Some(128))
}

/// Text without NUL, in no more than so many characters.
pub(super) fn line(max: usize) -> ObjectBuilder {
    matching(r"^[^\u0000]*$").max_length(Some(max))
}

/// A parameter of a query, which counts as missing where it is empty.
pub(super) fn or_empty(shape: impl Into<Shape>) -> Shape {
    any_of([shape.into(), up_to(0).into()])
}

/// A whole number as databases keep them: of 32 bits.
pub(super) fn row() -> ObjectBuilder {
    between(i32::MIN, i32::MAX)
}

/// A day of the calendar, `YYYY-MM-DD`; `more` follows.
pub(super) fn day(more: &str) -> ObjectBuilder {
    matching(&format!("^(?:{DAY}){more}$")).description(Some("A day of the calendar, such as `2026-01-31`."))
}

/// RFC 1123, in GMT.
pub(super) fn date() -> ObjectBuilder {
    matching("^[A-Z][a-z]{2}, [0-9]{2} [A-Z][a-z]{2} [0-9]{4} [0-9]{2}:[0-9]{2}:[0-9]{2} GMT$")
}

/// A token as signed in with: three parts in base64url.
pub(super) fn auth_token() -> ObjectBuilder {
    matching("^[A-Za-z0-9_-]+[.][A-Za-z0-9_-]+[.][A-Za-z0-9_-]+$")
}

/// An address as registration takes it (contract section 5.1).
pub(super) fn address() -> ObjectBuilder {
    matching(r"^[a-zA-Z0-9_.+][a-zA-Z0-9_.+-]*@[a-zA-Z0-9-]+[.][a-zA-Z0-9.-]+$").max_length(Some(255))
}

/// A password that can be set: 8 characters or more, up to 72 bytes (contract section 8).
pub(super) fn new_password() -> ObjectBuilder {
    text().min_length(Some(8)).max_length(Some(72)).description(Some("8 characters or more, up to 72 bytes."))
}

/// The 29 members of contract section 4.1.
fn user() -> Record {
    record()
        .must("accepted_privacy_policy", boolean())
        .must("admin", boolean())
        .must("bio", nullable(text()))
        .must("birth_date", nullable(date()))
        .must("created_at", date())
        .must("date_format", nullable(up_to(50)))
        .must("display_ascent", boolean())
        .must("email", text())
        .must("email_to_confirm", nullable(text()))
        .must("first_name", nullable(text()))
        .must("imperial_units", boolean())
        .must("is_active", boolean())
        .must("language", nullable(text()))
        .must("last_name", nullable(text()))
        .must("location", nullable(text()))
        .must("nb_sports", at_least(0))
        .must("nb_workouts", at_least(0))
        .must("picture", boolean())
        .must("records", list(refer("fittrackee.Record")))
        .must("sports_list", list(at_least(1)))
        .must("start_elevation_at_zero", boolean())
        .must("timezone", nullable(up_to(50)))
        .must("total_ascent", number())
        .must("total_distance", number())
        .must("total_duration", text().description(Some("`h:mm:ss`, from one day on `1 day, h:mm:ss`.")))
        .must("use_dark_mode", nullable(boolean()))
        .must("use_raw_gpx_speed", boolean())
        .must("username", text())
        .must("weekm", boolean())
}

fn best() -> Record {
    record()
        .must("id", integer())
        .must("record_type", word(&["AS", "FD", "HA", "LD", "MS"]))
        .must("sport_id", at_least(1))
        .must("user", text())
        .must("value", any_of([number().into(), text().into()]))
        .must("workout_date", date())
        .must("workout_id", text())
}

fn sport_preference() -> Record {
    record()
        .must("color", nullable(color()))
        .must("default_equipments", list(refer("fittrackee.Equipment")))
        .may("default_equipment_ids", list(text()))
        .must("is_active", boolean())
        .must("sport_id", at_least(1))
        .must("stopped_speed_threshold", number())
        .must("user_id", integer())
}

/// `#` and 3 or 6 hex digits.
pub(super) fn color() -> ObjectBuilder {
    matching("^#([0-9A-Fa-f]{3}|[0-9A-Fa-f]{6})$")
}

fn sport() -> Record {
    record()
        .must("color", nullable(color()))
        .must("default_equipments", list(refer("fittrackee.Equipment")))
        .must("id", at_least(1))
        .must("is_active", boolean())
        .must("is_active_for_user", boolean())
        .must("label", text())
        .must("stopped_speed_threshold", number())
}

fn equipment_type() -> Record {
    record().must("id", at_least(1)).must("is_active", boolean()).must("label", text())
}

fn equipment() -> Record {
    record()
        .must("creation_date", date())
        .must("default_for_sport_ids", list(at_least(1)))
        .must("description", nullable(text()))
        .must("equipment_type", refer("fittrackee.EquipmentType"))
        .must("id", short_id())
        .must("is_active", boolean())
        .must("label", text())
        .must("total_distance", number())
        .must("total_duration", text())
        .must("total_moving", text())
        .must("user_id", integer())
        .must("workouts_count", at_least(0))
}

fn export() -> Record {
    record()
        .must("created_at", date())
        .must("status", word(&["in_progress", "successful", "errored"]))
        .must("file_name", nullable(archive_name()))
        .must("file_size", nullable(at_least(0)))
}

fn pagination() -> Record {
    record()
        .must("has_next", boolean())
        .must("has_prev", boolean())
        .must("page", at_least(1))
        .must("pages", at_least(0))
        .must("total", at_least(0))
}

/// What every workout has; the original adds more (map, weather, segments).
fn workout() -> Record {
    record()
        .must("id", text())
        .must("sport_id", at_least(1))
        .must("user", text())
        .must("workout_date", date())
        .must("distance", nullable(number()))
        .must("duration", nullable(text()))
        .may("title", nullable(text()))
        .may("notes", nullable(text()))
        .may("equipments", list(refer("fittrackee.Equipment")))
        .may("records", list(any()))
}

fn client() -> Record {
    record()
        .must("client_description", nullable(text()))
        .must("client_id", matching("^[A-Za-z0-9]{24}$"))
        .must("id", at_least(1))
        .must("issued_at", text())
        .must("name", text())
        .must("redirect_uris", list(text()))
        .must("scope", text())
        .must("website", text())
}

/// Months by their length, and 29 February where the year has it; zeros in front may be left out.
const DAY: &str = "(?:[0-9]{3}[1-9]|[0-9]{2}[1-9]0|[0-9][1-9]00|[1-9]000)-\
                   (?:(?:0?[13578]|1[02])-(?:0?[1-9]|[12][0-9]|3[01])\
                   |(?:0?[469]|11)-(?:0?[1-9]|[12][0-9]|30)\
                   |0?2-(?:0?[1-9]|1[0-9]|2[0-8]))\
                   |(?:[0-9]{2}(?:0[48]|[2468][048]|[13579][26])|(?:0[48]|[2468][048]|[13579][26])00)-0?2-29";
