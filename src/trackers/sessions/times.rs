//! Dates of the wire and instants of the store: zones, changes of the clock, durations.

use std::fmt::Write as _;
use std::time::{Duration, SystemTime};

use jiff::Timestamp;
use jiff::civil::{Date, DateTime, Time};
use jiff::tz::{AmbiguousOffset, Offset, TimeZone};

use super::wire::Stop;

/// A date and a time of day as somebody wrote them, on the clock of their zone: one instant, or two when
/// the clock is set back over it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Reading {
    /// The instant, or the first of both.
    pub(super) first: SystemTime,
    /// The same, or the second.
    pub(super) second: SystemTime,
}

impl Reading {
    /// Reads the clock of `zone`. A time that it skips is read with the offset before the change.
    ///
    /// # Errors
    ///
    /// 400 naming `field` if the instant lies before 1970 or after all time.
    pub(super) fn of(at: DateTime, zone: &TimeZone, field: &'static str) -> Result<Self, Stop> {
        let (first, second) = match zone.to_ambiguous_timestamp(at).offset() {
            AmbiguousOffset::Unambiguous { offset } => (offset, offset),
            AmbiguousOffset::Gap { before, .. } => (before, before),
            AmbiguousOffset::Fold { before, after } => (before, after),
        };
        let instant = |offset: Offset| match offset.to_timestamp(at) {
            Ok(instant) if instant >= Timestamp::UNIX_EPOCH => Ok(SystemTime::from(instant)),
            _ => Err(Stop::fault(format!("{field} is out of range"))),
        };
        Ok(Self { first: instant(first)?, second: instant(second)? })
    }

    /// The last of both that is not still to come, else the first.
    pub(super) fn latest_until(self, now: SystemTime) -> SystemTime {
        if self.second <= now { self.second } else { self.first }
    }

    /// The first of both that lies after `start`, else the second.
    pub(super) fn earliest_after(self, start: SystemTime) -> SystemTime {
        if self.first > start { self.first } else { self.second }
    }
}

/// `YYYY-MM-DD`, a day that exists.
///
/// # Errors
///
/// 400 naming `field`.
pub(super) fn date(text: &str, field: &'static str) -> Result<Date, Stop> {
    let read = || {
        let (year, rest) = text.split_once('-')?;
        let (month, day) = rest.split_once('-')?;
        Date::new(digits::<4>(year)?, digits::<2>(month)?.try_into().ok()?, digits::<2>(day)?.try_into().ok()?).ok()
    };
    read().ok_or_else(|| Stop::fault(format!("{field} must be a date of the form YYYY-MM-DD")))
}

/// `HH:MM`, from `00:00` to `23:59`.
///
/// # Errors
///
/// 400 naming `field`.
pub(super) fn time(text: &str, field: &'static str) -> Result<Time, Stop> {
    let read = || {
        let (hour, minute) = text.split_once(':')?;
        Time::new(digits::<2>(hour)?.try_into().ok()?, digits::<2>(minute)?.try_into().ok()?, 0, 0).ok()
    };
    read().ok_or_else(|| Stop::fault(format!("{field} must be a time of the form HH:MM")))
}

/// A number of exactly `N` digits, at most four.
fn digits<const N: usize>(text: &str) -> Option<i16> {
    if text.len() != N {
        return None;
    }
    text.bytes().try_fold(0, |number: i16, byte| byte.is_ascii_digit().then(|| number * 10 + i16::from(byte - b'0')))
}

/// The first instant of a day in this zone, not before 1970; `None` after all time.
pub(super) fn day_start(day: Date, zone: &TimeZone) -> Option<SystemTime> {
    let start = zone.to_ambiguous_timestamp(day.to_datetime(Time::midnight())).compatible().ok()?;
    Some(start.max(Timestamp::UNIX_EPOCH).into())
}

/// Cut to the second.
pub(super) fn to_second(at: SystemTime) -> SystemTime {
    let since = at.duration_since(SystemTime::UNIX_EPOCH).unwrap_or_default();
    SystemTime::UNIX_EPOCH + Duration::from_secs(since.as_secs())
}

/// The offset of the zone at this instant, in seconds.
pub(super) fn offset(at: SystemTime, zone: &TimeZone) -> i32 {
    zone.to_offset(timestamp(at)).seconds()
}

/// `YYYY-MM-DD HH:MM:SS` on a clock with this offset from UTC in seconds.
pub(super) fn local(at: SystemTime, offset: i32) -> String {
    let offset = Offset::from_seconds(offset).unwrap_or(Offset::UTC);
    offset.to_datetime(timestamp(at)).strftime("%Y-%m-%d %H:%M:%S").to_string()
}

/// `+01:00`.
pub(super) fn offset_text(offset: i32) -> String {
    let minutes = offset.unsigned_abs() / 60;
    format!("{}{:02}:{:02}", if offset < 0 { '-' } else { '+' }, minutes / 60, minutes % 60)
}

/// `1 months 18 days 10 hours 5 minutes`: largest unit first, plural even for one, zeros left out.
pub(super) fn human(length: Duration) -> String {
    let mut rest = length.as_secs() / 60;
    let mut text = String::new();
    for (unit, minutes) in [("months", 30 * 24 * 60), ("days", 24 * 60), ("hours", 60), ("minutes", 1)] {
        let count = rest / minutes;
        rest %= minutes;
        if count > 0 {
            let blank = if text.is_empty() { "" } else { " " };
            write!(text, "{blank}{count} {unit}").expect("writing to a string does not fail");
        }
    }
    if text.is_empty() { "0 minutes".to_owned() } else { text }
}

fn timestamp(at: SystemTime) -> Timestamp {
    Timestamp::try_from(at).unwrap_or_default()
}
