//! Answers as msgpack. Lengths stand before what they count, so that a document is kept until it ends.

use super::output::Epoch;
use super::value::Value;
use super::writer::{Ending, Head, Writer};

/// Writes msgpack.
#[derive(Debug)]
pub(crate) struct Msgpack {
    epoch: Epoch,
    statement: usize,
    statements: Counted,
    tables: Counted,
    rows: Counted,
    head: Head,
}

/// Things and how many they are.
#[derive(Debug, Default)]
struct Counted {
    bytes: Vec<u8>,
    count: usize,
}

impl Counted {
    /// Appends them as an array, and is empty then.
    fn close(&mut self, out: &mut Vec<u8>) {
        array(out, self.count);
        out.append(&mut self.bytes);
        self.count = 0;
    }
}

impl Msgpack {
    pub(crate) fn new(epoch: Epoch) -> Self {
        Self {
            epoch,
            statement: 0,
            statements: Counted::default(),
            tables: Counted::default(),
            rows: Counted::default(),
            head: Head::default(),
        }
    }
}

impl Writer for Msgpack {
    fn statement(&mut self, _: &mut Vec<u8>, id: usize) {
        self.statement = id;
    }

    fn table(&mut self, _: &mut Vec<u8>, head: &Head) {
        self.head.clone_from(head);
    }

    fn row(&mut self, _: &mut Vec<u8>, cells: &[Value]) {
        self.rows.count += 1;
        let out = &mut self.rows.bytes;
        array(out, cells.len());
        for cell in cells {
            match cell {
                Value::Boolean(value) => out.push(if *value { 0xc3 } else { 0xc2 }),
                Value::Float(value) => {
                    out.push(0xcb);
                    out.extend_from_slice(&value.to_be_bytes());
                }
                Value::Integer(value) => integer(out, *value),
                Value::Null => out.push(0xc0),
                Value::String(value) => string(out, value),
                Value::Time(at) => match self.epoch.unit() {
                    None => time(out, *at),
                    Some(unit) => integer(out, at / unit),
                },
            }
        }
    }

    fn end_table(&mut self, _: &mut Vec<u8>, partial: bool) {
        self.tables.count += 1;
        let out = &mut self.tables.bytes;
        let head = &self.head;
        map(out, 2 + usize::from(!head.name.is_empty()) + usize::from(!head.tags.is_empty()) + usize::from(partial));
        if !head.name.is_empty() {
            string(out, "name");
            string(out, &head.name);
        }
        if !head.tags.is_empty() {
            string(out, "tags");
            map(out, head.tags.len());
            for (key, value) in &head.tags {
                string(out, key);
                string(out, value);
            }
        }
        string(out, "columns");
        array(out, head.columns.len());
        for column in &head.columns {
            string(out, column);
        }
        string(out, "values");
        self.rows.close(out);
        if partial {
            string(out, "partial");
            out.push(0xc3);
        }
    }

    fn end_statement(&mut self, _: &mut Vec<u8>, ending: &Ending) {
        self.statements.count += 1;
        let out = &mut self.statements.bytes;
        if let Some(error) = &ending.error {
            self.tables = Counted::default();
            map(out, 1);
            string(out, "error");
            string(out, error);
            return;
        }
        map(out, 2 + usize::from(!ending.messages.is_empty()) + usize::from(ending.partial));
        string(out, "statement_id");
        integer(out, i64::try_from(self.statement).unwrap_or(i64::MAX));
        if !ending.messages.is_empty() {
            string(out, "messages");
            array(out, ending.messages.len());
            for message in &ending.messages {
                map(out, 2);
                string(out, "level");
                string(out, "warning");
                string(out, "text");
                string(out, message);
            }
        }
        string(out, "series");
        self.tables.close(out);
        if ending.partial {
            string(out, "partial");
            out.push(0xc3);
        }
    }

    fn end_document(&mut self, out: &mut Vec<u8>) {
        map(out, 1);
        string(out, "results");
        self.statements.close(out);
    }

    fn held(&self) -> usize {
        self.statements.bytes.len() + self.tables.bytes.len() + self.rows.bytes.len()
    }
}

/// A map with the error alone.
pub(crate) fn error(message: &str) -> Vec<u8> {
    let mut out = Vec::new();
    map(&mut out, 1);
    string(&mut out, "error");
    string(&mut out, message);
    out
}

fn map(out: &mut Vec<u8>, length: usize) {
    head(out, length, (0x80, 16), None, 0xde);
}

fn array(out: &mut Vec<u8>, length: usize) {
    head(out, length, (0x90, 16), None, 0xdc);
}

fn string(out: &mut Vec<u8>, text: &str) {
    head(out, text.len(), (0xa0, 32), Some(0xd9), 0xda);
    out.extend_from_slice(text.as_bytes());
}

/// Appends the head of something with a length: within the first byte below a bound, else in one byte where there
/// is a form for that, in two, in four.
#[expect(clippy::cast_possible_truncation, reason = "each length fits what it is cast to; none reaches four gigabytes")]
fn head(out: &mut Vec<u8>, length: usize, (first, bound): (u8, usize), byte: Option<u8>, two: u8) {
    match (length, byte) {
        (length, _) if length < bound => out.push(first | length as u8),
        (0..0x100, Some(byte)) => out.extend_from_slice(&[byte, length as u8]),
        (0..0x1_0000, _) => {
            out.push(two);
            out.extend_from_slice(&(length as u16).to_be_bytes());
        }
        _ => {
            out.push(two + 1);
            out.extend_from_slice(&(length as u32).to_be_bytes());
        }
    }
}

/// Appends a whole number in as few bytes as a signed one needs, as the original's library does.
#[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "each range fits what it is cast to")]
fn integer(out: &mut Vec<u8>, number: i64) {
    match number {
        -32..0x80 => out.push(number as u8),
        -0x80..0x80 => out.extend_from_slice(&[0xd0, number as u8]),
        -0x8000..0x8000 => {
            out.push(0xd1);
            out.extend_from_slice(&(number as i16).to_be_bytes());
        }
        -0x8000_0000..0x8000_0000 => {
            out.push(0xd2);
            out.extend_from_slice(&(number as i32).to_be_bytes());
        }
        _ => {
            out.push(0xd3);
            out.extend_from_slice(&number.to_be_bytes());
        }
    }
}

/// Appends an instant: extension 5, seconds (8 bytes) and nanoseconds (4 bytes).
fn time(out: &mut Vec<u8>, at: i64) {
    out.extend_from_slice(&[0xc7, 12, 5]);
    out.extend_from_slice(&at.div_euclid(1_000_000_000).to_be_bytes());
    let fraction = u32::try_from(at.rem_euclid(1_000_000_000)).unwrap_or(0);
    out.extend_from_slice(&fraction.to_be_bytes());
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn whole_numbers_take_as_few_bytes_as_they_need() {
        for (number, bytes) in [
            (0, vec![0]),
            (127, vec![0x7f]),
            (-32, vec![0xe0]),
            (-33, vec![0xd0, 0xdf]),
            (128, vec![0xd1, 0, 0x80]),
            (40_000, vec![0xd2, 0, 0, 0x9c, 0x40]),
            (1_795_311_540, vec![0xd2, 0x6b, 0x02, 0x47, 0xb4]),
            (i64::MIN, vec![0xd3, 0x80, 0, 0, 0, 0, 0, 0, 0]),
        ] {
            let mut out = Vec::new();
            integer(&mut out, number);
            assert_eq!(out, bytes, "{number}");
        }
    }

    #[test]
    fn instants_are_twelve_bytes() {
        let mut out = Vec::new();
        time(&mut out, 1_795_311_540_000_000_001);
        assert_eq!(out, [0xc7, 12, 5, 0, 0, 0, 0, 0x6b, 0x02, 0x47, 0xb4, 0, 0, 0, 1]);
    }
}
