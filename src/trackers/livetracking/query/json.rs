//! Answers as JSON, byte for byte as the original's encoder gives it.

use jiff::tz::TimeZone;

use super::output::Epoch;
use super::value::Value;
use super::writer::{Ending, Head, Writer};
use super::{number, time};

/// With or without lines and indentation.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Layout {
    Compact,
    Pretty,
}

/// Writes JSON.
#[derive(Debug)]
pub(crate) struct Json {
    layout: Layout,
    epoch: Epoch,
    statements: usize,
    tables: usize,
    rows: usize,
    zone: Option<TimeZone>,
}

impl Json {
    pub(crate) fn new(layout: Layout, epoch: Epoch) -> Self {
        Self { layout, epoch, statements: 0, tables: 0, rows: 0, zone: None }
    }

    fn line(&self, out: &mut Vec<u8>, depth: usize) {
        if self.layout == Layout::Pretty {
            out.push(b'\n');
            out.resize(out.len() + 4 * depth, b' ');
        }
    }

    /// `"key": ` on a line of its own.
    fn key(&self, out: &mut Vec<u8>, depth: usize, key: &str) {
        self.line(out, depth);
        string(out, key);
        self.colon(out);
    }

    fn colon(&self, out: &mut Vec<u8>) {
        out.extend_from_slice(if self.layout == Layout::Pretty { b": " } else { b":" });
    }

    /// `, "partial": true`.
    fn partial(&self, out: &mut Vec<u8>, depth: usize) {
        out.push(b',');
        self.key(out, depth, "partial");
        out.extend_from_slice(b"true");
    }

    fn cell(&self, out: &mut Vec<u8>, cell: &Value) {
        match cell {
            Value::Boolean(value) => out.extend_from_slice(if *value { b"true" } else { b"false" }),
            Value::Float(value) => number::json(out, *value),
            Value::Integer(value) => number::integer(out, *value),
            Value::Null => out.extend_from_slice(b"null"),
            Value::String(value) => string(out, value),
            Value::Time(at) => match self.epoch.unit() {
                None => {
                    out.push(b'"');
                    time::rfc3339(out, *at, self.zone.as_ref());
                    out.push(b'"');
                }
                Some(unit) => number::integer(out, at / unit),
            },
        }
    }
}

impl Writer for Json {
    fn statement(&mut self, out: &mut Vec<u8>, id: usize) {
        if self.statements == 0 {
            out.push(b'{');
            self.key(out, 1, "results");
            out.push(b'[');
        } else {
            out.push(b',');
        }
        self.statements += 1;
        self.tables = 0;
        self.line(out, 2);
        out.push(b'{');
        self.key(out, 3, "statement_id");
        number::integer(out, i64::try_from(id).unwrap_or(i64::MAX));
    }

    fn table(&mut self, out: &mut Vec<u8>, head: &Head) {
        out.push(b',');
        if self.tables == 0 {
            self.key(out, 3, "series");
            out.push(b'[');
        }
        self.tables += 1;
        self.rows = 0;
        self.zone.clone_from(&head.zone);
        self.line(out, 4);
        out.push(b'{');
        if !head.name.is_empty() {
            self.key(out, 5, "name");
            string(out, &head.name);
            out.push(b',');
        }
        if !head.tags.is_empty() {
            self.key(out, 5, "tags");
            out.push(b'{');
            for (place, (key, value)) in head.tags.iter().enumerate() {
                if place > 0 {
                    out.push(b',');
                }
                self.key(out, 6, key);
                string(out, value);
            }
            self.line(out, 5);
            out.extend_from_slice(b"},");
        }
        self.key(out, 5, "columns");
        out.push(b'[');
        for (place, column) in head.columns.iter().enumerate() {
            if place > 0 {
                out.push(b',');
            }
            self.line(out, 6);
            string(out, column);
        }
        self.line(out, 5);
        out.push(b']');
    }

    fn row(&mut self, out: &mut Vec<u8>, cells: &[Value]) {
        out.push(b',');
        if self.rows == 0 {
            self.key(out, 5, "values");
            out.push(b'[');
        }
        self.rows += 1;
        self.line(out, 6);
        out.push(b'[');
        for (place, cell) in cells.iter().enumerate() {
            if place > 0 {
                out.push(b',');
            }
            self.line(out, 7);
            self.cell(out, cell);
        }
        self.line(out, 6);
        out.push(b']');
    }

    fn end_table(&mut self, out: &mut Vec<u8>, partial: bool) {
        if self.rows > 0 {
            self.line(out, 5);
            out.push(b']');
        }
        if partial {
            self.partial(out, 5);
        }
        self.line(out, 4);
        out.push(b'}');
    }

    fn end_statement(&mut self, out: &mut Vec<u8>, ending: &Ending) {
        if self.tables > 0 {
            self.line(out, 3);
            out.push(b']');
        }
        if !ending.messages.is_empty() {
            out.push(b',');
            self.key(out, 3, "messages");
            out.push(b'[');
            for (place, message) in ending.messages.iter().enumerate() {
                if place > 0 {
                    out.push(b',');
                }
                self.line(out, 4);
                out.push(b'{');
                self.key(out, 5, "level");
                out.extend_from_slice(b"\"warning\",");
                self.key(out, 5, "text");
                string(out, message);
                self.line(out, 4);
                out.push(b'}');
            }
            self.line(out, 3);
            out.push(b']');
        }
        if ending.partial {
            self.partial(out, 3);
        }
        if let Some(error) = &ending.error {
            out.push(b',');
            self.key(out, 3, "error");
            string(out, error);
        }
        self.line(out, 2);
        out.push(b'}');
    }

    fn end_document(&mut self, out: &mut Vec<u8>) {
        if self.statements == 0 {
            out.push(b'{');
        } else {
            self.line(out, 1);
            out.push(b']');
            self.line(out, 0);
        }
        out.extend_from_slice(b"}\n");
        self.statements = 0;
    }
}

/// `{"error": …}` and a line feed.
pub(crate) fn error(layout: Layout, message: &str) -> Vec<u8> {
    let json = Json::new(layout, Epoch::default());
    let mut out = vec![b'{'];
    json.key(&mut out, 1, "error");
    string(&mut out, message);
    json.line(&mut out, 0);
    out.extend_from_slice(b"}\n");
    out
}

/// Appends a text in quotes. Besides what must be escaped, `<`, `>`, `&` and the two line ends that JavaScript
/// stumbles over are.
fn string(out: &mut Vec<u8>, text: &str) {
    out.push(b'"');
    let bytes = text.as_bytes();
    let mut plain = 0;
    let mut flush = |out: &mut Vec<u8>, to: usize, next: usize| {
        out.extend_from_slice(bytes.get(plain..to).unwrap_or_default());
        plain = next;
    };
    for (at, byte) in bytes.iter().enumerate() {
        let escaped: &[u8] = match byte {
            b'"' => b"\\\"",
            b'\\' => b"\\\\",
            b'\n' => b"\\n",
            b'\r' => b"\\r",
            b'\t' => b"\\t",
            b'<' => b"\\u003c",
            b'>' => b"\\u003e",
            b'&' => b"\\u0026",
            0..0x20 => {
                flush(out, at, at + 1);
                out.extend_from_slice(format!("\\u{byte:04x}").as_bytes());
                continue;
            }
            0xe2 if matches!(bytes.get(at + 1..at + 3), Some([0x80, 0xa8 | 0xa9])) => {
                flush(out, at, at + 3);
                let last = bytes.get(at + 2).map_or(0, |last| last & 0x0f);
                out.extend_from_slice(format!("\\u202{last:x}").as_bytes());
                continue;
            }
            _ => continue,
        };
        flush(out, at, at + 1);
        out.extend_from_slice(escaped);
    }
    flush(out, bytes.len(), bytes.len());
    out.push(b'"');
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn texts_are_escaped_as_the_original_escapes_them() {
        let mut out = Vec::new();
        string(&mut out, "a\"b\\c\n\r\t\u{1}\u{7f}<>&é\u{2028}\u{2029}€");
        let text = String::from_utf8(out).unwrap();
        assert_eq!(text, "\"a\\\"b\\\\c\\n\\r\\t\\u0001\u{7f}\\u003c\\u003e\\u0026é\\u2028\\u2029€\"");
    }

    #[test]
    fn an_answer_without_statements_is_an_empty_object() {
        for layout in [Layout::Compact, Layout::Pretty] {
            let mut out = Vec::new();
            Json::new(layout, Epoch::Rfc3339).end_document(&mut out);
            assert_eq!(out, b"{}\n");
        }
    }

    #[test]
    fn errors_are_objects() {
        assert_eq!(error(Layout::Compact, "a \"b\""), b"{\"error\":\"a \\\"b\\\"\"}\n");
        assert_eq!(error(Layout::Pretty, "a"), b"{\n    \"error\": \"a\"\n}\n");
    }
}
