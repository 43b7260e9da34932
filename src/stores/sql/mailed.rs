//! Mailed tokens.

use std::sync::Arc;
use std::time::SystemTime;

use trackgate_schemes::store::Answer;
use trackgate_schemes::{AccountId, Digest};

use super::SqlStore;
use super::fault::Fault;
use super::rows::{Columns, account_exists, hex};
use crate::ports::{MailedPurpose, MailedToken, MailedTokens};
use crate::stores::kept;

/// The columns that [`read`] reads.
macro_rules! mailed_columns {
    () => {
        "account, purpose, digest, about, created_at, expires_at"
    };
}

/// A live token: purpose, digest, now. At exactly its end it is dead.
macro_rules! live {
    () => {
        " FROM mailed_tokens WHERE purpose = $1 AND digest = $2 AND (expires_at IS NULL OR expires_at > $3)"
    };
}

impl MailedTokens for SqlStore {
    fn put_mailed_token(&self, token: MailedToken) -> Answer<'_, ()> {
        self.saw(token.created_at);
        self.write(move |connection| {
            Box::pin(async move {
                if !account_exists(connection, token.account).await? {
                    return Err(kept::no_account().into());
                }
                sqlx::query(concat!(
                    "INSERT INTO mailed_tokens (",
                    mailed_columns!(),
                    ") VALUES ($1, $2, $3, $4, $5, $6) ON CONFLICT (account, purpose) DO UPDATE SET \
                     digest = excluded.digest, about = excluded.about, created_at = excluded.created_at, \
                     expires_at = excluded.expires_at"
                ))
                .bind(token.account.0)
                .bind(token.purpose.code())
                .bind(hex(token.digest.as_bytes()))
                .bind(token.about.as_deref().map(kept::text).transpose()?)
                .bind(kept::micros(token.created_at)?)
                .bind(token.expires_at.map(kept::micros).transpose()?)
                .execute(connection)
                .await?;
                Ok(())
            })
        })
    }

    fn mailed_token<'a>(
        &'a self,
        purpose: MailedPurpose,
        digest: &'a Digest,
        now: SystemTime,
    ) -> Answer<'a, Option<MailedToken>> {
        let digest = hex(digest.as_bytes());
        self.saw(now);
        self.read(move |connection| {
            Box::pin(async move {
                let row = sqlx::query(concat!("SELECT ", mailed_columns!(), live!()))
                    .bind(purpose.code())
                    .bind(digest)
                    .bind(kept::micros(now)?)
                    .fetch_optional(connection)
                    .await?;
                row.map(|row| read(&mut Columns::of(&row))).transpose()
            })
        })
    }

    fn take_mailed_token<'a>(
        &'a self,
        purpose: MailedPurpose,
        digest: &'a Digest,
        now: SystemTime,
    ) -> Answer<'a, Option<MailedToken>> {
        let digest = hex(digest.as_bytes());
        self.saw(now);
        self.write(move |connection| {
            Box::pin(async move {
                let row = sqlx::query(concat!("DELETE", live!(), " RETURNING ", mailed_columns!()))
                    .bind(purpose.code())
                    .bind(digest)
                    .bind(kept::micros(now)?)
                    .fetch_optional(connection)
                    .await?;
                row.map(|row| read(&mut Columns::of(&row))).transpose()
            })
        })
    }

    fn delete_mailed_token(&self, account: AccountId, purpose: MailedPurpose) -> Answer<'_, bool> {
        self.write(move |connection| {
            Box::pin(async move {
                let done = sqlx::query("DELETE FROM mailed_tokens WHERE account = $1 AND purpose = $2")
                    .bind(account.0)
                    .bind(purpose.code())
                    .execute(connection)
                    .await?;
                Ok(done.rows_affected() > 0)
            })
        })
    }
}

fn read(row: &mut Columns<'_>) -> Result<MailedToken, Fault> {
    Ok(MailedToken {
        account: AccountId(row.int()?),
        purpose: MailedPurpose::from_code(&row.text()?).ok_or(Fault::Corrupt("the purpose of a mailed token"))?,
        digest: row.digest()?,
        about: row.maybe_text()?.map(Arc::from),
        created_at: row.time()?,
        expires_at: row.maybe_time()?,
    })
}
