//! Settings of the in-process trackers, as typed.

use std::path::PathBuf;

use schemars::JsonSchema;
use serde::Deserialize;

use super::super::units::{Size, Time};

/// Settings of the in-process trackers.
#[derive(Clone, Debug, Default, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
#[non_exhaustive]
pub struct Trackers {
    /// Live Tracking HTTP API.
    pub livetracking: LiveTracking,
    /// LPTracker Direct API.
    pub lptracker: LpTracker,
    /// Session tracker.
    pub sessions: SessionTracker,
    /// FitTrackee.
    pub fittrackee: FitTrackee,
}

/// Live Tracking HTTP API.
#[derive(Clone, Debug, Default, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
#[non_exhaustive]
pub struct LiveTracking {
    /// Whether wrong credentials at `/write` and `/query` are 403, as the manual says, or 401, as InfluxDB does.
    pub compat: Compat,
    /// Whether the user `public` with the password `livetracking` reads what is not private. Default true.
    pub public_reader: Option<bool>,
    /// Who reads the samples of riders who never said. Default everybody.
    pub visibility: Visibility,
    /// How long samples are kept at least, by their own instants; older ones are refused. `0s` for ever. Default 8h.
    pub retention: Option<Time>,
    /// What queries may take.
    pub query: Query,
    /// What the live pages show.
    pub watch: Watch,
}

/// The live pages of riders.
#[derive(Clone, Debug, Default, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
#[non_exhaustive]
pub struct Watch {
    /// How far back a ride is shown, up to 48h. Default: as long as samples are kept, up to 8h.
    pub window: Option<Time>,
    /// Tiles below the track, as in `https://tiles.example.org/{z}/{x}/{y}.png`: those who watch ask that host.
    /// Default none.
    pub tile_url: Option<String>,
}

/// How wrong credentials are answered.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
#[non_exhaustive]
pub enum Compat {
    /// 401, as InfluxDB does.
    Influx,
    /// 403, as the manual says.
    #[default]
    Manual,
}

/// Who reads the samples of a rider.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
#[non_exhaustive]
pub enum Visibility {
    /// The rider alone, and those with a link.
    Private,
    /// Everybody.
    #[default]
    Public,
}

/// What queries may take.
#[derive(Clone, Debug, Default, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
#[non_exhaustive]
pub struct Query {
    /// How many run at once. Default 8.
    pub at_once: Option<usize>,
    /// What one may hold. Default 64MiB.
    pub memory: Option<Size>,
    /// How long one may run. Default 30s.
    pub time: Option<Time>,
}

/// LPTracker Direct API.
#[derive(Clone, Debug, Default, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
#[non_exhaustive]
pub struct LpTracker {
    /// Errors carry their code as HTTP status too, instead of 200.
    pub real_status: bool,
}

/// Session tracker.
#[derive(Clone, Debug, Default, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
#[non_exhaustive]
pub struct SessionTracker {
    /// The IANA time zone of users who have not chosen one. Default UTC.
    pub time_zone: Option<String>,
}

/// FitTrackee.
#[derive(Clone, Debug, Default, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
#[non_exhaustive]
pub struct FitTrackee {
    /// Whether new users may register. Default true.
    pub registration: Option<bool>,
    /// With so many accounts, of whatever state, registration closes. Default 0, for any number.
    pub max_users: Option<u32>,
    /// Where users find the web application, such as `https://fit.example.org`: links in letters lead there.
    /// Needed when mail is on.
    pub ui_url: Option<String>,
    /// A file with a privacy policy of your own, as Markdown.
    pub privacy_policy: Option<PathBuf>,
    /// Since when that policy holds: `2026-11-22` or a time with its zone. Who accepted an earlier one is asked
    /// again.
    pub privacy_policy_date: Option<String>,
    /// The address that users may write to.
    pub admin_contact: Option<String>,
    /// What the web application says about this server, as Markdown.
    pub about: Option<String>,
    /// How long archives of exports are kept, 1d to 365d. Default 7d.
    pub export_keep: Option<Time>,
    /// Largest upload of a picture. Default 1MiB.
    pub picture_limit: Option<Size>,
    /// Folder of the original's web application, to be served too. Default: it is not.
    #[schemars(with = "Option<String>")]
    pub web_app: Option<PathBuf>,
}
