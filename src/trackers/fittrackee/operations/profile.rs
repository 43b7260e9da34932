//! The account behind a token (contract sections 6.1 to 6.10).

use http::Method;
use serde_json::json;
use utoipa::openapi::schema::ObjectBuilder;

use super::shapes::{address, color, day, line, message, new_password, reads, short_id, success, unfit};
use crate::trackers::manual::{Draft, operation};
use crate::trackers::schema::{
    Record, any, any_of, boolean, bytes, digit, integer, list, matching, named, null, nullable, number, record, text,
    up_to, word,
};

pub(super) fn all() -> Vec<(Method, &'static str, Draft)> {
    vec![
        (Method::GET, "/api/auth/profile", profile()),
        (Method::POST, "/api/auth/profile/edit", edit()),
        (Method::POST, "/api/auth/profile/edit/preferences", preferences()),
        (Method::POST, "/api/auth/profile/edit/sports", sports()),
        (Method::DELETE, "/api/auth/profile/reset/sports/{sport_id}", reset_sport()),
        (Method::PATCH, "/api/auth/profile/edit/account", account()),
        (Method::POST, "/api/auth/picture", picture()),
        (Method::DELETE, "/api/auth/picture", delete_picture()),
        (Method::POST, "/api/auth/logout", logout()),
        (Method::POST, "/api/auth/account/privacy-policy", privacy_policy()),
    ]
}

fn profile() -> Draft {
    operation("The own profile").answer(200, "The profile.", success().must("data", named("fittrackee.User")))
}

fn edit() -> Draft {
    let body = record()
        .must("first_name", nullable(line(80)))
        .must("last_name", nullable(line(80)))
        .must("bio", nullable(line(200)))
        .must("birth_date", any_of([nullable(day("")).into(), up_to(0).into()]))
        .must("location", nullable(line(80)))
        .example(json!({
            "first_name": "Test", "last_name": "Rider", "bio": null, "birth_date": "1990-01-31", "location": null
        }));
    reads(operation("Change the profile").about("All five members must be there."), body).answer(
        200,
        "Changed.",
        with_user("user profile updated"),
    )
}

fn preferences() -> Draft {
    let switch = || any_of([boolean().into(), digit().into()]);
    let body = record()
        .must("date_format", nullable(line(50)))
        .must("display_ascent", switch())
        .must("imperial_units", switch())
        .must("language", any().description(Some("One of the known codes; anything else is `en`.")))
        .must("start_elevation_at_zero", switch())
        .must("timezone", nullable(line(50)))
        .must("use_dark_mode", any_of([nullable(boolean()).into(), digit().into()]))
        .must("use_raw_gpx_speed", switch())
        .must("weekm", switch())
        .example(json!({
            "date_format": "yyyy-MM-dd", "display_ascent": true, "imperial_units": false, "language": "en",
            "start_elevation_at_zero": true, "timezone": "Europe/Paris", "use_dark_mode": null,
            "use_raw_gpx_speed": false, "weekm": true
        }));
    reads(operation("Change preferences").about("All nine members must be there."), body).answer(
        200,
        "Changed.",
        with_user("user preferences updated"),
    )
}

fn sports() -> Draft {
    let body = record()
        .must("sport_id", any_of([integer().into(), matching("^-?[0-9]{1,9}$").into()]))
        .may("color", any_of([nullable(color()).into(), up_to(0).into()]))
        .may("is_active", nullable(boolean()))
        .may("stopped_speed_threshold", any_of([nullable(number()).into(), numeral().into()]))
        .may("default_equipment_ids", any_of([list(short_id()).max_items(Some(1)).into(), null().into()]))
        .at_least(2)
        .example(json!({ "sport_id": 1, "color": "#000000" }));
    reads(operation("Change the preferences of a sport"), body)
        .answer(
            200,
            "Changed.",
            message("user sport preferences updated").must("data", named("fittrackee.SportPreference")),
        )
        .answer(400, "What does not fit.", unfit())
        .answer(404, "There is no such sport.", named("fittrackee.NotFound"))
}

/// A number as text, or nothing.
fn numeral() -> ObjectBuilder {
    matching("^([+-]?[0-9]{1,9}([.][0-9]{1,9})?)?$")
}

fn reset_sport() -> Draft {
    operation("Reset the preferences of a sport")
        .path("sport_id", "Its number.", integer())
        .empty(204, "They are those of a new account.")
        .answer(404, "There is no such sport.", named("fittrackee.NotFound"))
}

fn account() -> Draft {
    let body = record()
        .must("email", address())
        .must("password", text().min_length(Some(1)).description(Some("The present password.")))
        .may("new_password", nullable(new_password()))
        .example(json!({
            "email": "rider@example.org", "password": "correct-horse", "new_password": "correct-horse-2"
        }));
    reads(operation("Change address or password"), body)
        .answer(200, "Changed; a new address waits for its confirmation.", with_user("user account updated"))
        .answer(401, "The present password is wrong.", named("fittrackee.Error"))
}

fn picture() -> Draft {
    let body =
        record().must("file", bytes().description(Some("JPEG, PNG or GIF, up to 1 MiB with what is around it.")));
    operation("Set the picture")
        .body("multipart/form-data", body)
        .called("file", "me.png")
        .answer(200, "Set.", message("user picture updated"))
        .answer(400, "No file, or one that is no picture.", named("fittrackee.Error"))
        .answer(413, "The file is too large.", named("fittrackee.Error"))
}

fn delete_picture() -> Draft {
    operation("Delete the picture").empty(204, "There is none now.")
}

fn logout() -> Draft {
    let failed = record().must("status", word(&["error"])).must("message", text());
    operation("Sign out")
        .about("The token is dead from then on.")
        .answer(200, "Signed out.", message("successfully logged out"))
        .answer(401, "A credential that cannot be signed out.", named("fittrackee.Error"))
        .answer(500, "It could not be noted.", failed)
}

fn privacy_policy() -> Draft {
    let body = record().must("accepted_policy", boolean().enum_values(Some([true])));
    reads(operation("Accept the privacy policy"), body).answer(200, "Accepted.", success())
}

fn with_user(text: &str) -> Record {
    message(text).must("data", named("fittrackee.User"))
}
