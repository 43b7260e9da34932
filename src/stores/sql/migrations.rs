//! Makes and upgrades the tables, one version in one transaction.

use sqlx::{AnyConnection, Connection, Row};

use super::engine::Engine;
use crate::stores::{OpenError, OpenErrorKind};

/// What was found in a database.
enum Found {
    /// Nothing.
    Empty,
    /// Our tables, of this version.
    Ours(usize),
}

/// Brings the database to the newest version. Two processes that start at once wait for each other.
///
/// Nothing is changed in a database of a newer version or of something else.
pub(super) async fn upgrade(engine: &Engine, connection: &mut AnyConnection) -> Result<(), OpenError> {
    look(engine, connection).await?;
    engine.settle(connection).await.map_err(|error| engine.open_error(&error))?;
    while step(engine, connection).await? {}
    Ok(())
}

/// Goes up one version; whether there was one to go. Also shows that the database can be written.
async fn step(engine: &Engine, connection: &mut AnyConnection) -> Result<bool, OpenError> {
    let failed = |error: sqlx::Error| engine.open_error(&error);
    sqlx::raw_sql(engine.begin_upgrade()).execute(&mut *connection).await.map_err(failed)?;
    let version = match look(engine, connection).await? {
        Found::Empty => {
            sqlx::raw_sql(META).execute(&mut *connection).await.map_err(failed)?;
            0
        }
        Found::Ours(version) => version,
    };
    let Some(statements) = VERSIONS.get(version) else {
        sqlx::raw_sql("ROLLBACK").execute(connection).await.map_err(failed)?;
        return Ok(false);
    };
    sqlx::raw_sql(engine.name_collation()).execute(&mut *connection).await.map_err(failed)?;
    sqlx::raw_sql(*statements).execute(&mut *connection).await.map_err(failed)?;
    sqlx::query("UPDATE meta SET value = $1 WHERE name = 'version'")
        .bind((version + 1).to_string())
        .execute(&mut *connection)
        .await
        .map_err(failed)?;
    sqlx::raw_sql("COMMIT").execute(&mut *connection).await.map_err(failed)?;
    // Statements that were prepared before the tables changed are of no more use.
    connection.clear_cached_statements().await.map_err(failed)?;
    Ok(true)
}

async fn look(engine: &Engine, connection: &mut AnyConnection) -> Result<Found, OpenError> {
    let failed = |error: sqlx::Error| engine.open_error(&error);
    let row = sqlx::query(engine.count_tables()).fetch_one(&mut *connection).await.map_err(failed)?;
    let tables: i64 = row.try_get(0).map_err(failed)?;
    let meta: i64 = row.try_get(1).map_err(failed)?;
    if tables == 0 {
        return Ok(Found::Empty);
    }
    let stranger = || OpenError::new(OpenErrorKind::Stranger, "it holds tables of something else");
    if meta == 0 {
        return Err(stranger());
    }
    let version = sqlx::query(
        "SELECT v.value FROM meta v, meta a \
         WHERE v.name = 'version' AND a.name = 'application' AND a.value = 'trackgate'",
    )
    .fetch_optional(connection)
    .await
    .map_err(|_other_columns| stranger())?
    .ok_or_else(stranger)?;
    let version: String = version.try_get(0).map_err(failed)?;
    match version.parse::<usize>() {
        Ok(version) if version <= VERSIONS.len() => Ok(Found::Ours(version)),
        Ok(version) => Err(OpenError::new(
            OpenErrorKind::Newer,
            format_args!("its tables are of version {version}, this program knows {}", VERSIONS.len()),
        )),
        Err(_) => Err(OpenError::new(OpenErrorKind::Damaged, "its version is not a number")),
    }
}

const META: &str = "CREATE TABLE meta (name TEXT NOT NULL PRIMARY KEY, value TEXT NOT NULL); \
    INSERT INTO meta (name, value) VALUES ('application', 'trackgate'), ('version', '0')";

/// What leads from version n to n + 1; a version that was published is never changed.
const VERSIONS: &[&str] =
    &[include_str!("migrations/0001.sql"), include_str!("migrations/0002.sql"), include_str!("migrations/0003.sql")];
