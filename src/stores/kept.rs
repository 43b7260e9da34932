//! Forms in which all adapters keep values.

use std::net::IpAddr;
use std::ops::RangeInclusive;
use std::time::{Duration, SystemTime};

use trackgate_schemes::store::{AccountState, StoreError, StoreErrorKind};

/// Microseconds since 1970, rounded down; negative before.
///
/// # Errors
///
/// What lies more than 73 000 years from 1970 cannot be kept: sums with life-times must not overflow.
pub(super) fn micros(at: SystemTime) -> Result<i64, StoreError> {
    let micros = match at.duration_since(SystemTime::UNIX_EPOCH) {
        Ok(since) => i64::try_from(since.as_micros()).ok(),
        Err(before) => i64::try_from(before.duration().as_nanos().div_ceil(1000)).ok().map(|micros| -micros),
    };
    micros
        .filter(|micros| (-FARTHEST..=FARTHEST).contains(micros))
        .ok_or_else(|| StoreError::new(StoreErrorKind::Unavailable, "a time is too far off to be kept"))
}

/// A length of time in microseconds, at most the farthest time that is kept.
pub(super) fn length(length: Duration) -> i64 {
    i64::try_from(length.as_micros()).map_or(FARTHEST, |micros| micros.min(FARTHEST))
}

/// The instant of [`micros`].
pub(super) fn instant(micros: i64) -> SystemTime {
    let distance = Duration::from_micros(micros.unsigned_abs());
    let instant = if micros < 0 {
        SystemTime::UNIX_EPOCH.checked_sub(distance)
    } else {
        SystemTime::UNIX_EPOCH.checked_add(distance)
    };
    instant.expect("64 bits of microseconds fit a system's clock")
}

/// A text that every adapter can keep.
///
/// # Errors
///
/// PostgreSQL cannot keep NUL, so no adapter does.
pub(super) fn text(text: &str) -> Result<String, StoreError> {
    if text.contains('\0') {
        return Err(StoreError::new(StoreErrorKind::Unavailable, "a text holds NUL and cannot be kept"));
    }
    Ok(text.to_owned())
}

/// Addresses are kept in one form, so that IPv4-mapped IPv6 equals IPv4.
pub(super) fn address(client: Option<IpAddr>) -> Option<IpAddr> {
    client.map(|client| client.to_canonical())
}

/// The stable word of an account's state.
pub(super) fn state_word(state: AccountState) -> &'static str {
    match state {
        AccountState::Active => "active",
        AccountState::Disabled => "disabled",
        AccountState::Unconfirmed => "unconfirmed",
    }
}

/// The state of a stable word.
pub(super) fn state_of(word: &str) -> Option<AccountState> {
    [AccountState::Active, AccountState::Disabled, AccountState::Unconfirmed]
        .into_iter()
        .find(|state| state_word(*state) == word)
}

/// A store that was closed.
pub(super) fn closed() -> StoreError {
    StoreError::new(StoreErrorKind::Unavailable, "it was closed")
}

/// What is written names an account that is not there (any more).
pub(super) fn no_account() -> StoreError {
    StoreError::new(StoreErrorKind::Unavailable, "there is no such account")
}

/// A replacement that would make another item of it.
pub(super) fn another_item() -> StoreError {
    StoreError::new(StoreErrorKind::Unavailable, "an item keeps its name and its account")
}

/// A sign-in of an account that is not there, not in use, or ended all its credentials meanwhile.
pub(super) fn account_changed() -> StoreError {
    StoreError::new(StoreErrorKind::Unavailable, "the account changed while somebody signed in")
}

/// Numbers that an account may bring along: all that JSON's readers keep exact, so that the counter has room behind.
pub(super) const IMPORTED: RangeInclusive<i64> = 1..=(1 << 53);

/// The latest time in microseconds; also stands for "never ends".
pub(super) const FARTHEST: i64 = 1 << 61;

#[cfg(test)]
mod tests {
    use super::*;

    fn at(seconds: i64) -> SystemTime {
        instant(seconds * 1_000_000)
    }

    #[test]
    fn clk_04_far_years_are_kept_and_too_far_ones_refused() {
        for seconds in [-62_135_596_800, -1, 0, 2_147_483_648, 4_294_967_296, 253_402_300_799] {
            assert_eq!(instant(micros(at(seconds)).unwrap()), at(seconds), "{seconds}");
        }
        let far = SystemTime::UNIX_EPOCH + Duration::from_secs(1 << 42);
        assert!(micros(far).is_err());
        assert!(micros(SystemTime::UNIX_EPOCH - Duration::from_secs(1 << 42)).is_err());
    }

    #[test]
    fn times_are_rounded_down_on_both_sides_of_1970() {
        let nano = Duration::from_nanos(1);
        assert_eq!(micros(SystemTime::UNIX_EPOCH + nano).unwrap(), 0);
        assert_eq!(micros(SystemTime::UNIX_EPOCH - nano).unwrap(), -1);
    }

    #[test]
    fn a_length_never_overflows_a_sum() {
        assert!(FARTHEST.checked_add(length(Duration::MAX)).is_some());
    }
}
