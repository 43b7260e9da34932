//! Hours: on which days and at which local times a rule is open.

use std::fmt;
use std::time::{Duration, SystemTime};

use jiff::civil::{Time, Weekday};
use jiff::tz::TimeZone;
use jiff::{Timestamp, ToSpan, Zoned};
use trackgate_schemes::{Head, Identity, Reason, Rejection};

use crate::{Decision, Policy};

pub use parse::TimeWindowError;

mod parse;
#[cfg(test)]
mod tests;

/// Lets through at some local times of some days of the week.
///
/// Written `mon-fri 08:00-18:00 Europe/Berlin`; more than one are joined by `, ` and each has its own
/// time zone. Days are `mon` to `sun`, ranges such as `fri-mon`, lists such as `mon,wed,fri`, or `daily`.
/// The start belongs to the window and the end does not; `24:00` is the end of a day. A window whose
/// end is not behind its start goes over midnight and belongs to the day on which it starts.
///
/// What counts is the time that a wall clock there shows: the hour that is shown twice in autumn is
/// open or closed both times. The refusal says how long it is until the next window opens.
///
/// ```
/// use http::{HeaderMap, Method};
/// use trackgate_policies::{Policy, TimeWindow};
/// use trackgate_schemes::{CanonicalPath, Head, Identity};
///
/// let rule: TimeWindow = "mon-fri 08:00-18:00 Europe/Berlin, sat 22:00-02:00 UTC".parse()?;
/// let (path, headers) = (CanonicalPath::parse("/")?, HeaderMap::new());
/// let at = |text: &str| {
///     let now = text.parse::<jiff::Timestamp>().expect("an instant").into();
///     let head = Head::new(&Method::GET, &path, &headers).with_now(now);
///     rule.decide(&Identity::anonymous(), &head).is_allow()
/// };
/// assert!(at("2026-07-01T06:00:00Z"), "08:00 on a Wednesday in summer");
/// assert!(!at("2026-07-01T16:00:00Z"), "18:00");
/// assert!(at("2026-07-05T01:59:59Z"), "the night from Saturday to Sunday");
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Clone, Debug, PartialEq)]
pub struct TimeWindow {
    windows: Box<[Window]>,
}

#[derive(Clone, Debug, PartialEq)]
struct Window {
    days: Days,
    /// Minutes after midnight, 0 to 1439.
    from: u16,
    /// Minutes after midnight, 1 to 1440; when not behind `from` those of the next day.
    to: u16,
    zone: TimeZone,
}

/// Days of the week, one bit for each from Monday on.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Days(u8);

impl TimeWindow {
    /// Whether it is open at `now`; never at instants outside the years -9999 to 9999.
    pub fn is_open(&self, now: SystemTime) -> bool {
        Timestamp::try_from(now).is_ok_and(|now| self.windows.iter().any(|window| window.is_open(now)))
    }

    /// How long it is until it opens, at most about nine days ahead; nothing when it is open.
    pub fn opens_in(&self, now: SystemTime) -> Option<Duration> {
        let now = Timestamp::try_from(now).ok()?;
        if self.windows.iter().any(|window| window.is_open(now)) {
            return None;
        }
        let next = self.windows.iter().filter_map(|window| window.next(now)).min()?;
        Duration::try_from(next.duration_since(now)).ok()
    }
}

impl Policy for TimeWindow {
    fn id(&self) -> &'static str {
        ID
    }

    fn decide(&self, _who: &Identity, head: &Head<'_>) -> Decision {
        if self.is_open(head.now) {
            return Decision::Allow;
        }
        let why = Rejection::new(Reason::OutsideHours, ID);
        Decision::Deny(match self.opens_in(head.now) {
            Some(wait) => why.after(wait),
            None => why,
        })
    }

    fn describe(&self) -> String {
        self.to_string()
    }
}

impl fmt::Display for TimeWindow {
    /// As it was written, with days in order and ranges drawn together.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (n, window) in self.windows.iter().enumerate() {
            write!(f, "{}{window}", if n == 0 { "" } else { ", " })?;
        }
        Ok(())
    }
}

impl Window {
    fn is_open(&self, now: Timestamp) -> bool {
        let local = self.zone.to_datetime(now);
        let minute = u16::from(local.hour().unsigned_abs()) * 60 + u16::from(local.minute().unsigned_abs());
        let (today, yesterday) = (local.weekday(), local.weekday().previous());
        if self.from < self.to {
            self.days.has(today) && (self.from..self.to).contains(&minute)
        } else {
            (self.days.has(today) && minute >= self.from) || (self.days.has(yesterday) && minute < self.to)
        }
    }

    /// The next instant at which it opens.
    fn next(&self, now: Timestamp) -> Option<Timestamp> {
        let first = self.zone.to_datetime(now).date();
        let opening = Time::midnight() + i64::from(self.from).minutes();
        // Eight days hold each day of the week again; one more for a start that a clock change leaves out.
        (0..=8)
            .filter_map(|ahead| first.checked_add(ahead.days()).ok())
            .filter(|day| self.days.has(day.weekday()))
            .filter_map(|day| self.zone.to_ambiguous_zoned(day.to_datetime(opening)).compatible().ok())
            .map(|opens: Zoned| opens.timestamp())
            .find(|opens| *opens > now && self.is_open(*opens))
    }
}

impl Days {
    fn has(self, day: Weekday) -> bool {
        self.0 & Self::bit(day) != 0
    }

    fn bit(day: Weekday) -> u8 {
        1 << day.to_monday_zero_offset()
    }
}

const ID: &str = "hours";
