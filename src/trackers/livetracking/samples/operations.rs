//! What the paths of samples take and answer (contract sections 6 to 8).

use http::Method;
use serde_json::json;

use crate::trackers::Manual;
use crate::trackers::manual::{Draft, operation};
use crate::trackers::schema::{Record, any, list, record, text, word};

/// The manual with these too.
pub(in crate::trackers::livetracking) fn told_of(manual: Manual) -> Manual {
    let status = operation("Whether the service is there").empty(204, "It is.");
    let head = operation("Not answered").about("The original has no `HEAD` here.").empty(405, "Always.");
    manual
        .with(Method::POST, "/write", write())
        .with(Method::GET, "/query", query("Ask for samples"))
        .with(Method::POST, "/query", form(query("Ask for samples, or change them")))
        .with(Method::HEAD, "/query", head)
        .with(Method::GET, "/status", status)
}

fn write() -> Draft {
    operation("Write samples")
        .about(
            "Lines of the line protocol, whatever the content type says: \
             `measurement[,tag=value…] field=value[,field=value…] [timestamp]`. They may be packed by gzip. `u` and `p` \
             in the query are taken as a name and a password, and `rp` as the policy `livetracking`.",
        )
        .query("db", "The name of the account.", text())
        .query("precision", "The unit of timestamps: `ns`, `u`, `ms`, `s`, `m` or `h`; any other is `ns`.", text())
        .query("consistency", "Has no effect.", word(&["any", "one", "quorum", "all"]))
        .body("text/plain", text().examples([json!("samples hr_bpm=120,spd_kph=20.5")]))
        .empty(204, "The points are stored, and durable.")
        .answer(400, "What cannot be read or stored; the other points are stored.", error())
        .answer(403, "The database is another's.", error())
        .answer(404, "There is no such database.", error())
        .answer(413, "More than 25 MB.", error())
}

fn query(summary: &str) -> Draft {
    operation(summary)
        .about(
            "Statements of InfluxQL: `SELECT`, `SHOW …`, `DELETE`. CSV and msgpack are had by `Accept`. `u` and `p` in \
             the query are taken as a name and a password.",
        )
        .query("q", "The statements, parted by `;`.", text())
        .query("db", "The database that is meant where none is named.", text())
        .query("epoch", "Instants as numbers of this unit instead of texts.", word(EPOCHS))
        .query("pretty", "Spread out.", word(&["true", "false"]))
        .query("chunked", "A document for every so many rows.", word(&["true", "false"]))
        .query("chunk_size", "How many.", text())
        .query("params", "A JSON object with the values of `$name`.", text())
        .answer(200, "A result for each statement; what went wrong stands in it.", results())
        .answer_as(200, "", "text/csv", text())
        .answer_as(200, "", "application/x-msgpack", text())
        .answer(400, "What cannot be read.", error())
        .answer(403, "One of the statements may not be run; none was.", error())
}

fn form(draft: Draft) -> Draft {
    let fields = || record().may("q", text()).may("db", text()).may("epoch", text()).may("params", text());
    draft.body("application/x-www-form-urlencoded", fields()).body("multipart/form-data", fields())
}

fn results() -> Record {
    let series = record()
        .may("name", text())
        .may("tags", record())
        .may("columns", list(text()))
        .may("values", list(list(any())))
        .may("partial", any());
    let result = record().may("statement_id", any()).may("series", list(series)).may("error", text());
    record().may("results", list(result))
}

fn error() -> Record {
    record().must("error", text())
}

const EPOCHS: &[&str] = &["ns", "u", "ms", "s", "m", "h"];
