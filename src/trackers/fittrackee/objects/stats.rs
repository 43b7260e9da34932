//! Statistics by time and by sport, and all records.
//!
//! As in the original a workout belongs to the day on which it began in UTC; only `from` and `to` are days of
//! the user's zone.

use std::collections::BTreeMap;
use std::sync::Arc;

use bytes::Bytes;
use http::{Method, Response, StatusCode};
use jiff::civil::Date;
use jiff::tz::TimeZone;
use trackgate_schemes::Login;

use super::own::{self, Recorded};
use super::query::{self, Query};
use super::shown::{self, rounded};
use super::sports;
use super::summary::{self, RecordKind, Summary};
use crate::trackers::fittrackee::Shared;
use crate::trackers::fittrackee::profile::Profile;
use crate::trackers::fittrackee::routes::endpoint;
use crate::trackers::fittrackee::wire::{self, Json, Stop};
use crate::trackers::{Call, Endpoint};

pub(super) fn endpoints(shared: &Arc<Shared>) -> Vec<Endpoint> {
    vec![
        endpoint(shared, Method::GET, "/api/records", records).granted("profile:read"),
        endpoint(shared, Method::GET, "/api/stats/{username}/by_sport", by_sport).granted("profile:read"),
        endpoint(shared, Method::GET, "/api/stats/{username}/by_time", by_time).granted("profile:read"),
    ]
}

async fn records(shared: Arc<Shared>, call: Call) -> Result<Response<Bytes>, Stop> {
    let account = call.identity().account().ok_or(Stop::TOKEN)?;
    let summary = Summary::of(&own::workouts(&shared.accounts, account).await?);
    let mut records: Vec<_> = summary.records().iter().collect();
    // The database of the original came to know this kind last, and sorts by that.
    records.sort_by_key(|record| (record.sport_id, record.kind == RecordKind::HighestAscent, record.kind));
    let shown = records.into_iter().map(|record| record.shown(call.identity().name()));
    Ok(success(Json::object([("records", Json::List(shown.collect()))])))
}

async fn by_time(shared: Arc<Shared>, call: Call) -> Result<Response<Bytes>, Stop> {
    own_name(&shared, call.parameter("username"), call.identity().name()).await?;
    let account = call.identity().account().ok_or(Stop::TOKEN)?;
    let query = Query::parse(call.request.uri().query());
    let profile = Profile::load(&shared.accounts, account).await?;
    let days = query.days(&query::zone(profile.timezone.as_deref()))?;
    let measure = match query.text("type") {
        Some("average") => Measure::Average,
        Some("total") => Measure::Total,
        None if !query.has("type") => Measure::Total,
        _ => return Err(failed("invalid stats type")),
    };
    let period = Period::read(query.text("time")).ok_or_else(|| failed("invalid time period"))?;
    let mut groups: BTreeMap<String, BTreeMap<u8, Vec<Recorded>>> = BTreeMap::new();
    for recorded in own::workouts(&shared.accounts, account).await?.into_iter().filter(|recorded| days.take(recorded)) {
        let by_sport = groups.entry(period.key(recorded.began)).or_default();
        by_sport.entry(recorded.workout.sport_id).or_default().push(recorded);
    }
    let sports = |by_sport: BTreeMap<u8, Vec<Recorded>>| {
        let shown = |(sport, workouts): (u8, Vec<_>)| (sport.to_string(), measure.shown(&workouts));
        Json::Map(by_sport.into_iter().map(shown).collect())
    };
    let statistics = groups.into_iter().map(|(key, by_sport)| (key, sports(by_sport))).collect();
    Ok(success(Json::object([("statistics", Json::Map(statistics))])))
}

async fn by_sport(shared: Arc<Shared>, call: Call) -> Result<Response<Bytes>, Stop> {
    own_name(&shared, call.parameter("username"), call.identity().name()).await?;
    let account = call.identity().account().ok_or(Stop::TOKEN)?;
    let sport = match Query::parse(call.request.uri().query()).whole("sport_id")? {
        None => None,
        Some(id) => {
            Some(u8::try_from(id).ok().and_then(sports::sport).ok_or_else(|| missing("sport does not exist"))?.id)
        }
    };
    let mut workouts = own::workouts(&shared.accounts, account).await?;
    workouts.retain(|recorded| sport.is_none_or(|id| recorded.workout.sport_id == id));
    let total = summary::count(workouts.len());
    let mut groups: BTreeMap<u8, Vec<Recorded>> = BTreeMap::new();
    for recorded in workouts.into_iter().rev().take(STATS_WORKOUTS) {
        groups.entry(recorded.workout.sport_id).or_default().push(recorded);
    }
    let statistics = groups.into_iter().map(|(sport, workouts)| (sport.to_string(), both(&workouts))).collect();
    Ok(success(Json::object([("statistics", Json::Map(statistics)), ("total_workouts", total)])))
}

/// What is told of the workouts of a time and sport.
#[derive(Clone, Copy)]
enum Measure {
    Average,
    Total,
}

impl Measure {
    fn shown(self, workouts: &[Recorded]) -> Json {
        let measures = || workouts.iter().map(|recorded| &recorded.workout.measures);
        let count = ("total_workouts", summary::count(workouts.len()));
        let ascent = || measures().map(|measures| measures.ascent);
        let descent = || measures().map(|measures| measures.descent);
        let distance = || measures().map(|measures| measures.distance);
        match self {
            Self::Average => Json::object([
                count,
                ("average_ascent", decimals(summary::average(ascent()))),
                ("average_descent", decimals(summary::average(descent()))),
                ("average_distance", decimals(summary::average(distance()).or(Some(0.0)))),
                ("average_duration", Json::Int(average_moving(workouts))),
                ("average_speed", average_speed(workouts)),
            ]),
            Self::Total => Json::object([
                count,
                ("total_ascent", decimals(summary::sum(ascent()))),
                ("total_descent", decimals(summary::sum(descent()))),
                ("total_distance", decimals(summary::sum(distance()).or(Some(0.0)))),
                ("total_duration", Json::Int(total_moving(workouts))),
            ]),
        }
    }
}

/// Averages and totals of the workouts of a sport.
fn both(workouts: &[Recorded]) -> Json {
    let measures = || workouts.iter().map(|recorded| &recorded.workout.measures);
    let ascent = || measures().map(|measures| measures.ascent);
    let descent = || measures().map(|measures| measures.descent);
    let distance = || measures().map(|measures| measures.distance);
    Json::object([
        ("average_ascent", decimals(summary::average(ascent()))),
        ("average_descent", decimals(summary::average(descent()))),
        ("average_distance", decimals(summary::average(distance()).or(Some(0.0)))),
        ("average_duration", Json::Text(shown::duration(average_moving(workouts)))),
        ("average_speed", average_speed(workouts)),
        ("total_ascent", decimals(summary::sum(ascent()))),
        ("total_descent", decimals(summary::sum(descent()))),
        ("total_distance", decimals(summary::sum(distance()).or(Some(0.0)))),
        ("total_duration", Json::Text(shown::duration(total_moving(workouts)))),
        ("total_workouts", summary::count(workouts.len())),
    ])
}

fn average_speed(workouts: &[Recorded]) -> Json {
    let speeds = workouts.iter().map(|recorded| recorded.workout.measures.ave_speed);
    decimals(summary::average(speeds).or(Some(0.0)))
}

fn total_moving(workouts: &[Recorded]) -> i64 {
    workouts.iter().filter_map(|recorded| recorded.workout.measures.moving).fold(0, i64::saturating_add)
}

fn average_moving(workouts: &[Recorded]) -> i64 {
    let known = workouts.iter().filter(|recorded| recorded.workout.measures.moving.is_some()).count();
    i64::try_from(known).map_or(0, |known| total_moving(workouts).checked_div(known).unwrap_or(0))
}

fn decimals(value: Option<f64>) -> Json {
    value.map_or(Json::Null, |value| Json::Float(rounded(value, 2)))
}

/// Over which time workouts are counted together.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Period {
    Month,
    /// From Sunday on.
    Week,
    /// From Monday on.
    WeekFromMonday,
    Year,
}

impl Period {
    fn read(text: Option<&str>) -> Option<Self> {
        match text {
            None | Some("year") => Some(Self::Year),
            Some("month") => Some(Self::Month),
            Some("week") => Some(Self::Week),
            Some(text) if text.starts_with("week") => Some(Self::WeekFromMonday),
            Some(_) => None,
        }
    }

    /// The key of the time in which this instant lies; of a week it is its first day.
    fn key(self, microseconds: i64) -> String {
        let day = shown::timestamp(microseconds).to_zoned(TimeZone::UTC).date();
        match self {
            Self::Month => day.strftime("%Y-%m").to_string(),
            Self::Week => back(day, day.weekday().to_sunday_zero_offset()),
            Self::WeekFromMonday => back(day, day.weekday().to_monday_zero_offset()),
            Self::Year => day.strftime("%Y").to_string(),
        }
    }
}

/// The day so many days before.
fn back(day: Date, days: i8) -> String {
    day.saturating_sub(jiff::Span::new().days(days)).to_string()
}

/// Stops whoever asks about somebody else.
///
/// # Errors
///
/// 403, or 404 if there is nobody of this name. That much anybody learns who registers.
async fn own_name(shared: &Shared, name: &str, own: &str) -> Result<(), Stop> {
    if name == own {
        return Ok(());
    }
    let found = match Login::parse(name) {
        Ok(login) => shared.accounts.store().account_by_login(&login).await?,
        Err(_unfit) => None,
    };
    match found {
        Some(account) if *account.name == *name => {
            Err(Stop::Message(StatusCode::FORBIDDEN, "you do not have permissions".into()))
        }
        _ => Err(missing("user does not exist")),
    }
}

fn success(data: Json) -> Response<Bytes> {
    wire::success(StatusCode::OK, [("data", data), ("status", Json::Text("success".into()))])
}

fn failed(message: &str) -> Stop {
    wire::error(StatusCode::BAD_REQUEST, &[("status", "fail"), ("message", message)]).into()
}

fn missing(message: &str) -> Stop {
    wire::error(StatusCode::NOT_FOUND, &[("status", "not found"), ("message", message)]).into()
}

/// Of so many of the latest workouts the statistics by sport are made.
pub(super) const STATS_WORKOUTS: usize = 10_000;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn weeks_begin_on_sunday_or_monday_and_years_are_cut_nowhere() {
        let at = |text: &str| text.parse::<jiff::Timestamp>().unwrap().as_microsecond();
        for (instant, sunday, monday, month) in [
            ("2026-11-01T07:00:00Z", "2026-11-01", "2026-10-26", "2026-11"),
            ("2026-10-31T23:59:59Z", "2026-10-25", "2026-10-26", "2026-10"),
            ("2026-11-02T00:00:00Z", "2026-11-01", "2026-11-02", "2026-11"),
            ("2026-01-01T12:00:00Z", "2025-12-28", "2025-12-29", "2026-01"),
            ("2024-12-31T12:00:00Z", "2024-12-29", "2024-12-30", "2024-12"),
        ] {
            let keys = [Period::Week, Period::WeekFromMonday, Period::Month].map(|period| period.key(at(instant)));
            assert_eq!(keys, [sunday, monday, month], "{instant}");
        }
        assert_eq!(Period::Year.key(at("2026-01-01T00:00:00Z")), "2026");
    }

    #[test]
    fn periods_have_these_names() {
        assert_eq!(Period::read(None), Some(Period::Year));
        assert_eq!(Period::read(Some("weekm")), Some(Period::WeekFromMonday));
        assert_eq!((Period::read(Some("day")), Period::read(Some("nope"))), (None, None));
    }
}
