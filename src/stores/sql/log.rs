//! The event log and the audit trail.

use std::sync::Arc;
use std::time::SystemTime;

use sqlx::AnyConnection;
use trackgate_schemes::AccountId;
use trackgate_schemes::store::{Answer, StoreError};

use super::SqlStore;
use super::fault::Fault;
use super::rows::{Columns, next};
use crate::ports::{Audit, AuditAction, AuditEntry, AuditFilter, AuditOutcome, DONE, Event, EventKind, Events};
use crate::stores::kept;

/// Adds an event; it lasts if and only if the change beside it does.
pub(super) async fn tell(connection: &mut AnyConnection, at: SystemTime, kind: &EventKind) -> Result<(), Fault> {
    let (account, credential, document) = match kind {
        EventKind::Account(id) => (Some(id.0), None, None),
        EventKind::Credential { id, account } => (account.map(|account| account.0), Some(id.to_string()), None),
        EventKind::Document(id) => (Some(id.0), None, Some(1)),
    };
    let seq = next(connection, "events").await?;
    sqlx::query("INSERT INTO events (seq, at, account, credential, document) VALUES ($1, $2, $3, $4, $5)")
        .bind(seq)
        .bind(kept::micros(at)?)
        .bind(account)
        .bind(credential)
        .bind(document)
        .execute(connection)
        .await?;
    Ok(())
}

/// What an [`AuditFilter`] finds; empty texts, and times as far away as can be, stand for what it does not ask.
macro_rules! audit_query {
    ($more:literal) => {
        concat!(
            "SELECT at, action, account, name, actor, service, client, outcome, target FROM audit ",
            "WHERE ($1 = '' OR action = $1) ",
            "AND (LOWER(name) LIKE LOWER($2) ESCAPE '\\' OR LOWER(actor) LIKE LOWER($2) ESCAPE '\\') ",
            "AND LOWER(service) LIKE LOWER($3) ESCAPE '\\' ",
            "AND ($4 <> 'done' OR outcome = 'done') AND ($4 <> 'refused' OR outcome <> 'done') ",
            "AND at >= $5 AND at < $6 ",
            $more,
            "ORDER BY id DESC LIMIT $7 OFFSET $8"
        )
    };
}

impl Events for SqlStore {
    fn newest_event(&self) -> Answer<'_, u64> {
        self.read(|connection| {
            Box::pin(async move {
                let row = sqlx::query("SELECT value FROM counters WHERE name = 'events'").fetch_one(connection).await?;
                place(Columns::of(&row).int()?)
            })
        })
    }

    fn events_after(&self, after: u64, limit: u32) -> Answer<'_, Vec<Event>> {
        let after = i64::try_from(after).unwrap_or(i64::MAX);
        self.read(move |connection| {
            Box::pin(async move {
                let rows = sqlx::query(
                    "SELECT seq, at, account, credential, document FROM events WHERE seq > $1 ORDER BY seq LIMIT $2",
                )
                .bind(after)
                .bind(i64::from(limit))
                .fetch_all(connection)
                .await?;
                rows.iter().map(|row| event(&mut Columns::of(row))).collect()
            })
        })
    }
}

impl Audit for SqlStore {
    fn record(&self, entry: AuditEntry) -> Answer<'_, ()> {
        self.saw(entry.at);
        self.write(move |connection| {
            Box::pin(async move {
                let id = next(connection, "audit").await?;
                sqlx::query(
                    "INSERT INTO audit (id, at, action, account, name, actor, service, client, outcome, target) \
                     VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10)",
                )
                .bind(id)
                .bind(kept::micros(entry.at)?)
                .bind(entry.action.code())
                .bind(entry.account.map(|account| account.0))
                .bind(kept::text(&entry.name)?)
                .bind(kept::text(&entry.actor)?)
                .bind(kept::text(&entry.service)?)
                .bind(kept::address(entry.client).map(|client| client.to_string()))
                .bind(kept::text(&entry.outcome)?)
                .bind(kept::text(&entry.target)?)
                .execute(connection)
                .await?;
                Ok(())
            })
        })
    }

    fn audit(&self, filter: AuditFilter) -> Answer<'_, Vec<AuditEntry>> {
        let who = containing(filter.who.as_deref());
        let service = containing(filter.service.as_deref());
        let micros = |at: Option<SystemTime>, open: i64| at.map_or(Ok(open), kept::micros);
        let times = micros(filter.since, i64::MIN).and_then(|since| Ok((since, micros(filter.until, i64::MAX)?)));
        let outcome = match filter.outcome {
            None => "",
            Some(AuditOutcome::Done) => DONE,
            Some(AuditOutcome::Refused) => "refused",
        };
        self.read(move |connection| {
            Box::pin(async move {
                let (since, until) = times?;
                // Of one account by its index; else entry by entry, from the newest on.
                let query = match filter.account {
                    None => sqlx::query(audit_query!("")),
                    Some(_) => sqlx::query(audit_query!("AND account = $9 ")),
                };
                let query = query
                    .bind(filter.action.map_or("", AuditAction::code))
                    .bind(who?)
                    .bind(service?)
                    .bind(outcome)
                    .bind(since)
                    .bind(until)
                    .bind(i64::from(filter.limit))
                    .bind(i64::from(filter.offset));
                let query = match filter.account {
                    None => query,
                    Some(account) => query.bind(account.0),
                };
                let rows = query.fetch_all(connection).await?;
                rows.iter().map(|row| entry(&mut Columns::of(row))).collect()
            })
        })
    }
}

/// The pattern of `LIKE` for texts with this part.
fn containing(part: Option<&str>) -> Result<String, StoreError> {
    let mut pattern = String::from("%");
    for letter in part.unwrap_or_default().chars() {
        if matches!(letter, '%' | '_' | '\\') {
            pattern.push('\\');
        }
        pattern.push(letter);
    }
    pattern.push('%');
    kept::text(&pattern)
}

fn event(row: &mut Columns<'_>) -> Result<Event, Fault> {
    let seq = place(row.int()?)?;
    let at = row.time()?;
    let account = row.maybe_int()?.map(AccountId);
    let kind = match (row.maybe_text()?, account, row.maybe_int()?) {
        (Some(id), account, None) => EventKind::Credential { id: id.into(), account },
        (None, Some(account), None) => EventKind::Account(account),
        (None, Some(account), Some(_)) => EventKind::Document(account),
        _ => return Err(Fault::Corrupt("an event")),
    };
    Ok(Event { seq, at, kind })
}

fn entry(row: &mut Columns<'_>) -> Result<AuditEntry, Fault> {
    Ok(AuditEntry {
        at: row.time()?,
        action: AuditAction::from_code(&row.text()?).ok_or(Fault::Corrupt("the action of an audit entry"))?,
        account: row.maybe_int()?.map(AccountId),
        name: row.text()?.into(),
        actor: row.text()?.into(),
        service: row.text()?.into(),
        client: row.address()?,
        outcome: Arc::from(row.text()?),
        target: row.text()?.into(),
    })
}

fn place(seq: i64) -> Result<u64, Fault> {
    u64::try_from(seq).map_err(|_| Fault::Corrupt("the place of an event"))
}
