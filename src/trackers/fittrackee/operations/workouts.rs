//! Workouts and what sums them up (contract section 11).

use http::Method;
use serde_json::json;

use super::objects::{data, listed, none_of};
use super::shapes::{reads, success};
use crate::trackers::manual::{Draft, operation};
use crate::trackers::schema::{Shape, at_least, bytes, list, matching, named, nullable, number, record, text, word};

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
        .query("page", "Which page.", at_least(1))
        .query("per_page", "How many on a page.", at_least(1))
        .query("from", "The first day.", day())
        .query("to", "The last day.", day())
        .query("sport_id", "Only of this sport.", at_least(1))
        .query("order", "Oldest or newest first.", word(&["asc", "desc"]))
        .query("order_by", "By what.", word(&["ave_speed", "distance", "duration", "workout_date"]))
        .answer(200, "One page.", answer)
        .answer(400, "A parameter does not fit.", named("fittrackee.Error"))
}

fn upload() -> Draft {
    let body = record().must("file", bytes().description(Some("A GPX file."))).must(
        "data",
        text().content_media_type("application/json").description(Some("`{\"sport_id\": 1, \"notes\": \"…\"}`")),
    );
    operation("Upload a workout")
        .body("multipart/form-data", body)
        .answer(201, "Stored.", created())
        .answer(400, "What does not fit.", named("fittrackee.Error"))
        .answer(413, "The file is too large.", named("fittrackee.Error"))
}

fn no_gpx() -> Draft {
    let body = record()
        .must("sport_id", at_least(1))
        .must("duration", number().description(Some("In seconds.")))
        .must("distance", number().description(Some("In kilometres.")))
        .must("workout_date", matching("^[0-9]{4}-[0-9]{2}-[0-9]{2} [0-9]{2}:[0-9]{2}$"))
        .may("title", nullable(text()))
        .may("notes", nullable(text()))
        .may("ascent", nullable(number()))
        .may("descent", nullable(number()))
        .may("equipment_ids", list(text()))
        .example(json!({ "sport_id": 1, "duration": 3600, "distance": 20.5, "workout_date": "2026-01-31 08:30" }));
    reads(operation("Store a workout without a track"), body).answer(201, "Stored.", created())
}

fn workout() -> Draft {
    operation("One workout")
        .path("workout_id", "Its id.", text())
        .answer(200, "The workout.", data("workouts", named("fittrackee.Workout")))
        .answer(404, "The account has no such workout.", none_of("workouts"))
}

fn delete() -> Draft {
    operation("Delete a workout").path("workout_id", "Its id.", text()).empty(204, "Deleted.").answer(
        404,
        "The account has no such workout.",
        none_of("workouts"),
    )
}

fn edit() -> Draft {
    let body = record()
        .may("sport_id", at_least(1))
        .may("title", nullable(text()))
        .may("notes", nullable(text()))
        .may("description", nullable(text()))
        .may("equipment_ids", list(text()))
        .at_least(1);
    let draft = operation("Change a workout").path("workout_id", "Its id.", text());
    reads(draft, body).answer(200, "Changed.", data("workouts", named("fittrackee.Workout"))).answer(
        404,
        "The account has no such workout.",
        none_of("workouts"),
    )
}

fn by_sport() -> Draft {
    let data = record().must("statistics", Shape::from(record())).may("total_workouts", at_least(0));
    operation("Workouts summed up by sport")
        .path("username", "The name.", text())
        .query("sport_id", "Only of this sport.", at_least(1))
        .answer(200, "By sport.", success().must("data", Shape::from(data)))
        .answer(400, "The parameter does not fit.", named("fittrackee.Error"))
        .answer(403, "Somebody else's.", named("fittrackee.Error"))
        .answer(404, "There is no such user or sport.", named("fittrackee.NotFound"))
}

fn by_time() -> Draft {
    operation("Workouts summed up by time")
        .path("username", "The name.", text())
        .query("from", "The first day.", day())
        .query("to", "The last day.", day())
        .query("time", "By what.", word(&["day", "week", "weekm", "month", "year"]))
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

fn day() -> utoipa::openapi::schema::ObjectBuilder {
    matching("^[0-9]{4}-[0-9]{2}-[0-9]{2}$")
}
