//! How names, texts and numbers are written in a statement.

use super::scanner::is_of_word;
use super::token::Kind;

/// A name, in quotes only where it needs them.
pub(super) fn name(name: &str) -> String {
    if needs_quotes(name) { quoted(name) } else { name.to_owned() }
}

/// Names joined by dots, as the original tells of too many of them.
pub(super) fn segments<'a>(names: impl ExactSizeIterator<Item = &'a str>) -> String {
    let last = names.len() - 1;
    let mut all = String::new();
    for (place, segment) in names.enumerate() {
        let outer = place == 0 || place == last;
        let quotes = match segment {
            "" => outer,
            segment => place < last || needs_quotes(segment),
        };
        if quotes {
            all.push_str(&quoted(segment));
        } else {
            all.push_str(segment);
        }
        if place < last {
            all.push('.');
        }
    }
    all
}

/// A text in single quotes.
pub(super) fn text(text: &str) -> String {
    let mut all = String::with_capacity(text.len() + 2);
    all.push('\'');
    for character in text.chars() {
        match character {
            '\n' => all.push_str("\\n"),
            '\\' => all.push_str("\\\\"),
            '\'' => all.push_str("\\'"),
            other => all.push(other),
        }
    }
    all.push('\'');
    all
}

/// A regular expression between slashes.
pub(super) fn regex(pattern: &str) -> String {
    format!("/{}/", pattern.replace('/', "\\/"))
}

/// A number in as few digits as tell it, with an exponent if it is very large or small.
pub(super) fn shortest(number: f64) -> String {
    let size = number.abs();
    if size == 0.0 || (1e-4..1e21).contains(&size) {
        return number.to_string();
    }
    let text = format!("{number:e}");
    match text.split_once('e') {
        Some((digits, exponent)) => match exponent.strip_prefix('-') {
            Some(exponent) => format!("{digits}e-{exponent:0>2}"),
            None => format!("{digits}e+{exponent:0>2}"),
        },
        None => text,
    }
}

/// Nanoseconds in the largest unit that holds them whole.
pub(super) fn duration(nanoseconds: i64) -> String {
    if nanoseconds == 0 {
        return "0s".to_owned();
    }
    let (unit, size) = UNITS.iter().rev().find(|(_, size)| nanoseconds % size == 0).unwrap_or(&("ns", 1));
    format!("{}{unit}", nanoseconds / size)
}

/// Nanoseconds as `1h0m0s`.
pub(super) fn long_duration(nanoseconds: i64) -> String {
    let whole = nanoseconds.unsigned_abs();
    let minus = if nanoseconds < 0 { "-" } else { "" };
    let (seconds, rest) = (whole / 1_000_000_000, whole % 1_000_000_000);
    if seconds == 0 && rest > 0 {
        let (unit, size) = match rest {
            0..1_000 => ("ns", 1),
            1_000..1_000_000 => ("µs", 1_000),
            _ => ("ms", 1_000_000),
        };
        return format!("{minus}{}{unit}", fraction(rest / size, rest % size, size));
    }
    let hours = if seconds >= 3_600 { format!("{}h", seconds / 3_600) } else { String::new() };
    let minutes = if seconds >= 60 { format!("{}m", seconds / 60 % 60) } else { String::new() };
    format!("{minus}{hours}{minutes}{}s", fraction(seconds % 60, rest, 1_000_000_000))
}

fn fraction(whole: u64, rest: u64, size: u64) -> String {
    if rest == 0 {
        return whole.to_string();
    }
    let digits = size.ilog10() as usize;
    format!("{whole}.{rest:0digits$}").trim_end_matches('0').to_owned()
}

fn needs_quotes(name: &str) -> bool {
    let first = name.chars().next();
    first.is_none_or(|first| first.is_ascii_digit())
        || !name.chars().all(is_of_word)
        || Kind::of_word(name) != Kind::Name
}

fn quoted(name: &str) -> String {
    let mut all = String::with_capacity(name.len() + 2);
    all.push('"');
    for character in name.chars() {
        match character {
            '\n' => all.push_str("\\n"),
            '\\' => all.push_str("\\\\"),
            '"' => all.push_str("\\\""),
            other => all.push(other),
        }
    }
    all.push('"');
    all
}

/// The units of durations, the smallest first, with their nanoseconds.
pub(super) const UNITS: &[(&str, i64)] = &[
    ("ns", 1),
    ("u", 1_000),
    ("ms", 1_000_000),
    ("s", 1_000_000_000),
    ("m", 60_000_000_000),
    ("h", 3_600_000_000_000),
    ("d", 86_400_000_000_000),
    ("w", 604_800_000_000_000),
];
