//! Server-sent events: their bytes, and the columns in them.
//!
//! Everything is in columns, for JSON repeats the names of members with every object. Instants are whole
//! milliseconds since 1970, values are rounded to what can be seen.

use std::fmt::Write as _;
use std::time::{Duration, SystemTime};

use bytes::Bytes;

use super::ride::{Ride, Rows, SHOWN};

/// An event, ready for the wire.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Event {
    /// The newest instant that it tells of, nanoseconds.
    pub(super) last: Option<i64>,
    pub(super) bytes: Bytes,
}

impl Event {
    /// The first: the clock here, and how long a ride is shown.
    pub(super) fn hello(now: SystemTime, window: Duration) -> Self {
        let data = format!("{{\"now\":{},\"hours\":{}}}", millis(nanos(now)), hours(window));
        Self::of("hello", None, &format!("retry: {RETRY_MILLIS}\n"), &data)
    }

    /// The ride as a whole: whoever has another forgets it.
    pub(super) fn ride(ride: &Ride) -> Self {
        Self::of("ride", ride.last(), "", &ride_json(ride))
    }

    /// Points that came.
    pub(super) fn points(rows: &Rows) -> Self {
        Self::of("points", rows.keys().next_back().copied(), "", &rows_json(rows))
    }

    /// The last: why it ends.
    pub(super) fn end(why: &str) -> Self {
        Self::of("end", None, "", &format!("{{\"reason\":\"{why}\"}}"))
    }

    /// Nothing but a sign of life.
    pub(super) fn heartbeat() -> Self {
        Self { last: None, bytes: Bytes::from_static(b": still here\n\n") }
    }

    fn of(name: &str, last: Option<i64>, more: &str, data: &str) -> Self {
        let id = last.map(|last| format!("id: {}\n", millis(last))).unwrap_or_default();
        Self { last, bytes: format!("event: {name}\n{more}{id}data: {data}\n\n").into() }
    }
}

/// A ride as JSON: its track, its plots, the newest values.
pub(super) fn ride_json(ride: &Ride) -> String {
    let mut text = String::from("{\"track\":{\"t\":");
    push_list(&mut text, ride.track.iter().map(|(at, _)| Some(millis(*at))));
    for (axis, name) in ["lat", "lng"].into_iter().enumerate() {
        push(&mut text, format_args!(",\"{name}\":"));
        let values = ride.track.iter().map(|(_, place)| place.get(axis).map(|value| Rounded::of(name, *value)));
        push_list(&mut text, values);
    }
    text.push_str("},\"plots\":{");
    for (number, (name, plot)) in ride.plots.iter().enumerate() {
        let comma = if number == 0 { "" } else { "," };
        let rounded = |value| Rounded::of(name, value);
        push(&mut text, format_args!("{comma}\"{name}\":{{\"count\":{},\"min\":{}", plot.count, rounded(plot.min)));
        push(&mut text, format_args!(",\"mean\":{},\"max\":{},\"t\":", rounded(plot.mean), rounded(plot.max)));
        push_list(&mut text, plot.points.iter().map(|(at, _)| Some(millis(*at))));
        text.push_str(",\"v\":");
        push_list(&mut text, plot.points.iter().map(|(_, [value])| Some(rounded(*value))));
        text.push('}');
    }
    text.push_str("},\"newest\":{");
    for (number, (name, at, value)) in ride.newest.iter().enumerate() {
        let comma = if number == 0 { "" } else { "," };
        push(&mut text, format_args!("{comma}\"{name}\":[{},{}]", millis(*at), Rounded::of(name, *value)));
    }
    text.push_str("}}");
    text
}

/// Points as JSON: `t`, and a column for each name that has a value among them.
pub(super) fn rows_json(rows: &Rows) -> String {
    let mut text = String::from("{\"t\":");
    push_list(&mut text, rows.keys().map(|at| Some(millis(*at))));
    for (place, name) in SHOWN.into_iter().enumerate() {
        let cells = || rows.values().map(|row| row.get(place).copied().flatten());
        if cells().any(|cell| cell.is_some()) {
            push(&mut text, format_args!(",\"{name}\":"));
            push_list(&mut text, cells().map(|cell| cell.map(|value| Rounded::of(name, value))));
        }
    }
    text.push('}');
    text
}

/// Nanoseconds since 1970.
pub(super) fn nanos(at: SystemTime) -> i64 {
    let since = at.duration_since(SystemTime::UNIX_EPOCH).unwrap_or_default();
    i64::try_from(since.as_nanos()).unwrap_or(i64::MAX)
}

/// Milliseconds of nanoseconds.
pub(super) fn millis(nanos: i64) -> i64 {
    nanos.div_euclid(1_000_000)
}

/// The last nanosecond of a millisecond: what comes after it was not told with it.
pub(super) fn after(millis: i64) -> i64 {
    millis.saturating_mul(1_000_000).saturating_add(999_999)
}

/// Hours for people: `8`, or `0.5`.
pub(super) fn hours(time: Duration) -> Rounded {
    Rounded::of("", time.as_secs_f64() / 3600.0)
}

/// A number as short as can be seen: degrees to a decimetre, everything else to a thousandth.
#[derive(Clone, Copy, Debug)]
pub(super) struct Rounded(f64);

impl Rounded {
    fn of(name: &str, value: f64) -> Self {
        let parts = if matches!(name, "lat" | "lng") { 1e6 } else { 1e3 };
        let rounded = (value * parts).round() / parts;
        // Too large to have such parts.
        Self(if rounded.is_finite() { rounded } else { value })
    }
}

impl std::fmt::Display for Rounded {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        // Beyond, decimal digits without an exponent would fill the line.
        if self.0.abs() < 1e15 { self.0.fmt(f) } else { write!(f, "{:e}", self.0) }
    }
}

fn push_list<T: std::fmt::Display>(text: &mut String, items: impl Iterator<Item = Option<T>>) {
    text.push('[');
    for (number, item) in items.enumerate() {
        if number > 0 {
            text.push(',');
        }
        match item {
            Some(item) => push(text, format_args!("{item}")),
            None => text.push_str("null"),
        }
    }
    text.push(']');
}

fn push(text: &mut String, what: std::fmt::Arguments<'_>) {
    text.write_fmt(what).expect("a String takes text");
}

/// After how long a client tries again.
const RETRY_MILLIS: u32 = 2000;
