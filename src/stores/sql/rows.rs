//! Rows as records, and the statements that several ports share.

use std::sync::Arc;
use std::time::SystemTime;

use sqlx::any::AnyRow;
use sqlx::{AnyConnection, Row};
use trackgate_schemes::store::{Account, ApiToken, Session};
use trackgate_schemes::{AccountId, Digest, Grants, Secret};

use super::fault::Fault;
use crate::stores::kept;

/// The columns of an account `a`, as [`Columns::account`] reads them.
macro_rules! account_columns {
    () => {
        "a.id, a.name, a.email, a.state, a.grants, a.password, a.generation, a.not_before, a.created_at"
    };
}

/// The columns of an API token `t`, as [`Columns::token`] reads them.
macro_rules! token_columns {
    () => {
        "t.id, t.account, t.label, t.digest, t.grants, t.created_at, t.expires_at, t.last_used_at, t.last_client"
    };
}

/// The columns of a session `s`, as [`Columns::session`] reads them.
macro_rules! session_columns {
    () => {
        "s.id, s.digest, s.scheme, s.account, s.service, s.client, s.opened_at, s.last_used_at"
    };
}

pub(super) use {account_columns, session_columns, token_columns};

/// Reads the columns of a row from left to right.
pub(super) struct Columns<'r> {
    row: &'r AnyRow,
    next: usize,
}

impl<'r> Columns<'r> {
    pub(super) fn of(row: &'r AnyRow) -> Self {
        Self { row, next: 0 }
    }

    pub(super) fn int(&mut self) -> Result<i64, Fault> {
        let index = self.step();
        Ok(self.row.try_get(index)?)
    }

    pub(super) fn maybe_int(&mut self) -> Result<Option<i64>, Fault> {
        let index = self.step();
        Ok(self.row.try_get(index)?)
    }

    pub(super) fn text(&mut self) -> Result<String, Fault> {
        let index = self.step();
        Ok(self.row.try_get(index)?)
    }

    pub(super) fn maybe_text(&mut self) -> Result<Option<String>, Fault> {
        let index = self.step();
        Ok(self.row.try_get(index)?)
    }

    pub(super) fn time(&mut self) -> Result<SystemTime, Fault> {
        Ok(kept::instant(self.int()?))
    }

    pub(super) fn maybe_time(&mut self) -> Result<Option<SystemTime>, Fault> {
        Ok(self.maybe_int()?.map(kept::instant))
    }

    /// An account, from `account_columns!`.
    pub(super) fn account(&mut self) -> Result<Account, Fault> {
        Ok(Account {
            id: AccountId(self.int()?),
            name: self.text()?.into(),
            email: self.maybe_text()?.map(Arc::from),
            state: kept::state_of(&self.text()?).ok_or(Fault::Corrupt("the state of an account"))?,
            grants: self.grants()?,
            password: self.maybe_text()?.map(Secret::from),
            generation: u64::try_from(self.int()?).map_err(|_| Fault::Corrupt("the generation of an account"))?,
            not_before: self.time()?,
            created_at: self.time()?,
        })
    }

    /// An API token, from `token_columns!`.
    pub(super) fn token(&mut self) -> Result<ApiToken, Fault> {
        Ok(ApiToken {
            id: self.text()?.into(),
            account: AccountId(self.int()?),
            label: self.text()?.into(),
            digest: self.digest()?,
            grants: self.grants()?,
            created_at: self.time()?,
            expires_at: self.maybe_time()?,
            last_used_at: self.maybe_time()?,
            last_client: self.address()?,
        })
    }

    /// A session, from `session_columns!`.
    pub(super) fn session(&mut self) -> Result<Session, Fault> {
        Ok(Session {
            id: self.text()?.into(),
            digest: self.digest()?,
            scheme: self.text()?.into(),
            account: AccountId(self.int()?),
            service: self.text()?.into(),
            client: self.address()?,
            opened_at: self.time()?,
            last_used_at: self.time()?,
        })
    }

    pub(super) fn address(&mut self) -> Result<Option<std::net::IpAddr>, Fault> {
        let text = self.maybe_text()?;
        text.map(|text| text.parse().map_err(|_| Fault::Corrupt("a client address"))).transpose()
    }

    fn grants(&mut self) -> Result<Grants, Fault> {
        self.text()?.parse().map_err(|_| Fault::Corrupt("a list of grants"))
    }

    pub(super) fn digest(&mut self) -> Result<Digest, Fault> {
        let bytes = unhex(&self.text()?).and_then(|bytes| bytes.try_into().ok());
        bytes.map(Digest::from_bytes).ok_or(Fault::Corrupt("a digest"))
    }

    fn step(&mut self) -> usize {
        let index = self.next;
        self.next += 1;
        index
    }
}

/// The next number of this counter; taken back with the transaction, so that none is left out.
pub(super) async fn next(connection: &mut AnyConnection, counter: &'static str) -> Result<i64, Fault> {
    let row = sqlx::query("UPDATE counters SET value = value + 1 WHERE name = $1 RETURNING value")
        .bind(counter)
        .fetch_one(connection)
        .await?;
    Columns::of(&row).int()
}

/// Whether there is an account of this number.
pub(super) async fn account_exists(connection: &mut AnyConnection, id: AccountId) -> Result<bool, Fault> {
    let found = sqlx::query("SELECT id FROM accounts WHERE id = $1").bind(id.0).fetch_optional(connection).await?;
    Ok(found.is_some())
}

/// Bytes as lower-case hex digits.
pub(super) fn hex(bytes: &[u8]) -> String {
    let digit = |nibble: u8| char::from_digit(u32::from(nibble), 16).expect("a nibble is below 16");
    bytes.iter().flat_map(|byte| [digit(byte >> 4), digit(byte & 15)]).collect()
}

/// The bytes of [`hex`].
pub(super) fn unhex(text: &str) -> Option<Vec<u8>> {
    let (pairs, rest) = text.as_bytes().as_chunks::<2>();
    let nibble = |digit: u8| char::from(digit).to_digit(16).and_then(|nibble| u8::try_from(nibble).ok());
    if !rest.is_empty() {
        return None;
    }
    pairs.iter().map(|[high, low]| Some(nibble(*high)? << 4 | nibble(*low)?)).collect()
}
