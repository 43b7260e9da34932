//! Listing sessions and showing one (contract section 3).

use jiff::tz::TimeZone;

use super::query::Query;
use super::times;
use super::wire::{Json, Stop};
use crate::ports::{Tracked, TrackedFilter, TrackedPage};

/// What a query asks for.
///
/// # Errors
///
/// 400 with what is wrong.
pub(super) fn filter(query: &Query, zone: &TimeZone) -> Result<TrackedFilter, Stop> {
    let day = |name| query.get(name)?.map(|text| times::date(text, name)).transpose();
    let limit = query.number("limit")?.unwrap_or(50);
    if limit == 0 {
        return Err(Stop::fault("limit must be 1 or more"));
    }
    let next_day = day("to")?.and_then(|last| last.tomorrow().ok());
    Ok(TrackedFilter {
        from: day("from")?.and_then(|first| times::day_start(first, zone)),
        before: next_day.and_then(|next| times::day_start(next, zone)),
        active: query.switch("active")?,
        public: query.switch("public")?,
        limit: u32::try_from(limit).unwrap_or(u32::MAX).min(MAX_LIMIT),
        offset: u32::try_from(query.number("offset")?.unwrap_or(0)).unwrap_or(u32::MAX),
    })
}

/// One page.
pub(super) fn page(page: &TrackedPage, filter: &TrackedFilter, zone: &TimeZone) -> Json {
    Json::Object(vec![
        ("count", Json::Int(i64::try_from(page.items.len()).unwrap_or(i64::MAX))),
        ("total", Json::Int(i64::try_from(page.total).unwrap_or(i64::MAX))),
        ("limit", Json::Int(filter.limit.into())),
        ("offset", Json::Int(filter.offset.into())),
        ("items", Json::List(page.items.iter().map(|tracked| item(tracked, zone)).collect())),
    ])
}

/// One session.
pub(super) fn item(tracked: &Tracked, zone: &TimeZone) -> Json {
    let data = &tracked.data;
    let now_local = |at| times::local(at, times::offset(at, zone));
    let text = |text: &Option<_>| text.as_deref().map_or(Json::Null, |text: &str| Json::text(text));
    Json::Object(vec![
        ("id", Json::Int(tracked.id)),
        ("start", Json::Text(times::local(data.start, data.start_offset))),
        ("end", data.end.map(|end| times::local(end, data.end_offset)).into()),
        ("scheduledend", data.scheduled_end.map(now_local).into()),
        ("active", Json::digit(data.end.is_none())),
        ("public", Json::digit(data.public)),
        ("has_history", Json::digit(false)),
        ("has_games_changes", Json::digit(false)),
        ("lockedby", text(&data.locked_by)),
        ("notes", text(&data.notes)),
        ("timezonestart", Json::Text(times::offset_text(data.start_offset))),
        ("timezoneend", Json::Text(times::offset_text(data.end_offset))),
        ("inserted", Json::Text(now_local(tracked.inserted_at))),
    ])
}

/// Most items of a page.
const MAX_LIMIT: u32 = 200;
