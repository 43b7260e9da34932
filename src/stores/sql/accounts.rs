//! Accounts: reading, making, changing, deleting.

use std::time::SystemTime;

use sqlx::AnyConnection;
use trackgate_schemes::store::{Account, AccountState, Accounts, Answer};
use trackgate_schemes::{AccountId, Login, Secret};

use super::SqlStore;
use super::fault::Fault;
use super::log::tell;
use super::rows::{Columns, account_columns, next};
use crate::ports::{AccountChange, AccountWrites, Ends, EventKind, NewAccount, Written};
use crate::stores::kept;

impl Accounts for SqlStore {
    fn account(&self, id: AccountId) -> Answer<'_, Option<Account>> {
        self.read(move |connection| Box::pin(by_id(connection, id)))
    }

    fn account_by_login<'a>(&'a self, login: &'a Login) -> Answer<'a, Option<Account>> {
        let statement = match login {
            Login::Email(_) => {
                concat!("SELECT ", account_columns!(), " FROM accounts a WHERE a.email_folded = $1")
            }
            Login::Name(_) => concat!("SELECT ", account_columns!(), " FROM accounts a WHERE a.canonical = $1"),
        };
        let login = kept::text(login.as_str());
        self.read(move |connection| {
            Box::pin(async move {
                let row = sqlx::query(statement).bind(login?).fetch_optional(connection).await?;
                row.map(|row| Columns::of(&row).account()).transpose()
            })
        })
    }

    fn upgrade_password<'a>(&'a self, id: AccountId, from: &'a Secret, to: &'a Secret) -> Answer<'a, ()> {
        let (from, to) = (from.clone(), to.clone());
        self.write(move |connection| {
            Box::pin(async move {
                let to = stored_form(&to)?;
                match by_id(connection, id).await? {
                    Some(account) if account.password == Some(from) => {}
                    _ => return Ok(()),
                }
                sqlx::query("UPDATE accounts SET password = $1 WHERE id = $2")
                    .bind(to)
                    .bind(id.0)
                    .execute(connection)
                    .await?;
                Ok(())
            })
        })
    }
}

impl AccountWrites for SqlStore {
    fn create_account(&self, new: NewAccount) -> Answer<'_, Written> {
        self.saw(new.created_at);
        self.write(move |connection| Box::pin(create(connection, new, None)))
    }

    fn import_account(&self, number: AccountId, new: NewAccount) -> Answer<'_, Written> {
        self.saw(new.created_at);
        self.write(move |connection| Box::pin(create(connection, new, Some(number))))
    }

    fn change_account(&self, id: AccountId, change: AccountChange, ends: Ends, now: SystemTime) -> Answer<'_, Written> {
        self.saw(now);
        self.write(move |connection| Box::pin(change_one(connection, id, change, ends, now)))
    }

    fn delete_account(&self, id: AccountId, now: SystemTime) -> Answer<'_, Option<Account>> {
        self.saw(now);
        self.write(move |connection| {
            Box::pin(async move {
                let Some(account) = by_id(connection, id).await? else { return Ok(None) };
                // All that is its own leaves by its foreign keys.
                sqlx::query("DELETE FROM accounts WHERE id = $1").bind(id.0).execute(&mut *connection).await?;
                sqlx::query("INSERT INTO former_accounts (id) VALUES ($1)")
                    .bind(id.0)
                    .execute(&mut *connection)
                    .await?;
                tell(connection, now, &EventKind::Account(id)).await?;
                Ok(Some(account))
            })
        })
    }

    fn list_accounts(&self, after: AccountId, limit: u32) -> Answer<'_, Vec<Account>> {
        self.read(move |connection| {
            Box::pin(async move {
                let rows = sqlx::query(concat!(
                    "SELECT ",
                    account_columns!(),
                    " FROM accounts a WHERE a.id > $1 ORDER BY a.id LIMIT $2"
                ))
                .bind(after.0)
                .bind(i64::from(limit))
                .fetch_all(connection)
                .await?;
                rows.iter().map(|row| Columns::of(row).account()).collect()
            })
        })
    }
}

pub(super) async fn by_id(connection: &mut AnyConnection, id: AccountId) -> Result<Option<Account>, Fault> {
    let row = sqlx::query(concat!("SELECT ", account_columns!(), " FROM accounts a WHERE a.id = $1"))
        .bind(id.0)
        .fetch_optional(connection)
        .await?;
    row.map(|row| Columns::of(&row).account()).transpose()
}

/// Makes an account; one that comes from another server says under which number.
async fn create(connection: &mut AnyConnection, new: NewAccount, import: Option<AccountId>) -> Result<Written, Fault> {
    let taken = sqlx::query("SELECT id FROM accounts WHERE canonical = $1")
        .bind(new.canonical.as_str())
        .fetch_optional(&mut *connection)
        .await?;
    if taken.is_some() {
        return Ok(Written::NameTaken);
    }
    if let Some((_, folded)) = &new.email
        && has_other_email(connection, folded.as_str(), AccountId(0)).await?
    {
        return Ok(Written::EmailTaken);
    }
    let (id, not_before) = match import {
        Some(number) if is_free(connection, number).await? => (number, SystemTime::UNIX_EPOCH),
        Some(_used) => return Ok(Written::NumberTaken),
        None => (AccountId(next(connection, "accounts").await?), new.created_at),
    };
    sqlx::query("UPDATE counters SET value = $1 WHERE name = 'accounts' AND value < $1")
        .bind(id.0)
        .execute(&mut *connection)
        .await?;
    sqlx::query(
        "INSERT INTO accounts \
         (id, name, canonical, email, email_folded, state, grants, password, generation, not_before, created_at) \
         VALUES ($1, $2, $3, $4, $5, $6, $7, $8, 0, $9, $10)",
    )
    .bind(id.0)
    .bind(kept::text(&new.name)?)
    .bind(new.canonical.as_str())
    .bind(new.email.as_ref().map(|(given, _)| kept::text(given)).transpose()?)
    .bind(new.email.as_ref().map(|(_, folded)| folded.to_string()))
    .bind(kept::state_word(new.state))
    .bind(new.grants.to_string())
    .bind(new.password.as_ref().map(stored_form).transpose()?)
    .bind(kept::micros(not_before)?)
    .bind(kept::micros(new.created_at)?)
    .execute(&mut *connection)
    .await?;
    tell(connection, new.created_at, &EventKind::Account(id)).await?;
    written(connection, id).await
}

/// Whether no account has this number or ever had it.
async fn is_free(connection: &mut AnyConnection, number: AccountId) -> Result<bool, Fault> {
    if !kept::IMPORTED.contains(&number.0) {
        return Ok(false);
    }
    let used =
        sqlx::query("SELECT id FROM accounts WHERE id = $1 UNION ALL SELECT id FROM former_accounts WHERE id = $1")
            .bind(number.0)
            .fetch_optional(connection)
            .await?;
    Ok(used.is_none())
}

async fn change_one(
    connection: &mut AnyConnection,
    id: AccountId,
    change: AccountChange,
    ends: Ends,
    now: SystemTime,
) -> Result<Written, Fault> {
    let Some(old) = by_id(connection, id).await? else { return Ok(Written::NotFound) };
    if let Some((_, folded)) = &change.email
        && has_other_email(connection, folded.as_str(), id).await?
    {
        return Ok(Written::EmailTaken);
    }
    if let Some((given, folded)) = &change.email {
        sqlx::query("UPDATE accounts SET email = $1, email_folded = $2 WHERE id = $3")
            .bind(kept::text(given)?)
            .bind(folded.as_str())
            .bind(id.0)
            .execute(&mut *connection)
            .await?;
    }
    let password = change.password.as_ref().or(old.password.as_ref());
    let state = change.state.unwrap_or(old.state);
    let ended = ends != Ends::Nothing;
    // A clock that went back must not bring an older credential back to life.
    let not_before = if ended { old.not_before.max(now) } else { old.not_before };
    sqlx::query(
        "UPDATE accounts SET grants = $1, password = $2, state = $3, generation = generation + $4, not_before = $5 \
         WHERE id = $6",
    )
    .bind(change.grants.as_ref().unwrap_or(&old.grants).to_string())
    .bind(password.map(stored_form).transpose()?)
    .bind(kept::state_word(state))
    .bind(i64::from(ended))
    .bind(kept::micros(not_before)?)
    .bind(id.0)
    .execute(&mut *connection)
    .await?;
    if ended || state != AccountState::Active {
        sqlx::query("DELETE FROM sessions WHERE account = $1").bind(id.0).execute(&mut *connection).await?;
    }
    if ends == Ends::CredentialsAndTokens {
        sqlx::query("DELETE FROM api_tokens WHERE account = $1").bind(id.0).execute(&mut *connection).await?;
    }
    tell(connection, now, &EventKind::Account(id)).await?;
    written(connection, id).await
}

async fn has_other_email(connection: &mut AnyConnection, folded: &str, id: AccountId) -> Result<bool, Fault> {
    let other = sqlx::query("SELECT id FROM accounts WHERE email_folded = $1 AND id <> $2")
        .bind(folded)
        .bind(id.0)
        .fetch_optional(connection)
        .await?;
    Ok(other.is_some())
}

async fn written(connection: &mut AnyConnection, id: AccountId) -> Result<Written, Fault> {
    by_id(connection, id).await?.map(Written::Done).ok_or(Fault::Corrupt("an account that was just written"))
}

/// The stored form of a password as text: every known format is.
fn stored_form(password: &Secret) -> Result<String, Fault> {
    let text = password.expose_text().ok_or(Fault::Corrupt("the stored form of a password"))?;
    Ok(kept::text(text)?)
}
