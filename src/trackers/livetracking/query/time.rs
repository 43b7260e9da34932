//! Instants: as text and back.

use jiff::Timestamp;
use jiff::civil::DateTime;
use jiff::tz::TimeZone;

use super::number;

/// The first instant of the original, nanoseconds since 1970.
pub(crate) const FIRST: i64 = i64::MIN + 2;
/// The last one.
pub(crate) const LAST: i64 = i64::MAX - 1;

const SECOND: i64 = 1_000_000_000;

/// Appends an instant as RFC 3339 has it, with as much of a fraction as it needs.
pub(crate) fn rfc3339(out: &mut Vec<u8>, at: i64, zone: Option<&TimeZone>) {
    let offset = zone.map_or(0, |zone| offset_seconds(zone, at));
    let seconds = at.div_euclid(SECOND) + offset;
    let (days, in_day) = (seconds.div_euclid(86_400), seconds.rem_euclid(86_400));
    let (year, month, day) = civil(days);
    if year < 0 {
        out.push(b'-');
    }
    digits(out, year.abs(), 4);
    for (mark, number) in
        [(b'-', month), (b'-', day), (b'T', in_day / 3600), (b':', in_day / 60 % 60), (b':', in_day % 60)]
    {
        out.push(mark);
        digits(out, number, 2);
    }
    let fraction = at.rem_euclid(SECOND);
    if fraction != 0 {
        out.push(b'.');
        digits(out, fraction, 9);
        while out.last() == Some(&b'0') {
            out.pop();
        }
    }
    if offset == 0 {
        out.push(b'Z');
        return;
    }
    out.push(if offset < 0 { b'-' } else { b'+' });
    digits(out, offset.abs() / 3600, 2);
    out.push(b':');
    digits(out, offset.abs() / 60 % 60, 2);
}

/// How far the clocks of a zone are ahead of UTC at an instant, seconds.
pub(crate) fn offset_seconds(zone: &TimeZone, at: i64) -> i64 {
    Timestamp::from_nanosecond(i128::from(at)).map_or(0, |at| i64::from(zone.to_offset(at).seconds()))
}

/// Whether a text has the form of a date or an instant; it need not be one.
pub(crate) fn looks_like_time(text: &str) -> bool {
    let bytes = text.as_bytes();
    let digit = |place: usize| bytes.get(place).is_some_and(u8::is_ascii_digit);
    let date =
        [0, 1, 2, 3, 5, 6, 8, 9].into_iter().all(digit) && bytes.get(4) == Some(&b'-') && bytes.get(7) == Some(&b'-');
    date && match bytes.get(10) {
        None | Some(b'T') => true,
        Some(b' ') => bytes.len() > 11,
        Some(_) => false,
    }
}

/// What a text is as a time.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Read {
    /// No time at all.
    Invalid,
    /// Nanoseconds since 1970.
    Time(i64),
    /// Before the first instant: the time as text.
    TooEarly(String),
    /// After the last one.
    TooLate(String),
}

/// Reads `2026-11-22T01:39:00.5Z`, `…+01:00`, `2026-11-22 01:39:00.5` or `2026-11-22`; the last two in the zone.
pub(crate) fn parse(text: &str, zone: Option<&TimeZone>) -> Read {
    let at = if text.as_bytes().get(10) == Some(&b'T') {
        text.parse::<Timestamp>().ok()
    } else {
        let zone = zone.cloned().unwrap_or(TimeZone::UTC);
        let local = text.parse::<DateTime>().ok();
        local.and_then(|local| zone.to_ambiguous_timestamp(local).compatible().ok())
    };
    let Some(at) = at else {
        return Read::Invalid;
    };
    match i64::try_from(at.as_nanosecond()) {
        Ok(nanoseconds) if (FIRST..=LAST).contains(&nanoseconds) => Read::Time(nanoseconds),
        _ if at.as_second() < 0 => Read::TooEarly(at.to_string()),
        _ => Read::TooLate(at.to_string()),
    }
}

/// Year, month and day of a day since 1970 (Gregorian; an algorithm with eras of 400 years that begin in March).
fn civil(days: i64) -> (i64, i64, i64) {
    let days = days + 719_468;
    let era = days.div_euclid(146_097);
    let of_era = days.rem_euclid(146_097);
    let year = (of_era - of_era / 1460 + of_era / 36_524 - of_era / 146_096) / 365;
    let of_year = of_era - (365 * year + year / 4 - year / 100);
    let shifted = (5 * of_year + 2) / 153;
    let month = if shifted < 10 { shifted + 3 } else { shifted - 9 };
    (year + era * 400 + i64::from(month <= 2), month, of_year - (153 * shifted + 2) / 5 + 1)
}

fn digits(out: &mut Vec<u8>, number: i64, width: usize) {
    let before = out.len();
    number::integer(out, number);
    let written = out.len() - before;
    for _ in written..width {
        out.insert(before, b'0');
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn shown(at: i64) -> String {
        let mut out = Vec::new();
        rfc3339(&mut out, at, None);
        String::from_utf8(out).unwrap()
    }

    #[test]
    fn instants_have_the_fraction_that_they_need() {
        assert_eq!(shown(0), "1970-01-01T00:00:00Z");
        assert_eq!(shown(1_795_311_540_123_456_789), "2026-11-22T01:39:00.123456789Z");
        assert_eq!(shown(1_795_311_540_500_000_000), "2026-11-22T01:39:00.5Z");
        assert_eq!(shown(-1), "1969-12-31T23:59:59.999999999Z");
        assert_eq!(shown(FIRST), "1677-09-21T00:12:43.145224194Z");
        assert_eq!(shown(LAST), "2262-04-11T23:47:16.854775806Z");
    }

    #[test]
    fn instants_are_read_in_every_form() {
        for text in
            ["2026-11-22T01:39:00Z", "2026-11-22T02:39:00+01:00", "2026-11-22 01:39:00", "2026-11-22 01:39:00.0"]
        {
            assert_eq!(parse(text, None), Read::Time(1_795_311_540_000_000_000), "{text}");
        }
        assert_eq!(parse("2026-11-22", None), Read::Time(1_795_305_600_000_000_000));
        assert_eq!(parse("2026-99-22", None), Read::Invalid);
        assert_eq!(parse("2026-11-22T01:39:00", None), Read::Invalid);
        let berlin = TimeZone::get("Europe/Berlin").unwrap();
        assert_eq!(parse("2026-11-22", Some(&berlin)), Read::Time(1_795_302_000_000_000_000));
    }

    #[test]
    fn only_what_has_the_form_of_a_date_is_a_time() {
        assert!(looks_like_time("2026-99-22") && looks_like_time("2026-11-22T01:39:00") && !looks_like_time("abc"));
    }
}
