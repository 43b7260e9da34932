//! JSON read strictly: no name twice, no deep nesting, nothing behind the value.
//!
//! Two readers of one token must not see two texts (RFC 7515 §4, RFC 7519 §4), and a token must not be
//! able to exhaust the stack.

use std::fmt;

use serde::de::{DeserializeSeed, Deserializer, Error, MapAccess, SeqAccess, Visitor};
use serde_json::{Map, Number, Value};

/// The members of a JSON object.
pub(super) type Object = Map<String, Value>;

/// The text is not one JSON object without repeated names.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct NotStrict;

/// Reads one object: UTF-8 without byte order mark, at most 16 levels deep, numbers finite.
pub(super) fn object(bytes: &[u8]) -> Result<Object, NotStrict> {
    let mut text = serde_json::Deserializer::from_slice(bytes);
    let value = Strict { depth: 0 }.deserialize(&mut text).map_err(|_unfit| NotStrict)?;
    text.end().map_err(|_trailing| NotStrict)?;
    match value {
        Value::Object(object) => Ok(object),
        _ => Err(NotStrict),
    }
}

/// One spelling for each value: names sorted, no blanks, whole numbers without a fraction.
pub(super) fn canonical(object: &Object) -> String {
    let mut text = String::new();
    write_object(&mut text, object);
    text
}

fn write_object(text: &mut String, object: &Object) {
    let mut members: Vec<_> = object.iter().collect();
    members.sort_by_key(|(name, _)| *name);
    text.push('{');
    for (n, (name, value)) in members.into_iter().enumerate() {
        if n > 0 {
            text.push(',');
        }
        text.push_str(&Value::from(name.as_str()).to_string());
        text.push(':');
        write_value(text, value);
    }
    text.push('}');
}

fn write_value(text: &mut String, value: &Value) {
    match value {
        Value::Array(values) => {
            text.push('[');
            for (n, value) in values.iter().enumerate() {
                if n > 0 {
                    text.push(',');
                }
                write_value(text, value);
            }
            text.push(']');
        }
        Value::Number(number) => match number.as_f64() {
            // `Display` of a float writes a whole one without a fraction, as `Display` of an integer does.
            Some(float) if !number.is_i64() && !number.is_u64() => text.push_str(&float.to_string()),
            _ => text.push_str(&number.to_string()),
        },
        Value::Object(object) => write_object(text, object),
        Value::Bool(_) | Value::Null | Value::String(_) => text.push_str(&value.to_string()),
    }
}

#[derive(Clone, Copy)]
struct Strict {
    depth: usize,
}

impl<'de> DeserializeSeed<'de> for Strict {
    type Value = Value;

    fn deserialize<D: Deserializer<'de>>(self, deserializer: D) -> Result<Value, D::Error> {
        deserializer.deserialize_any(self)
    }
}

impl Strict {
    fn deeper<E: Error>(self) -> Result<Self, E> {
        if self.depth == MAX_DEPTH {
            return Err(E::custom("nested too deep"));
        }
        Ok(Self { depth: self.depth + 1 })
    }
}

impl<'de> Visitor<'de> for Strict {
    type Value = Value;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("JSON without repeated names")
    }

    fn visit_bool<E: Error>(self, value: bool) -> Result<Value, E> {
        Ok(value.into())
    }

    fn visit_i64<E: Error>(self, value: i64) -> Result<Value, E> {
        Ok(value.into())
    }

    fn visit_u64<E: Error>(self, value: u64) -> Result<Value, E> {
        Ok(value.into())
    }

    fn visit_f64<E: Error>(self, value: f64) -> Result<Value, E> {
        Number::from_f64(value).map(Value::Number).ok_or_else(|| E::custom("not a finite number"))
    }

    fn visit_str<E: Error>(self, value: &str) -> Result<Value, E> {
        Ok(value.into())
    }

    fn visit_unit<E: Error>(self) -> Result<Value, E> {
        Ok(Value::Null)
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut values: A) -> Result<Value, A::Error> {
        let inside = self.deeper()?;
        let mut list = Vec::new();
        while let Some(value) = values.next_element_seed(inside)? {
            list.push(value);
        }
        Ok(list.into())
    }

    fn visit_map<A: MapAccess<'de>>(self, mut members: A) -> Result<Value, A::Error> {
        let inside = self.deeper()?;
        let mut object = Object::new();
        while let Some(name) = members.next_key::<String>()? {
            let value = members.next_value_seed(inside)?;
            if object.insert(name, value).is_some() {
                return Err(A::Error::custom("a name stands twice"));
            }
        }
        Ok(object.into())
    }
}

const MAX_DEPTH: usize = 16;

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn jwt_11_a_name_must_not_stand_twice_at_any_depth() {
        for text in [r#"{"a":1,"a":1}"#, r#"{"a":1,"\u0061":2}"#, r#"{"b":{"a":1,"a":2}}"#, r#"{"b":[{"a":1,"a":2}]}"#]
        {
            assert_eq!(object(text.as_bytes()), Err(NotStrict), "{text}");
        }
        assert!(object(br#"{"a":1,"b":{"a":1}}"#).is_ok());
    }

    #[test]
    fn jwt_30_only_one_object_in_plain_utf_8_is_read() {
        for text in [
            &b""[..],
            b"1",
            b"[]",
            b"null",
            b"\"a\"",
            b"{}x",
            b"{}{}",
            b"{}\0",
            b"\xef\xbb\xbf{}",
            b"{\"a\":\"\xff\"}",
            b"{'a':1}",
            b"{\"a\":NaN}",
            b"{\"a\":1e999}",
            b"{\"a\":01}",
            b"{\"a\":\"\n\"}",
            b"{\"a\":1,}",
        ] {
            assert_eq!(object(text), Err(NotStrict), "{}", text.escape_ascii());
        }
    }

    #[test]
    fn jwt_26_deep_nesting_is_refused_without_recursion_to_its_end() {
        let deep = format!("{{\"a\":{}{}}}", "[".repeat(10_000), "]".repeat(10_000));
        assert_eq!(object(deep.as_bytes()), Err(NotStrict));
        let fits = format!("{{\"a\":{}{}}}", "[".repeat(15), "]".repeat(15));
        assert!(object(fits.as_bytes()).is_ok());
    }

    #[test]
    fn one_value_has_one_spelling() {
        let spell = |text: &str| canonical(&object(text.as_bytes()).unwrap());
        assert_eq!(spell(r#"{ "b" : 1.0 , "a" : [ true , null , "\u0061\/" ] }"#), r#"{"a":[true,null,"a/"],"b":1}"#);
        assert_eq!(spell(r#"{"a":1e3}"#), spell(r#"{"a":1000}"#));
        assert_ne!(spell(r#"{"a":1}"#), spell(r#"{"a":"1"}"#));
    }

    proptest! {
        #[test]
        fn any_bytes_are_read_without_panic_and_the_one_spelling_is_stable(bytes in prop::collection::vec(any::<u8>(), 0..64)) {
            if let Ok(read) = object(&bytes) {
                let text = canonical(&read);
                prop_assert_eq!(canonical(&object(text.as_bytes()).unwrap()), text);
            }
        }
    }
}
