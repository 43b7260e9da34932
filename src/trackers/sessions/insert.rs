//! Inserting: what is asked for, checked before the store is (contract sections 2 and 4).

use std::sync::Arc;
use std::time::SystemTime;

use jiff::civil::Time;
use jiff::tz::TimeZone;

use super::times::{self, Reading};
use super::wire::{Members, Stop};
use crate::ports::NewTracked;

/// A live session, from `POST /api/liveinsert.php`.
///
/// # Errors
///
/// 400 with what is wrong.
pub(super) fn live(members: &Members, zone: &TimeZone, now: SystemTime) -> Result<NewTracked, Stop> {
    marker(members, "insertl")?;
    let start = match reading(members, zone, "startdate", "starttime")? {
        Some(start) => start.latest_until(now),
        None => times::to_second(now),
    };
    not_in_future(start, now, "the start")?;
    let scheduled_end = match reading(members, zone, "scheduledend", "scheduledendtime")? {
        None => None,
        Some(end) => Some(after(end, start, "scheduledend")?),
    };
    let offset = times::offset(start, zone);
    Ok(NewTracked {
        start,
        end: None,
        scheduled_end,
        public: members.switch("public")?.unwrap_or(false),
        locked_by: locked_by(members)?,
        notes: None,
        start_offset: offset,
        end_offset: offset,
    })
}

/// A past session, from `POST /api/sesinsert.php`.
///
/// # Errors
///
/// 400 with what is wrong.
pub(super) fn past(members: &Members, zone: &TimeZone, now: SystemTime) -> Result<NewTracked, Stop> {
    marker(members, "inserts")?;
    let missing = |field| move || Stop::fault(format!("{field} is missing"));
    let start = reading(members, zone, "startdate", "starttime")?.ok_or_else(missing("startdate"))?.first;
    not_in_future(start, now, "the start")?;
    let end = reading(members, zone, "enddate", "endtime")?.ok_or_else(missing("enddate"))?;
    let end = after(end, start, "the end")?;
    not_in_future(end, now, "the end")?;
    Ok(NewTracked {
        start,
        end: Some(end),
        scheduled_end: None,
        public: members.switch("public")?.unwrap_or(false),
        locked_by: locked_by(members)?,
        notes: None,
        start_offset: times::offset(start, zone),
        end_offset: times::offset(end, zone),
    })
}

/// The member that says what the body is for.
fn marker(members: &Members, name: &'static str) -> Result<(), Stop> {
    match members.switch(name) {
        Ok(Some(true)) => Ok(()),
        _ => Err(Stop::fault(format!("{name} must be 1"))),
    }
}

/// A date with its time of day, midnight if that is absent; a time alone means nothing.
fn reading(
    members: &Members,
    zone: &TimeZone,
    date: &'static str,
    time: &'static str,
) -> Result<Option<Reading>, Stop> {
    let at = members.text(time)?.map(|text| times::time(text, time)).transpose()?;
    match members.text(date)? {
        None if at.is_some() => Err(Stop::fault(format!("{time} needs {date}"))),
        None => Ok(None),
        Some(text) => {
            let day = times::date(text, date)?;
            Reading::of(day.to_datetime(at.unwrap_or(Time::midnight())), zone, date).map(Some)
        }
    }
}

fn after(end: Reading, start: SystemTime, what: &'static str) -> Result<SystemTime, Stop> {
    let end = end.earliest_after(start);
    if end > start { Ok(end) } else { Err(Stop::fault(format!("{what} must lie after the start"))) }
}

fn not_in_future(at: SystemTime, now: SystemTime, what: &'static str) -> Result<(), Stop> {
    if at > now { Err(Stop::fault(format!("{what} lies in the future"))) } else { Ok(()) }
}

fn locked_by(members: &Members) -> Result<Option<Arc<str>>, Stop> {
    match members.text("lockedby")? {
        None | Some("") => Ok(None),
        Some(text) if text.chars().count() > 255 => Err(Stop::fault("lockedby has more than 255 characters")),
        Some(text) if text.chars().any(char::is_control) => Err(Stop::fault("lockedby holds a control character")),
        Some(text) => Ok(Some(text.into())),
    }
}
