//! The list of signed tokens that are out.

use std::net::IpAddr;
use std::time::SystemTime;

use sqlx::AnyConnection;
use trackgate_schemes::AccountId;
use trackgate_schemes::store::Answer;

use super::SqlStore;
use super::fault::Fault;
use super::rows::{Columns, account_exists};
use crate::ports::{MOST_SIGNED, SignedToken, SignedTokens};
use crate::stores::kept;

impl SignedTokens for SqlStore {
    fn add_signed(&self, token: SignedToken) -> Answer<'_, ()> {
        self.saw(token.issued_at);
        self.write(move |connection| Box::pin(add(connection, token)))
    }

    fn signed_tokens(&self, account: AccountId, now: SystemTime) -> Answer<'_, Vec<SignedToken>> {
        self.read(move |connection| {
            Box::pin(async move {
                let rows = sqlx::query(
                    "SELECT t.id, t.account, t.generation, t.scheme, t.service, t.client, t.issued_at, t.ends_at, \
                     t.last_used_at, t.last_client FROM signed_tokens t JOIN accounts a ON a.id = t.account \
                     WHERE t.account = $1 AND t.generation = a.generation AND t.ends_at > $2 \
                     ORDER BY t.issued_at DESC, t.id",
                )
                .bind(account.0)
                .bind(kept::micros(now)?)
                .fetch_all(connection)
                .await?;
                rows.iter().map(|row| token(&mut Columns::of(row))).collect()
            })
        })
    }
}

async fn add(connection: &mut AnyConnection, token: SignedToken) -> Result<(), Fault> {
    if !account_exists(connection, token.account).await? {
        return Err(kept::no_account().into());
    }
    // Those at their end make room first.
    sqlx::query("DELETE FROM signed_tokens WHERE account = $1 AND ends_at <= $2")
        .bind(token.account.0)
        .bind(kept::micros(token.issued_at)?)
        .execute(&mut *connection)
        .await?;
    sqlx::query(
        "INSERT INTO signed_tokens \
         (id, account, generation, scheme, service, client, issued_at, ends_at, last_used_at, last_client) \
         VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10) ON CONFLICT (id) DO NOTHING",
    )
    .bind(kept::text(&token.key)?)
    .bind(token.account.0)
    .bind(i64::try_from(token.generation).map_err(|_| Fault::Corrupt("the generation of an account"))?)
    .bind(kept::text(&token.scheme)?)
    .bind(kept::text(&token.service)?)
    .bind(kept::address(token.client).map(|client| client.to_string()))
    .bind(kept::micros(token.issued_at)?)
    .bind(kept::micros(token.ends_at)?)
    .bind(token.last_used_at.map(kept::micros).transpose()?)
    .bind(kept::address(token.last_client).map(|client| client.to_string()))
    .execute(&mut *connection)
    .await?;
    sqlx::query(
        "DELETE FROM signed_tokens WHERE account = $1 AND id NOT IN \
         (SELECT id FROM signed_tokens WHERE account = $1 ORDER BY issued_at DESC, id LIMIT $2)",
    )
    .bind(token.account.0)
    .bind(i64::try_from(MOST_SIGNED).unwrap_or(i64::MAX))
    .execute(connection)
    .await?;
    Ok(())
}

/// Takes a token off the list.
pub(super) async fn take_off(connection: &mut AnyConnection, key: &str) -> Result<(), Fault> {
    sqlx::query("DELETE FROM signed_tokens WHERE id = $1").bind(key).execute(connection).await?;
    Ok(())
}

/// Writes a use that was noted, unless a later one was written before.
pub(super) async fn touch(
    connection: &mut AnyConnection,
    key: &str,
    at: SystemTime,
    client: Option<IpAddr>,
) -> Result<(), Fault> {
    sqlx::query(
        "UPDATE signed_tokens SET last_used_at = $1, last_client = $2 \
         WHERE id = $3 AND (last_used_at IS NULL OR last_used_at <= $1)",
    )
    .bind(kept::micros(at)?)
    .bind(kept::address(client).map(|client| client.to_string()))
    .bind(kept::text(key)?)
    .execute(connection)
    .await?;
    Ok(())
}

fn token(row: &mut Columns<'_>) -> Result<SignedToken, Fault> {
    Ok(SignedToken {
        key: row.text()?.into(),
        account: AccountId(row.int()?),
        generation: u64::try_from(row.int()?).map_err(|_| Fault::Corrupt("the generation of a signed token"))?,
        scheme: row.text()?.into(),
        service: row.text()?.into(),
        client: row.address()?,
        issued_at: row.time()?,
        ends_at: row.time()?,
        last_used_at: row.maybe_time()?,
        last_client: row.address()?,
    })
}
