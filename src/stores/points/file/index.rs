//! The index at the end of a file of blocks.

use std::collections::HashMap;
use std::fs::File;
use std::io;
use std::os::unix::fs::FileExt;
use std::sync::Arc;

use trackgate_schemes::AccountId;

use super::super::bytes::{Reader, put_count, put_signed, put_text, put_varint};
use super::super::codec::{BLOCK_VALUES, kind_byte, kind_of};
use super::super::header::HEADER_BYTES;
use super::super::record::read_all;
use super::{Block, FieldBlocks, SeriesBlocks};
use crate::ports::SeriesKey;

type Accounts = HashMap<AccountId, Vec<SeriesBlocks>>;

/// The index as bytes, with what tells where it begins. The accounts stand as their blocks do.
pub(super) fn write(accounts: &[(AccountId, Vec<SeriesBlocks>)]) -> Vec<u8> {
    let mut names = Names::default();
    let mut body = Vec::new();
    put_count(&mut body, accounts.len());
    for (account, all) in accounts {
        put_signed(&mut body, account.0);
        put_count(&mut body, all.len());
        for series in all {
            names.put(&series.key.measurement, &mut body);
            put_count(&mut body, series.key.tags.len());
            for (name, value) in &*series.key.tags {
                names.put(name, &mut body);
                names.put(value, &mut body);
            }
            put_count(&mut body, series.fields.len());
            for field in &series.fields {
                names.put(&field.name, &mut body);
                body.push(kind_byte(field.kind));
                put_count(&mut body, field.blocks.len());
                for block in &field.blocks {
                    put_varint(&mut body, block.len.into());
                    put_varint(&mut body, block.count.into());
                    put_signed(&mut body, block.span.0);
                    put_signed(&mut body, block.span.1.wrapping_sub(block.span.0));
                }
            }
        }
    }
    let mut index = Vec::new();
    put_count(&mut index, names.texts.len());
    for text in &names.texts {
        put_text(&mut index, text);
    }
    index.extend_from_slice(&body);
    let (len, checksum) = (index.len() as u64, crc32fast::hash(&index));
    index.extend_from_slice(&len.to_le_bytes());
    index.extend_from_slice(&checksum.to_le_bytes());
    index
}

/// Reads the index of a file of this length; `None` if there is none that is whole.
pub(super) fn read(file: &File, file_len: u64) -> io::Result<Option<Accounts>> {
    let Some(end) = file_len.checked_sub(TAIL_BYTES as u64) else { return Ok(None) };
    let mut tail = [0; TAIL_BYTES];
    file.read_exact_at(&mut tail, end)?;
    let mut reader = Reader::new(&tail);
    let (Some(len), Some(checksum)) = (reader.u64(), reader.u32()) else { return Ok(None) };
    let Some(start) = end.checked_sub(len).filter(|start| *start >= HEADER_BYTES as u64) else { return Ok(None) };
    let mut bytes = vec![0; usize::try_from(len).unwrap_or(0)];
    file.read_exact_at(&mut bytes, start)?;
    Ok((crc32fast::hash(&bytes) == checksum).then(|| parse(&bytes, start)).flatten())
}

/// The index, if the blocks that it names fill the file up to where it begins.
pub(super) fn parse(bytes: &[u8], start: u64) -> Option<Accounts> {
    let mut reader = Reader::new(bytes);
    let names = read_all(&mut reader, Reader::text)?;
    let name = |reader: &mut Reader<'_>| names.get(reader.small()? as usize).cloned();
    let mut offset = HEADER_BYTES as u64;
    let mut block = |reader: &mut Reader<'_>| {
        let (len, count) = (reader.small()?, reader.small()?);
        let first = reader.signed()?;
        let span = (first, first.wrapping_add(reader.signed()?));
        let block = Block { offset, len, count, span };
        offset = offset.checked_add(len.into()).filter(|end| *end <= start)?;
        (span.0 <= span.1 && (1..=BLOCK_VALUES).contains(&(count as usize))).then_some(block)
    };
    let mut accounts = Accounts::new();
    for _ in 0..reader.count()? {
        let account = AccountId(reader.signed()?);
        let series = read_all(&mut reader, |reader| {
            let measurement = name(reader)?;
            let tags: Vec<_> = read_all(reader, |reader| Some((name(reader)?, name(reader)?)))?;
            let fields = read_all(reader, |reader| {
                let (name, kind) = (name(reader)?, kind_of(reader.byte()?)?);
                let blocks = read_all(reader, &mut block)?;
                let apart = blocks.is_sorted_by(|a, b| a.span.1 < b.span.0);
                apart.then_some(FieldBlocks { name, kind, blocks })
            })?;
            Some(SeriesBlocks { key: SeriesKey { measurement, tags: tags.into() }, fields })
        })?;
        let sorted = series.is_sorted_by(|a, b| a.key < b.key);
        if !sorted || accounts.insert(account, series).is_some() {
            return None;
        }
    }
    (reader.is_empty() && offset == start).then_some(accounts)
}

/// Texts, each of which is written once.
#[derive(Debug, Default)]
struct Names {
    places: HashMap<Arc<str>, u64>,
    texts: Vec<Arc<str>>,
}

impl Names {
    fn put(&mut self, text: &Arc<str>, out: &mut Vec<u8>) {
        let next = self.places.len() as u64;
        let place = *self.places.entry(Arc::clone(text)).or_insert(next);
        if place == next {
            self.texts.push(Arc::clone(text));
        }
        put_varint(out, place);
    }
}

/// Length and checksum of the index.
const TAIL_BYTES: usize = 12;
