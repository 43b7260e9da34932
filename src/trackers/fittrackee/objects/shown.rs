//! Durations, dates and rounded numbers as the original shows them.

use jiff::Timestamp;

/// `0:00:00`; from one day on `1 day, 3:31:00`, `2 days, …`.
pub(super) fn duration(seconds: i64) -> String {
    let (days, rest) = (seconds.div_euclid(86_400), seconds.rem_euclid(86_400));
    let clock = format!("{}:{:02}:{:02}", rest / 3600, rest / 60 % 60, rest % 60);
    match days {
        0 => clock,
        1 | -1 => format!("{days} day, {clock}"),
        _ => format!("{days} days, {clock}"),
    }
}

/// A date of RFC 1123 of these microseconds since 1970, the fraction cut.
pub(super) fn date(microseconds: i64) -> String {
    timestamp(microseconds).strftime("%a, %d %b %Y %H:%M:%S GMT").to_string()
}

/// The instant of these microseconds since 1970.
pub(super) fn timestamp(microseconds: i64) -> Timestamp {
    Timestamp::from_microsecond(microseconds).unwrap_or_default()
}

/// Rounded to so many decimals, a half to the even neighbour of the exact value.
pub(super) fn rounded(value: f64, decimals: usize) -> f64 {
    format!("{value:.decimals$}").parse().unwrap_or(value)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn durations_are_written_as_the_original_does() {
        for (seconds, text) in [
            (0, "0:00:00"),
            (59, "0:00:59"),
            (3_600, "1:00:00"),
            (86_399, "23:59:59"),
            (86_400, "1 day, 0:00:00"),
            (99_060, "1 day, 3:31:00"),
            (172_861, "2 days, 0:01:01"),
            (-1, "-1 day, 23:59:59"),
        ] {
            assert_eq!(duration(seconds), text);
        }
    }

    #[test]
    fn dates_lose_their_fraction_and_nonsense_is_1970() {
        assert_eq!(date(1_793_516_400_999_999), "Sun, 01 Nov 2026 07:00:00 GMT");
        assert_eq!(date(i64::MAX), "Thu, 01 Jan 1970 00:00:00 GMT");
    }

    #[test]
    fn halves_are_rounded_by_the_exact_value() {
        for (value, result) in [(0.665, 0.67), (0.125, 0.12), (2.675, 2.67), (-1.005, -1.0), (1.3339, 1.33)] {
            assert_eq!(rounded(value, 2), result, "{value}");
        }
    }
}
