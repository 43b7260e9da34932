//! Names of time zones.

use jiff::tz::TimeZone;

/// Whether there is a time zone of this name, spelled so.
pub(super) fn is_known(name: &str) -> bool {
    TimeZone::get(name).is_ok_and(|zone| zone.iana_name() == Some(name))
}
