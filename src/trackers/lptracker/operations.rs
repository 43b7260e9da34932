//! What the end points take and answer (contract sections 1 to 3 and 6).

use http::Method;
use serde_json::json;

use super::Statuses;
use crate::trackers::Manual;
use crate::trackers::manual::{Draft, operation};
use crate::trackers::schema::{
    Record, Shape, any_of, at_least, boolean, integer, list, matching, named, null, record, text, word,
};

pub(super) fn manual(statuses: Statuses) -> Manual {
    Manual::new(TITLE, about(statuses))
        .naming("lptracker.Error", error())
        .with(Method::POST, "/login", login(statuses))
        .with(Method::POST, "/logout", logout(statuses))
        .with(Method::GET, "/projects", projects())
        .with(Method::GET, "/staff", staff())
}

fn about(statuses: Statuses) -> &'static str {
    match statuses {
        Statuses::AlwaysOk => {
            "A token in the `token` header, for 24 hours after its last use. Errors are HTTP 200 too."
        }
        Statuses::Real => "A token in the `token` header, for 24 hours after its last use.",
    }
}

fn login(statuses: Statuses) -> Draft {
    let fields = record()
        .must("login", text().description(Some("An e-mail address or a user name.")))
        .must("password", text())
        .must(
            "service",
            matching(SERVICE).max_length(Some(100)).description(Some("Signs every action done with the token.")),
        )
        .must("version", word(&["1.0"]))
        .example(json!({
            "login": "testrider", "password": "correct-horse", "service": "My service", "version": "1.0"
        }));
    let token = record().must("token", matching("^[A-Za-z0-9]{32,}$"));
    let draft =
        operation("Sign in").about("What follows the first JSON value of the body is not looked at.").json(fields);
    match statuses {
        Statuses::AlwaysOk => {
            draft.answer(200, "Signed in, or why not.", any_of([success(token).into(), named("lptracker.Error")]))
        }
        Statuses::Real => draft
            .answer(200, "Signed in.", success(token))
            .answer(400, "A field is missing or does not fit.", named("lptracker.Error"))
            .answer(401, "The name or the password is wrong.", named("lptracker.Error"))
            .answer(403, "Another user is signed in from this address.", named("lptracker.Error")),
    }
}

fn logout(statuses: Statuses) -> Draft {
    let draft = operation("Sign out").about("The token is dead from then on.");
    let done = success(boolean().enum_values(Some([true])));
    match statuses {
        Statuses::AlwaysOk => {
            draft.answer(200, "Signed out, or why not.", any_of([done.into(), named("lptracker.Error")]))
        }
        Statuses::Real => draft.answer(200, "Signed out.", done).answer(
            400,
            "A credential that cannot be signed out.",
            named("lptracker.Error"),
        ),
    }
}

fn projects() -> Draft {
    let project = record().must("id", integer()).must("name", text()).must("page", text()).must("domain", text());
    operation("List projects").answer(200, "The account as its one project.", success(list(Shape::from(project))))
}

fn staff() -> Draft {
    let employee = record()
        .must("id", integer())
        .must("name", text())
        .must("job", text())
        .must("type", word(&["owner"]))
        .must("last_login_at", any_of([seconds().into(), null().into()]))
        .must("created_at", seconds());
    operation("List employees").answer(200, "The account as its one employee.", success(list(Shape::from(employee))))
}

fn seconds() -> utoipa::openapi::schema::ObjectBuilder {
    at_least(0).description(Some("Seconds since 1970."))
}

fn success(result: impl Into<Shape>) -> Record {
    record().must("status", word(&["success"])).must("result", result)
}

fn error() -> Record {
    let each = record().must("code", integer()).must("message", text());
    record().must("status", word(&["error"])).must("errors", list(Shape::from(each)).min_items(Some(1)))
}

/// One line, not blank.
const SERVICE: &str = r"^[^\u0000-\u001f\u007f-\u009f\u2028\u2029]*[^\s\u0000-\u001f\u007f-\u009f\u2028\u2029][^\u0000-\u001f\u007f-\u009f\u2028\u2029]*$";

const TITLE: &str = "LPTracker";
