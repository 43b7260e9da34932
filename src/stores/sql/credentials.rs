//! API tokens, the blacklist of signed tokens, and signing keys.

use std::net::IpAddr;
use std::time::SystemTime;

use sqlx::AnyConnection;
use trackgate_schemes::store::{Account, Answer, ApiToken, ApiTokens, Blacklist};
use trackgate_schemes::{AccountId, Secret};

use super::SqlStore;
use super::fault::Fault;
use super::log::tell;
use super::rows::{Columns, account_columns, account_exists, hex, next, token_columns, unhex};
use super::signed::take_off;
use crate::ports::{EventKind, Keys, TokenWrites};
use crate::stores::kept;

impl ApiTokens for SqlStore {
    fn api_token<'a>(&'a self, id: &'a str) -> Answer<'a, Option<(ApiToken, Account)>> {
        let id = kept::text(id);
        self.read(move |connection| {
            Box::pin(async move {
                let row = sqlx::query(concat!(
                    "SELECT ",
                    token_columns!(),
                    ", ",
                    account_columns!(),
                    " FROM api_tokens t JOIN accounts a ON a.id = t.account WHERE t.id = $1"
                ))
                .bind(id?)
                .fetch_optional(connection)
                .await?;
                let Some(row) = row else { return Ok(None) };
                let mut row = Columns::of(&row);
                Ok(Some((row.token()?, row.account()?)))
            })
        })
    }

    fn note_token_use(&self, id: &str, at: SystemTime, client: Option<IpAddr>) {
        self.saw(at);
        self.notes.token(id, at, client);
    }
}

impl TokenWrites for SqlStore {
    fn issue_token(&self, token: ApiToken) -> Answer<'_, ()> {
        self.saw(token.created_at);
        self.write(move |connection| Box::pin(insert(connection, token)))
    }

    fn rotate_token<'a>(
        &'a self,
        id: &'a str,
        successor: ApiToken,
        old_ends_at: SystemTime,
    ) -> Answer<'a, Option<ApiToken>> {
        let id = kept::text(id);
        self.saw(successor.created_at);
        self.write(move |connection| {
            Box::pin(async move {
                let id = id?;
                let Some(old) = token(connection, &id).await? else { return Ok(None) };
                let ends_at = old.expires_at.map_or(old_ends_at, |end| end.min(old_ends_at));
                sqlx::query("UPDATE api_tokens SET expires_at = $1 WHERE id = $2")
                    .bind(kept::micros(ends_at)?)
                    .bind(id)
                    .execute(&mut *connection)
                    .await?;
                let at = successor.created_at;
                insert(connection, successor).await?;
                tell(connection, at, &ended(&old)).await?;
                Ok(Some(old))
            })
        })
    }

    fn revoke_token<'a>(&'a self, id: &'a str, now: SystemTime) -> Answer<'a, Option<ApiToken>> {
        let id = kept::text(id);
        self.saw(now);
        self.write(move |connection| {
            Box::pin(async move {
                let id = id?;
                let Some(old) = token(connection, &id).await? else { return Ok(None) };
                sqlx::query("DELETE FROM api_tokens WHERE id = $1").bind(id).execute(&mut *connection).await?;
                tell(connection, now, &ended(&old)).await?;
                Ok(Some(old))
            })
        })
    }

    fn list_tokens(&self, account: Option<AccountId>) -> Answer<'_, Vec<ApiToken>> {
        self.read(move |connection| {
            Box::pin(async move {
                let query = match account {
                    None => sqlx::query(concat!("SELECT ", token_columns!(), " FROM api_tokens t ORDER BY t.place")),
                    Some(account) => sqlx::query(concat!(
                        "SELECT ",
                        token_columns!(),
                        " FROM api_tokens t WHERE t.account = $1 ORDER BY t.place"
                    ))
                    .bind(account.0),
                };
                let rows = query.fetch_all(connection).await?;
                rows.iter().map(|row| Columns::of(row).token()).collect()
            })
        })
    }
}

impl Blacklist for SqlStore {
    fn blacklisted<'a>(&'a self, key: &'a str) -> Answer<'a, Option<SystemTime>> {
        let key = kept::text(key);
        self.read(move |connection| {
            Box::pin(async move {
                let row = sqlx::query("SELECT signed_out_at FROM blacklist WHERE id = $1")
                    .bind(key?)
                    .fetch_optional(connection)
                    .await?;
                row.map(|row| Columns::of(&row).time()).transpose()
            })
        })
    }

    fn blacklist<'a>(
        &'a self,
        key: &'a str,
        account: Option<AccountId>,
        until: SystemTime,
        now: SystemTime,
    ) -> Answer<'a, ()> {
        let key = kept::text(key);
        self.saw(now);
        self.write(move |connection| {
            Box::pin(async move {
                let key = key?;
                let until = kept::micros(until)?;
                take_off(connection, &key).await?;
                let new = sqlx::query(
                    "INSERT INTO blacklist (id, signed_out_at, until) VALUES ($1, $2, $3) ON CONFLICT (id) DO NOTHING",
                )
                .bind(key.as_str())
                .bind(kept::micros(now)?)
                .bind(until)
                .execute(&mut *connection)
                .await?;
                if new.rows_affected() == 0 {
                    sqlx::query("UPDATE blacklist SET until = $1 WHERE id = $2 AND until < $1")
                        .bind(until)
                        .bind(key)
                        .execute(connection)
                        .await?;
                    return Ok(());
                }
                tell(connection, now, &EventKind::Credential { id: key.into(), account }).await
            })
        })
    }

    fn note_signed_use(&self, key: &str, at: SystemTime, client: Option<IpAddr>) {
        self.saw(at);
        self.notes.signed(key, at, client);
    }
}

impl Keys for SqlStore {
    fn key_or_insert<'a>(&'a self, name: &'a str, fresh: &'a Secret) -> Answer<'a, Secret> {
        let name = kept::text(name);
        let fresh = fresh.clone();
        self.write(move |connection| {
            Box::pin(async move {
                let name = name?;
                sqlx::query("INSERT INTO signing_keys (name, bytes) VALUES ($1, $2) ON CONFLICT (name) DO NOTHING")
                    .bind(name.as_str())
                    .bind(hex(fresh.expose()))
                    .execute(&mut *connection)
                    .await?;
                let row = sqlx::query("SELECT bytes FROM signing_keys WHERE name = $1")
                    .bind(name)
                    .fetch_one(connection)
                    .await?;
                let bytes = unhex(&Columns::of(&row).text()?).ok_or(Fault::Corrupt("a signing key"))?;
                Ok(Secret::new(bytes))
            })
        })
    }
}

async fn token(connection: &mut AnyConnection, id: &str) -> Result<Option<ApiToken>, Fault> {
    let row = sqlx::query(concat!("SELECT ", token_columns!(), " FROM api_tokens t WHERE t.id = $1"))
        .bind(id)
        .fetch_optional(connection)
        .await?;
    row.map(|row| Columns::of(&row).token()).transpose()
}

async fn insert(connection: &mut AnyConnection, token: ApiToken) -> Result<(), Fault> {
    if !account_exists(connection, token.account).await? {
        return Err(kept::no_account().into());
    }
    let place = next(connection, "credentials").await?;
    sqlx::query(
        "INSERT INTO api_tokens \
         (id, place, account, label, digest, grants, created_at, expires_at, last_used_at, last_client) \
         VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10)",
    )
    .bind(kept::text(&token.id)?)
    .bind(place)
    .bind(token.account.0)
    .bind(kept::text(&token.label)?)
    .bind(hex(token.digest.as_bytes()))
    .bind(token.grants.to_string())
    .bind(kept::micros(token.created_at)?)
    .bind(token.expires_at.map(kept::micros).transpose()?)
    .bind(token.last_used_at.map(kept::micros).transpose()?)
    .bind(kept::address(token.last_client).map(|client| client.to_string()))
    .execute(connection)
    .await?;
    Ok(())
}

fn ended(token: &ApiToken) -> EventKind {
    EventKind::Credential { id: token.id.clone(), account: Some(token.account) }
}
