//! JSON values as the trackers read them, and texts as their originals write them.

use std::fmt;

use serde::de::{Deserialize, Deserializer, IgnoredAny, MapAccess, SeqAccess, Visitor};

/// A member's value. What is in a list or object is read and not kept, for no tracker wants it.
#[derive(PartialEq)]
pub(super) enum Scalar {
    Null,
    Bool(bool),
    Text(String),
    /// A number without sign, point and exponent.
    Whole(u64),
    /// Another number, a list or an object.
    Other,
}

impl fmt::Debug for Scalar {
    /// Without the text, which may be a password.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Null => f.write_str("Null"),
            Self::Bool(value) => f.debug_tuple("Bool").field(value).finish(),
            Self::Text(_) => f.write_str("Text(..)"),
            Self::Whole(value) => f.debug_tuple("Whole").field(value).finish(),
            Self::Other => f.write_str("Other"),
        }
    }
}

impl<'de> Deserialize<'de> for Scalar {
    fn deserialize<D: Deserializer<'de>>(reader: D) -> Result<Self, D::Error> {
        reader.deserialize_any(ScalarVisitor)
    }
}

struct ScalarVisitor;

impl<'de> Visitor<'de> for ScalarVisitor {
    type Value = Scalar;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a value")
    }

    fn visit_unit<E>(self) -> Result<Scalar, E> {
        Ok(Scalar::Null)
    }

    fn visit_bool<E>(self, value: bool) -> Result<Scalar, E> {
        Ok(Scalar::Bool(value))
    }

    fn visit_i64<E>(self, _negative: i64) -> Result<Scalar, E> {
        Ok(Scalar::Other)
    }

    fn visit_u64<E>(self, value: u64) -> Result<Scalar, E> {
        Ok(Scalar::Whole(value))
    }

    fn visit_f64<E>(self, _value: f64) -> Result<Scalar, E> {
        Ok(Scalar::Other)
    }

    fn visit_str<E>(self, text: &str) -> Result<Scalar, E> {
        Ok(Scalar::Text(text.to_owned()))
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut list: A) -> Result<Scalar, A::Error> {
        while list.next_element::<IgnoredAny>()?.is_some() {}
        Ok(Scalar::Other)
    }

    fn visit_map<A: MapAccess<'de>>(self, mut object: A) -> Result<Scalar, A::Error> {
        while object.next_entry::<IgnoredAny, IgnoredAny>()?.is_some() {}
        Ok(Scalar::Other)
    }
}

/// A JSON string as PHP's `json_encode` writes it: `/` escaped, nothing outside ASCII.
#[derive(Clone, Copy, Debug)]
pub(super) struct PhpText<'a>(pub(super) &'a str);

impl fmt::Display for PhpText<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        quote(self.0, f, |c, f| match c {
            '/' => f.write_str("\\/"),
            '\u{7f}' => f.write_str("\u{7f}"),
            other => escape(other, f),
        })
    }
}

/// A JSON string as Python's `json.dumps` writes it: all but printable ASCII escaped.
#[derive(Clone, Copy, Debug)]
pub(super) struct PythonText<'a>(pub(super) &'a str);

impl fmt::Display for PythonText<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        quote(self.0, f, escape)
    }
}

fn quote(
    text: &str,
    f: &mut fmt::Formatter<'_>,
    each: impl Fn(char, &mut fmt::Formatter<'_>) -> fmt::Result,
) -> fmt::Result {
    f.write_str("\"")?;
    for c in text.chars() {
        each(c, f)?;
    }
    f.write_str("\"")
}

/// A character as it stands inside the quotes (RFC 8259 §7).
fn escape(c: char, f: &mut fmt::Formatter<'_>) -> fmt::Result {
    match c {
        '"' => f.write_str("\\\""),
        '\\' => f.write_str("\\\\"),
        '\n' => f.write_str("\\n"),
        '\r' => f.write_str("\\r"),
        '\t' => f.write_str("\\t"),
        '\u{8}' => f.write_str("\\b"),
        '\u{c}' => f.write_str("\\f"),
        ' '..='~' => fmt::Write::write_char(f, c),
        _ => {
            for unit in c.encode_utf16(&mut [0; 2]) {
                write!(f, "\\u{unit:04x}")?;
            }
            Ok(())
        }
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn each_kind_of_value_is_read_and_nothing_inside_is_kept() {
        let rows = [
            ("null", Scalar::Null),
            ("true", Scalar::Bool(true)),
            ("\"a\\u00e9\"", Scalar::Text("a\u{e9}".to_owned())),
            ("1", Scalar::Whole(1)),
            ("18446744073709551615", Scalar::Whole(u64::MAX)),
            ("-1", Scalar::Other),
            ("1.0", Scalar::Other),
            ("[1,[\"a\"]]", Scalar::Other),
            ("{\"a\":{\"b\":1}}", Scalar::Other),
        ];
        for (text, expected) in rows {
            assert_eq!(serde_json::from_str::<Scalar>(text).unwrap(), expected, "{text}");
        }
        assert!(serde_json::from_str::<Scalar>("[1,").is_err());
    }

    #[test]
    fn log_05_a_value_does_not_print_its_text() {
        assert!(!format!("{:?}", Scalar::Text("opensesame".to_owned())).contains("opensesame"));
    }

    #[test]
    fn texts_are_written_in_the_manner_of_their_originals() {
        let text = "a/b\"\\\n\r\t\u{8}\u{c}\u{1}\u{7f}é𝄞";
        assert_eq!(PhpText(text).to_string(), "\"a\\/b\\\"\\\\\\n\\r\\t\\b\\f\\u0001\u{7f}\\u00e9\\ud834\\udd1e\"");
        assert_eq!(PythonText(text).to_string(), "\"a/b\\\"\\\\\\n\\r\\t\\b\\f\\u0001\\u007f\\u00e9\\ud834\\udd1e\"");
    }

    proptest! {
        #[test]
        fn what_is_written_is_ascii_and_reads_back(text in any::<String>()) {
            for written in [PhpText(&text).to_string(), PythonText(&text).to_string()] {
                prop_assert!(written.is_ascii());
                prop_assert_eq!(&serde_json::from_str::<String>(&written).unwrap(), &text);
            }
        }
    }
}
