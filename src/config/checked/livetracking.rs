//! Settings of the Live Tracking tracker: who reads samples, how long they are kept, what queries may take.

use std::sync::Arc;
use std::time::Duration;

use crate::config::error::Fault;
use crate::config::units::Size;
use crate::config::written;

pub use crate::config::written::{Compat, Visibility};

/// Live Tracking.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct LiveTracking {
    /// How wrong credentials are answered at the paths of samples.
    pub compat: Compat,
    /// Whether `public` reads what is not private.
    pub public_reader: bool,
    /// Who reads the samples of riders who never said.
    pub visibility: Visibility,
    /// How long samples are kept; `None` for ever.
    pub retention: Option<Duration>,
    /// How many queries run at once.
    pub query_at_once: usize,
    /// What a query may hold, in bytes.
    pub query_memory_bytes: usize,
    /// How long a query may run.
    pub query_time: Duration,
    /// What the live pages show.
    pub watch: Watch,
}

/// What the live pages of riders show.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct Watch {
    /// How far back a ride is shown.
    pub window: Duration,
    /// Where tiles below the track come from; `None` for none.
    pub tile_url: Option<Arc<str>>,
}

pub(super) fn check(written: &written::LiveTracking) -> Result<LiveTracking, Fault> {
    let retention = written.retention.map_or(RETENTION, |time| time.0);
    if retention != Duration::ZERO && retention < LEAST_RETENTION {
        return Err(Fault::new("1h or more, or 0s to keep them for ever").under("retention"));
    }
    Ok(LiveTracking {
        compat: written.compat,
        public_reader: written.public_reader.unwrap_or(true),
        visibility: written.visibility,
        retention: (retention != Duration::ZERO).then_some(retention),
        query_at_once: at_once(&written.query).map_err(|fault| fault.under("query"))?,
        query_memory_bytes: memory(&written.query).map_err(|fault| fault.under("query"))?,
        query_time: time(&written.query).map_err(|fault| fault.under("query"))?,
        watch: watch(&written.watch, retention).map_err(|fault| fault.under("watch"))?,
    })
}

fn at_once(query: &written::Query) -> Result<usize, Fault> {
    let at_once = query.at_once.unwrap_or(8);
    if (1..=256).contains(&at_once) { Ok(at_once) } else { Err(Fault::new("from 1 to 256 queries").under("at_once")) }
}

fn memory(query: &written::Query) -> Result<usize, Fault> {
    let bytes = query.memory.map_or(64 << 20, |size| size.0);
    if !(1 << 20..=4 << 30).contains(&bytes) {
        let message = format!("from {} to {} fit here", Size(1 << 20), Size(4 << 30));
        return Err(Fault::new(message).under("memory"));
    }
    Ok(usize::try_from(bytes).unwrap_or(usize::MAX))
}

fn time(query: &written::Query) -> Result<Duration, Fault> {
    let time = query.time.map_or(Duration::from_secs(30), |time| time.0);
    let fits = (Duration::from_secs(1)..=Duration::from_hours(1)).contains(&time);
    if fits { Ok(time) } else { Err(Fault::new("from 1s to 1h").under("time")) }
}

fn watch(written: &written::Watch, retention: Duration) -> Result<Watch, Fault> {
    let kept = if retention == Duration::ZERO { LONGEST_WINDOW } else { retention.min(LONGEST_WINDOW) };
    let window = written.window.map_or(kept.min(RETENTION), |time| time.0);
    if !(LEAST_WINDOW..=LONGEST_WINDOW).contains(&window) {
        return Err(Fault::new("from 10m to 48h").under("window"));
    }
    let tile_url = written.tile_url.as_deref().map(tile_url).transpose().map_err(|fault| fault.under("tile_url"))?;
    Ok(Watch { window, tile_url })
}

/// A URL that names each tile, and only one host: the page asks no other.
fn tile_url(url: &str) -> Result<Arc<str>, Fault> {
    let (start, places) = url.split_once('{').unwrap_or((url, ""));
    let host = start.strip_prefix("https://").or(start.strip_prefix("http://")).and_then(|rest| rest.split_once('/'));
    let is_plain = url.bytes().all(|byte| byte.is_ascii_graphic() && !matches!(byte, b'"' | b'\'' | b';' | b','));
    let names_host = host.is_some_and(|(host, _)| host.parse::<http::uri::Authority>().is_ok());
    let places = format!("{{{places}");
    let names_tile = ["{z}", "{x}", "{y}"].iter().all(|place| places.matches(place).count() == 1);
    if is_plain && names_host && names_tile && places.matches('{').count() == 3 {
        return Ok(url.into());
    }
    Err(Fault::new("as in https://tiles.example.org/{z}/{x}/{y}.png"))
}

/// A ride of half a day and more is seldom watched, but can be.
const LONGEST_WINDOW: Duration = Duration::from_hours(48);

/// So that a pause does not empty the page.
const LEAST_WINDOW: Duration = Duration::from_mins(10);

/// As in the original.
const RETENTION: Duration = Duration::from_hours(8);

/// The original drops points by whole hours.
const LEAST_RETENTION: Duration = Duration::from_hours(1);

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn tiles_come_from_one_host_that_is_named() {
        for good in ["https://tiles.example.org/{z}/{x}/{y}.png", "http://127.0.0.1:8080/a/{z}/{y}/{x}?key=1"] {
            assert_eq!(tile_url(good).ok().as_deref(), Some(good));
        }
        for bad in [
            "",
            "/{z}/{x}/{y}.png",
            "https://{s}.example.org/{z}/{x}/{y}.png",
            "https://tiles.example.org/{z}/{x}.png",
            "https://tiles.example.org/{z}/{x}/{y}/{s}.png",
            "https://tiles.example.org/{z}/{x}/{y}/{y}.png",
            "https://tiles.example.org; script-src *//{z}/{x}/{y}.png",
            "https://tiles.example.org/{z}/{x}/{y}.png\" onload=\"x",
            "javascript:{z}/{x}/{y}",
        ] {
            assert!(tile_url(bad).is_err(), "{bad}");
        }
    }

    #[test]
    fn a_ride_is_shown_as_long_as_samples_are_kept_unless_told() {
        let window = |retention: &str, window: Option<&str>| {
            let mut written =
                written::LiveTracking { retention: Some(retention.parse().unwrap()), ..Default::default() };
            written.watch.window = window.map(|window| window.parse().unwrap());
            check(&written).map(|checked| checked.watch.window).ok()
        };
        assert_eq!(window("8h", None), Some(Duration::from_hours(8)));
        assert_eq!(window("2h", None), Some(Duration::from_hours(2)));
        assert_eq!(window("0s", None), Some(Duration::from_hours(8)));
        assert_eq!(window("24h", Some("30m")), Some(Duration::from_mins(30)));
        assert!(window("8h", Some("1m")).is_none() && window("8h", Some("72h")).is_none());
    }
}
