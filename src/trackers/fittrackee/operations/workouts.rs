//! Workouts and what sums them up (contract section 11).

use http::Method;
use serde_json::json;
use utoipa::openapi::schema::{Object, ObjectBuilder};

use super::objects::{data, listed, none_of};
use super::shapes::{day, or_empty, reads, row, short_id, success, unfit, user_name};
use crate::trackers::manual::{Draft, operation};
use crate::trackers::schema::{
    Shape, any_of, at_least, between, bytes, list, matching, named, null, nullable, number, record, text, up_to, word,
};

pub(super) fn all() -> Vec<(Method, &'static str, Draft)> {
    vec![
        (Method::GET, "/api/workouts", workouts()),
        (Method::POST, "/api/workouts", upload()),
        (Method::POST, "/api/workouts/no_gpx", no_gpx()),
        (Method::GET, "/api/workouts/{workout_id}", workout()),
        (Method::DELETE, "/api/workouts/{workout_id}", delete()),
        (Method::PATCH, "/api/workouts/{workout_id}", edit()),
        (Method::GET, "/api/records", listed("Records", "records", named("fittrackee.Record"))),
        (Method::GET, "/api/stats/{username}/by_sport", by_sport()),
        (Method::GET, "/api/stats/{username}/by_time", by_time()),
    ]
}

fn workouts() -> Draft {
    let answer = data("workouts", named("fittrackee.Workout")).must("pagination", named("fittrackee.Pagination"));
    operation("Workouts")
        .query("page", "Which page; below 1 it is the first.", or_empty(row()))
        .query("per_page", "How many on a page: 1 to 100; 5 if nothing is said, 20 for less than 1.", or_empty(row()))
        .query("from", "The first day.", or_empty(day("")))
        .query("to", "The last day.", or_empty(day("")))
        .query("sport_id", "Only of this sport.", or_empty(row()))
        .query("title", "Only with this in the title, in any letter case.", text())
        .query("notes", "Only with this in the notes.", text())
        .query("description", "Only with this in the description.", text())
        .query("equipment_id", "Only with this piece of equipment; `none`: without any.", text())
        .query("distance_from", "From so many kilometres on.", or_empty(number()))
        .query("distance_to", "Up to so many kilometres.", or_empty(number()))
        .query("duration_from", "From so long on, `HH:MM`.", or_empty(clock()))
        .query("duration_to", "Up to so long, `HH:MM`.", or_empty(clock()))
        .query("ave_speed_from", "From this average speed on, in km/h.", or_empty(number()))
        .query("ave_speed_to", "Up to this average speed, in km/h.", or_empty(number()))
        .query("max_speed_from", "From this highest speed on, in km/h.", or_empty(number()))
        .query("max_speed_to", "Up to this highest speed, in km/h.", or_empty(number()))
        .query("order", "`asc`: the oldest, slowest, shortest first; anything else is the other way round.", text())
        .query("order_by", "By what.", word(&["", "ave_speed", "distance", "duration", "workout_date"]))
        .answer(200, "One page.", answer)
        .answer(400, "A parameter does not fit.", named("fittrackee.Error"))
}

fn upload() -> Draft {
    let body = record()
        .must("file", bytes().description(Some("A GPX file.")))
        .must("data", text().content_media_type("application/json").examples([r#"{"sport_id": 1}"#]));
    operation("Upload a workout")
        .body("multipart/form-data", body)
        .called("file", "track.gpx")
        .answer(201, "Stored.", created())
        .answer(400, "What does not fit.", unfit())
        .page(400, "There is no part `data`.")
        .answer(413, "The file is too large.", named("fittrackee.Error"))
}

fn no_gpx() -> Draft {
    let body = record()
        .must("sport_id", sport())
        .must("duration", between(1, A_YEAR).description(Some("In seconds.")))
        .must("distance", kilometres())
        .must("workout_date", day(MINUTE).description(Some("In the user's zone, such as `2026-01-31 08:30`.")))
        .may("title", nullable(text().description(Some(CUT))))
        .may("notes", nullable(text().description(Some(CUT))))
        .may("description", nullable(text().description(Some(CUT))))
        .may("ascent", metres())
        .may("descent", metres())
        .may("equipment_ids", equipment())
        .example(json!({ "sport_id": 1, "duration": 3600, "distance": 20.5, "workout_date": "2026-01-31 08:30" }));
    reads(operation("Store a workout without a track"), body).answer(201, "Stored.", created()).answer(
        400,
        "What does not fit.",
        unfit(),
    )
}

fn workout() -> Draft {
    operation("One workout")
        .path("workout_id", "Its id.", short_id())
        .answer(200, "The workout.", data("workouts", named("fittrackee.Workout")))
        .answer(404, "The account has no such workout.", none_of("workouts"))
}

fn delete() -> Draft {
    operation("Delete a workout").path("workout_id", "Its id.", short_id()).empty(204, "Deleted.").answer(
        404,
        "The account has no such workout.",
        none_of("workouts"),
    )
}

fn edit() -> Draft {
    let body = record()
        .may("sport_id", sport())
        .may("title", nullable(text()))
        .may("notes", nullable(text()))
        .may("description", nullable(text()))
        .may("equipment_ids", equipment())
        .may("duration", any_of([between(0, A_YEAR).into(), null().into()]))
        .may("distance", any_of([kilometres(), between(0, 0).into(), null().into()]))
        .may("workout_date", any_of([day(MINUTE).into(), up_to(0).into(), null().into()]))
        .may("ascent", metres())
        .may("descent", metres())
        .at_least(1);
    let draft = operation("Change a workout").path("workout_id", "Its id.", short_id());
    reads(draft, body)
        .answer(200, "Changed.", data("workouts", named("fittrackee.Workout")))
        .answer(400, "What does not fit.", unfit())
        .answer(404, "The account has no such workout.", none_of("workouts"))
}

fn by_sport() -> Draft {
    let data = record().must("statistics", Shape::from(record())).may("total_workouts", at_least(0));
    operation("Workouts summed up by sport")
        .path("username", "The name.", user_name())
        .query("sport_id", "Only of this sport.", or_empty(row()))
        .answer(200, "By sport.", success().must("data", Shape::from(data)))
        .answer(400, "The parameter does not fit.", named("fittrackee.Error"))
        .answer(403, "Somebody else's.", named("fittrackee.Error"))
        .answer(404, "There is no such user or sport.", named("fittrackee.NotFound"))
}

fn by_time() -> Draft {
    operation("Workouts summed up by time")
        .path("username", "The name.", user_name())
        .query("from", "The first day.", or_empty(day("")))
        .query("to", "The last day.", or_empty(day("")))
        .query(
            "time",
            "By what; weeks begin on Sunday, those of `weekm` on Monday.",
            matching("^(week.*|month|year)?$"),
        )
        .query("type", "Averages or totals.", word(&["average", "total"]))
        .answer(200, "By time, then by sport.", {
            success().must("data", Shape::from(record().must("statistics", Shape::from(record()))))
        })
        .answer(400, "A parameter does not fit.", named("fittrackee.Error"))
        .answer(403, "Somebody else's.", named("fittrackee.Error"))
        .answer(404, "There is no such user.", named("fittrackee.NotFound"))
}

fn created() -> crate::trackers::schema::Record {
    let workouts = record().must("workouts", list(named("fittrackee.Workout")));
    record().must("data", Shape::from(workouts)).must("status", word(&["created"]))
}

/// Hours and minutes.
fn clock() -> ObjectBuilder {
    matching("^[0-9]{1,6}:[0-9]{1,2}$")
}

fn sport() -> Shape {
    any_of([between(1, 18).into(), matching("^(0?[1-9]|1[0-8])$").into()])
}

/// Less than nothing is taken as well, as in the original.
fn kilometres() -> Shape {
    any_of([
        number().minimum(Some(0.001)).maximum(Some(999.999)).description(Some("In kilometres.")).into(),
        number().minimum(Some(-999.999)).maximum(Some(-0.001)).into(),
    ])
}

fn metres() -> Object {
    let metres = number().minimum(Some(0)).maximum(Some(99_999.999));
    nullable(metres.description(Some("In metres; ascent and descent stand together, or neither does.")))
}

fn equipment() -> Shape {
    any_of([list(short_id()).max_items(Some(1)).into(), null().into()])
}

const CUT: &str = "What is too long is cut.";

/// Behind a day.
const MINUTE: &str = " (?:[01]?[0-9]|2[0-3]):[0-5]?[0-9]";

/// In seconds.
const A_YEAR: i32 = 31_536_000;
