//! Durations and sizes with units, as they stand in the file.

use std::fmt;
use std::str::FromStr;
use std::time::Duration;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// A time with a unit: `500ms`, `2s`, `15m`, `24h`, `30d`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize, Serialize, JsonSchema)]
#[serde(try_from = "String", into = "String")]
#[schemars(with = "String", extend("pattern" = r"^\d+(ms|s|m|h|d)$"))]
pub struct Time(pub Duration);

impl FromStr for Time {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let (count, unit) =
            split(text).ok_or_else(|| format!("`{text}` is not a time such as 500ms, 2s, 15m, 24h or 30d"))?;
        let millis = match unit {
            "ms" => 1,
            "s" => 1000,
            "m" => 60_000,
            "h" => 3_600_000,
            "d" => 86_400_000,
            _ => return Err(format!("`{text}` needs one of the units ms, s, m, h, d")),
        };
        let millis = count.checked_mul(millis).filter(|millis| *millis <= MAX_MILLIS);
        millis.map(|millis| Self(Duration::from_millis(millis))).ok_or_else(|| format!("`{text}` is over 100 years"))
    }
}

impl TryFrom<String> for Time {
    type Error = String;

    fn try_from(text: String) -> Result<Self, String> {
        text.parse()
    }
}

impl From<Time> for String {
    fn from(time: Time) -> Self {
        time.to_string()
    }
}

impl fmt::Display for Time {
    /// In the largest unit that divides it.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let millis = self.0.as_millis();
        let units = [(86_400_000, "d"), (3_600_000, "h"), (60_000, "m"), (1000, "s"), (1, "ms")];
        let (size, unit) =
            units.into_iter().find(|(size, _)| millis > 0 && millis.is_multiple_of(*size)).unwrap_or((1000, "s"));
        write!(f, "{}{unit}", millis / size)
    }
}

/// A size in bytes with a unit: `512B`, `32KiB`, `25MB`, `1GiB`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize, Serialize, JsonSchema)]
#[serde(try_from = "String", into = "String")]
#[schemars(with = "String", extend("pattern" = r"^\d+(B|kB|KiB|MB|MiB|GB|GiB)$"))]
pub struct Size(pub u64);

impl FromStr for Size {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let (count, unit) = split(text).ok_or_else(|| format!("`{text}` is not a size such as 512B, 32KiB or 25MB"))?;
        let bytes: u64 = match unit {
            "B" => 1,
            "kB" => 1000,
            "KiB" => 1 << 10,
            "MB" => 1_000_000,
            "MiB" => 1 << 20,
            "GB" => 1_000_000_000,
            "GiB" => 1 << 30,
            _ => return Err(format!("`{text}` needs one of the units B, kB, KiB, MB, MiB, GB, GiB")),
        };
        count.checked_mul(bytes).map(Self).ok_or_else(|| format!("`{text}` is too large"))
    }
}

impl TryFrom<String> for Size {
    type Error = String;

    fn try_from(text: String) -> Result<Self, String> {
        text.parse()
    }
}

impl From<Size> for String {
    fn from(size: Size) -> Self {
        size.to_string()
    }
}

impl fmt::Display for Size {
    /// In the largest binary unit that divides it.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let units = [(1 << 30, "GiB"), (1 << 20, "MiB"), (1 << 10, "KiB")];
        let (size, unit) =
            units.into_iter().find(|(size, _)| self.0 > 0 && self.0.is_multiple_of(*size)).unwrap_or((1, "B"));
        write!(f, "{}{unit}", self.0 / size)
    }
}

fn split(text: &str) -> Option<(u64, &str)> {
    let end = text.find(|c: char| !c.is_ascii_digit())?;
    let (count, unit) = text.split_at_checked(end)?;
    Some((count.parse().ok()?, unit))
}

const MAX_MILLIS: u64 = 100 * 366 * 86_400_000;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn times_need_a_unit_and_are_written_back() {
        for text in ["500ms", "2s", "15m", "24h", "30d"] {
            let time: Time = text.parse().unwrap();
            assert_eq!(time.to_string().parse::<Time>(), Ok(time));
        }
        assert_eq!("90s".parse::<Time>(), Ok(Time(Duration::from_secs(90))));
        for text in ["", "5", "s", "5 s", "-5s", "5y", "1.5h", "99999999999999999999d", "40000d"] {
            assert!(text.parse::<Time>().is_err(), "{text}");
        }
    }

    #[test]
    fn sizes_need_a_unit_and_are_written_back() {
        assert_eq!("32KiB".parse::<Size>(), Ok(Size(32_768)));
        assert_eq!(Size(25_000_000).to_string(), "25000000B");
        for text in ["", "5", "KiB", "5kib", "99999999999GiB"] {
            assert!(text.parse::<Size>().is_err(), "{text}");
        }
    }
}
