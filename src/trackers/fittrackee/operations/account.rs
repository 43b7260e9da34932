//! The way to an account, and back to one (contract section 5).

use http::Method;
use serde_json::json;

use super::super::{Registration, Settings};
use super::shapes::{address, auth_token, message, new_password, reads, success};
use crate::trackers::manual::{Draft, operation};
use crate::trackers::schema::{any, boolean, matching, named, record, text};

pub(super) fn all(settings: &Settings) -> Vec<(Method, &'static str, Draft)> {
    vec![
        (Method::POST, "/api/auth/register", register(settings.registration)),
        (Method::POST, "/api/auth/account/confirm", confirm()),
        (Method::POST, "/api/auth/account/resend-confirmation", resend()),
        (Method::POST, "/api/auth/login", login()),
        (Method::POST, "/api/auth/password/reset-request", reset_request()),
        (Method::POST, "/api/auth/password/update", password_update()),
        (Method::POST, "/api/auth/email/update", email_update()),
    ]
}

fn register(registration: Registration) -> Draft {
    let body = record()
        .must("username", matching("^[A-Za-z0-9_]{3,30}$"))
        .must("email", address())
        .must("password", new_password())
        .must("accepted_policy", boolean().enum_values(Some([true])))
        .may("language", any().description(Some("One of the known codes; anything else is `en`.")))
        .may("lang", any().description(Some("The older name of `language`.")))
        .example(json!({
            "username": "testrider", "email": "rider@example.org", "password": "correct-horse",
            "accepted_policy": true, "language": "en"
        }));
    let draft = operation("Register an account").about("It stays inactive until it is confirmed.");
    let draft = reads(draft, body).answer(
        200,
        "Registered; or the address is known, and nothing was done: nobody learns who has an account.",
        success(),
    );
    match registration {
        Registration::Open => draft,
        Registration::Closed => draft.answer(403, "Registration is disabled.", named("fittrackee.Error")),
    }
}

fn confirm() -> Draft {
    let answer = message("account confirmation successful").must("auth_token", auth_token());
    reads(operation("Confirm an account"), mailed_token()).answer(200, "Confirmed, and signed in.", answer)
}

fn resend() -> Draft {
    mails(reads(operation("Send the confirmation once more"), record().must("email", text()))).answer(
        200,
        "Sent, if there is such an account.",
        message("confirmation email resent"),
    )
}

fn login() -> Draft {
    let body = record()
        .must("email", text())
        .must("password", text())
        .example(json!({ "email": "rider@example.org", "password": "correct-horse" }));
    let answer = message("successfully logged in").must("auth_token", auth_token());
    reads(operation("Sign in").about("Members that nobody asks for are ignored."), body)
        .answer(200, "Signed in.", answer)
        .answer(
            401,
            "Wrong password, unknown address, inactive account, or none given: all alike.",
            named("fittrackee.Error"),
        )
}

fn reset_request() -> Draft {
    mails(reads(operation("Ask for a new password"), record().must("email", text()))).answer(
        200,
        "A mail goes out, if there is such an account.",
        message("password reset request processed"),
    )
}

fn password_update() -> Draft {
    let body = record().must("token", text()).must("password", new_password());
    reads(operation("Set a new password"), body).answer(200, "Set.", message("password updated")).answer(
        401,
        "The token is not good.",
        named("fittrackee.Error"),
    )
}

fn email_update() -> Draft {
    reads(operation("Confirm a change of address"), mailed_token()).answer(200, "Changed.", message("email updated"))
}

fn mailed_token() -> crate::trackers::schema::Record {
    record().must("token", matching("^[A-Za-z0-9_-]{40}$").description(Some("From the mail; it works once.")))
}

/// What needs mail is not there without it.
fn mails(draft: Draft) -> Draft {
    draft.answer(404, "Mail is off.", named("fittrackee.NotFound"))
}
