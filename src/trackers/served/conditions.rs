//! Conditional requests and ranges (RFC 9110 sections 13 and 14).

use std::ops::RangeInclusive;
use std::time::{Duration, SystemTime};

use http::{HeaderMap, HeaderName, header};
use http_range_header::parse_range_header;
use jiff::Timestamp;
use jiff::civil::DateTime;
use jiff::tz::TimeZone;

/// What tells one version of something from another.
#[derive(Clone, Copy, Debug)]
pub(super) struct Validators<'a> {
    /// A strong entity tag, in its quotes.
    pub(super) tag: &'a str,
    pub(super) modified: Option<SystemTime>,
    pub(super) now: SystemTime,
}

/// What a request's conditions come to.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Condition {
    /// 412.
    Failed,
    /// 304.
    NotModified,
    /// Answer as if there were none.
    Send,
}

/// Section 13.2.2, steps 1 to 4, for `GET` and `HEAD`. A date that cannot be read is no condition.
pub(super) fn condition(asked: &HeaderMap, here: &Validators<'_>) -> Condition {
    if asked.contains_key(header::IF_MATCH) {
        if !names(asked, &header::IF_MATCH, |tag| tag == here.tag) {
            return Condition::Failed;
        }
    } else if let (Some(date), Some(modified)) = (date(asked, &header::IF_UNMODIFIED_SINCE), here.modified)
        && seconds(modified) > date
    {
        return Condition::Failed;
    }
    if asked.contains_key(header::IF_NONE_MATCH) {
        if names(asked, &header::IF_NONE_MATCH, |tag| tag.strip_prefix("W/").unwrap_or(tag) == here.tag) {
            return Condition::NotModified;
        }
    } else if let (Some(date), Some(modified)) = (date(asked, &header::IF_MODIFIED_SINCE), here.modified)
        && seconds(modified) <= date
    {
        return Condition::NotModified;
    }
    Condition::Send
}

/// No byte of what was asked for is there: 416.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Unsatisfiable;

/// The one range that is asked for; `None` to send the whole: there is no `Range`, it cannot be read, it names
/// several ranges or another unit, or `If-Range` stands against it.
pub(super) fn range(
    asked: &HeaderMap,
    here: &Validators<'_>,
    len: u64,
) -> Result<Option<RangeInclusive<u64>>, Unsatisfiable> {
    let mut lines = asked.get_all(header::RANGE).iter();
    let (Some(Ok(line)), None) = (lines.next().map(|line| line.to_str()), lines.next()) else { return Ok(None) };
    if !if_range(asked, here) {
        return Ok(None);
    }
    let Ok(ranges) = parse_range_header(line) else { return Ok(None) };
    if ranges.len() != 1 {
        return Ok(None);
    }
    match ranges.validate(len) {
        Ok(ranges) => Ok(ranges.into_iter().next()),
        Err(_nothing_there) => Err(Unsatisfiable),
    }
}

/// Section 13.1.5: a strong tag, or the very date if it is old enough to be one.
fn if_range(asked: &HeaderMap, here: &Validators<'_>) -> bool {
    let mut lines = asked.get_all(header::IF_RANGE).iter();
    match (lines.next().map(|line| line.to_str()), lines.next()) {
        (None, _) => true,
        (Some(Ok(line)), None) if line.trim().starts_with('"') => line.trim() == here.tag,
        (Some(Ok(line)), None) => match (read_date(line), here.modified) {
            (Some(date), Some(modified)) => {
                let is_old = here.now.duration_since(modified).is_ok_and(|age| age >= Duration::from_secs(1));
                seconds(modified) == date && is_old
            }
            _ => false,
        },
        _ => false,
    }
}

/// Whether a list of entity tags has one of this kind, or is `*`. It may stand on several lines.
fn names(asked: &HeaderMap, name: &HeaderName, is_ours: impl Fn(&str) -> bool) -> bool {
    asked.get_all(name).iter().filter_map(|line| line.to_str().ok()).any(|line| {
        let mut rest = line.trim();
        if rest == "*" {
            return true;
        }
        while let Some((tag, behind)) = first_tag(rest) {
            if is_ours(tag) {
                return true;
            }
            rest = behind;
        }
        false
    })
}

/// The first tag of a list with its quotes, and what stands behind it; a comma inside of quotes is part of the tag.
fn first_tag(list: &str) -> Option<(&str, &str)> {
    let list = list.trim_start_matches([' ', '\t', ',']);
    let quoted = list.strip_prefix("W/").unwrap_or(list).strip_prefix('"')?;
    let (inside, behind) = quoted.split_once('"')?;
    let (tag, _) = list.split_at_checked(list.len() - quoted.len() + inside.len() + 1)?;
    Some((tag, behind))
}

fn date(asked: &HeaderMap, name: &HeaderName) -> Option<i64> {
    let mut lines = asked.get_all(name).iter();
    match (lines.next()?.to_str(), lines.next()) {
        (Ok(line), None) => read_date(line),
        _ => None,
    }
}

/// A date in one of the three forms of section 5.6.7, as seconds since 1970.
fn read_date(text: &str) -> Option<i64> {
    let text = text.trim();
    let forms = ["%a, %d %b %Y %H:%M:%S GMT", "%A, %d-%b-%y %H:%M:%S GMT", "%a %b %e %H:%M:%S %Y"];
    let date = forms.iter().find_map(|form| DateTime::strptime(form, text).ok())?;
    Some(date.to_zoned(TimeZone::UTC).ok()?.timestamp().as_second())
}

/// A date as it is sent, its fraction cut.
pub(in crate::trackers) fn http_date(at: SystemTime) -> String {
    Timestamp::try_from(at).unwrap_or_default().strftime("%a, %d %b %Y %H:%M:%S GMT").to_string()
}

fn seconds(at: SystemTime) -> i64 {
    // Towards the past, as the date was cut that the client knows.
    Timestamp::try_from(at).map_or(0, |at| at.as_nanosecond().div_euclid(1_000_000_000).try_into().unwrap_or(0))
}
