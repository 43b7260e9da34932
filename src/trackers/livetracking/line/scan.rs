//! Where a line ends, and the three blocks of it; what is wrong with them.

use super::fault::Fault;
use super::{MAX_KEY_BYTES, read};

/// The first line without its line feed, and what is behind it. A line feed between quotes, or behind a
/// backslash, does not end it.
pub(super) fn line(body: &[u8]) -> (&[u8], &[u8]) {
    let plain = body.iter().position(|b| matches!(b, b'\n' | b'"' | b'\\'));
    let end = match plain {
        None => body.len(),
        Some(end) if body.get(end) == Some(&b'\n') => end,
        Some(_) => end_of_line(body),
    };
    let (line, behind) = body.split_at_checked(end).unwrap_or((body, &[]));
    (line, behind.get(1..).unwrap_or_default())
}

fn end_of_line(body: &[u8]) -> usize {
    let (mut quoted, mut has_space) = (false, false);
    let (mut equals, mut commas) = (0_usize, 0_usize);
    let mut i = 0;
    while let Some(b) = body.get(i) {
        if *b == b'\\' && i + 2 < body.len() {
            i += 2;
            continue;
        }
        has_space |= *b == b' ';
        match b {
            b'=' if has_space && !quoted => equals += 1,
            b',' if has_space && !quoted => commas += 1,
            b'"' if has_space && equals > commas => quoted = !quoted,
            b'\n' if !quoted => break,
            _ => {}
        }
        i += 1;
    }
    i
}

/// Without blanks in front; a tab and a NUL count as such there.
pub(super) fn trim_start(line: &[u8]) -> &[u8] {
    let start = line.iter().position(|b| !matches!(b, b' ' | b'\t' | 0)).unwrap_or(line.len());
    line.get(start..).unwrap_or_default()
}

/// Whether a line begins with this key, which another line had.
pub(super) fn begins_with_key(line: &[u8], key: &[u8]) -> bool {
    line.strip_prefix(key).is_some_and(|behind| behind.first() == Some(&b' '))
}

/// The measurement with its tags.
pub(super) fn key(line: &[u8]) -> Result<&[u8], Fault<'_>> {
    let (measurement, ended) = measurement(line)?;
    let mut end = measurement;
    if ended == Ended::ByComma {
        let mut tag = end + 1;
        loop {
            let value = tag_key(line, tag)?;
            let (behind, ended) = tag_value(line, value)?;
            end = behind;
            match ended {
                Ended::ByComma => tag = behind + 1,
                Ended::BySpace => break,
            }
        }
    }
    let key = line.get(..end).unwrap_or_default();
    if end > measurement && has_tag_twice(key) {
        return Err(Fault::DuplicateTags);
    }
    if key.len() > MAX_KEY_BYTES { Err(Fault::KeyTooLong(key.len())) } else { Ok(key) }
}

/// What a name or value ended by.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Ended {
    ByComma,
    BySpace,
}

fn measurement(line: &[u8]) -> Result<(usize, Ended), Fault<'_>> {
    if matches!(line.first(), None | Some(b',')) {
        return Err(Fault::MissingMeasurement);
    }
    for (i, before, b) in pairs(line, 0) {
        match b {
            b',' if before != b'\\' => return Ok((i, Ended::ByComma)),
            b' ' if before != b'\\' => return Ok((i, Ended::BySpace)),
            _ => {}
        }
    }
    Err(Fault::MissingFields)
}

/// Where the value of the tag whose key begins here begins.
fn tag_key(line: &[u8], start: usize) -> Result<usize, Fault<'_>> {
    if matches!(line.get(start), None | Some(b' ' | b',' | b'=')) {
        return Err(Fault::MissingTagKey);
    }
    for (i, before, b) in pairs(line, start) {
        match b {
            b' ' | b',' if before != b'\\' => return Err(Fault::MissingTagValue),
            b'=' if before != b'\\' => return Ok(i + 1),
            _ => {}
        }
    }
    Err(Fault::MissingTagValue)
}

fn tag_value(line: &[u8], start: usize) -> Result<(usize, Ended), Fault<'_>> {
    if matches!(line.get(start), None | Some(b' ' | b',')) {
        return Err(Fault::MissingTagValue);
    }
    for (i, before, b) in pairs(line, start) {
        match b {
            b'=' if before != b'\\' => return Err(Fault::InvalidTagFormat),
            b',' if before != b'\\' => return Ok((i, Ended::ByComma)),
            b' ' if before != b'\\' => return Ok((i, Ended::BySpace)),
            _ => {}
        }
    }
    Err(Fault::MissingFields)
}

/// The bytes behind `start`, each with its place and the byte before it.
fn pairs(line: &[u8], start: usize) -> impl Iterator<Item = (usize, u8, u8)> {
    let here = line.get(start..).unwrap_or_default();
    let behind = here.get(1..).unwrap_or_default();
    here.iter().zip(behind).enumerate().map(move |(i, (before, b))| (start + 1 + i, *before, *b))
}

fn has_tag_twice(key: &[u8]) -> bool {
    let mut before: Option<&[u8]> = None;
    let mut is_sorted = true;
    for (tag, _) in read::raw_tags(key) {
        match before.map(|before| before.cmp(tag)) {
            Some(std::cmp::Ordering::Equal) => return true,
            Some(std::cmp::Ordering::Greater) => is_sorted = false,
            _ => {}
        }
        before = Some(tag);
    }
    if is_sorted {
        return false;
    }
    let mut tags: Vec<&[u8]> = read::raw_tags(key).map(|(tag, _)| tag).collect();
    tags.sort_unstable();
    tags.windows(2).any(|two| two.first() == two.last())
}

/// The fields of a line whose key is so long, and what is behind them.
pub(super) fn fields(line: &[u8], key_bytes: usize) -> Result<(&[u8], &[u8]), Fault<'_>> {
    let start = key_bytes + blanks(line.get(key_bytes..).unwrap_or_default());
    let (mut equals, mut commas) = (0_usize, 0_usize);
    let mut quoted = false;
    let mut i = start;
    while let Some(b) = line.get(i) {
        match b {
            b'\\' if i + 1 < line.len() => i += 2,
            b'"' if equals > commas => {
                quoted = !quoted;
                i += 1;
            }
            b'=' if !quoted => {
                equals += 1;
                i = value(line, i)?;
            }
            b',' if !quoted => {
                commas += 1;
                i += 1;
            }
            b' ' if !quoted => break,
            _ => i += 1,
        }
    }
    if quoted {
        return Err(Fault::UnbalancedQuotes);
    }
    if equals == 0 || commas != equals - 1 {
        return Err(Fault::InvalidFieldFormat);
    }
    let (before, behind) = line.split_at_checked(i).unwrap_or((line, &[]));
    let fields = before.get(start..).unwrap_or_default();
    if fields.is_empty() { Err(Fault::MissingFields) } else { Ok((fields, behind)) }
}

/// Where to look on behind an equals sign: behind the value, or at its first quote.
fn value(line: &[u8], equals: usize) -> Result<usize, Fault<'_>> {
    let before = |back: usize| equals.checked_sub(back).and_then(|i| line.get(i));
    if matches!(before(1), Some(b' ' | b',')) && before(2) != Some(&b'\\') {
        return Err(Fault::MissingFieldKey);
    }
    match line.get(equals + 1) {
        None | Some(b',' | b' ') => Err(Fault::MissingFieldValue),
        Some(b'0'..=b'9' | b'.' | b'-' | b'N' | b'n') => number(line, equals + 1),
        Some(b'"') => Ok(equals + 1),
        Some(_) => boolean(line, equals + 1),
    }
}

/// A value that is not quoted.
fn bare(line: &[u8], start: usize) -> &[u8] {
    let from = line.get(start..).unwrap_or_default();
    let end = from.iter().position(|b| matches!(b, b',' | b' ')).unwrap_or(from.len());
    from.get(..end).unwrap_or_default()
}

fn number(line: &[u8], start: usize) -> Result<usize, Fault<'_>> {
    let text = bare(line, start);
    let (is_negative, digits) = match text.strip_prefix(b"-") {
        Some(digits) => (true, digits),
        None => (false, text),
    };
    let (mut is_integer, mut has_point, mut has_exponent) = (false, false, false);
    let mut before = if is_negative { Some(b'-') } else { None };
    for b in digits {
        match (b, before) {
            (b'0'..=b'9', _) | (b'+' | b'-', Some(b'e' | b'E')) => {}
            (b'i', Some(_)) if !is_integer => is_integer = true,
            (b'.', _) if !has_point => has_point = true,
            (b'e' | b'E', Some(_)) => has_exponent = true,
            _ => return Err(Fault::InvalidNumber),
        }
        before = Some(*b);
    }
    let places = digits.len() - usize::from(is_integer) - usize::from(has_point);
    if places == 0 || (is_integer && (has_point || has_exponent)) {
        return Err(Fault::InvalidNumber);
    }
    let end = start + text.len();
    if is_integer {
        let Some(whole) = text.strip_suffix(b"i") else { return Err(Fault::InvalidNumber) };
        if whole.len() >= MAYBE_TOO_LONG && read::integer(whole).is_none() {
            return Err(Fault::IntegerRange(whole));
        }
    } else if (has_exponent || digits.len() >= MAYBE_TOO_LONG) && read::float(text).is_none() {
        return Err(Fault::InvalidFloat);
    }
    Ok(end)
}

fn boolean(line: &[u8], start: usize) -> Result<usize, Fault<'_>> {
    let text = bare(line, start);
    read::boolean(text).map(|_value| start + text.len()).ok_or(Fault::InvalidBoolean)
}

/// The digits behind the fields, with a sign in front, and what is behind them.
pub(super) fn timestamp(behind: &[u8]) -> Result<(&[u8], &[u8]), Fault<'_>> {
    let from = trim_start(behind);
    let end = from.iter().position(|b| matches!(b, b'\n' | b' ')).unwrap_or(from.len());
    let (text, behind) = from.split_at_checked(end).unwrap_or((from, &[]));
    let digits = text.strip_prefix(b"-").unwrap_or(text);
    if digits.iter().all(u8::is_ascii_digit) { Ok((text, behind)) } else { Err(Fault::BadTimestamp) }
}

fn blanks(bytes: &[u8]) -> usize {
    bytes.len() - trim_start(bytes).len()
}

/// Integers of fewer digits fit 64 bits.
const MAYBE_TOO_LONG: usize = 19;
