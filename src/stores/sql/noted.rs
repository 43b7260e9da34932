//! Writes what was noted, and loads guess counters.

use std::time::SystemTime;

use sqlx::AnyConnection;
use trackgate_policies::store::{GuessCounter, GuessCounters};
use trackgate_schemes::store::{Answer, StoreError};

use super::SqlStore;
use super::fault::Fault;
use super::notes::Noted;
use super::rows::Columns;
use super::sessions::touch;
use super::signed;
use crate::stores::kept;

impl GuessCounters for SqlStore {
    fn load_guesses(&self, now: SystemTime) -> Answer<'_, Vec<GuessCounter>> {
        self.saw(now);
        self.read(move |connection| {
            Box::pin(async move {
                let rows = sqlx::query(
                    "SELECT id, wrong, locked_until, until FROM guess_counters WHERE until > $1 ORDER BY id",
                )
                .bind(kept::micros(now)?)
                .fetch_all(connection)
                .await?;
                rows.iter().map(|row| counter(&mut Columns::of(row))).collect()
            })
        })
    }

    fn note_guess(&self, counter: GuessCounter) {
        self.notes.guess(counter);
    }
}

/// Writes the newest values. What can never be kept is left out rather than tried for ever.
pub(super) async fn write(connection: &mut AnyConnection, noted: Noted) -> Result<(), Fault> {
    for (id, (at, client)) in &noted.tokens {
        let (Ok(id), Ok(at)) = (kept::text(id), kept::micros(*at)) else { continue };
        sqlx::query(
            "UPDATE api_tokens SET last_used_at = $1, last_client = $2 \
             WHERE id = $3 AND (last_used_at IS NULL OR last_used_at <= $1)",
        )
        .bind(at)
        .bind(kept::address(*client).map(|client| client.to_string()))
        .bind(id)
        .execute(&mut *connection)
        .await?;
    }
    for (key, (at, client)) in &noted.signed {
        if kept::text(key).and(kept::micros(*at)).is_ok() {
            signed::touch(connection, key, *at, *client).await?;
        }
    }
    for (id, at) in &noted.sessions {
        if kept::text(id).and(kept::micros(*at)).is_ok() {
            touch(connection, id, *at).await?;
        }
    }
    for counter in noted.guesses.values() {
        let Ok((key, locked_until, until)) = forms(counter) else { continue };
        sqlx::query(
            "INSERT INTO guess_counters (id, wrong, locked_until, until) VALUES ($1, $2, $3, $4) \
             ON CONFLICT (id) DO UPDATE SET wrong = excluded.wrong, locked_until = excluded.locked_until, \
             until = excluded.until",
        )
        .bind(key)
        .bind(i64::from(counter.wrong))
        .bind(locked_until)
        .bind(until)
        .execute(&mut *connection)
        .await?;
    }
    Ok(())
}

fn forms(counter: &GuessCounter) -> Result<(String, i64, i64), StoreError> {
    Ok((kept::text(&counter.key)?, kept::micros(counter.locked_until)?, kept::micros(counter.expires_at)?))
}

fn counter(row: &mut Columns<'_>) -> Result<GuessCounter, Fault> {
    Ok(GuessCounter {
        key: row.text()?.into(),
        wrong: u32::try_from(row.int()?).map_err(|_| Fault::Corrupt("a guess counter"))?,
        locked_until: row.time()?,
        expires_at: row.time()?,
    })
}
