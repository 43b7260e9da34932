//! The PostgreSQL database of a FitTrackee 0.8.13 server.
//!
//! Everything is read in one transaction that can only read and sees one instant, so that the server may go
//! on beside it. Values are turned into texts and plain numbers by the database, so that an odd one (a date
//! before Christ, an infinite one) is a matter of its own row.

use std::sync::Arc;

use sqlx::postgres::{PgConnectOptions, PgRow};
use sqlx::{ConnectOptions, Connection, Executor, PgConnection, Row};
use tokio::sync::Mutex;
use trackgate_schemes::Secret;
use trackgate_schemes::store::{Answer, StoreError, StoreErrorKind};

use super::ForeignError;
use crate::ports::{
    FitTrackeeSource, Foreign, ForeignEquipment, ForeignSport, ForeignToken, ForeignUser, ForeignWorkout,
};

/// A connection to the database of a FitTrackee server.
#[derive(Debug)]
pub struct FitTrackeeDatabase {
    connection: Mutex<PgConnection>,
}

impl FitTrackeeDatabase {
    /// Connects to `postgres://USER@HOST/DATABASE`; the password is in the URL, in `PGPASSWORD` or in the
    /// file of passwords of PostgreSQL's clients.
    ///
    /// # Errors
    ///
    /// [`ForeignError`] if it does not answer, or is no database of that version.
    pub async fn open(url: &str) -> Result<Self, ForeignError> {
        if !url.starts_with("postgres://") && !url.starts_with("postgresql://") {
            return Err(ForeignError::Url("it must begin with postgres://"));
        }
        let options: PgConnectOptions = url.parse().map_err(|_hides_the_url| ForeignError::Url("it is malformed"))?;
        let options = options.disable_statement_logging().application_name("trackgate import");
        let mut connection = match tokio::time::timeout(CONNECT_LIMIT, options.connect()).await {
            Ok(connected) => connected.map_err(|error| open_error(&error))?,
            Err(_slow) => return Err(ForeignError::Unreachable("it does not answer".into())),
        };
        for statement in BEGIN {
            connection.execute(statement).await.map_err(|error| open_error(&error))?;
        }
        // Asking for nothing tells whether everything is there that will be asked for.
        for statement in [USERS, POLICY, SIGNED_OUT, SPORTS, EQUIPMENTS, WORKOUTS] {
            connection.prepare(sqlx::SqlStr::from_static(statement)).await.map_err(|error| open_error(&error))?;
        }
        Ok(Self { connection: Mutex::new(connection) })
    }

    /// Ends the transaction and the connection.
    pub async fn close(self) {
        // It only read: whatever fails now changes nothing.
        drop(self.connection.into_inner().close().await);
    }

    async fn rows<T>(
        &self,
        statement: &'static str,
        numbers: &[i64],
        read: fn(&PgRow) -> Result<T, sqlx::Error>,
    ) -> Result<Vec<Foreign<T>>, StoreError> {
        let mut query = sqlx::query(statement);
        for number in numbers {
            query = query.bind(*number);
        }
        let mut connection = self.connection.lock().await;
        let rows = query.fetch_all(&mut *connection).await.map_err(|error| store_error(&error))?;
        rows.iter()
            .map(|row| {
                let id = row.try_get("id").map_err(|error| store_error(&error))?;
                Ok(Foreign { id, row: read(row).map_err(|error| Arc::from(describe(&error))) })
            })
            .collect()
    }
}

impl FitTrackeeSource for FitTrackeeDatabase {
    fn count_users(&self) -> Answer<'_, u64> {
        Box::pin(async move {
            let mut connection = self.connection.lock().await;
            let count: i64 = sqlx::query_scalar("SELECT COUNT(*) FROM users")
                .fetch_one(&mut *connection)
                .await
                .map_err(|error| store_error(&error))?;
            Ok(count.unsigned_abs())
        })
    }

    fn users(&self, after: i64, limit: u32) -> Answer<'_, Vec<Foreign<ForeignUser>>> {
        Box::pin(async move { self.rows(USERS, &[after, limit.into()], user).await })
    }

    fn policy_date(&self) -> Answer<'_, Option<String>> {
        Box::pin(async move {
            let mut connection = self.connection.lock().await;
            let date: Option<Option<String>> = sqlx::query_scalar(POLICY)
                .fetch_optional(&mut *connection)
                .await
                .map_err(|error| store_error(&error))?;
            Ok(date.flatten())
        })
    }

    fn signed_out(&self, after: i64, limit: u32) -> Answer<'_, Vec<Foreign<ForeignToken>>> {
        Box::pin(async move { self.rows(SIGNED_OUT, &[after, limit.into()], token).await })
    }

    fn sports(&self, user: i64) -> Answer<'_, Vec<Foreign<ForeignSport>>> {
        Box::pin(async move { self.rows(SPORTS, &[user], sport).await })
    }

    fn equipments(&self, user: i64) -> Answer<'_, Vec<Foreign<ForeignEquipment>>> {
        Box::pin(async move { self.rows(EQUIPMENTS, &[user], equipment).await })
    }

    fn workouts(&self, user: i64, after: i64, limit: u32) -> Answer<'_, Vec<Foreign<ForeignWorkout>>> {
        Box::pin(async move { self.rows(WORKOUTS, &[user, after, limit.into()], workout).await })
    }
}

fn user(row: &PgRow) -> Result<ForeignUser, sqlx::Error> {
    Ok(ForeignUser {
        username: row.try_get("username")?,
        email: row.try_get("email")?,
        password: secret(row, "password")?,
        created_at: row.try_get("created_at")?,
        admin: row.try_get("admin")?,
        is_active: row.try_get("is_active")?,
        first_name: row.try_get("first_name")?,
        last_name: row.try_get("last_name")?,
        birth_date: row.try_get("birth_date")?,
        location: row.try_get("location")?,
        bio: row.try_get("bio")?,
        picture: row.try_get("picture")?,
        timezone: row.try_get("timezone")?,
        date_format: row.try_get("date_format")?,
        weekm: row.try_get("weekm")?,
        language: row.try_get("language")?,
        imperial_units: row.try_get("imperial_units")?,
        email_to_confirm: row.try_get("email_to_confirm")?,
        confirmation_token: secret(row, "confirmation_token")?,
        display_ascent: row.try_get("display_ascent")?,
        accepted_policy_date: row.try_get("accepted_policy_date")?,
        start_elevation_at_zero: row.try_get("start_elevation_at_zero")?,
        use_raw_gpx_speed: row.try_get("use_raw_gpx_speed")?,
        use_dark_mode: row.try_get("use_dark_mode")?,
    })
}

fn token(row: &PgRow) -> Result<ForeignToken, sqlx::Error> {
    let token: String = row.try_get("token")?;
    Ok(ForeignToken { token: token.into() })
}

fn sport(row: &PgRow) -> Result<ForeignSport, sqlx::Error> {
    Ok(ForeignSport {
        color: row.try_get("color")?,
        is_active: row.try_get("is_active")?,
        stopped_speed_threshold: row.try_get("stopped_speed_threshold")?,
        default_equipments: row.try_get("equipments")?,
    })
}

fn equipment(row: &PgRow) -> Result<ForeignEquipment, sqlx::Error> {
    Ok(ForeignEquipment {
        uuid: row.try_get("uuid")?,
        label: row.try_get("label")?,
        description: row.try_get("description")?,
        equipment_type: row.try_get("equipment_type")?,
        creation_date: row.try_get("creation_date")?,
        is_active: row.try_get("is_active")?,
    })
}

fn workout(row: &PgRow) -> Result<ForeignWorkout, sqlx::Error> {
    Ok(ForeignWorkout {
        uuid: row.try_get("uuid")?,
        sport: row.try_get("sport")?,
        title: row.try_get("title")?,
        gpx: row.try_get("gpx")?,
        creation_date: row.try_get("creation_date")?,
        modification_date: row.try_get("modification_date")?,
        workout_date: row.try_get("workout_date")?,
        duration: row.try_get("duration")?,
        pauses: row.try_get("pauses")?,
        moving: row.try_get("moving")?,
        distance: row.try_get("distance")?,
        min_alt: row.try_get("min_alt")?,
        max_alt: row.try_get("max_alt")?,
        descent: row.try_get("descent")?,
        ascent: row.try_get("ascent")?,
        max_speed: row.try_get("max_speed")?,
        ave_speed: row.try_get("ave_speed")?,
        notes: row.try_get("notes")?,
        description: row.try_get("description")?,
        equipments: row.try_get("equipments")?,
    })
}

fn secret(row: &PgRow, column: &str) -> Result<Option<Secret>, sqlx::Error> {
    let text: Option<String> = row.try_get(column)?;
    Ok(text.map(Secret::from))
}

fn open_error(error: &sqlx::Error) -> ForeignError {
    let undefined = |code: &str| matches!(code, UNDEFINED_COLUMN | UNDEFINED_TABLE);
    match error {
        sqlx::Error::Database(why) if why.code().is_some_and(|code| undefined(&code)) => {
            ForeignError::Unfit(describe(error))
        }
        _ => ForeignError::Unreachable(describe(error)),
    }
}

fn store_error(error: &sqlx::Error) -> StoreError {
    StoreError::new(StoreErrorKind::Unavailable, describe(error))
}

/// What went wrong, without any value of the database.
fn describe(error: &sqlx::Error) -> String {
    match error {
        sqlx::Error::ColumnDecode { index, .. } => format!("{index} cannot be read"),
        sqlx::Error::Database(error) => match error.code() {
            Some(code) if code.starts_with("22") => format!("error {code}"),
            _ => error.message().to_owned(),
        },
        sqlx::Error::Io(error) => error.to_string(),
        sqlx::Error::Tls(_) => "TLS with the server failed".to_owned(),
        _ => "the driver failed".to_owned(),
    }
}

const CONNECT_LIMIT: std::time::Duration = std::time::Duration::from_secs(15);
const UNDEFINED_COLUMN: &str = "42703";
const UNDEFINED_TABLE: &str = "42P01";

/// One view of the data for as long as it is read, and texts of dates that do not hang on settings.
const BEGIN: [&str; 4] = [
    "BEGIN ISOLATION LEVEL REPEATABLE READ READ ONLY",
    "SET LOCAL datestyle = 'ISO'",
    "SET LOCAL timezone = 'UTC'",
    "SET LOCAL statement_timeout = 60000",
];

const USERS: &str = "SELECT id::bigint AS id, username, email, password, created_at::text AS created_at, admin, \
    is_active, first_name, last_name, birth_date::text AS birth_date, location, bio, picture, timezone, date_format, \
    weekm, language, imperial_units, email_to_confirm, confirmation_token, display_ascent, \
    accepted_policy_date::text AS accepted_policy_date, start_elevation_at_zero, use_raw_gpx_speed, use_dark_mode \
    FROM users WHERE id > $1::bigint ORDER BY id LIMIT $2::bigint";

const POLICY: &str = "SELECT privacy_policy_date::text FROM app_config ORDER BY id LIMIT 1";

const SIGNED_OUT: &str =
    "SELECT id::bigint AS id, token FROM blacklisted_tokens WHERE id > $1::bigint ORDER BY id LIMIT $2::bigint";

const SPORTS: &str = "SELECT p.sport_id::bigint AS id, p.color, p.is_active, \
    p.stopped_speed_threshold::float8 AS stopped_speed_threshold, \
    ARRAY(SELECT e.uuid::text FROM users_sports_preferences_equipments d JOIN equipments e ON e.id = d.equipment_id \
    WHERE d.user_id = p.user_id AND d.sport_id = p.sport_id ORDER BY e.id) AS equipments \
    FROM users_sports_preferences p WHERE p.user_id = $1::bigint ORDER BY p.sport_id";

const EQUIPMENTS: &str = "SELECT id::bigint AS id, uuid::text AS uuid, label, description, \
    equipment_type_id::bigint AS equipment_type, creation_date::text AS creation_date, is_active \
    FROM equipments WHERE user_id = $1::bigint ORDER BY id";

const WORKOUTS: &str = "SELECT w.id::bigint AS id, w.uuid::text AS uuid, w.sport_id::bigint AS sport, w.title, w.gpx, \
    w.creation_date::text AS creation_date, w.modification_date::text AS modification_date, \
    w.workout_date::text AS workout_date, EXTRACT(EPOCH FROM w.duration)::float8 AS duration, \
    EXTRACT(EPOCH FROM w.pauses)::float8 AS pauses, EXTRACT(EPOCH FROM w.moving)::float8 AS moving, \
    w.distance::float8 AS distance, w.min_alt::float8 AS min_alt, w.max_alt::float8 AS max_alt, \
    w.descent::float8 AS descent, w.ascent::float8 AS ascent, w.max_speed::float8 AS max_speed, \
    w.ave_speed::float8 AS ave_speed, w.notes, w.description, \
    ARRAY(SELECT e.uuid::text FROM workout_equipments x JOIN equipments e ON e.id = x.equipment_id \
    WHERE x.workout_id = w.id ORDER BY e.id) AS equipments \
    FROM workouts w WHERE w.user_id = $1::bigint AND w.id > $2::bigint ORDER BY w.id LIMIT $3::bigint";
