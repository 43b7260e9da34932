//! What is read of another server, FitTrackee 0.8.13, when its users come here.
//!
//! Texts stand as that server keeps them, and nothing of it is believed: dates are in ISO 8601 form
//! (`2026-11-22 01:43:09.5`, UTC) if they are dates at all, numbers may be no numbers.

use std::fmt;
use std::sync::Arc;

use trackgate_schemes::Secret;
use trackgate_schemes::store::Answer;

/// A row of a table of that server, or why it cannot be read.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Foreign<T> {
    /// Its number in its table.
    pub id: i64,
    /// What it says; else what is wrong with it, in words.
    pub row: Result<T, Arc<str>>,
}

/// A user of that server (table `users`).
#[derive(Clone, Debug, Default, PartialEq, Eq)]
#[expect(clippy::struct_excessive_bools, reason = "they are independent columns")]
pub struct ForeignUser {
    /// The name to sign in with.
    pub username: String,
    /// The e-mail address.
    pub email: String,
    /// The stored form of the password, bcrypt.
    pub password: Option<Secret>,
    /// When the account was made.
    pub created_at: Option<String>,
    /// Whether the user administers that server.
    pub admin: bool,
    /// Whether the user may sign in.
    pub is_active: bool,
    /// First name.
    pub first_name: Option<String>,
    /// Last name.
    pub last_name: Option<String>,
    /// Date of birth, with a time of day.
    pub birth_date: Option<String>,
    /// Where the user lives.
    pub location: Option<String>,
    /// About the user.
    pub bio: Option<String>,
    /// The picture, as a path below the folder of uploads.
    pub picture: Option<String>,
    /// Name of the time zone.
    pub timezone: Option<String>,
    /// How dates are shown.
    pub date_format: Option<String>,
    /// Whether weeks start on Monday.
    pub weekm: bool,
    /// Code of the language.
    pub language: Option<String>,
    /// Whether lengths are in miles.
    pub imperial_units: bool,
    /// An address that waits for being confirmed.
    pub email_to_confirm: Option<String>,
    /// What was mailed last to confirm the account or that address.
    pub confirmation_token: Option<Secret>,
    /// Whether ascents are shown.
    pub display_ascent: bool,
    /// When the user accepted the privacy policy.
    pub accepted_policy_date: Option<String>,
    /// Whether charts of elevation start at zero.
    pub start_elevation_at_zero: bool,
    /// Whether speeds are taken as a file has them.
    pub use_raw_gpx_speed: bool,
    /// Whether the dark mode is on; `None` for as the system has it.
    pub use_dark_mode: Option<bool>,
}

/// A token that was signed out there (table `blacklisted_tokens`).
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ForeignToken {
    /// The whole token.
    pub token: Secret,
}

/// A user's choice about a sport (table `users_sports_preferences`).
#[derive(Clone, Debug, Default, PartialEq)]
pub struct ForeignSport {
    /// `#` and hexadecimal digits.
    pub color: Option<String>,
    /// Whether the user does that sport.
    pub is_active: bool,
    /// Below it nobody moves, in km/h.
    pub stopped_speed_threshold: f64,
    /// The pieces of equipment that new workouts get, as UUIDs.
    pub default_equipments: Vec<String>,
}

/// A piece of equipment (table `equipments`).
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct ForeignEquipment {
    /// Its UUID.
    pub uuid: String,
    /// What it is called.
    pub label: String,
    /// More about it.
    pub description: Option<String>,
    /// Number of its type.
    pub equipment_type: Option<i64>,
    /// When it was added.
    pub creation_date: Option<String>,
    /// Whether it is in use.
    pub is_active: bool,
}

/// A workout (table `workouts`).
#[derive(Clone, Debug, Default, PartialEq)]
pub struct ForeignWorkout {
    /// Its UUID.
    pub uuid: String,
    /// Number of its sport.
    pub sport: i64,
    /// Its title.
    pub title: Option<String>,
    /// The track, as a path below the folder of uploads.
    pub gpx: Option<String>,
    /// When it was stored.
    pub creation_date: Option<String>,
    /// When it was changed.
    pub modification_date: Option<String>,
    /// When it began.
    pub workout_date: Option<String>,
    /// In seconds.
    pub duration: Option<f64>,
    /// In seconds.
    pub pauses: Option<f64>,
    /// In seconds.
    pub moving: Option<f64>,
    /// In km.
    pub distance: Option<f64>,
    /// In m.
    pub min_alt: Option<f64>,
    /// In m.
    pub max_alt: Option<f64>,
    /// In m.
    pub descent: Option<f64>,
    /// In m.
    pub ascent: Option<f64>,
    /// In km/h.
    pub max_speed: Option<f64>,
    /// In km/h.
    pub ave_speed: Option<f64>,
    /// Notes.
    pub notes: Option<String>,
    /// Description.
    pub description: Option<String>,
    /// The pieces of equipment, as UUIDs.
    pub equipments: Vec<String>,
}

/// Reads the database of a FitTrackee server, as it was at one instant, and never changes it.
pub trait FitTrackeeSource: fmt::Debug + Send + Sync + 'static {
    /// How many users there are.
    fn count_users(&self) -> Answer<'_, u64>;

    /// Up to `limit` users with numbers above `after`, in order.
    fn users(&self, after: i64, limit: u32) -> Answer<'_, Vec<Foreign<ForeignUser>>>;

    /// Since when its own privacy policy holds, if it has one.
    fn policy_date(&self) -> Answer<'_, Option<String>>;

    /// Up to `limit` signed-out tokens with numbers above `after`, in order, also dead ones.
    fn signed_out(&self, after: i64, limit: u32) -> Answer<'_, Vec<Foreign<ForeignToken>>>;

    /// A user's choices about sports, by the sports' numbers, in order.
    fn sports(&self, user: i64) -> Answer<'_, Vec<Foreign<ForeignSport>>>;

    /// A user's equipment, in the order of its numbers.
    fn equipments(&self, user: i64) -> Answer<'_, Vec<Foreign<ForeignEquipment>>>;

    /// Up to `limit` workouts of a user with numbers above `after`, in order.
    fn workouts(&self, user: i64, after: i64, limit: u32) -> Answer<'_, Vec<Foreign<ForeignWorkout>>>;
}
