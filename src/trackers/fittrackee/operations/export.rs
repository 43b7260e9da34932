//! The export of an account's data (contract section 6.11).

use http::Method;

use super::shapes::success;
use crate::trackers::manual::{Draft, operation};
use crate::trackers::schema::{Record, any_of, list, matching, named, null, record, text, word};

pub(super) fn all() -> Vec<(Method, &'static str, Draft)> {
    vec![
        (Method::GET, "/api/auth/account/export", state()),
        (Method::POST, "/api/auth/account/export/request", request()),
        (Method::GET, "/api/auth/account/export/request", named_request()),
        (Method::GET, "/api/auth/account/export/{file_name}", download()),
    ]
}

fn state() -> Draft {
    let request = any_of([named("fittrackee.Export"), null().into()]);
    operation("The state of the export").answer(
        200,
        "The request, if there is one.",
        success().must("request", request),
    )
}

fn request() -> Draft {
    operation("Ask for an export")
        .answer(200, "It is being made.", success().must("request", named("fittrackee.Export")))
        .answer(400, "One is being made, or was made lately.", named("fittrackee.Error"))
}

fn missing() -> Record {
    let nothing = record().must("archive", list(text()).max_items(Some(0)));
    record().must("status", word(&["not found"])).must("data", nothing).must("message", word(&["file not found"]))
}

fn named_request() -> Draft {
    operation("No archive is called so").answer(404, "There is none.", missing())
}

fn download() -> Draft {
    let missing = missing();
    let zip = || text().content_media_type("application/zip");
    operation("Download the export")
        .path("file_name", "As the state of the export names it.", archive_name())
        .request_header("Range", "A part of it (RFC 9110 section 14.2).", text())
        .request_header("If-None-Match", "The `ETag` of a copy that is there already.", text())
        .answer_as(200, "The archive.", "application/zip", zip())
        .header(200, "ETag", "Names this very archive.", text())
        .answer_as(206, "The part that was asked for.", "application/zip", zip())
        .empty(304, "The copy is good.")
        .answer(404, "There is no such archive of this account.", missing)
        .empty(416, "There is no such part.")
}

/// As the state of an export tells it.
pub(super) fn archive_name() -> utoipa::openapi::schema::ObjectBuilder {
    matching("^archive_[A-Za-z0-9_-]+[.]zip$").max_length(Some(255))
}
