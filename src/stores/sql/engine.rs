//! Where SQLite and PostgreSQL differ, and nothing else does.

use std::path::{Path, PathBuf};
use std::time::Duration;

use sqlx::any::AnyConnectOptions;
use sqlx::{AnyConnection, AssertSqlSafe, ConnectOptions, Connection, Row};

use super::SqlOptions;
use super::fault::{describe, is_damage};
use crate::stores::{OpenError, OpenErrorKind};

/// One database: where it is and how its engine wants to be spoken to. Its `Debug` shows no URL.
#[derive(Clone)]
pub(super) struct Engine {
    kind: Kind,
    connect: AnyConnectOptions,
    wait: Duration,
}

#[derive(Clone, Debug)]
enum Kind {
    Postgres,
    Sqlite(PathBuf),
}

impl std::fmt::Debug for Engine {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        self.kind.fmt(f)
    }
}

impl Engine {
    /// Reads a URL. Nothing is opened yet.
    pub(super) fn of(url: &str, options: &SqlOptions) -> Result<Self, OpenError> {
        sqlx::any::install_default_drivers();
        let refuse = |detail: &str| OpenError::new(OpenErrorKind::Url, detail);
        let (kind, connect) = match url.split_once(':') {
            Some(("sqlite", path)) => {
                let path = sqlite_path(path.strip_prefix("//").unwrap_or(path))?;
                let text = path.to_str().ok_or_else(|| refuse("the path is not UTF-8"))?;
                let url = format!("sqlite://{}?mode=rw", escaped(text));
                (Kind::Sqlite(path), url.parse::<AnyConnectOptions>())
            }
            Some(("postgres" | "postgresql", _)) => (Kind::Postgres, url.parse()),
            _ => return Err(refuse("it must begin with sqlite: or postgres:// (or be memory:)")),
        };
        let connect = connect.map_err(|_hides_the_url| refuse("it is malformed"))?;
        Ok(Self { kind, connect: connect.disable_statement_logging(), wait: options.write_wait })
    }

    /// Makes the file of a new database, readable by its owner alone; refuses one that others can read.
    pub(super) fn prepare(&self) -> Result<(), OpenError> {
        match &self.kind {
            Kind::Postgres => Ok(()),
            Kind::Sqlite(path) => prepare_file(path),
        }
    }

    pub(super) fn connect_options(&self) -> AnyConnectOptions {
        self.connect.clone()
    }

    /// A connection that writes.
    pub(super) async fn connect_writer(&self) -> Result<AnyConnection, sqlx::Error> {
        let mut connection = self.connect.connect().await?;
        self.set_up(&mut connection).await?;
        Ok(connection)
    }

    /// Settings that every connection needs.
    pub(super) async fn set_up(&self, connection: &mut AnyConnection) -> Result<(), sqlx::Error> {
        let wait = self.wait.as_millis();
        let statements = match self.kind {
            // A lower setting of the server would lose acknowledged writes, so it is raised.
            Kind::Postgres => format!(
                "SET lock_timeout = {wait}; SET statement_timeout = 5000; \
                 SET idle_in_transaction_session_timeout = 10000; \
                 SET default_transaction_isolation = 'read committed'; \
                 DO $$ BEGIN IF current_setting('synchronous_commit') = 'off' THEN \
                 SET synchronous_commit = on; END IF; END $$"
            ),
            // What is deleted is overwritten: a letter that was sent held the text of a link.
            Kind::Sqlite(_) => format!(
                "PRAGMA busy_timeout = {wait}; PRAGMA synchronous = FULL; PRAGMA fullfsync = ON; \
                 PRAGMA checkpoint_fullfsync = ON; PRAGMA foreign_keys = ON; PRAGMA trusted_schema = OFF; \
                 PRAGMA cell_size_check = ON; PRAGMA journal_size_limit = 67108864; PRAGMA secure_delete = ON"
            ),
        };
        sqlx::raw_sql(AssertSqlSafe(statements)).execute(connection).await?;
        Ok(())
    }

    /// Settings of a connection that only reads.
    pub(super) async fn set_up_reader(&self, connection: &mut AnyConnection) -> Result<(), sqlx::Error> {
        self.set_up(connection).await?;
        let statement = match self.kind {
            Kind::Postgres => "SET default_transaction_read_only = on",
            Kind::Sqlite(_) => "PRAGMA query_only = ON",
        };
        sqlx::raw_sql(statement).execute(connection).await?;
        Ok(())
    }

    /// Begins a transaction that no other writer enters, in this process or another.
    ///
    /// On PostgreSQL that is a lock on the row from which the event log takes its numbers, taken first,
    /// so that transactions commit in the order of the log and never wait for each other in a ring.
    pub(super) fn begin(&self) -> &'static str {
        match self.kind {
            Kind::Postgres => "BEGIN; SELECT value FROM counters WHERE name = 'events' FOR UPDATE",
            Kind::Sqlite(_) => "BEGIN IMMEDIATE",
        }
    }

    /// The same while the tables may not be there yet.
    pub(super) fn begin_upgrade(&self) -> &'static str {
        match self.kind {
            Kind::Postgres => "BEGIN; SELECT pg_advisory_xact_lock(8390332115)",
            Kind::Sqlite(_) => "BEGIN IMMEDIATE",
        }
    }

    /// Makes the collation `binary`, which compares byte by byte, where it is not known.
    pub(super) fn name_collation(&self) -> &'static str {
        match self.kind {
            Kind::Postgres => "CREATE COLLATION IF NOT EXISTS \"binary\" FROM \"C\"",
            Kind::Sqlite(_) => "SELECT 'a' < 'b' COLLATE \"binary\"",
        }
    }

    /// Counts tables of any name, then those named `meta`.
    pub(super) fn count_tables(&self) -> &'static str {
        match self.kind {
            Kind::Postgres => {
                "SELECT COUNT(*), COUNT(*) FILTER (WHERE table_name = 'meta') FROM information_schema.tables \
                 WHERE table_schema = current_schema()"
            }
            Kind::Sqlite(_) => {
                "SELECT COUNT(*), COUNT(*) FILTER (WHERE name = 'meta') FROM sqlite_master \
                 WHERE type = 'table' AND name NOT LIKE 'sqlite_%'"
            }
        }
    }

    /// Lets readers and the writer work beside each other. Only after it is known that the file is ours.
    pub(super) async fn settle(&self, connection: &mut AnyConnection) -> Result<(), sqlx::Error> {
        if let Kind::Postgres = self.kind {
            return Ok(());
        }
        // SQLite does not wait by itself for this lock, which a second process that starts may hold.
        for _ in 0..SETTLE_TRIES {
            match sqlx::raw_sql("PRAGMA journal_mode = WAL").execute(&mut *connection).await {
                Err(error) if self.is_busy(&error) => tokio::time::sleep(SETTLE_PAUSE).await,
                other => return other.map(drop),
            }
        }
        sqlx::raw_sql("PRAGMA journal_mode = WAL").execute(connection).await.map(drop)
    }

    /// Whether another writer was in the way, so that nothing was begun.
    pub(super) fn is_busy(&self, error: &sqlx::Error) -> bool {
        let sqlx::Error::Database(error) = error else { return false };
        let code = error.code().unwrap_or_default();
        match self.kind {
            Kind::Postgres => code == "55P03",
            Kind::Sqlite(_) => code.parse::<u32>().is_ok_and(|code| matches!(code & 0xff, 5 | 6)),
        }
    }

    /// Whether a connection may have died while nobody used it.
    pub(super) fn is_remote(&self) -> bool {
        matches!(self.kind, Kind::Postgres)
    }

    /// Reads every page of an embedded database; after a failed commit nothing is believed before that.
    pub(super) async fn check(&self, connection: &mut AnyConnection) -> Result<bool, sqlx::Error> {
        match self.kind {
            Kind::Postgres => connection.ping().await.map(|()| true),
            Kind::Sqlite(_) => {
                let found = sqlx::query("PRAGMA quick_check(1)").fetch_one(connection).await?;
                Ok(found.try_get::<String, _>(0)? == "ok")
            }
        }
    }

    /// What kept a database from being opened.
    pub(super) fn open_error(&self, error: &sqlx::Error) -> OpenError {
        let kind = match (&self.kind, error) {
            (Kind::Sqlite(_), sqlx::Error::Database(error)) => sqlite_fault(&error.code().unwrap_or_default()),
            (Kind::Postgres, sqlx::Error::Database(error)) => postgres_fault(&error.code().unwrap_or_default()),
            (_, sqlx::Error::Configuration(_)) => OpenErrorKind::Url,
            _ => OpenErrorKind::Unreachable,
        };
        OpenError::new(kind, describe(error))
    }
}

fn sqlite_fault(code: &str) -> OpenErrorKind {
    match code.parse::<u32>().map(|code| code & 0xff) {
        Ok(3 | 8 | 14 | 23) => OpenErrorKind::Permission,
        Ok(5 | 6) => OpenErrorKind::Locked,
        Ok(11) => OpenErrorKind::Damaged,
        Ok(26) => OpenErrorKind::Stranger,
        _ => OpenErrorKind::Unreachable,
    }
}

fn postgres_fault(code: &str) -> OpenErrorKind {
    match code {
        "42501" | "25006" => OpenErrorKind::Permission,
        "55P03" | "57014" => OpenErrorKind::Locked,
        code if code.starts_with("28") => OpenErrorKind::Permission,
        code if is_damage(code) => OpenErrorKind::Damaged,
        _ => OpenErrorKind::Unreachable,
    }
}

/// The path with its directory resolved, so that a change of the working directory changes nothing.
fn sqlite_path(text: &str) -> Result<PathBuf, OpenError> {
    let path = Path::new(text);
    let Some(file) = path.file_name().filter(|_| !text.contains(['?', '#', '\0']) && text != ":memory:") else {
        return Err(OpenError::new(OpenErrorKind::Url, "behind sqlite: stands the path of a file"));
    };
    let directory = match path.parent() {
        Some(parent) if !parent.as_os_str().is_empty() => parent,
        _ => Path::new("."),
    };
    let resolved = directory.canonicalize().map_err(|error| {
        let kind = match error.kind() {
            std::io::ErrorKind::PermissionDenied => OpenErrorKind::Permission,
            _ => OpenErrorKind::Directory,
        };
        OpenError::new(kind, format_args!("{}: {error}", directory.display()))
    })?;
    Ok(resolved.join(file))
}

fn prepare_file(path: &Path) -> Result<(), OpenError> {
    let refuse =
        |error: std::io::Error| OpenError::new(OpenErrorKind::Permission, format_args!("{}: {error}", path.display()));
    let mut options = std::fs::OpenOptions::new();
    options.write(true).create_new(true);
    #[cfg(unix)]
    std::os::unix::fs::OpenOptionsExt::mode(&mut options, 0o600);
    match options.open(path) {
        Ok(file) => {
            file.sync_all().map_err(refuse)?;
            // The name must last as long as what will be acknowledged in the file.
            let directory = path.parent().unwrap_or(Path::new("/"));
            std::fs::File::open(directory).and_then(|directory| directory.sync_all()).map_err(refuse)
        }
        Err(error) if error.kind() == std::io::ErrorKind::AlreadyExists => check_file(path),
        Err(error) => Err(refuse(error)),
    }
}

fn check_file(path: &Path) -> Result<(), OpenError> {
    let refuse = |detail: &str| OpenError::new(OpenErrorKind::Permission, format_args!("{}: {detail}", path.display()));
    let about = std::fs::metadata(path).map_err(|error| refuse(&error.to_string()))?;
    if !about.is_file() {
        return Err(OpenError::new(OpenErrorKind::Stranger, format_args!("{} is not a file", path.display())));
    }
    #[cfg(unix)]
    if std::os::unix::fs::PermissionsExt::mode(&about.permissions()) & 0o027 != 0 {
        return Err(refuse("others can read or change it; `chmod 600` first"));
    }
    Ok(())
}

/// A path as it stands in a URL.
fn escaped(path: &str) -> String {
    let plain = |byte: u8| byte.is_ascii_alphanumeric() || b"/-_.".contains(&byte);
    path.bytes().map(|byte| if plain(byte) { char::from(byte).to_string() } else { format!("%{byte:02X}") }).collect()
}

const SETTLE_TRIES: u32 = 100;
const SETTLE_PAUSE: Duration = Duration::from_millis(20);
