//! How many requests in how much time, as a value.

use std::fmt;
use std::num::{NonZeroU32, NonZeroU64};
use std::str::FromStr;
use std::time::Duration;

/// So many requests in so much time, and so many at once.
///
/// Written `20/s`, `300/5m`, `1000/h` or, with a burst of its own, `20/s burst 40`. Units are `ms`, `s`,
/// `m`, `h` and `d`. Without a burst all requests of the time may come at once; over the time that
/// follows the same number comes free again, one by one.
///
/// ```
/// use std::time::Duration;
/// use trackgate_policies::RateLimit;
///
/// let limit: RateLimit = "300/5m burst 20".parse()?;
/// assert_eq!(limit.interval(), Duration::from_secs(1));
/// assert_eq!(limit.burst().get(), 20);
/// assert_eq!("60/60s".parse::<RateLimit>()?.to_string(), "60/m");
/// # Ok::<(), trackgate_policies::RateLimitError>(())
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct RateLimit {
    requests: NonZeroU32,
    per: Duration,
    burst: NonZeroU32,
}

impl RateLimit {
    /// So many requests each `per`, at most `burst` of them at once.
    ///
    /// # Errors
    ///
    /// [`RateLimitError::Period`] if `per` is not of whole milliseconds, is zero or over 366 days, or gives
    /// less than a nanosecond for each request; [`RateLimitError::Burst`] if the burst would take over 100
    /// years to come free again.
    pub fn new(requests: NonZeroU32, per: Duration, burst: NonZeroU32) -> Result<Self, RateLimitError> {
        let limit = Self { requests, per, burst };
        if per > MAX_PERIOD || !per.subsec_nanos().is_multiple_of(1_000_000) || limit.interval().is_zero() {
            return Err(RateLimitError::Period);
        }
        match limit.interval().checked_mul(burst.get()) {
            Some(whole) if whole <= MAX_REFILL => Ok(limit),
            _ => Err(RateLimitError::Burst),
        }
    }

    /// Requests in each period.
    pub fn requests(&self) -> NonZeroU32 {
        self.requests
    }

    /// The period.
    pub fn per(&self) -> Duration {
        self.per
    }

    /// Requests that may come at once.
    pub fn burst(&self) -> NonZeroU32 {
        self.burst
    }

    /// The time after which one more request comes free.
    pub fn interval(&self) -> Duration {
        self.per / self.requests.get()
    }
}

impl FromStr for RateLimit {
    type Err = RateLimitError;

    fn from_str(text: &str) -> Result<Self, RateLimitError> {
        let (rate, burst) = match text.split_once(" burst ") {
            Some((rate, burst)) => (rate, Some(count(burst)?)),
            None => (text, None),
        };
        let (requests, period) = rate.split_once('/').ok_or(RateLimitError::Form)?;
        let requests = count(requests)?;
        let unit_at = period.find(|c: char| !c.is_ascii_digit()).ok_or(RateLimitError::Form)?;
        let (many, unit) = period.split_at(unit_at);
        let many = if many.is_empty() { NonZeroU64::MIN } else { count(many)? };
        let &(_, unit) = UNITS.iter().find(|(name, _)| *name == unit).ok_or(RateLimitError::Form)?;
        let millis = many.get().checked_mul(unit).ok_or(RateLimitError::Period)?;
        Self::new(requests, Duration::from_millis(millis), burst.unwrap_or(requests))
    }
}

impl fmt::Display for RateLimit {
    /// The shortest text that is read as the same limit.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let millis = self.per.as_millis();
        let (name, unit) =
            UNITS.iter().find(|(_, unit)| millis.is_multiple_of(u128::from(*unit))).copied().unwrap_or(("ms", 1));
        write!(f, "{}/", self.requests)?;
        match millis / u128::from(unit) {
            1 => f.write_str(name)?,
            many => write!(f, "{many}{name}")?,
        }
        if self.burst == self.requests { Ok(()) } else { write!(f, " burst {}", self.burst) }
    }
}

/// Why a text or three numbers are no [`RateLimit`].
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum RateLimitError {
    /// A burst that takes too long to come free again.
    #[error("the burst takes over 100 years to come free again")]
    Burst,
    /// Another form.
    #[error("a rate is written like 20/s, 300/5m or 1000/h burst 50, in whole numbers from 1 to 4294967295")]
    Form,
    /// A period that is too short or too long.
    #[error("the period of a rate is 1ms to 366d, with at least a nanosecond for each request")]
    Period,
}

fn count<T: FromStr>(digits: &str) -> Result<T, RateLimitError> {
    // `parse` alone would take a sign.
    if digits.bytes().all(|b| b.is_ascii_digit()) {
        digits.parse().map_err(|_unfit| RateLimitError::Form)
    } else {
        Err(RateLimitError::Form)
    }
}

/// Longest first, each in milliseconds.
const UNITS: [(&str, u64); 5] = [("d", 86_400_000), ("h", 3_600_000), ("m", 60_000), ("s", 1000), ("ms", 1)];
const MAX_PERIOD: Duration = Duration::from_hours(366 * 24);
const MAX_REFILL: Duration = Duration::from_hours(100 * 366 * 24);

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn limits_are_read_as_written() {
        let rows = [
            // text, requests, period in ms, burst, written
            ("20/s", 20, 1000, 20, "20/s"),
            ("20/s burst 40", 20, 1000, 40, "20/s burst 40"),
            ("20/s burst 20", 20, 1000, 20, "20/s"),
            ("300/5m", 300, 300_000, 300, "300/5m"),
            ("1000/h", 1000, 3_600_000, 1000, "1000/h"),
            ("1/24h", 1, 86_400_000, 1, "1/d"),
            ("1/250ms", 1, 250, 1, "1/250ms"),
            ("1/1000ms", 1, 1000, 1, "1/s"),
            ("007/01s", 7, 1000, 7, "7/s"),
            ("1000000/ms", 1_000_000, 1, 1_000_000, "1000000/ms"),
        ];
        for (text, requests, per, burst, written) in rows {
            let limit: RateLimit = text.parse().unwrap();
            assert_eq!(limit.requests().get(), requests, "{text}");
            assert_eq!(limit.per(), Duration::from_millis(per), "{text}");
            assert_eq!(limit.burst().get(), burst, "{text}");
            assert_eq!(limit.to_string(), written);
        }
    }

    #[test]
    fn other_texts_are_refused() {
        use RateLimitError::{Burst, Form, Period};
        let rows = [
            ("", Form),
            ("20", Form),
            ("20/", Form),
            ("20/5", Form),
            ("/s", Form),
            ("0/s", Form),
            ("20/0s", Form),
            ("-1/s", Form),
            ("+1/s", Form),
            ("1/+1s", Form),
            ("1.5/s", Form),
            ("20 / s", Form),
            ("20/s ", Form),
            ("20/S", Form),
            ("20/w", Form),
            ("20/s/s", Form),
            ("20/s burst", Form),
            ("20/s burst 0", Form),
            ("20/s burst 4 burst 5", Form),
            ("4294967296/s", Form),
            ("٣/s", Form),
            ("1/367d", Period),
            ("1/4294967295d", Period),
            ("1000001/ms", Period),
            ("1/366d burst 101", Burst),
        ];
        for (text, why) in rows {
            assert_eq!(text.parse::<RateLimit>(), Err(why), "{text:?}");
        }
        let one = NonZeroU32::MIN;
        assert_eq!(RateLimit::new(one, Duration::ZERO, one), Err(Period));
        assert_eq!(RateLimit::new(one, Duration::from_micros(1500), one), Err(Period));
    }

    proptest! {
        #[test]
        fn writing_and_reading_round_trips(requests: NonZeroU32, millis in 1..40_000_000_000_u64, burst: NonZeroU32) {
            if let Ok(limit) = RateLimit::new(requests, Duration::from_millis(millis), burst) {
                prop_assert_eq!(limit.to_string().parse(), Ok(limit));
            }
        }

        #[test]
        fn any_text_is_read_or_refused(text in "([0-9]{1,10}/[0-9]{0,10}(ms|s|m|h|d)( burst [0-9]{1,10})?)|.{0,30}") {
            if let Ok(limit) = text.parse::<RateLimit>() {
                prop_assert_eq!(limit.to_string().parse(), Ok(limit));
            }
        }
    }
}
