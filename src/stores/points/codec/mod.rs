//! Blocks: a run as bytes, with a checksum. This is the format of files.

use std::collections::HashMap;
use std::sync::Arc;

use super::bytes::{Reader, put_count, put_text};
use super::values::{Column, Run};
use crate::ports::FieldType;

mod floats;
mod integers;
#[cfg(test)]
mod tests;

/// How many values a block has at most.
pub(super) const BLOCK_VALUES: usize = 4096;

/// Writes a run of at most [`BLOCK_VALUES`] down, with its checksum.
pub(super) fn encode(run: &Run, out: &mut Vec<u8>) {
    let start = out.len();
    out.push(kind_byte(run.kind()));
    put_count(out, run.len());
    encode_times(run.times(), out);
    match run.values() {
        Column::Boolean(values) => encode_booleans(values, out),
        Column::Float(values) => floats::encode(values, out),
        Column::Integer(values) => integers::encode(values, out),
        Column::String(values) => encode_strings(values, out),
    }
    let checksum = crc32fast::hash(out.get(start..).unwrap_or_default());
    out.extend_from_slice(&checksum.to_le_bytes());
}

/// The run of a block; `None` if these bytes are none.
pub(super) fn decode(bytes: &[u8]) -> Option<Run> {
    let (bytes, checksum) = bytes.split_last_chunk()?;
    if crc32fast::hash(bytes) != u32::from_le_bytes(*checksum) {
        return None;
    }
    let mut reader = Reader::new(bytes);
    let kind = kind_of(reader.byte()?)?;
    let count = usize::try_from(reader.varint()?).ok().filter(|count| (1..=BLOCK_VALUES).contains(count))?;
    let times = decode_times(&mut reader, count)?;
    let values = match kind {
        FieldType::Boolean => Column::Boolean(decode_booleans(&mut reader, count)?),
        FieldType::Float => Column::Float(floats::decode(&mut reader, count)?),
        FieldType::Integer => Column::Integer(integers::decode(&mut reader, count)?),
        FieldType::String => Column::String(decode_strings(&mut reader, count)?),
    };
    reader.is_empty().then(|| Run::of(times, values))?
}

/// The byte that stands for a type in files.
pub(super) fn kind_byte(kind: FieldType) -> u8 {
    match kind {
        FieldType::Boolean => 0,
        FieldType::Float => 1,
        FieldType::Integer => 2,
        FieldType::String => 3,
    }
}

/// The type that a byte stands for.
pub(super) fn kind_of(byte: u8) -> Option<FieldType> {
    [FieldType::Boolean, FieldType::Float, FieldType::Integer, FieldType::String].get(usize::from(byte)).copied()
}

/// Instants in the largest unit in which all are whole.
fn encode_times(times: &[i64], out: &mut Vec<u8>) {
    let fits = |unit: &i64| times.iter().all(|at| at % unit == 0);
    let (place, unit) = (0u8..).zip(UNITS).find(|(_, unit)| fits(unit)).unwrap_or((3, 1));
    out.push(place);
    let whole: Vec<_> = times.iter().map(|at| at / unit).collect();
    integers::encode(&whole, out);
}

fn decode_times(reader: &mut Reader<'_>, count: usize) -> Option<Vec<i64>> {
    let unit = *UNITS.get(usize::from(reader.byte()?))?;
    let mut times = integers::decode(reader, count)?;
    for at in &mut times {
        *at = at.checked_mul(unit)?;
    }
    Some(times)
}

fn encode_booleans(values: &[bool], out: &mut Vec<u8>) {
    let byte = |bits: &[bool]| bits.iter().rev().fold(0u8, |byte, bit| byte << 1 | u8::from(*bit));
    out.extend(values.chunks(8).map(byte));
}

fn decode_booleans(reader: &mut Reader<'_>, count: usize) -> Option<Vec<bool>> {
    let bytes = reader.take(count.div_ceil(8))?;
    Some(bytes.iter().flat_map(|byte| (0..8).map(move |bit| byte >> bit & 1 == 1)).take(count).collect())
}

/// Each text once, and then their numbers.
fn encode_strings(values: &[Arc<str>], out: &mut Vec<u8>) {
    let mut numbers: HashMap<&str, i64> = HashMap::new();
    let mut texts = Vec::new();
    let mut places = Vec::with_capacity(values.len());
    for value in values {
        let next = numbers.len().try_into().unwrap_or(i64::MAX);
        places.push(*numbers.entry(value).or_insert_with(|| {
            texts.push(value);
            next
        }));
    }
    put_count(out, texts.len());
    for text in texts {
        put_text(out, text);
    }
    integers::encode(&places, out);
}

fn decode_strings(reader: &mut Reader<'_>, count: usize) -> Option<Vec<Arc<str>>> {
    let texts = reader.count().filter(|texts| *texts <= count)?;
    let texts: Option<Vec<_>> = (0..texts).map(|_| reader.text()).collect();
    let texts = texts?;
    let places = integers::decode(reader, count)?;
    places.into_iter().map(|place| texts.get(usize::try_from(place).ok()?).cloned()).collect()
}

/// Second, millisecond, microsecond, nanosecond.
const UNITS: [i64; 4] = [1_000_000_000, 1_000_000, 1_000, 1];
