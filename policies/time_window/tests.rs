use proptest::prelude::*;

use super::*;
use crate::testing::{Ask, at, rider, seconds};

#[test]
fn windows_are_open_from_their_start_up_to_their_end() {
    let office = "mon-fri 08:00-18:00 Europe/Berlin";
    let night = "fri 22:00-06:00 Europe/Berlin";
    let rows = [
        // rule, instant, seconds until it opens when it is closed; 2026-07-01 and 2026-01-07 are Wednesdays
        (office, "2026-07-01T05:59:59Z", Some(1)),
        (office, "2026-07-01T06:00:00Z", None),
        (office, "2026-07-01T15:59:59.999Z", None),
        (office, "2026-07-01T16:00:00Z", Some(14 * 3600)),
        (office, "2026-01-07T06:59:00Z", Some(60)),
        (office, "2026-01-07T07:00:00Z", None),
        (office, "2026-07-03T16:00:00Z", Some((6 + 24 + 24 + 8) * 3600)),
        (office, "2026-07-04T10:00:00Z", Some((12 + 24 + 8) * 3600)),
        // Over the change to winter: that weekend has 49 hours.
        (office, "2026-10-23T16:00:00Z", Some((6 + 49 + 8) * 3600)),
        (night, "2026-07-03T19:59:00Z", Some(60)),
        (night, "2026-07-03T20:00:00Z", None),
        (night, "2026-07-04T03:59:59Z", None),
        (night, "2026-07-04T04:00:00Z", Some((7 * 24 - 8) * 3600)),
        (night, "2026-07-04T20:00:00Z", Some(6 * 24 * 3600)),
        ("daily 00:00-24:00 UTC", "2026-07-04T23:59:59Z", None),
        ("sun 00:00-24:00 UTC", "2026-07-04T23:59:59Z", Some(1)),
        ("sun 22:00-24:00 UTC", "2026-07-06T00:00:00Z", Some((7 * 24 - 2) * 3600)),
        ("sun 23:59-00:01 UTC", "2026-07-06T00:00:59Z", None),
        ("fri-mon 12:00-13:00 UTC", "2026-07-05T12:30:00Z", None),
        ("fri-mon 12:00-13:00 UTC", "2026-07-07T12:30:00Z", Some((3 * 24 * 60 - 30) * 60)),
        // The time zone says which day it is.
        ("thu 00:00-01:00 Asia/Tokyo", "2026-07-01T15:30:00Z", None),
        ("wed 23:00-24:00 America/New_York", "2026-07-02T03:30:00Z", None),
        // 02:30 comes twice on 2026-10-25 and never on 2026-03-29.
        ("sun 02:15-02:45 Europe/Berlin", "2026-10-25T00:30:00Z", None),
        ("sun 02:15-02:45 Europe/Berlin", "2026-10-25T01:30:00Z", None),
        ("sun 02:15-02:45 Europe/Berlin", "2026-03-29T00:30:00Z", Some(7 * 24 * 3600 - 15 * 60)),
        ("sun 02:15-02:45 Europe/Berlin", "2026-03-29T01:30:00Z", Some(7 * 24 * 3600 - 3600 - 15 * 60)),
        // The first of several counts, in any order.
        ("sat 10:00-11:00 UTC, mon 10:00-11:00 UTC", "2026-07-05T10:00:00Z", Some(24 * 3600)),
        ("mon 10:00-11:00 UTC, sat 10:00-11:00 UTC", "2026-07-04T10:30:00Z", None),
        ("mon 10:00-11:00 UTC", "1969-12-29T10:30:00Z", None),
    ];
    for (rule, now, closed_for) in rows {
        let rule: TimeWindow = rule.parse().unwrap();
        let wanted = match closed_for {
            None => Decision::Allow,
            Some(wait) => Decision::Deny(Rejection::new(Reason::OutsideHours, "hours").after(seconds(wait))),
        };
        assert_eq!(Ask::new().now(at(now)).decide(&rule, &rider(1)), wanted, "{rule} at {now}");
    }
}

#[test]
fn instants_past_the_calendar_are_outside() {
    let rule: TimeWindow = "daily 00:00-24:00 UTC".parse().unwrap();
    let far = SystemTime::UNIX_EPOCH + seconds(1 << 40);
    let why = Rejection::new(Reason::OutsideHours, "hours");
    assert_eq!(Ask::new().now(far).decide(&rule, &rider(1)), Decision::Deny(why));
}

#[test]
fn rules_are_told_as_written() {
    for (text, told) in [
        ("mon-fri 08:00-18:00 Europe/Berlin", "mon-fri 08:00-18:00 Europe/Berlin"),
        ("Mon,TUE 08:00-18:00 UTC", "mon,tue 08:00-18:00 UTC"),
        ("wed,mon,tue,sun 08:00-18:00 UTC", "mon-wed,sun 08:00-18:00 UTC"),
        ("sat-mon 22:00-06:00 UTC, daily 00:00-24:00 UTC", "mon,sat,sun 22:00-06:00 UTC, daily 00:00-24:00 UTC"),
        ("mon-sun 08:00-09:00 UTC", "daily 08:00-09:00 UTC"),
        ("tue-mon 08:00-09:00 europe/berlin", "daily 08:00-09:00 Europe/Berlin"),
    ] {
        assert_eq!(text.parse::<TimeWindow>().unwrap().describe(), told);
    }
}

#[test]
fn other_texts_are_refused() {
    use TimeWindowError::{Days, Form, Hours, Zone};
    for (text, why) in [
        ("", Form),
        ("mon", Form),
        ("mon 08:00-18:00", Form),
        ("mon 08:00-18:00 UTC ", Form),
        ("mon  08:00-18:00 UTC", Form),
        ("mon 08:00-18:00 UTC,tue 08:00-18:00 UTC", Form),
        ("mon 08:00-18:00 UTC, ", Form),
        ("monday 08:00-18:00 UTC", Days),
        ("mon- 08:00-18:00 UTC", Days),
        ("mon,,tue 08:00-18:00 UTC", Days),
        ("mon-tue-wed 08:00-18:00 UTC", Days),
        ("mon 8:00-18:00 UTC", Hours),
        ("mon 08:00 UTC", Hours),
        ("mon 08:60-18:00 UTC", Hours),
        ("mon 08:00-24:01 UTC", Hours),
        ("mon 24:00-08:00 UTC", Hours),
        ("mon 08:00-08:00 UTC", Hours),
        ("mon 08:00-00:00 UTC", Hours),
        ("mon 08:00-1\u{666}:00 UTC", Hours),
        ("mon 08:00-18:00 Europe/Nowhere", Zone),
        ("mon 08:00-18:00 ../../etc/passwd", Zone),
        ("mon 08:00-18:00 +02:00", Zone),
    ] {
        assert_eq!(text.parse::<TimeWindow>(), Err(why), "{text:?}");
    }
}

proptest! {
    #[test]
    fn writing_and_reading_round_trips(days in 1..128_u8, from in 0..1440_u16, to in 1..=1440_u16, zone in 0..3_usize) {
        prop_assume!(from != to);
        let zone = TimeZone::get(["UTC", "Europe/Berlin", "America/St_Johns"][zone]).unwrap();
        let rule = TimeWindow { windows: [Window { days: Days(days), from, to, zone }].into() };
        prop_assert_eq!(rule.to_string().parse(), Ok(rule));
    }

    #[test]
    fn any_text_is_read_or_refused(text in "([a-z,-]{1,9} [0-9:-]{11} [A-Za-z/]{1,12})|.{0,60}") {
        if let Ok(rule) = text.parse::<TimeWindow>() {
            prop_assert_eq!(rule.to_string().parse(), Ok(rule));
        }
    }

    #[test]
    fn the_wait_ends_exactly_at_the_opening(
        days in 1..128_u8,
        from in 0..1440_u16,
        to in 1..=1440_u16,
        zone in 0..3_usize,
        now in 0..4_000_000_000_u64,
    ) {
        prop_assume!(from != to);
        let zone = TimeZone::get(["Europe/Berlin", "Australia/Lord_Howe", "Pacific/Apia"][zone]).unwrap();
        let rule = TimeWindow { windows: [Window { days: Days(days), from, to, zone }].into() };
        let now = SystemTime::UNIX_EPOCH + seconds(now);
        match rule.opens_in(now) {
            None => prop_assert!(rule.is_open(now)),
            Some(wait) => {
                prop_assert!(!rule.is_open(now));
                prop_assert!(rule.is_open(now + wait));
            }
        }
    }
}
