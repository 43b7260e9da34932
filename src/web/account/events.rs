//! What happened to an account: who signed in, what was refused, what was made and ended.

use std::sync::Arc;

use askama::Template;
use bytes::Bytes;
use http::Response;
use trackgate_schemes::AccountId;

use crate::ports::{AuditAction, AuditEntry, AuditFilter, DONE};
use crate::web::answer::{Stop, render};
use crate::web::frame::{Frame, When, address};
use crate::web::visit::Visit;
use crate::web::words::Words;

#[derive(Template)]
#[template(path = "events.html")]
struct EventsPage {
    frame: Frame,
    rows: Vec<Row>,
    newer: Option<String>,
    older: Option<String>,
}

/// An event as pages show it.
pub(in crate::web) struct Row {
    pub(in crate::web) at: When,
    pub(in crate::web) what: String,
    pub(in crate::web) is_done: bool,
    /// Why it was refused, in plain words.
    pub(in crate::web) why: String,
    pub(in crate::web) name: Arc<str>,
    pub(in crate::web) actor: Arc<str>,
    pub(in crate::web) service: String,
    pub(in crate::web) address: String,
    pub(in crate::web) target: Arc<str>,
}

impl Row {
    pub(in crate::web) fn new(words: &Words, entry: AuditEntry) -> Self {
        let is_done = &*entry.outcome == DONE;
        let why = if is_done { String::new() } else { said(words, "outcomes.", &entry.outcome) };
        let service = said(words, "services.", &entry.service);
        Self {
            at: When(entry.at),
            what: action(words, entry.action),
            is_done,
            why,
            name: entry.name,
            actor: entry.actor,
            service,
            address: address(entry.client),
            target: entry.target,
        }
    }
}

/// An action in plain words.
pub(in crate::web) fn action(words: &Words, action: AuditAction) -> String {
    said(words, "actions.", action.code())
}

/// A stable code in plain words; the code itself if there are none.
pub(super) fn said(words: &Words, section: &str, code: &str) -> String {
    let key = [section, &code.replace(['.', '-'], "_")].concat();
    words.find(&key).unwrap_or(code).to_owned()
}

/// The newest events of an account.
///
/// # Errors
///
/// The store is down.
pub(in crate::web) async fn newest(visit: &Visit, account: AccountId, limit: u32) -> Result<Vec<Row>, Stop> {
    let filter = AuditFilter { account: Some(account), limit, ..AuditFilter::default() };
    let entries = visit.shared.accounts.store().audit(filter).await?;
    Ok(entries.into_iter().map(|entry| Row::new(visit.words(), entry)).collect())
}

/// The events of the account, page by page.
pub(super) async fn list(visit: Visit) -> Result<Response<Bytes>, Stop> {
    let id = visit.who.account().ok_or(Stop::NotFound)?;
    let filter = AuditFilter { account: Some(id), ..AuditFilter::default() };
    let (rows, newer, older) = paged(&visit, filter, "/account/events", "").await?;
    let frame = visit.frame(visit.words().get("events.title")).await?.of("events");
    Ok(render(&visit.shared, &EventsPage { frame, rows, newer, older }))
}

/// A page of what the filter finds, with the links to the pages around it. `kept` is the rest of their query.
///
/// # Errors
///
/// The store is down.
pub(in crate::web) async fn paged(
    visit: &Visit,
    filter: AuditFilter,
    path: &str,
    kept: &str,
) -> Result<(Vec<Row>, Option<String>, Option<String>), Stop> {
    let offset = visit.query.get("from").parse::<u32>().unwrap_or(0).min(MOST_OFFSET);
    // One more tells whether there is another page.
    let filter = AuditFilter { offset, limit: PAGE + 1, ..filter };
    let entries = visit.shared.accounts.store().audit(filter).await?;
    let is_more = entries.len() > PAGE as usize;
    let link = |from: u32| match (from, kept) {
        (0, "") => path.to_owned(),
        (0, kept) => format!("{path}?{kept}"),
        (from, "") => format!("{path}?from={from}"),
        (from, kept) => format!("{path}?{kept}&from={from}"),
    };
    let newer = (offset > 0).then(|| link(offset.saturating_sub(PAGE)));
    let older = (is_more && offset < MOST_OFFSET).then(|| link(offset + PAGE));
    let rows = entries.into_iter().take(PAGE as usize).map(|entry| Row::new(visit.words(), entry)).collect();
    Ok((rows, newer, older))
}

const PAGE: u32 = 25;
const MOST_OFFSET: u32 = 1_000_000;
