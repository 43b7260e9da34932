//! What the end points take and answer (contract section 2).

use http::Method;
use serde_json::json;
use utoipa::openapi::schema::ObjectBuilder;

use super::{Registration, Settings, watch};
use crate::trackers::Manual;
use crate::trackers::manual::{Draft, operation};
use crate::trackers::schema::{Record, any, at_least, integer, list, matching, named, record, sized, text, word};

pub(super) fn manual(settings: Settings) -> Manual {
    Manual::new(TITLE, "Riders and their samples: HTTP Basic, accounts as PHP answers, samples as InfluxDB does.")
        .naming("livetracking.User", user())
        .with(Method::GET, "/", operation("A page about the service").page(200, "The page."))
        .with(Method::POST, "/register", register(settings.registration))
        .with(Method::GET, "/users", users())
        .with(Method::GET, "/user", operation("Who am I").answer(200, "The caller.", one_user()))
        .with(Method::DELETE, "/user", delete_user())
        .with(Method::GET, "/user/{username}", user_by_name())
        .with(Method::POST, "/user/change-password", change_password())
        .with(Method::GET, "/user/change-password", user_change_password())
        .with(Method::GET, "/auth", auth())
        .with(Method::GET, "/time", time())
        .with(Method::GET, "/ping", ping())
        .with_all(watch::operations())
}

fn register(registration: Registration) -> Draft {
    let fields = |email: ObjectBuilder| {
        record()
            .must("username", user_name())
            .must("password", new_password())
            .may("email", email)
            .example(json!({ "username": "testrider", "password": "correct-horse", "email": "rider@example.org" }))
    };
    let email = "Kept when it is an address that nobody has, else ignored.";
    let answer = record()
        .must("status", word(&["OK"]))
        .must("id", matching("^[0-9]+$").description(Some("A text here, a number elsewhere.")))
        .must("username", shown_name());
    let draft = operation("Register an account").about("The name is kept in lower case.");
    let draft =
        in_any_form(draft, || fields(text().description(Some(email))), || fields(any().description(Some(email))))
            .answer(200, "Registered.", answer)
            .answer(
                400,
                "What does not fit.",
                errors(&["USERNAME_DOUBLE", "INVALIDATE_USERNAME", "INVALIDATE_PASSWORD"]),
            );
    match registration {
        Registration::Open => draft,
        Registration::Closed => draft.answer(403, "Registration is closed.", forbidden()),
    }
}

fn users() -> Draft {
    let answer = record().must("users", list(named("livetracking.User")).max_items(Some(500)));
    operation("List accounts").about("The first 500 that are in use; there are no pages.").answer(
        200,
        "The list.",
        answer,
    )
}

fn delete_user() -> Draft {
    let fields = || record().must("password", password()).example(json!({ "password": "correct-horse" }));
    in_any_form(operation("Delete the own account").about("The password is asked for once more."), fields, fields)
        .answer(200, "Deleted.", status_ok())
        .answer(400, "The password is missing or malformed.", errors(&["INVALIDATE_PASSWORD"]))
        .answer(403, "The password is wrong, or the credential may not.", forbidden())
}

fn user_by_name() -> Draft {
    operation("Another account")
        .path("username", "Its name in any letter case.", user_name())
        .answer(200, "The account.", one_user())
        .answer(400, "No such name.", errors(&["INVALIDATE_USERNAME", "USERNAME_NOT_FOUND"]))
}

fn change_password() -> Draft {
    let fields = || {
        record()
            .must("password", password())
            .must("new_password", new_password())
            .example(json!({ "password": "correct-horse", "new_password": "correct-horse-2" }))
    };
    in_any_form(operation("Change the own password"), fields, fields)
        .answer(200, "Changed; the new one is valid at once.", status_ok())
        .answer(400, "What does not fit.", errors(&["INVALIDATE_PASSWORD", "INVALIDATE_NEW_PASSWORD"]))
        .answer(403, "The present password is wrong, or the credential may not.", forbidden())
}

fn user_change_password() -> Draft {
    operation("The account `change-password`, which cannot be")
        .about("The path is read as a user name, and this is no name that an account can have.")
        .answer(400, "Always.", errors(&["INVALIDATE_USERNAME"]))
}

fn auth() -> Draft {
    let answer = record().must("username", shown_name()).must("status", word(&["OK"]));
    operation("Check credentials").answer(200, "They are good.", answer)
}

fn time() -> Draft {
    let answer =
        record().must("seconds", at_least(0)).must("milliseconds", at_least(0)).must("nanoseconds", at_least(0));
    operation("The server's clock, since 1970").answer(200, "Now.", answer)
}

fn ping() -> Draft {
    operation("Whether the service is there")
        .empty(204, "It is.")
        .header(204, "X-Influxdb-Version", "The version that clients of InfluxDB look for.", text())
        .header(204, "X-Influxdb-Build", "The edition.", word(&["OSS"]))
}

/// With a body in each of the forms that are read; values of forms are texts, those of JSON may be anything.
fn in_any_form(draft: Draft, form: impl Fn() -> Record, json: impl Fn() -> Record) -> Draft {
    draft
        .body("application/x-www-form-urlencoded", form())
        .body("application/json", json())
        .body("multipart/form-data", form())
}

fn user() -> Record {
    record().must("id", integer()).must("username", shown_name())
}

fn one_user() -> Record {
    record().must("user", named("livetracking.User"))
}

fn status_ok() -> Record {
    record().must("status", word(&["OK"]))
}

fn errors(codes: &[&str]) -> Record {
    record().must("errors", list(word(codes)).min_items(Some(1)).max_items(Some(2)))
}

fn forbidden() -> Record {
    record().must("error", word(&["FORBIDDEN"]))
}

/// As typed.
pub(super) fn user_name() -> ObjectBuilder {
    matching("^[A-Za-z0-9_]{4,20}$")
}

/// As shown: another door may have taken a longer one.
fn shown_name() -> ObjectBuilder {
    text().min_length(Some(1))
}

fn password() -> ObjectBuilder {
    text().min_length(Some(8)).pattern(Some(NO_CONTROL)).description(Some("8 bytes or more."))
}

fn new_password() -> ObjectBuilder {
    sized(8, 100).pattern(Some(NO_CONTROL)).description(Some("8 to 100 bytes."))
}

const NO_CONTROL: &str = r"^[^\u0000-\u001f\u007f]*$";

const TITLE: &str = "Live Tracking";
