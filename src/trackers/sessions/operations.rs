//! What the end points take and answer (contract sections 2 to 4).

use http::Method;
use serde_json::{Value, json};
use utoipa::openapi::schema::{Object, ObjectBuilder};

use crate::trackers::Manual;
use crate::trackers::manual::{Draft, operation};
use crate::trackers::schema::{
    Record, Shape, any, any_of, at_least, boolean, digit, integer, list, matching, named, nullable, record, text, word,
};

pub(super) fn manual() -> Manual {
    Manual::new("Session tracker", "Live and past sessions: bearer API tokens with permissions.")
        .naming("sessions.Error", record().must("error", text()))
        .naming("sessions.ErrorV2", error_v2())
        .naming("sessions.Session", session())
        .naming("sessions.State", state())
        .with(Method::POST, "/api/liveinsert.php", live_insert())
        .with(Method::POST, "/api/sesinsert.php", past_insert())
        .with(Method::GET, "/api/userstats.php", stats())
        .with(Method::GET, "/api/v2/sessions.php", sessions())
        .with(Method::GET, "/api/v2/stats.php", stats_v2())
}

fn live_insert() -> Draft {
    let fields = record()
        .must("insertl", marker())
        .may(
            "startdate",
            nullable(plain_date().description(Some("In the account's time zone; now, if it is missing."))),
        )
        .may("starttime", time())
        .may("public", switch())
        .may("lockedby", locked_by())
        .may("scheduledend", date())
        .may("scheduledendtime", time())
        .example(json!({ "insertl": 1, "startdate": "2026-01-31", "starttime": "08:30", "public": 1 }));
    let draft = operation("Start a live session").about(
        "A time needs its date. The start must not lie in the future, the scheduled end must lie after it. One \
         comma before the last brace is forgiven.",
    );
    inserted(draft.json(fields), "Session started succesfully")
}

fn past_insert() -> Draft {
    let fields = record()
        .must("inserts", marker())
        .must("startdate", plain_date())
        .may("starttime", time())
        .must("enddate", plain_date())
        .may("endtime", time())
        .may("public", switch())
        .may("lockedby", locked_by())
        .example(json!({
            "inserts": 1, "startdate": "2026-01-30", "starttime": "08:30", "enddate": "2026-01-31", "public": 0
        }));
    let draft = operation("Insert a past session").about("It must lie in the past and end after it began.");
    inserted(draft.json(fields), "Session created succesfully")
}

/// The misspelling is a wire fact.
fn inserted(draft: Draft, message: &str) -> Draft {
    let answer = record().must("message", word(&[message])).must("session_id", at_least(1));
    draft.answer(201, "Inserted.", answer).answer(400, "Missing or malformed input.", named("sessions.Error")).answer(
        409,
        "An overlapping session exists.",
        named("sessions.Error"),
    )
}

fn stats() -> Draft {
    operation("The state of the token's owner").answer(200, "The state.", named("sessions.State")).answer(
        400,
        "The query cannot be read, or holds a token.",
        named("sessions.Error"),
    )
}

fn stats_v2() -> Draft {
    operation("The state of the token's owner, version 2")
        .answer(200, "The state.", envelope(named("sessions.State")))
        .answer(400, "The query cannot be read, or holds a token.", named("sessions.ErrorV2"))
}

fn sessions() -> Draft {
    let page = record()
        .must("count", at_least(0))
        .must("total", at_least(0))
        .must("limit", at_least(1))
        .must("offset", at_least(0))
        .must("items", list(named("sessions.Session")).max_items(Some(200)));
    let either = any_of([page.into(), named("sessions.Session")]);
    operation("List sessions, or show one")
        .about("With `id` the answer's `data` is that one session, and the other parameters are not looked at.")
        .query("id", "The number of a session.", digits(0))
        .query("from", "The first day, in the account's time zone.", plain_date())
        .query("to", "The last day.", plain_date())
        .query("active", "Only sessions that run, or that do not.", digit())
        .query("public", "Only public sessions, or only others.", digit())
        .query("limit", "How many; more than 200 are 200.", digits(1))
        .query("offset", "After how many.", digits(0))
        .answer(200, "One page, or one session.", envelope(either))
        .answer(400, "A parameter does not fit.", named("sessions.ErrorV2"))
        .answer(404, "The account has no such session.", named("sessions.ErrorV2"))
}

fn envelope(data: Shape) -> Record {
    record().must("ok", boolean().enum_values(Some([true]))).must("data", data).must("meta", meta())
}

fn error_v2() -> Record {
    let codes = [
        "unauthorized",
        "forbidden",
        "not_found",
        "method_not_allowed",
        "conflict",
        "rate_limited",
        "server_error",
        "validation_error",
    ];
    let error = record().must("code", word(&codes)).must("message", text());
    record().must("ok", boolean().enum_values(Some([false]))).must("error", error).must("meta", meta())
}

fn meta() -> Record {
    record().must("version", integer().enum_values(Some([2])))
}

fn session() -> Record {
    record()
        .must("id", at_least(1))
        .must("start", clock())
        .must("end", nullable(clock()))
        .must("scheduledend", nullable(clock()))
        .must("active", digit())
        .must("public", digit())
        .must("has_history", digit())
        .must("has_games_changes", digit())
        .must("lockedby", nullable(text()))
        .must("notes", nullable(text()))
        .must("timezonestart", offset())
        .must("timezoneend", offset())
        .must("inserted", clock())
}

fn state() -> Record {
    let utc = || matching("^[0-9]{4}-[0-9]{2}-[0-9]{2} [0-9]{2}:[0-9]{2}:[0-9]{2} UTC$");
    record()
        .must("nick", text())
        .must("profile_url", nullable(text()))
        .must("locked", boolean())
        .must("current_lock_start", nullable(utc()))
        .must("scheduled_end", nullable(utc()))
        .must("current_lock_time", nullable(text()))
        .must("total_locked_since", nullable(text()))
        .must("since_date", nullable(clock()))
}

fn clock() -> ObjectBuilder {
    matching("^[0-9]{4}-[0-9]{2}-[0-9]{2} [0-9]{2}:[0-9]{2}:[0-9]{2}$")
}

fn offset() -> ObjectBuilder {
    matching("^[+-][0-9]{2}:[0-9]{2}(:[0-9]{2})?$")
}

fn marker() -> ObjectBuilder {
    any().enum_values(Some([json!(1), json!("1"), json!(true)])).description(Some("Says what the body is for."))
}

fn switch() -> ObjectBuilder {
    any().enum_values(Some([json!(0), json!(1), json!("0"), json!("1"), json!(false), json!(true), Value::Null]))
}

fn plain_date() -> ObjectBuilder {
    let format = utoipa::openapi::SchemaFormat::KnownFormat(utoipa::openapi::KnownFormat::Date);
    matching("^[0-9]{4}-[0-9]{2}-[0-9]{2}$").format(Some(format))
}

fn date() -> Object {
    nullable(plain_date())
}

fn time() -> Object {
    nullable(matching("^([01][0-9]|2[0-3]):[0-5][0-9]$").description(Some("Midnight, if it is missing.")))
}

fn locked_by() -> Object {
    nullable(matching(r"^[^\u0000-\u001f\u007f-\u009f]*$").max_length(Some(255)))
}

/// A number of up to 18 digits.
fn digits(min: i64) -> ObjectBuilder {
    at_least(min).maximum(Some(999_999_999_999_999_999_i64))
}
