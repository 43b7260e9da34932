//! What the web application asks beside the account: settings, sports, equipment, users (contract section 11).

use http::Method;

use super::shapes::{message, success, user_name};
use crate::trackers::manual::{Draft, operation};
use crate::trackers::schema::{
    Record, Shape, any, at_least, boolean, bytes, integer, list, named, nullable, record, text, word,
};

pub(super) fn all() -> Vec<(Method, &'static str, Draft)> {
    vec![
        (Method::GET, "/api/config", config()),
        (Method::GET, "/api/ping", operation("Whether the server is there").answer(200, "It is.", message("pong!"))),
        (Method::GET, "/api/sports", listed("Sports", "sports", named("fittrackee.Sport"))),
        (Method::GET, "/api/sports/{sport_id}", sport()),
        (Method::GET, "/api/users/{username}", user()),
        (Method::DELETE, "/api/users/{username}", delete_user()),
        (Method::GET, "/api/users/{username}/picture", picture()),
    ]
}

fn config() -> Draft {
    let data = record()
        .must("about", nullable(text()))
        .must("admin_contact", nullable(text()))
        .must("gpx_limit_import", at_least(0))
        .must("is_email_sending_enabled", boolean())
        .must("is_registration_enabled", boolean())
        .must("map_attribution", text())
        .must("max_single_file_size", at_least(0))
        .must("max_users", at_least(0))
        .must("max_zip_file_size", at_least(0))
        .must("privacy_policy", nullable(text()))
        .must("privacy_policy_date", nullable(text()))
        .must("stats_workouts_limit", at_least(0))
        .must("version", text())
        .must("weather_provider", nullable(text()));
    operation("Settings of the server").answer(200, "The settings.", success().must("data", Shape::from(data)))
}

pub(super) fn listed(summary: &str, name: &str, each: Shape) -> Draft {
    operation(summary).answer(200, "All of them.", data(name, each))
}

fn sport() -> Draft {
    operation("One sport")
        .path("sport_id", "Its number.", integer())
        .answer(200, "The sport.", data("sports", named("fittrackee.Sport")))
        .answer(404, "There is none.", none_of("sports"))
}

fn user() -> Draft {
    operation("A user")
        .path("username", "The name.", user_name())
        .answer(200, "The user.", data("users", named("fittrackee.User")))
        .answer(403, "Somebody else.", named("fittrackee.Error"))
        .answer(404, "There is none.", named("fittrackee.NotFound"))
}

fn delete_user() -> Draft {
    operation("Delete one's account, with all that is kept about it")
        .path("username", "One's own name.", user_name())
        .empty(204, "It is gone.")
        .answer(403, "Somebody else's.", named("fittrackee.Error"))
}

fn picture() -> Draft {
    let draft = operation("The picture of a user").path("username", "The name.", user_name()).request_header(
        "If-None-Match",
        "The `ETag` of a copy that is there already.",
        text(),
    );
    let kinds = ["image/gif", "image/jpeg", "image/png"];
    let draft = kinds.into_iter().fold(draft, |draft, kind| draft.answer_as(200, "The picture.", kind, bytes()));
    draft.header(200, "ETag", "Names this very picture.", text()).empty(304, "The copy is good.").answer(
        404,
        "No such user, or no picture.",
        named("fittrackee.NotFound"),
    )
}

/// `{"data": {NAME: []}, "status": "not found"}`.
pub(super) fn none_of(name: &str) -> Record {
    let none = record().must(name, list(any()).max_items(Some(0)));
    record().must("data", Shape::from(none)).must("status", word(&["not found"]))
}

/// `{"data": {NAME: [EACH …]}, "status": "success"}`.
pub(super) fn data(name: &str, each: Shape) -> Record {
    success().must("data", Shape::from(record().must(name, list(each))))
}
