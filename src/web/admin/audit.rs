//! The audit trail, searched.

use std::sync::Arc;
use std::time::SystemTime;

use askama::Template;
use bytes::Bytes;
use http::Response;
use jiff::civil::Date;
use jiff::tz::TimeZone;

use crate::ports::{AuditAction, AuditFilter, AuditOutcome};
use crate::web::account::events::{Row, action, paged};
use crate::web::answer::{Stop, render};
use crate::web::form::encode;
use crate::web::frame::Frame;
use crate::web::visit::Visit;

#[derive(Template)]
#[template(path = "admin-audit.html")]
struct AuditPage<'a> {
    frame: Frame,
    who: &'a str,
    service: &'a str,
    outcome: &'a str,
    since: &'a str,
    until: &'a str,
    actions: Vec<Choice>,
    is_searched: bool,
    rows: Vec<Row>,
    newer: Option<String>,
    older: Option<String>,
}

struct Choice {
    code: &'static str,
    name: String,
    is_chosen: bool,
}

/// What was searched for, page by page.
pub(super) async fn list(visit: Visit) -> Result<Response<Bytes>, Stop> {
    let query = &visit.query;
    let [who, service, outcome, since, until] = KEYS.map(|key| query.trimmed(key));
    let chosen = query.trimmed("action");
    let part = |text: &str| (!text.is_empty()).then(|| Arc::from(text));
    let filter = AuditFilter {
        action: AuditAction::from_code(chosen),
        who: part(who),
        service: part(service),
        outcome: match outcome {
            "done" => Some(AuditOutcome::Done),
            "refused" => Some(AuditOutcome::Refused),
            _ => None,
        },
        since: midnight(since, 0),
        until: midnight(until, 1),
        ..AuditFilter::default()
    };
    let asked = KEYS.into_iter().chain(["action"]).filter(|key| !query.trimmed(key).is_empty());
    let kept = asked.map(|key| format!("{key}={}", encode(query.trimmed(key)))).collect::<Vec<_>>().join("&");
    let (rows, newer, older) = paged(&visit, filter, "/account/admin/audit", &kept).await?;
    let words = visit.words();
    let choice =
        |each: &AuditAction| Choice { code: each.code(), name: action(words, *each), is_chosen: each.code() == chosen };
    let page = AuditPage {
        frame: visit.frame(words.get("audit.title")).await?.of("audit"),
        who,
        service,
        outcome,
        since,
        until,
        actions: AuditAction::ALL.iter().map(choice).collect(),
        is_searched: !kept.is_empty(),
        rows,
        newer,
        older,
    };
    Ok(render(&visit.shared, &page))
}

/// The beginning of a day in UTC, so many days later; `None` for what is no day.
fn midnight(text: &str, days: i32) -> Option<SystemTime> {
    let date: Date = text.parse().ok()?;
    let date = date.checked_add(jiff::Span::new().days(days)).ok()?;
    Some(date.to_zoned(TimeZone::UTC).ok()?.timestamp().into())
}

const KEYS: [&str; 5] = ["who", "service", "outcome", "since", "until"];
