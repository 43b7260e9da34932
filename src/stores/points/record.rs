//! Records of the log: what was written or deleted, as bytes.

use std::sync::Arc;

use trackgate_schemes::AccountId;

use super::bytes::{Reader, put_count, put_signed, put_text, put_varint};
use super::codec::{kind_byte, kind_of};
use super::deleted::What;
use crate::ports::{Batch, FieldType, FieldValue, Row, SeriesKey};

/// What a record says was done.
#[derive(Clone, Debug, PartialEq)]
pub(super) enum Record {
    Delete(AccountId, What),
    Write(AccountId, Batch),
}

/// Writes a batch down.
pub(super) fn put_write(out: &mut Vec<u8>, account: AccountId, batch: &Batch) {
    out.push(WRITE);
    put_signed(out, account.0);
    put_count(out, batch.series.len());
    for key in &batch.series {
        put_key(out, key);
    }
    put_count(out, batch.fields.len());
    for name in &batch.fields {
        put_text(out, name);
    }
    put_count(out, batch.rows.len());
    let mut cells = batch.cells.iter();
    let mut last = 0i64;
    for row in &batch.rows {
        put_varint(out, row.series.into());
        put_signed(out, row.at.wrapping_sub(last));
        last = row.at;
        put_varint(out, row.cells.into());
        for (field, value) in cells.by_ref().take(row.cells as usize) {
            put_varint(out, u64::from(*field) << 2 | u64::from(kind_byte(value.kind())));
            match value {
                FieldValue::Boolean(value) => out.push(u8::from(*value)),
                FieldValue::Float(value) => out.extend_from_slice(&value.to_bits().to_le_bytes()),
                FieldValue::Integer(value) => put_signed(out, *value),
                FieldValue::String(value) => put_text(out, value),
            }
        }
    }
}

/// Writes a deletion down.
pub(super) fn put_delete(out: &mut Vec<u8>, account: AccountId, what: &What) {
    match what {
        What::Everything => {
            out.push(DELETE_EVERYTHING);
            put_signed(out, account.0);
        }
        What::Points { series, range } => {
            out.push(DELETE_POINTS);
            put_signed(out, account.0);
            put_signed(out, *range.start());
            put_signed(out, *range.end());
            put_count(out, series.len());
            for key in series {
                put_key(out, key);
            }
        }
    }
}

/// Reads the next record.
pub(super) fn read(reader: &mut Reader<'_>) -> Option<Record> {
    let kind = reader.byte()?;
    let account = AccountId(reader.signed()?);
    Some(match kind {
        DELETE_EVERYTHING => Record::Delete(account, What::Everything),
        DELETE_POINTS => {
            let range = reader.signed()?..=reader.signed()?;
            let series = read_all(reader, read_key)?;
            Record::Delete(account, What::Points { series, range })
        }
        WRITE => Record::Write(account, read_batch(reader)?),
        _ => return None,
    })
}

fn read_batch(reader: &mut Reader<'_>) -> Option<Batch> {
    let series = read_all(reader, read_key)?;
    let fields = read_all(reader, Reader::text)?;
    let count = reader.count()?;
    let mut batch = Batch { series, fields, rows: Vec::with_capacity(count), cells: Vec::new() };
    let mut last = 0i64;
    for _ in 0..count {
        let series = reader.small().filter(|series| (*series as usize) < batch.series.len())?;
        let at = last.wrapping_add(reader.signed()?);
        last = at;
        let cells = reader.small()?;
        batch.rows.push(Row { series, at, cells });
        for _ in 0..cells {
            let tag = reader.varint()?;
            let field = u32::try_from(tag >> 2).ok().filter(|field| (*field as usize) < batch.fields.len())?;
            let value = match kind_of((tag & 3).try_into().ok()?)? {
                FieldType::Boolean => FieldValue::Boolean(reader.byte()? != 0),
                FieldType::Float => FieldValue::Float(f64::from_bits(reader.u64()?)),
                FieldType::Integer => FieldValue::Integer(reader.signed()?),
                FieldType::String => FieldValue::String(reader.text()?),
            };
            batch.cells.push((field, value));
        }
    }
    Some(batch)
}

/// Writes the name of a series down.
pub(super) fn put_key(out: &mut Vec<u8>, key: &SeriesKey) {
    put_text(out, &key.measurement);
    put_count(out, key.tags.len());
    for (name, value) in &*key.tags {
        put_text(out, name);
        put_text(out, value);
    }
}

/// Reads the name of a series.
pub(super) fn read_key(reader: &mut Reader<'_>) -> Option<SeriesKey> {
    let measurement = reader.text()?;
    let tags: Vec<(Arc<str>, Arc<str>)> = read_all(reader, |reader| Some((reader.text()?, reader.text()?)))?;
    Some(SeriesKey { measurement, tags: tags.into() })
}

/// Reads as many things as are said to follow.
pub(super) fn read_all<'a, T>(
    reader: &mut Reader<'a>,
    mut one: impl FnMut(&mut Reader<'a>) -> Option<T>,
) -> Option<Vec<T>> {
    let count = reader.count()?;
    (0..count).map(|_| one(reader)).collect()
}

const WRITE: u8 = 1;
const DELETE_POINTS: u8 = 2;
const DELETE_EVERYTHING: u8 = 3;
