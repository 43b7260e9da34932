//! What is said of lines that cannot be read, in the words of InfluxDB 1.6.

use std::io::Write as _;

/// Why a line cannot be read.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Fault<'a> {
    BadTimestamp,
    DuplicateTags,
    InvalidBoolean,
    InvalidFieldFormat,
    InvalidFloat,
    InvalidNumber,
    InvalidPoint,
    InvalidTagFormat,
    /// What begins as this field has no value.
    InvalidValue(&'a [u8]),
    /// The digits of an integer do not fit 64 bits.
    IntegerRange(&'a [u8]),
    KeyTooLong(usize),
    MissingFieldKey,
    MissingFieldValue,
    MissingFields,
    MissingMeasurement,
    MissingTagKey,
    MissingTagValue,
    TimeOutsideRange,
    /// A sign without digits.
    TimestampSyntax(&'a [u8]),
    TimestampRange(&'a [u8]),
    UnbalancedQuotes,
}

impl Fault<'_> {
    fn write(&self, out: &mut Vec<u8>) {
        let text = match self {
            Self::BadTimestamp => "bad timestamp",
            Self::DuplicateTags => "duplicate tags",
            Self::InvalidBoolean => "invalid boolean",
            Self::InvalidFieldFormat => "invalid field format",
            Self::InvalidFloat => "invalid float",
            Self::InvalidNumber => "invalid number",
            Self::InvalidPoint => "point is invalid",
            Self::InvalidTagFormat => "invalid tag format",
            Self::InvalidValue(key) => {
                out.extend_from_slice(b"invalid value: field-key=");
                return put_cut(out, key);
            }
            Self::IntegerRange(digits) => {
                out.extend_from_slice(b"unable to parse integer ");
                put_cut(out, digits);
                out.extend_from_slice(b": ");
                return put_conversion(out, digits, "value out of range");
            }
            Self::KeyTooLong(bytes) => {
                return put(out, format_args!("max key length exceeded: {bytes} > {}", super::MAX_KEY_BYTES));
            }
            Self::MissingFieldKey => "missing field key",
            Self::MissingFieldValue => "missing field value",
            Self::MissingFields => "missing fields",
            Self::MissingMeasurement => "missing measurement",
            Self::MissingTagKey => "missing tag key",
            Self::MissingTagValue => "missing tag value",
            Self::TimeOutsideRange => "time outside range -9223372036854775806 - 9223372036854775806",
            Self::TimestampSyntax(digits) => return put_conversion(out, digits, "invalid syntax"),
            Self::TimestampRange(digits) => return put_conversion(out, digits, "value out of range"),
            Self::UnbalancedQuotes => "unbalanced quotes",
        };
        out.extend_from_slice(text.as_bytes());
    }
}

/// Collects what is said of the lines of a body.
#[derive(Debug, Default)]
pub(super) struct Faults {
    said: Vec<u8>,
    lines: usize,
    unsaid: usize,
}

impl Faults {
    pub(super) fn note(&mut self, line: &[u8], fault: &Fault<'_>) {
        self.lines += 1;
        if self.said.len() >= MAX_BYTES {
            self.unsaid += 1;
            return;
        }
        if self.lines > 1 {
            self.said.push(b'\n');
        }
        self.said.extend_from_slice(b"unable to parse '");
        put_cut(&mut self.said, line);
        self.said.extend_from_slice(b"': ");
        fault.write(&mut self.said);
    }

    /// All of it; `None` if nothing was.
    pub(super) fn joined(mut self) -> Option<Vec<u8>> {
        if self.unsaid > 0 {
            put(&mut self.said, format_args!("\nunable to parse {} more lines", self.unsaid));
        }
        (self.lines > 0).then_some(self.said)
    }
}

/// The text, or its beginning if it is too long for a message.
fn put_cut(out: &mut Vec<u8>, text: &[u8]) {
    match text.split_at_checked(MAX_LINE_BYTES) {
        Some((beginning, behind)) if !behind.is_empty() => {
            out.extend_from_slice(beginning);
            put(out, format_args!("… ({} bytes)", text.len()));
        }
        _ => out.extend_from_slice(text),
    }
}

/// As Go says it of a text that is no number.
fn put_conversion(out: &mut Vec<u8>, digits: &[u8], why: &str) {
    out.extend_from_slice(b"strconv.ParseInt: parsing \"");
    put_cut(out, digits);
    put(out, format_args!("\": {why}"));
}

fn put(out: &mut Vec<u8>, text: std::fmt::Arguments<'_>) {
    out.write_fmt(text).expect("a Vec takes text");
}

const MAX_BYTES: usize = 1 << 20;
const MAX_LINE_BYTES: usize = 64 << 10;
