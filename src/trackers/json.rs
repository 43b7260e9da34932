//! JSON values as the trackers read them, and texts as their originals write them.

use std::fmt;

use serde::de::{Deserialize, DeserializeSeed, Deserializer, IgnoredAny, MapAccess, SeqAccess, Visitor};

/// A member's value. What is in an object is read and not kept, for no tracker wants it.
#[derive(Clone, PartialEq)]
pub(super) enum Scalar {
    Null,
    Bool(bool),
    Text(String),
    /// A number without sign, point and exponent.
    Whole(u64),
    /// Another number.
    Number(f64),
    /// A list of at most [`LONGEST_LIST`] values; lists in it are not kept.
    List(Vec<Self>),
    /// An object, a longer list, or a list in a list.
    Other,
}

/// The values of a list that are kept.
const LONGEST_LIST: usize = 256;

impl Scalar {
    /// The number that it is, if it is one.
    pub(super) fn number(&self) -> Option<f64> {
        match self {
            #[expect(clippy::cast_precision_loss, reason = "as every reader of JSON numbers does")]
            Self::Whole(value) => Some(*value as f64),
            Self::Number(value) => Some(*value),
            _ => None,
        }
    }
}

impl fmt::Debug for Scalar {
    /// Without the text, which may be a password.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Null => f.write_str("Null"),
            Self::Bool(value) => f.debug_tuple("Bool").field(value).finish(),
            Self::Text(_) => f.write_str("Text(..)"),
            Self::Whole(value) => f.debug_tuple("Whole").field(value).finish(),
            Self::Number(value) => f.debug_tuple("Number").field(value).finish(),
            Self::List(values) => f.debug_tuple("List").field(values).finish(),
            Self::Other => f.write_str("Other"),
        }
    }
}

impl<'de> Deserialize<'de> for Scalar {
    fn deserialize<D: Deserializer<'de>>(reader: D) -> Result<Self, D::Error> {
        reader.deserialize_any(ScalarVisitor { in_list: false })
    }
}

struct ScalarVisitor {
    /// Of a list in a list nothing is kept, so that depth costs neither memory nor stack.
    in_list: bool,
}

impl<'de> DeserializeSeed<'de> for ScalarVisitor {
    type Value = Scalar;

    fn deserialize<D: Deserializer<'de>>(self, reader: D) -> Result<Scalar, D::Error> {
        reader.deserialize_any(self)
    }
}

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

    fn visit_i64<E>(self, negative: i64) -> Result<Scalar, E> {
        #[expect(clippy::cast_precision_loss, reason = "as every reader of JSON numbers does")]
        Ok(Scalar::Number(negative as f64))
    }

    fn visit_u64<E>(self, value: u64) -> Result<Scalar, E> {
        Ok(Scalar::Whole(value))
    }

    fn visit_f64<E>(self, value: f64) -> Result<Scalar, E> {
        Ok(Scalar::Number(value))
    }

    fn visit_str<E>(self, text: &str) -> Result<Scalar, E> {
        Ok(Scalar::Text(text.to_owned()))
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut list: A) -> Result<Scalar, A::Error> {
        let mut values = Vec::new();
        while !self.in_list && values.len() < LONGEST_LIST {
            match list.next_element_seed(Self { in_list: true })? {
                Some(value) => values.push(value),
                None => return Ok(Scalar::List(values)),
            }
        }
        let mut more = self.in_list;
        while list.next_element::<IgnoredAny>()?.is_some() {
            more = true;
        }
        Ok(if more { Scalar::Other } else { Scalar::List(values) })
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
            ("-1", Scalar::Number(-1.0)),
            ("1.5", Scalar::Number(1.5)),
            ("[]", Scalar::List(Vec::new())),
            ("[1,[\"a\"],{}]", Scalar::List(vec![Scalar::Whole(1), Scalar::Other, Scalar::Other])),
            ("{\"a\":{\"b\":1}}", Scalar::Other),
        ];
        for (text, expected) in rows {
            assert_eq!(serde_json::from_str::<Scalar>(text).unwrap(), expected, "{text}");
        }
        assert!(serde_json::from_str::<Scalar>("[1,").is_err());
        let longest = format!("[{}0]", "0,".repeat(LONGEST_LIST - 1));
        assert!(
            matches!(serde_json::from_str(&longest).unwrap(), Scalar::List(values) if values.len() == LONGEST_LIST)
        );
        let longer = format!("[{}0]", "0,".repeat(LONGEST_LIST));
        assert_eq!(serde_json::from_str::<Scalar>(&longer).unwrap(), Scalar::Other);
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
