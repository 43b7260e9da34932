//! Checked blocks taken apart: names without their escapes, values.

use std::borrow::Cow;
use std::sync::Arc;

use super::fault::Fault;
use crate::ports::{FieldValue, SeriesKey};

/// The fields of a block: the bytes of each name, and the value; none where its bytes were taken for something
/// else when they were checked.
pub(super) fn fields(block: &[u8]) -> impl Iterator<Item = Result<(&[u8], Option<FieldValue>), Fault<'_>>> {
    let mut rest = block;
    std::iter::from_fn(move || {
        if rest.is_empty() {
            return None;
        }
        let equals = unescaped(rest, b'=');
        let (name, behind) = rest.split_at_checked(equals).unwrap_or((rest, &[]));
        // An equals sign with nothing behind it is none either.
        let Some(behind) = behind.get(1..).filter(|behind| !behind.is_empty()) else {
            rest = &[];
            return Some(Err(Fault::InvalidValue(name)));
        };
        let (value, behind) = behind.split_at_checked(value_end(behind)).unwrap_or((behind, &[]));
        rest = behind.get(1..).unwrap_or_default();
        Some(Ok((name, self::value(value))))
    })
}

/// The instant that these digits say in this unit of nanoseconds.
pub(super) fn instant(digits: &[u8], unit: i64) -> Result<i64, Fault<'_>> {
    if digits == b"-" {
        return Err(Fault::TimestampSyntax(digits));
    }
    let number = integer(digits).ok_or(Fault::TimestampRange(digits))?;
    let at = number.checked_mul(unit).filter(|at| (-LATEST..=LATEST).contains(at));
    at.ok_or(Fault::TimeOutsideRange)
}

/// The series that a key names, with its tags in order.
pub(super) fn series(key: &[u8]) -> SeriesKey {
    let measurement = name(key.get(..unescaped_comma(key)).unwrap_or_default());
    let mut tags: Vec<(Arc<str>, Arc<str>)> = raw_tags(key)
        .map(|(tag, value)| (text(tag, is_tag_escape).into(), text(value, is_tag_escape).into()))
        .collect();
    tags.sort_unstable_by(|one, other| one.0.cmp(&other.0));
    // Two that only differ in bytes that are not UTF-8 are one.
    tags.dedup_by(|one, other| one.0 == other.0);
    SeriesKey { measurement: measurement.into(), tags: tags.into() }
}

/// The tags of a key, in their escapes.
pub(super) fn raw_tags(key: &[u8]) -> impl Iterator<Item = (&[u8], &[u8])> {
    let mut rest = key.get(unescaped_comma(key) + 1..).unwrap_or_default();
    std::iter::from_fn(move || {
        if rest.is_empty() {
            return None;
        }
        let (tag, behind) = rest.split_at_checked(unescaped(rest, b'='))?;
        let behind = behind.get(1..).unwrap_or_default();
        let (value, behind) = behind.split_at_checked(unescaped_comma(behind))?;
        rest = behind.get(1..).unwrap_or_default();
        Some((tag, value))
    })
}

/// The name of a measurement or field without its escapes.
pub(super) fn name(raw: &[u8]) -> Cow<'_, str> {
    text(raw, |b| is_tag_escape(b) || b == b'"')
}

pub(super) fn integer(digits: &[u8]) -> Option<i64> {
    std::str::from_utf8(digits).ok()?.parse().ok()
}

/// The number that is nearest to the text, if one is near.
pub(super) fn float(text: &[u8]) -> Option<f64> {
    // Rust reads `inf` and `nan` as well.
    let digits = text.strip_prefix(b"-").unwrap_or(text);
    if !matches!(digits, [b'0'..=b'9' | b'.', ..]) {
        return None;
    }
    let number: f64 = std::str::from_utf8(text).ok()?.parse().ok()?;
    number.is_finite().then_some(number)
}

pub(super) fn boolean(text: &[u8]) -> Option<bool> {
    match text {
        b"t" | b"T" | b"true" | b"True" | b"TRUE" => Some(true),
        b"f" | b"F" | b"false" | b"False" | b"FALSE" => Some(false),
        _ => None,
    }
}

fn value(raw: &[u8]) -> Option<FieldValue> {
    match raw {
        // Whatever stands last is taken for the quote that ends it, as in the original.
        [b'"', text @ .., _quote] => Some(FieldValue::String(self::text(text, |b| matches!(b, b'"' | b'\\')).into())),
        [b'0'..=b'9' | b'-' | b'.', .., b'i'] => raw.strip_suffix(b"i").and_then(integer).map(FieldValue::Integer),
        [b'0'..=b'9' | b'-' | b'.', ..] => float(raw).map(FieldValue::Float),
        _ => boolean(raw).map(FieldValue::Boolean),
    }
}

/// Where a value ends: at a comma that is not between quotes.
fn value_end(bytes: &[u8]) -> usize {
    let first = bytes.iter().position(|b| matches!(b, b',' | b'"'));
    match first {
        None => bytes.len(),
        Some(end) if bytes.get(end) == Some(&b',') => end,
        Some(_quote) => quoted_value_end(bytes),
    }
}

fn quoted_value_end(bytes: &[u8]) -> usize {
    let mut quoted = false;
    let mut i = 0;
    while let Some(b) = bytes.get(i) {
        match b {
            b'\\' if matches!(bytes.get(i + 1), Some(b'"' | b'\\')) => i += 1,
            b'"' => quoted = !quoted,
            b',' if !quoted => return i,
            _ => {}
        }
        i += 1;
    }
    bytes.len()
}

/// Where `stop` stands first without a backslash in front.
fn unescaped(bytes: &[u8], stop: u8) -> usize {
    let mut from = 0;
    while let Some(found) = bytes.get(from..).and_then(|rest| rest.iter().position(|b| *b == stop)) {
        let at = from + found;
        if at.checked_sub(1).and_then(|before| bytes.get(before)) != Some(&b'\\') {
            return at;
        }
        from = at + 1;
    }
    bytes.len()
}

fn unescaped_comma(bytes: &[u8]) -> usize {
    unescaped(bytes, b',')
}

/// The text without the backslashes in front of these; what is not UTF-8 becomes U+FFFD.
fn text(raw: &[u8], is_escape: impl Fn(u8) -> bool) -> Cow<'_, str> {
    if !raw.contains(&b'\\') {
        return String::from_utf8_lossy(raw);
    }
    let mut plain = Vec::with_capacity(raw.len());
    let mut bytes = raw.iter().copied().peekable();
    while let Some(b) = bytes.next() {
        let escaped = bytes.next_if(|next| b == b'\\' && is_escape(*next));
        plain.push(escaped.unwrap_or(b));
    }
    Cow::Owned(String::from_utf8_lossy(&plain).into_owned())
}

fn is_tag_escape(b: u8) -> bool {
    matches!(b, b',' | b' ' | b'=')
}

/// The last instant that the original keeps; the first is its negative.
const LATEST: i64 = i64::MAX - 1;
