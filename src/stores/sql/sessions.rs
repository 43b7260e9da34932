//! Sliding sessions.

use std::sync::Arc;
use std::time::SystemTime;

use sqlx::AnyConnection;
use trackgate_schemes::store::{Account, AddressRule, Answer, OpenSession, Opened, Session, Sessions};
use trackgate_schemes::{AccountId, Digest};

use super::SqlStore;
use super::accounts::by_id;
use super::fault::Fault;
use super::log::tell;
use super::rows::{Columns, account_columns, hex, next, session_columns};
use crate::ports::{EventKind, SessionLists};
use crate::stores::kept;

impl Sessions for SqlStore {
    fn open_session(&self, request: OpenSession) -> Answer<'_, Opened> {
        self.saw(request.session.last_used_at);
        self.write(move |connection| Box::pin(open(connection, request)))
    }

    fn session<'a>(&'a self, scheme: &'a str, digest: &'a Digest) -> Answer<'a, Option<(Session, Account)>> {
        let scheme = kept::text(scheme);
        let digest = hex(digest.as_bytes());
        self.read(move |connection| {
            Box::pin(async move {
                let row = sqlx::query(concat!(
                    "SELECT ",
                    session_columns!(),
                    ", ",
                    account_columns!(),
                    " FROM sessions s JOIN accounts a ON a.id = s.account WHERE s.scheme = $1 AND s.digest = $2"
                ))
                .bind(scheme?)
                .bind(digest)
                .fetch_optional(connection)
                .await?;
                let Some(row) = row else { return Ok(None) };
                let mut row = Columns::of(&row);
                Ok(Some((row.session()?, row.account()?)))
            })
        })
    }

    fn close_session<'a>(&'a self, id: &'a str) -> Answer<'a, Option<AccountId>> {
        let id = kept::text(id);
        self.write(move |connection| {
            Box::pin(async move {
                let id = id?;
                let Some(account) = delete(connection, &id).await? else { return Ok(None) };
                let event = EventKind::Credential { id: id.into(), account: Some(account) };
                tell(connection, SystemTime::now(), &event).await?;
                Ok(Some(account))
            })
        })
    }

    fn note_session_use(&self, id: &str, at: SystemTime) {
        self.saw(at);
        self.notes.session(id, at);
    }
}

impl SessionLists for SqlStore {
    fn list_sessions(&self, account: Option<AccountId>) -> Answer<'_, Vec<Session>> {
        self.read(move |connection| {
            Box::pin(async move {
                let query = match account {
                    None => sqlx::query(concat!("SELECT ", session_columns!(), " FROM sessions s ORDER BY s.place")),
                    Some(account) => sqlx::query(concat!(
                        "SELECT ",
                        session_columns!(),
                        " FROM sessions s WHERE s.account = $1 ORDER BY s.place"
                    ))
                    .bind(account.0),
                };
                let rows = query.fetch_all(connection).await?;
                rows.iter().map(|row| Columns::of(row).session()).collect()
            })
        })
    }
}

/// Writes a last use, never an earlier one over a later one.
pub(super) async fn touch(connection: &mut AnyConnection, id: &str, at: SystemTime) -> Result<(), Fault> {
    sqlx::query(
        "UPDATE sessions SET last_used_at = $1, \
         until = CASE WHEN $1 + idle < hard_end THEN $1 + idle ELSE hard_end END \
         WHERE id = $2 AND last_used_at < $1",
    )
    .bind(kept::micros(at)?)
    .bind(id)
    .execute(connection)
    .await?;
    Ok(())
}

/// What an open session is checked against, in the words of the tables.
struct Asked {
    scheme: String,
    account: i64,
    client: Option<String>,
    /// Sessions last used then or earlier are dead.
    idle_since: i64,
    /// Sessions opened then or earlier are dead.
    opened_before: i64,
}

async fn open(connection: &mut AnyConnection, request: OpenSession) -> Result<Opened, Fault> {
    let OpenSession { session, generation, life, unwritten, rule, per_account } = request;
    let now = kept::micros(session.last_used_at)?;
    let asked = Asked {
        scheme: kept::text(&session.scheme)?,
        account: session.account.0,
        client: kept::address(session.client).map(|client| client.to_string()),
        idle_since: now - kept::length(life.idle),
        opened_before: life.absolute.map_or(i64::MIN, |absolute| now - kept::length(absolute)),
    };
    let account = by_id(connection, session.account).await?;
    if !account.is_some_and(|account| account.is_active() && account.generation == generation) {
        return Err(kept::account_changed().into());
    }
    for (id, at) in &unwritten {
        touch(connection, id, *at).await?;
    }
    let others = if rule == AddressRule::Any { Vec::new() } else { others(connection, &asked).await? };
    if rule == AddressRule::OneUserRefuse && !others.is_empty() {
        return Ok(Opened::AddressTaken);
    }
    // Another node may have seen a later use of one that is dead here, and must not go on with it.
    for (id, account) in delete_dead(connection, &asked).await? {
        let event = EventKind::Credential { id, account: Some(account) };
        tell(connection, session.last_used_at, &event).await?;
    }
    let mut ended = others;
    ended.extend(beyond(connection, &asked, per_account).await?);
    for id in &ended {
        let account = delete(connection, id).await?;
        let event = EventKind::Credential { id: Arc::clone(id), account };
        tell(connection, session.last_used_at, &event).await?;
    }
    let hard_end = match life.absolute {
        Some(absolute) => kept::micros(session.opened_at)? + kept::length(absolute),
        None => i64::MAX,
    };
    insert(connection, &session, &asked, kept::length(life.idle), hard_end).await?;
    Ok(Opened::Opened { ended })
}

/// Live sessions that other users hold from the same address; an unknown address is nobody's.
async fn others(connection: &mut AnyConnection, asked: &Asked) -> Result<Vec<Arc<str>>, Fault> {
    let rows = sqlx::query(
        "SELECT id FROM sessions WHERE scheme = $1 AND client = $2 AND account <> $3 \
         AND last_used_at > $4 AND opened_at > $5 ORDER BY place",
    )
    .bind(asked.scheme.as_str())
    .bind(asked.client.clone())
    .bind(asked.account)
    .bind(asked.idle_since)
    .bind(asked.opened_before)
    .fetch_all(connection)
    .await?;
    rows.iter().map(|row| Ok(Columns::of(row).text()?.into())).collect()
}

async fn delete_dead(connection: &mut AnyConnection, asked: &Asked) -> Result<Vec<(Arc<str>, AccountId)>, Fault> {
    let rows = sqlx::query(
        "DELETE FROM sessions WHERE scheme = $1 AND (account = $2 OR client = $3) \
         AND (last_used_at <= $4 OR opened_at <= $5) RETURNING id, account",
    )
    .bind(asked.scheme.as_str())
    .bind(asked.account)
    .bind(asked.client.clone())
    .bind(asked.idle_since)
    .bind(asked.opened_before)
    .fetch_all(connection)
    .await?;
    let read = |mut row: Columns<'_>| Ok((Arc::from(row.text()?), AccountId(row.int()?)));
    rows.iter().map(|row| read(Columns::of(row))).collect()
}

/// The account's oldest sessions, as many as must leave so that one more fits.
async fn beyond(connection: &mut AnyConnection, asked: &Asked, per_account: u32) -> Result<Vec<Arc<str>>, Fault> {
    let rows = sqlx::query("SELECT id FROM sessions WHERE account = $1 AND scheme = $2 ORDER BY place")
        .bind(asked.account)
        .bind(asked.scheme.as_str())
        .fetch_all(connection)
        .await?;
    let room = usize::try_from(per_account.saturating_sub(1)).unwrap_or(usize::MAX);
    let leave = rows.len().saturating_sub(room);
    rows.iter().take(leave).map(|row| Ok(Columns::of(row).text()?.into())).collect()
}

async fn insert(
    connection: &mut AnyConnection,
    session: &Session,
    asked: &Asked,
    idle: i64,
    hard_end: i64,
) -> Result<(), Fault> {
    let place = next(connection, "credentials").await?;
    let last_used_at = kept::micros(session.last_used_at)?;
    sqlx::query(
        "INSERT INTO sessions (id, place, digest, scheme, account, service, client, opened_at, last_used_at, \
         idle, hard_end, until) VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12)",
    )
    .bind(kept::text(&session.id)?)
    .bind(place)
    .bind(hex(session.digest.as_bytes()))
    .bind(asked.scheme.as_str())
    .bind(asked.account)
    .bind(kept::text(&session.service)?)
    .bind(asked.client.clone())
    .bind(kept::micros(session.opened_at)?)
    .bind(last_used_at)
    .bind(idle)
    .bind(hard_end)
    .bind(hard_end.min(last_used_at + idle))
    .execute(connection)
    .await?;
    Ok(())
}

async fn delete(connection: &mut AnyConnection, id: &str) -> Result<Option<AccountId>, Fault> {
    let row =
        sqlx::query("DELETE FROM sessions WHERE id = $1 RETURNING account").bind(id).fetch_optional(connection).await?;
    row.map(|row| Ok(AccountId(Columns::of(&row).int()?))).transpose()
}
