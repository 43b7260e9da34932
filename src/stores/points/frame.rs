//! Frames: the records that were made durable together, with their length and a checksum.

use super::bytes::Reader;
use super::record::{self, Record};

/// Makes a frame of records.
#[derive(Debug, Default)]
pub(super) struct FrameWriter {
    bytes: Vec<u8>,
}

impl FrameWriter {
    /// Begins anew: the first record has this number, each other the next.
    pub(super) fn begin(&mut self, seq: u64) {
        self.bytes.clear();
        // One great batch must not hold its memory for ever.
        self.bytes.shrink_to(KEPT_BYTES);
        self.bytes.resize(HEAD_BYTES, 0);
        self.bytes.extend_from_slice(&seq.to_le_bytes());
    }

    /// The bytes to which a record is added.
    pub(super) fn records(&mut self) -> &mut Vec<u8> {
        &mut self.bytes
    }

    /// The whole frame; `None` if it is too long for one.
    pub(super) fn finish(&mut self) -> Option<&[u8]> {
        let (head, body) = self.bytes.split_at_mut_checked(HEAD_BYTES)?;
        let len = u32::try_from(body.len()).ok().filter(|len| *len <= MAX_BYTES)?;
        let parts = len.to_le_bytes().into_iter().chain(crc32fast::hash(body).to_le_bytes());
        for (to, from) in head.iter_mut().zip(parts) {
            *to = from;
        }
        Some(&self.bytes)
    }
}

/// What stands at some place of a log.
#[derive(Debug)]
pub(super) enum Next<'a> {
    /// Nothing more was written.
    End,
    /// A frame.
    Frame(Frame<'a>),
    /// Something else: the rest of a write that was cut off.
    Torn,
}

/// A frame whose checksum is right.
#[derive(Debug)]
pub(super) struct Frame<'a> {
    seq: u64,
    records: Reader<'a>,
    /// Its length, head and all.
    pub(super) len: usize,
}

impl<'a> Frame<'a> {
    /// Looks at what these bytes begin with.
    pub(super) fn next(bytes: &'a [u8]) -> Next<'a> {
        Self::read(bytes)
            .map_or_else(|| if bytes.iter().all(|byte| *byte == 0) { Next::End } else { Next::Torn }, Next::Frame)
    }

    fn read(bytes: &'a [u8]) -> Option<Self> {
        let mut reader = Reader::new(bytes);
        let len = reader.u32().filter(|len| (8..=MAX_BYTES).contains(len))?;
        let checksum = reader.u32()?;
        let body = reader.take(len as usize).filter(|body| crc32fast::hash(body) == checksum)?;
        let mut records = Reader::new(body);
        Some(Self { seq: records.u64()?, records, len: HEAD_BYTES + body.len() })
    }

    /// Its records with their numbers; `None` in place of what is none.
    pub(super) fn records(mut self) -> impl Iterator<Item = Option<(u64, Record)>> {
        let mut seq = self.seq;
        std::iter::from_fn(move || {
            if self.records.is_empty() {
                return None;
            }
            let read = record::read(&mut self.records);
            if read.is_none() {
                self.records = Reader::new(&[]);
            }
            let this = seq;
            seq = seq.saturating_add(1);
            Some(read.map(|record| (this, record)))
        })
    }
}

/// Length and checksum.
const HEAD_BYTES: usize = 8;

/// How long a frame may be.
const MAX_BYTES: u32 = 1 << 30;

/// How much memory is kept for the next frame.
const KEPT_BYTES: usize = 1 << 20;
