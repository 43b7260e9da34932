//! What the end points take and answer.

use http::Method;
use serde_json::json;

use super::{ASSETS, EVENTS, LATEST, PAGE};
use crate::trackers::livetracking::operations::user_name;
use crate::trackers::manual::{Draft, operation};
use crate::trackers::schema::{Record, integer, list, number, record, text, word};

pub(in crate::trackers::livetracking) fn operations() -> [(Method, &'static str, Draft); 4] {
    let about = "Nothing of a rider is in it: it is the same whether there is one of this name or not.";
    let page = of_a_rider(operation("The live page of a rider").about(about)).page(200, "The page.").answer_as(
        404,
        "No name that an account can have.",
        "text/html",
        text(),
    );
    let asset = operation("A file that the live page loads")
        .path("version", "A digest of all files.", text())
        .path("file", "Its name.", text())
        .answer_as(200, "The file, to be kept.", "text/javascript", text())
        .answer_as(200, "The file, to be kept.", "text/css", text())
        .answer_as(200, "The file, to be kept.", "image/svg+xml", text())
        .answer(404, "No such file, or not in this version.", error("NOT_FOUND"));
    [
        (Method::GET, PAGE, page),
        (Method::GET, EVENTS, events()),
        (Method::GET, LATEST, latest()),
        (Method::GET, ASSETS, asset),
    ]
}

fn events() -> Draft {
    let about = "Server-sent events: `hello` (the clock, the hours that are shown), `ride` (the ride as a whole, \
                 thinned), `points` (what came since, in columns), `end` (why it ends). It ends within a second of \
                 the link, the session, the account or the switch that let it begin.";
    for_watchers(operation("A ride as it happens").about(about))
        .request_header("Last-Event-ID", "The last event that was seen: only what came after it is told.", integer())
        .answer_as(200, "The events, without end.", "text/event-stream", text())
        .answer(503, "All places are taken.", error("BUSY"))
}

fn latest() -> Draft {
    let points = record().must("t", list(integer()));
    let answer = record().must("now", integer()).may("ride", ride()).may("points", points);
    for_watchers(operation("A ride as it is now").about("What polls where streams are held up on the way."))
        .query("since", "Only what came after this instant, milliseconds since 1970.", integer())
        .answer(200, "The ride, or the points since then if they are few.", answer)
}

fn ride() -> Record {
    let track = record().must("t", list(integer())).must("lat", list(number())).must("lng", list(number()));
    let example = json!({
        "track": { "t": [1_795_311_540_000_i64], "lat": [53.1], "lng": [8.2] },
        "plots": { "hr_bpm": { "count": 1, "min": 120, "mean": 120, "max": 120, "t": [1_795_311_540_000_i64], "v": [120] } },
        "newest": { "hr_bpm": [1_795_311_540_000_i64, 120] },
    });
    record().must("track", track).must("plots", record()).must("newest", record()).example(example)
}

fn for_watchers(draft: Draft) -> Draft {
    of_a_rider(draft)
        .request_header(super::share::HEADER.as_str(), "The token of a share link.", text())
        .answer(403, "Not for the caller, or there is no such rider.", error("FORBIDDEN"))
        .answer(404, "No name that an account can have.", error("NOT_FOUND"))
}

fn of_a_rider(draft: Draft) -> Draft {
    draft.path("username", "The rider's name in any letter case.", user_name())
}

fn error(code: &str) -> Record {
    record().must("error", word(&[code, "AUTHENTICATION_FAILED"]))
}
