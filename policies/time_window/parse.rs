//! Reading and writing windows.

use std::fmt;
use std::str::FromStr;

use jiff::tz::TimeZone;

use super::{Days, TimeWindow, Window};

impl FromStr for TimeWindow {
    type Err = TimeWindowError;

    fn from_str(text: &str) -> Result<Self, TimeWindowError> {
        let windows: Result<_, _> = text.split(", ").map(str::parse).collect();
        Ok(Self { windows: windows? })
    }
}

impl FromStr for Window {
    type Err = TimeWindowError;

    fn from_str(text: &str) -> Result<Self, TimeWindowError> {
        let mut words = text.split(' ');
        let (Some(days), Some(hours), Some(zone), None) = (words.next(), words.next(), words.next(), words.next())
        else {
            return Err(TimeWindowError::Form);
        };
        let days = days.parse()?;
        let (from, to) = hours.split_once('-').ok_or(TimeWindowError::Hours)?;
        let (from, to) = (minutes(from)?, minutes(to)?);
        if from == DAY || to == 0 || from == to {
            return Err(TimeWindowError::Hours);
        }
        let zone = TimeZone::get(zone).ok().filter(|zone| zone.iana_name().is_some()).ok_or(TimeWindowError::Zone)?;
        Ok(Self { days, from, to, zone })
    }
}

impl fmt::Display for Window {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { days, from, to, zone } = self;
        let zone = zone.iana_name().unwrap_or_default();
        write!(f, "{days} {:02}:{:02}-{:02}:{:02} {zone}", from / 60, from % 60, to / 60, to % 60)
    }
}

impl FromStr for Days {
    type Err = TimeWindowError;

    fn from_str(text: &str) -> Result<Self, TimeWindowError> {
        if text.eq_ignore_ascii_case(DAILY) {
            return Ok(Self(EVERY_DAY));
        }
        let day =
            |name: &str| NAMES.iter().position(|known| known.eq_ignore_ascii_case(name)).ok_or(TimeWindowError::Days);
        let mut bits = 0;
        for span in text.split(',') {
            let (first, last) = span.split_once('-').unwrap_or((span, span));
            let (first, last) = (day(first)?, day(last)?);
            // `fri-mon` goes over the end of the week.
            let length = (last + NAMES.len() - first) % NAMES.len();
            bits = (first..=first + length).fold(bits, |bits, day| bits | 1 << (day % NAMES.len()));
        }
        Ok(Self(bits))
    }
}

impl fmt::Display for Days {
    /// Runs of three and more days as ranges, without going over the end of the week.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if self.0 == EVERY_DAY {
            return f.write_str(DAILY);
        }
        let mut names = NAMES.iter().enumerate().filter(|(n, _)| self.0 & 1 << n != 0).peekable();
        let mut comma = "";
        while let Some((mut n, first)) = names.next() {
            let (mut last, mut length) = (first, 1);
            while let Some((next, name)) = names.next_if(|(next, _)| *next == n + 1) {
                (n, last, length) = (next, name, length + 1);
            }
            match length {
                1 => write!(f, "{comma}{first}")?,
                2 => write!(f, "{comma}{first},{last}")?,
                _ => write!(f, "{comma}{first}-{last}")?,
            }
            comma = ",";
        }
        Ok(())
    }
}

/// Why a text is no [`TimeWindow`].
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum TimeWindowError {
    /// Days that are none.
    #[error("days are written mon, mon-fri, mon,wed,fri or daily")]
    Days,
    /// Another form.
    #[error("hours are written like `mon-fri 08:00-18:00 Europe/Berlin`, several joined by `, `")]
    Form,
    /// Times that are none, or a window without length.
    #[error("times are written 08:00-18:00, from 00:00 to 24:00, and must differ")]
    Hours,
    /// A time zone that this computer does not know.
    #[error("the time zone is unknown; names are like UTC and Europe/Berlin")]
    Zone,
}

/// `08:00` as minutes after midnight, at most 24:00.
fn minutes(text: &str) -> Result<u16, TimeWindowError> {
    let [h1, h2, b':', m1, m2] = *text.as_bytes() else { return Err(TimeWindowError::Hours) };
    let two = |tens: u8, ones: u8| {
        (tens.is_ascii_digit() && ones.is_ascii_digit()).then(|| u16::from(tens - b'0') * 10 + u16::from(ones - b'0'))
    };
    match (two(h1, h2), two(m1, m2)) {
        (Some(hour), Some(minute)) if minute < 60 && hour * 60 + minute <= DAY => Ok(hour * 60 + minute),
        _ => Err(TimeWindowError::Hours),
    }
}

const DAILY: &str = "daily";
const DAY: u16 = 24 * 60;
const EVERY_DAY: u8 = 0b111_1111;
const NAMES: [&str; 7] = ["mon", "tue", "wed", "thu", "fri", "sat", "sun"];
