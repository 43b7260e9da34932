//! The text behind `?`, read as the original's framework does: the first of equal names counts, and what is
//! empty is not there.

use jiff::civil::{Date, DateTime};
use jiff::tz::{Disambiguation, TimeZone};

use super::own::Recorded;
use crate::trackers::fittrackee::wire::Stop;
use crate::trackers::input;

/// The parameters of a query, decoded.
#[derive(Debug)]
pub(super) struct Query(Vec<(String, String)>);

impl Query {
    /// Reads the text behind `?`.
    pub(super) fn parse(text: Option<&str>) -> Self {
        let decoded = |text: &str| String::from_utf8_lossy(&input::decoded(text.as_bytes())).into_owned();
        let pairs = text.unwrap_or_default().split('&').filter(|pair| !pair.is_empty());
        let pair = |pair: &str| {
            let (name, value) = pair.split_once('=').unwrap_or((pair, ""));
            (decoded(name), decoded(value))
        };
        Self(pairs.take(MOST).map(pair).collect())
    }

    /// Whether a parameter is there, and be it empty.
    pub(super) fn has(&self, name: &str) -> bool {
        self.0.iter().any(|(key, _)| key == name)
    }

    /// A parameter that is not empty.
    pub(super) fn text(&self, name: &str) -> Option<&str> {
        let first = self.0.iter().find(|(key, _)| key == name);
        first.map(|(_, value)| value.as_str()).filter(|value| !value.is_empty())
    }

    /// A whole number.
    ///
    /// # Errors
    ///
    /// 400 for anything else.
    pub(super) fn whole(&self, name: &str) -> Result<Option<i32>, Stop> {
        self.text(name).map(|text| text.trim().parse().map_err(|_other| Stop::PAYLOAD)).transpose()
    }

    /// A number.
    ///
    /// # Errors
    ///
    /// 400 for anything else, `inf` and `nan` too.
    pub(super) fn number(&self, name: &str) -> Result<Option<f64>, Stop> {
        let Some(text) = self.text(name) else { return Ok(None) };
        let number: f64 = text.trim().parse().map_err(|_other| Stop::PAYLOAD)?;
        if number.is_finite() { Ok(Some(number)) } else { Err(Stop::PAYLOAD) }
    }

    /// Seconds of `HH:MM`.
    ///
    /// # Errors
    ///
    /// 400 for anything else.
    pub(super) fn duration(&self, name: &str) -> Result<Option<i64>, Stop> {
        let Some(text) = self.text(name) else { return Ok(None) };
        let (hours, minutes) = text.split_once(':').ok_or(Stop::PAYLOAD)?;
        let (hours, minutes) = (digits(hours, 6).ok_or(Stop::PAYLOAD)?, digits(minutes, 2).ok_or(Stop::PAYLOAD)?);
        Ok(Some(i64::from(hours) * 3600 + i64::from(minutes) * 60))
    }

    /// The instants from `from` on and before the end of `to`, both days of this zone, in microseconds.
    ///
    /// # Errors
    ///
    /// 400 for what is no date.
    pub(super) fn days(&self, zone: &TimeZone) -> Result<Days, Stop> {
        let day = |name| self.text(name).map(|text| date(text).ok_or(Stop::PAYLOAD)).transpose();
        // The last day that can be written may end after the last instant that there is.
        let instant = |local| microseconds(local, zone).unwrap_or(i64::MAX);
        let from = day("from")?.map(|day| instant(day.at(0, 0, 0, 0)));
        let last = day("to")?.map(|day| instant(day.at(23, 59, 59, 0)));
        Ok(Days { from, before: last.map(|last| last.saturating_add(1_000_000)) })
    }
}

/// A span of time; an end that is not there is open.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) struct Days {
    from: Option<i64>,
    before: Option<i64>,
}

impl Days {
    /// Whether a workout began within.
    pub(super) fn take(&self, recorded: &Recorded) -> bool {
        self.from.is_none_or(|from| recorded.began >= from) && self.before.is_none_or(|before| recorded.began < before)
    }
}

/// `YYYY-MM-DD`, month and day with or without their zero.
pub(super) fn date(text: &str) -> Option<Date> {
    let mut parts = text.split('-');
    let (year, month, day) = (parts.next()?, parts.next()?, parts.next()?);
    if year.len() != 4 || parts.next().is_some() {
        return None;
    }
    let small = |text| digits(text, 2).and_then(|number| i8::try_from(number).ok());
    let year = digits(year, 4).filter(|year| *year > 0)?;
    Date::new(i16::try_from(year).ok()?, small(month)?, small(day)?).ok()
}

/// `YYYY-MM-DD HH:MM`, each but the year with or without its zero.
pub(super) fn date_and_minute(text: &str) -> Option<DateTime> {
    let (day, clock) = text.split_once(' ')?;
    let (hour, minute) = clock.split_once(':')?;
    let small = |text| digits(text, 2).and_then(|number| i8::try_from(number).ok());
    let time = jiff::civil::Time::new(small(hour)?, small(minute)?, 0, 0).ok()?;
    Some(date(day)?.to_datetime(time))
}

/// The instant of a local time, in microseconds since 1970. Of a time that comes twice it is the second, and
/// one that is left out counts from before the leap: that is how the original's library reads them.
pub(super) fn microseconds(local: DateTime, zone: &TimeZone) -> Option<i64> {
    let instant = zone.to_ambiguous_timestamp(local).disambiguate(Disambiguation::Later).ok()?;
    Some(instant.as_microsecond())
}

/// The zone of this name; UTC for none and for what is no zone, since the original stores any text.
pub(super) fn zone(name: Option<&str>) -> TimeZone {
    name.and_then(|name| TimeZone::get(name).ok()).unwrap_or(TimeZone::UTC)
}

/// A number of one to `most` digits.
fn digits(text: &str, most: usize) -> Option<u32> {
    let fits = (1..=most).contains(&text.len()) && text.bytes().all(|byte| byte.is_ascii_digit());
    text.parse().ok().filter(|_| fits)
}

/// More parameters than any client sends.
const MOST: usize = 64;

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn of_equal_names_the_first_counts_and_what_is_empty_is_not_there() {
        let query = Query::parse(Some("a=1&a=2&b=&c&&d=x%20y+z&e=%zz&f=%ff&%67=7"));
        assert_eq!((query.text("a"), query.text("b"), query.text("c")), (Some("1"), None, None));
        assert!(query.has("c") && !query.has("z"));
        assert_eq!((query.text("d"), query.text("e"), query.text("f")), (Some("x y z"), Some("%zz"), Some("\u{fffd}")));
        assert_eq!(query.whole("g").unwrap(), Some(7));
        assert!(Query::parse(None).text("a").is_none());
    }

    #[test]
    fn what_is_no_number_is_refused() {
        let query = Query::parse(Some("a=x&b=inf&c=NaN&d=99999999999&e=-1.5&f=+5&g=1e400"));
        for name in ["a", "b", "c", "g"] {
            assert!(query.number(name).is_err(), "{name}");
        }
        assert!(query.whole("a").is_err() && query.whole("d").is_err());
        assert_eq!((query.number("e").unwrap(), query.whole("f").unwrap()), (Some(-1.5), Some(5)));
    }

    #[test]
    fn durations_are_hours_and_minutes() {
        let read = |text: &str| Query::parse(Some(&format!("d={text}"))).duration("d");
        assert_eq!(read("01:30").unwrap(), Some(5400));
        assert_eq!(read("100:05").unwrap(), Some(360_300));
        for text in ["x", "1", ":", "1:", ":1", "-1:00", "1:000", "9999999:00", "1:2:3"] {
            assert!(read(text).is_err(), "{text}");
        }
    }

    #[test]
    fn dates_are_read_as_the_original_does() {
        for (text, read) in [("2026-11-01", "2026-11-01"), ("2026-1-5", "2026-01-05"), ("0001-01-01", "0001-01-01")] {
            assert_eq!(date(text).unwrap().to_string(), read);
        }
        for text in ["", "x", "26-11-01", "2026-13-01", "2026-02-29", "2026-11-01 ", "2026-11-01-1", "2026-+1-01"] {
            assert!(date(text).is_none(), "{text}");
        }
        assert_eq!(date_and_minute("2026-11-01 8:05").unwrap().to_string(), "2026-11-01T08:05:00");
        for text in ["2026-11-01", "2026-11-01 24:00", "2026-11-01 08:60", "2026-11-01T08:00", "2026-11-01 08:00:00"] {
            assert!(date_and_minute(text).is_none(), "{text}");
        }
    }

    #[test]
    fn days_are_those_of_the_users_zone_also_where_clocks_change() {
        let at = |text: &str| text.parse::<jiff::Timestamp>().unwrap().as_microsecond();
        let days = |query: &str, name: &str| Query::parse(Some(query)).days(&zone(Some(name))).unwrap();
        let whole = days("from=2026-10-25&to=2026-10-25", "Europe/Paris");
        let expected = Days { from: Some(at("2026-10-24T22:00:00Z")), before: Some(at("2026-10-25T23:00:00Z")) };
        assert_eq!(whole, expected);
        assert_eq!(days("from=2026-10-25", "No/Where"), Days { from: Some(at("2026-10-25T00:00:00Z")), before: None });
        let paris = zone(Some("Europe/Paris"));
        let local = |text| microseconds(date_and_minute(text).unwrap(), &paris).unwrap();
        assert_eq!(local("2026-10-25 02:30"), at("2026-10-25T01:30:00Z"));
        assert_eq!(local("2026-03-29 02:30"), at("2026-03-29T01:30:00Z"));
        assert!(Query::parse(Some("to=tomorrow")).days(&paris).is_err());
        for zone in ["UTC", "America/Los_Angeles", "Asia/Tokyo"] {
            let ever = days("from=0001-01-01&to=9999-12-31", zone);
            assert!(ever.before.unwrap() > local("9999-12-29 00:00"), "{zone}");
        }
    }

    proptest! {
        #[test]
        fn any_query_is_read_without_panic(text in "\\PC{0,60}", name in "[a-z]{1,3}", value in "[0-9:. +%-]{0,14}") {
            let query = Query::parse(Some(&format!("{text}&{name}={value}&from={value}&to={value}")));
            drop((query.whole(&name), query.number(&name), query.duration(&name)));
            drop(query.days(&TimeZone::UTC));
            prop_assert!(date_and_minute(&value).is_none_or(|read| read.year() > 0));
        }

        #[test]
        fn every_date_is_read_again(year in 1_i16..=9999, month in 1_i8..=12, day in 1_i8..=28, hour in 0_i8..24, minute in 0_i8..60) {
            let expected = jiff::civil::DateTime::new(year, month, day, hour, minute, 0, 0).unwrap();
            prop_assert_eq!(date_and_minute(&format!("{year:04}-{month}-{day} {hour}:{minute:02}")), Some(expected));
        }
    }
}
