//! What goes wrong while a database is asked, told without what it was asked with.

use sqlx::error::DatabaseError;
use trackgate_schemes::store::{StoreError, StoreErrorKind};

/// A failure inside the adapter.
#[derive(Debug)]
pub(super) enum Fault {
    /// What is stored cannot be read; this part of it.
    Corrupt(&'static str),
    /// The database failed or refused.
    Database(sqlx::Error),
    /// It must not be stored.
    Refused(StoreError),
}

impl Fault {
    /// The same failure for another of those who waited.
    pub(super) fn to_store_error(&self) -> StoreError {
        match self {
            Self::Corrupt(what) => StoreError::new(StoreErrorKind::Corrupt, what),
            Self::Database(error) => StoreError::new(kind(error), describe(error)),
            Self::Refused(error) => StoreError::new(error.kind(), "the record was refused"),
        }
    }
}

impl From<sqlx::Error> for Fault {
    fn from(error: sqlx::Error) -> Self {
        Self::Database(error)
    }
}

impl From<StoreError> for Fault {
    fn from(error: StoreError) -> Self {
        Self::Refused(error)
    }
}

impl From<Fault> for StoreError {
    fn from(fault: Fault) -> Self {
        match fault {
            Fault::Refused(error) => error,
            other => other.to_store_error(),
        }
    }
}

/// A short text for the operator.
///
/// Our statements name columns and are bound to values, so a message tells of tables and constraints;
/// only PostgreSQL's data errors (SQLSTATE classes 22 and 23) may quote a value and are cut to their code.
pub(super) fn describe(error: &sqlx::Error) -> String {
    match error {
        sqlx::Error::Database(error) => describe_database(error.as_ref()),
        sqlx::Error::Io(error) => format!("connection: {error}"),
        sqlx::Error::PoolTimedOut => "no connection became free in time".to_owned(),
        sqlx::Error::PoolClosed => "it was closed".to_owned(),
        sqlx::Error::Tls(_) => "TLS with the server failed".to_owned(),
        sqlx::Error::ColumnDecode { index, .. } => format!("column {index} cannot be read"),
        sqlx::Error::WorkerCrashed => "the connection's thread ended".to_owned(),
        _ => "the driver failed".to_owned(),
    }
}

fn describe_database(error: &dyn DatabaseError) -> String {
    match error.code() {
        Some(code) if code.len() == 5 && (code.starts_with("22") || code.starts_with("23")) => {
            format!("error {code}, constraint {}", error.constraint().unwrap_or("unknown"))
        }
        Some(code) => format!("error {code}: {}", error.message()),
        None => error.message().to_owned(),
    }
}

fn kind(error: &sqlx::Error) -> StoreErrorKind {
    let damaged = match error {
        sqlx::Error::ColumnDecode { .. } | sqlx::Error::Decode(_) => true,
        sqlx::Error::Database(error) => error.code().is_some_and(|code| is_damage(&code)),
        _ => false,
    };
    if damaged { StoreErrorKind::Corrupt } else { StoreErrorKind::Unavailable }
}

/// SQLite's `SQLITE_CORRUPT` and `SQLITE_NOTADB` with their extended codes, PostgreSQL's class XX001/XX002.
pub(super) fn is_damage(code: &str) -> bool {
    match code.parse::<u32>() {
        Ok(number) if code.len() < 5 => matches!(number & 0xff, 11 | 26),
        _ => code == "XX001" || code == "XX002",
    }
}
