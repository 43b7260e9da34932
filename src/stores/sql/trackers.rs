//! Tracked sessions.

use std::time::SystemTime;

use sqlx::AnyConnection;
use trackgate_schemes::AccountId;
use trackgate_schemes::store::Answer;

use super::SqlStore;
use super::fault::Fault;
use super::rows::{Columns, account_exists, next};
use crate::ports::{Added, NewTracked, Tracked, TrackedFilter, TrackedPage, TrackedSessions};
use crate::stores::kept;

/// The columns that [`read`] reads.
macro_rules! tracked_columns {
    () => {
        "id, account, start_at, end_at, scheduled_end, is_public, locked_by, notes, start_offset, end_offset, \
         inserted_at"
    };
}

/// The condition of a [`TrackedFilter`]: account, from, before, active (-1 for either), public (the same).
macro_rules! tracked_filter {
    () => {
        " FROM tracked_sessions WHERE account = $1 AND start_at >= $2 AND start_at < $3 \
         AND ($4 < 0 OR ($4 = 1) = (end_at IS NULL)) AND ($5 < 0 OR is_public = $5)"
    };
}

impl TrackedSessions for SqlStore {
    fn add_tracked(&self, account: AccountId, new: NewTracked, now: SystemTime) -> Answer<'_, Added> {
        self.write(move |connection| Box::pin(add(connection, account, new, now)))
    }

    fn list_tracked(&self, account: AccountId, filter: TrackedFilter) -> Answer<'_, TrackedPage> {
        self.read(move |connection| Box::pin(list(connection, account, filter)))
    }

    fn tracked(&self, account: AccountId, id: i64) -> Answer<'_, Option<Tracked>> {
        self.read(move |connection| {
            Box::pin(async move {
                let row = sqlx::query(concat!(
                    "SELECT ",
                    tracked_columns!(),
                    " FROM tracked_sessions WHERE id = $1 AND account = $2"
                ))
                .bind(id)
                .bind(account.0)
                .fetch_optional(connection)
                .await?;
                row.map(|row| read(&mut Columns::of(&row))).transpose()
            })
        })
    }
}

async fn add(
    connection: &mut AnyConnection,
    account: AccountId,
    new: NewTracked,
    now: SystemTime,
) -> Result<Added, Fault> {
    if !account_exists(connection, account).await? {
        return Err(kept::no_account().into());
    }
    let start = kept::micros(new.start)?;
    let end = new.end.map(kept::micros).transpose()?;
    // Half-open intervals meet if each begins before the other ends (contract section 4).
    let overlap = sqlx::query(
        "SELECT id FROM tracked_sessions WHERE account = $1 AND start_at < $2 \
         AND (end_at IS NULL OR end_at > $3) LIMIT 1",
    )
    .bind(account.0)
    .bind(end.unwrap_or(i64::MAX))
    .bind(start)
    .fetch_optional(&mut *connection)
    .await?;
    if overlap.is_some() {
        return Ok(Added::Overlaps);
    }
    let id = next(connection, "tracked").await?;
    let row = sqlx::query(concat!(
        "INSERT INTO tracked_sessions (",
        tracked_columns!(),
        ") VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11) RETURNING ",
        tracked_columns!()
    ))
    .bind(id)
    .bind(account.0)
    .bind(start)
    .bind(end)
    .bind(new.scheduled_end.map(kept::micros).transpose()?)
    .bind(i64::from(new.public))
    .bind(new.locked_by.as_deref().map(kept::text).transpose()?)
    .bind(new.notes.as_deref().map(kept::text).transpose()?)
    .bind(i64::from(new.start_offset))
    .bind(i64::from(new.end_offset))
    .bind(kept::micros(now)?)
    .fetch_one(connection)
    .await?;
    Ok(Added::Added(read(&mut Columns::of(&row))?))
}

async fn list(connection: &mut AnyConnection, account: AccountId, filter: TrackedFilter) -> Result<TrackedPage, Fault> {
    let from = filter.from.map_or(Ok(i64::MIN), kept::micros)?;
    let before = filter.before.map_or(Ok(i64::MAX), kept::micros)?;
    let either = |wanted: Option<bool>| wanted.map_or(-1, i64::from);
    let count = sqlx::query(concat!("SELECT COUNT(*)", tracked_filter!()))
        .bind(account.0)
        .bind(from)
        .bind(before)
        .bind(either(filter.active))
        .bind(either(filter.public))
        .fetch_one(&mut *connection)
        .await?;
    let rows = sqlx::query(concat!(
        "SELECT ",
        tracked_columns!(),
        tracked_filter!(),
        " ORDER BY start_at DESC, id DESC LIMIT $6 OFFSET $7"
    ))
    .bind(account.0)
    .bind(from)
    .bind(before)
    .bind(either(filter.active))
    .bind(either(filter.public))
    .bind(i64::from(filter.limit))
    .bind(i64::from(filter.offset))
    .fetch_all(connection)
    .await?;
    let total = u64::try_from(Columns::of(&count).int()?).map_err(|_| Fault::Corrupt("a count"))?;
    let items = rows.iter().map(|row| read(&mut Columns::of(row))).collect::<Result<_, _>>()?;
    Ok(TrackedPage { total, items })
}

fn read(row: &mut Columns<'_>) -> Result<Tracked, Fault> {
    let offset = |seconds: i64| i32::try_from(seconds).map_err(|_| Fault::Corrupt("the zone of a tracked session"));
    let (id, account) = (row.int()?, AccountId(row.int()?));
    let data = NewTracked {
        start: row.time()?,
        end: row.maybe_time()?,
        scheduled_end: row.maybe_time()?,
        public: row.int()? != 0,
        locked_by: row.maybe_text()?.map(Into::into),
        notes: row.maybe_text()?.map(Into::into),
        start_offset: offset(row.int()?)?,
        end_offset: offset(row.int()?)?,
    };
    Ok(Tracked { id, account, data, inserted_at: row.time()? })
}
