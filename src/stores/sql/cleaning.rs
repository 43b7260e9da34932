//! Takes out what ended long ago, a bounded step at a time.

use std::time::{Duration, SystemTime};

use sqlx::AnyConnection;

use super::fault::Fault;
use crate::stores::kept;

/// Deletes some of what ended at least a day before `now`, and the oldest events after a week.
///
/// A node that reads the event log later than that finds a gap, and forgets everything it knew. The newest
/// event stays however old it is: without it there would be no gap to find.
pub(super) async fn clean(connection: &mut AnyConnection, now: SystemTime) -> Result<(), Fault> {
    let now = kept::micros(now)?;
    for statement in ENDED {
        sqlx::query(*statement).bind(now - kept::length(DAY)).bind(STEP).execute(&mut *connection).await?;
    }
    sqlx::query(
        "DELETE FROM events WHERE seq < (SELECT value FROM counters WHERE name = 'events') AND seq IN \
         (SELECT o.seq FROM (SELECT seq, at FROM events ORDER BY seq LIMIT $2) o WHERE o.at < $1)",
    )
    .bind(now - 7 * kept::length(DAY))
    .bind(STEP)
    .execute(connection)
    .await?;
    Ok(())
}

const ENDED: &[&str] = &[
    "DELETE FROM blacklist WHERE id IN (SELECT id FROM blacklist WHERE until < $1 ORDER BY until LIMIT $2)",
    "DELETE FROM guess_counters WHERE id IN (SELECT id FROM guess_counters WHERE until < $1 ORDER BY until LIMIT $2)",
    "DELETE FROM sessions WHERE id IN (SELECT id FROM sessions WHERE until < $1 ORDER BY until LIMIT $2)",
    "DELETE FROM signed_tokens WHERE id IN (SELECT id FROM signed_tokens WHERE ends_at < $1 ORDER BY ends_at LIMIT $2)",
    "DELETE FROM mailed_tokens WHERE (account, purpose) IN \
     (SELECT account, purpose FROM mailed_tokens WHERE expires_at < $1 ORDER BY expires_at LIMIT $2)",
];
const DAY: Duration = Duration::from_hours(24);
const STEP: i64 = 1000;
