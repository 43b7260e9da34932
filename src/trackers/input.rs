//! The named fields of a request body: a form, a JSON object, or multipart form data.
//!
//! Values are kept as secrets, for most of them are. A field that stands twice is never read as the first
//! or the last of the two: two readers could choose differently.

use std::fmt;

use http::{HeaderMap, header};
use serde::de::{self, Deserialize, Deserializer, MapAccess, Visitor};
use trackgate_schemes::Secret;

use super::json::Scalar;

/// The fields of one body, in their order.
#[derive(Debug, Default)]
pub(super) struct Fields(Vec<(Box<[u8]>, Value)>);

#[derive(Debug)]
enum Value {
    /// A JSON value other than a string.
    NotText,
    Text(Secret),
}

/// Why a field has no value.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum FieldFault {
    Missing,
    NotText,
    Twice,
}

/// A body that is not in the form that its content type, or the end point, names.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Unreadable;

impl Fields {
    /// Reads a body in the form that the `Content-Type` of these headers names.
    ///
    /// # Errors
    ///
    /// [`Unreadable`] for another or no type, for two types, and for a body that is not of its type.
    pub(super) fn read(headers: &HeaderMap, body: &[u8]) -> Result<Self, Unreadable> {
        let mut types = headers.get_all(header::CONTENT_TYPE).iter();
        let (Some(Ok(content_type)), None) = (types.next().map(|value| value.to_str()), types.next()) else {
            return Err(Unreadable);
        };
        let (media_type, parameters) = content_type.split_once(';').unwrap_or((content_type, ""));
        match media_type.trim().to_ascii_lowercase().as_str() {
            "application/json" => Self::json(body),
            "application/x-www-form-urlencoded" => Self::form(body),
            "multipart/form-data" => Self::multipart(boundary(parameters).ok_or(Unreadable)?.as_bytes(), body),
            _ => Err(Unreadable),
        }
    }

    /// Reads a JSON object (RFC 8259) and nothing behind it but blanks.
    ///
    /// # Errors
    ///
    /// [`Unreadable`] if that is not what the body is.
    pub(super) fn json(body: &[u8]) -> Result<Self, Unreadable> {
        serde_json::from_slice::<Self>(body).map_err(|_broken| Unreadable)?.counted()
    }

    /// Reads a JSON object at the start of the body; what follows it does not matter.
    ///
    /// # Errors
    ///
    /// [`Unreadable`] if the body does not start with one.
    pub(super) fn json_at_start(body: &[u8]) -> Result<Self, Unreadable> {
        match serde_json::Deserializer::from_slice(body).into_iter::<Self>().next() {
            Some(Ok(fields)) => fields.counted(),
            Some(Err(_)) | None => Err(Unreadable),
        }
    }

    /// Reads `a=b&c=d`. A `%` without two hex digits stands for itself, as in PHP: people paste such
    /// passwords into a shell.
    fn form(body: &[u8]) -> Result<Self, Unreadable> {
        let pairs = body.split(|byte| *byte == b'&').filter(|pair| !pair.is_empty());
        let fields = pairs.map(|pair| {
            let (name, value) = cut(pair, b"=").unwrap_or((pair, b""));
            (decoded(name), Value::Text(Secret::new(decoded(value))))
        });
        Self(fields.take(MAX_FIELDS + 1).collect()).counted()
    }

    /// Reads multipart form data (RFC 7578). Files are not fields.
    fn multipart(boundary: &[u8], body: &[u8]) -> Result<Self, Unreadable> {
        let delimiter = [b"\r\n--".as_slice(), boundary].concat();
        // The first delimiter may be the first thing of all, without the line end in front.
        let first = delimiter.strip_prefix(b"\r\n").unwrap_or_default();
        let after_first = body.strip_prefix(first).or_else(|| cut(body, &delimiter).map(|(_, rest)| rest));
        let mut rest = after_first.ok_or(Unreadable)?;
        let mut fields = Self::default();
        while !rest.starts_with(b"--") {
            // Blanks may pad a delimiter (RFC 2046 §5.1.1).
            let padding = rest.iter().take_while(|byte| matches!(byte, b' ' | b'\t')).count();
            let inside = rest.split_at(padding).1.strip_prefix(b"\r\n").ok_or(Unreadable)?;
            let (part, behind) = cut(inside, &delimiter).ok_or(Unreadable)?;
            let (head, value) = cut(part, b"\r\n\r\n").ok_or(Unreadable)?;
            if let Some(name) = part_name(head)? {
                fields.0.push((name.into_bytes().into(), Value::Text(Secret::new(value))));
            }
            if fields.0.len() > MAX_FIELDS {
                return Err(Unreadable);
            }
            rest = behind;
        }
        Ok(fields)
    }

    fn counted(self) -> Result<Self, Unreadable> {
        if self.0.len() > MAX_FIELDS { Err(Unreadable) } else { Ok(self) }
    }

    /// The value of a field: bytes of any kind.
    ///
    /// # Errors
    ///
    /// [`FieldFault`] unless it stands there once, as a text.
    pub(super) fn secret(&self, name: &str) -> Result<&Secret, FieldFault> {
        let mut values = self.0.iter().filter(|(key, _)| **key == *name.as_bytes());
        match (values.next(), values.next()) {
            (None, _) => Err(FieldFault::Missing),
            (Some((_, Value::Text(text))), None) => Ok(text),
            (Some((_, Value::NotText)), None) => Err(FieldFault::NotText),
            (Some(_), Some(_)) => Err(FieldFault::Twice),
        }
    }

    /// The value of a field that is UTF-8.
    ///
    /// # Errors
    ///
    /// [`FieldFault`] unless it stands there once, as a text in UTF-8.
    pub(super) fn text(&self, name: &str) -> Result<&str, FieldFault> {
        self.secret(name)?.expose_text().ok_or(FieldFault::NotText)
    }
}

impl<'de> Deserialize<'de> for Fields {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_map(FieldsVisitor)
    }
}

struct FieldsVisitor;

impl<'de> Visitor<'de> for FieldsVisitor {
    type Value = Fields;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("an object")
    }

    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Fields, A::Error> {
        let mut fields = Vec::new();
        while let Some(key) = map.next_key::<String>()? {
            if fields.len() > MAX_FIELDS {
                return Err(de::Error::custom("too many fields"));
            }
            let value = match map.next_value()? {
                Scalar::Text(text) => Value::Text(text.into()),
                _ => Value::NotText,
            };
            fields.push((key.into_bytes().into(), value));
        }
        Ok(Fields(fields))
    }
}

/// The `boundary` among the parameters of a content type (RFC 2046 §5.1.1: 1 to 70 characters).
fn boundary(parameters: &str) -> Option<String> {
    let boundary = parameter(parameters, "boundary").ok()??;
    (1..=70).contains(&boundary.len()).then_some(boundary)
}

/// The field's name in the head of a part; `None` for a file.
fn part_name(head: &[u8]) -> Result<Option<String>, Unreadable> {
    let head = std::str::from_utf8(head).map_err(|_other| Unreadable)?;
    let mut dispositions = head
        .split("\r\n")
        .filter_map(|line| line.split_once(':'))
        .filter(|(name, _)| name.eq_ignore_ascii_case("content-disposition"));
    let (Some((_, disposition)), None) = (dispositions.next(), dispositions.next()) else {
        return Err(Unreadable);
    };
    let (kind, parameters) = disposition.split_once(';').ok_or(Unreadable)?;
    if !kind.trim().eq_ignore_ascii_case("form-data") {
        return Err(Unreadable);
    }
    if parameter(parameters, "filename")?.is_some() || parameter(parameters, "filename*")?.is_some() {
        return Ok(None);
    }
    parameter(parameters, "name")?.map(Some).ok_or(Unreadable)
}

/// A parameter of `; a=b; c="d"`, unquoted; an error if it stands twice or a quote is not closed.
fn parameter(mut text: &str, wanted: &str) -> Result<Option<String>, Unreadable> {
    let mut found = None;
    loop {
        text = text.trim_start_matches([' ', '\t', ';']);
        if text.is_empty() {
            return Ok(found);
        }
        let (name, behind) = text.split_once('=').ok_or(Unreadable)?;
        let value;
        (value, text) = match behind.strip_prefix('"') {
            Some(quoted) => unquoted(quoted)?,
            None => match behind.split_once(';') {
                Some((value, rest)) => (value.trim().to_owned(), rest),
                None => (behind.trim().to_owned(), ""),
            },
        };
        if name.trim().eq_ignore_ascii_case(wanted) && found.replace(value).is_some() {
            return Err(Unreadable);
        }
    }
}

/// What stands before the closing quote, and what behind it.
fn unquoted(quoted: &str) -> Result<(String, &str), Unreadable> {
    let mut value = String::new();
    let mut chars = quoted.chars();
    loop {
        match chars.next().ok_or(Unreadable)? {
            '"' => return Ok((value, chars.as_str())),
            '\\' => value.push(chars.next().ok_or(Unreadable)?),
            other => value.push(other),
        }
    }
}

/// `+` is a blank, `%41` is `A`.
pub(super) fn decoded(text: &[u8]) -> Box<[u8]> {
    let hex = |byte: &u8| char::from(*byte).to_digit(16).and_then(|digit| u8::try_from(digit).ok());
    let mut plain = Vec::with_capacity(text.len());
    let mut rest = text;
    while let [byte, behind @ ..] = rest {
        rest = behind;
        plain.push(match (byte, behind) {
            (b'+', _) => b' ',
            (b'%', [high, low, after @ ..]) => match (hex(high), hex(low)) {
                (Some(high), Some(low)) => {
                    rest = after;
                    high << 4 | low
                }
                _ => b'%',
            },
            _ => *byte,
        });
    }
    plain.into()
}

/// What stands before and behind the first `mark`.
fn cut<'a>(bytes: &'a [u8], mark: &[u8]) -> Option<(&'a [u8], &'a [u8])> {
    let at = bytes.windows(mark.len()).position(|window| window == mark)?;
    let (before, rest) = bytes.split_at(at);
    Some((before, rest.split_at(mark.len()).1))
}

/// More fields than any of our forms has.
const MAX_FIELDS: usize = 64;

#[cfg(test)]
mod tests {
    use http::HeaderValue;
    use proptest::prelude::*;

    use super::*;

    fn read(content_type: &str, body: &[u8]) -> Result<Fields, Unreadable> {
        let mut headers = HeaderMap::new();
        headers.insert(header::CONTENT_TYPE, HeaderValue::from_str(content_type).unwrap());
        Fields::read(&headers, body)
    }

    fn form(body: &[u8]) -> Fields {
        read("application/x-www-form-urlencoded", body).unwrap()
    }

    fn multipart(body: &str) -> Result<Fields, Unreadable> {
        read("multipart/form-data; boundary=\"b c\"", body.replace('\n', "\r\n").as_bytes())
    }

    #[test]
    fn a_form_is_decoded_once() {
        let fields = form(b"a=1+2%2B3%2541&b=&c&%64=%C3%A4&e=100%sure%&=x");
        assert_eq!(fields.text("a"), Ok("1 2+3%41"));
        assert_eq!(fields.text("b"), Ok(""));
        assert_eq!(fields.text("c"), Ok(""));
        assert_eq!(fields.text("d"), Ok("\u{e4}"));
        assert_eq!(fields.text("e"), Ok("100%sure%"));
        assert_eq!(fields.text("f"), Err(FieldFault::Missing));
    }

    #[test]
    fn a_doubled_field_has_no_value() {
        assert_eq!(form(b"a=1&b=2&a=1").text("a"), Err(FieldFault::Twice));
        assert_eq!(form(b"a=1&b=2&%61=1").text("a"), Err(FieldFault::Twice));
        let json = Fields::json(br#"{"a":"1","\u0061":1}"#).unwrap();
        assert_eq!(json.text("a"), Err(FieldFault::Twice));
        let part = "--b c\nContent-Disposition: form-data; name=a\n\n1\n";
        assert_eq!(multipart(&format!("{part}{part}--b c--")).unwrap().text("a"), Err(FieldFault::Twice));
    }

    #[test]
    fn bas_06_bytes_that_are_not_utf_8_are_no_text_and_never_replaced() {
        let fields = form(b"a=%ff&b=\xff");
        assert_eq!(fields.text("a"), Err(FieldFault::NotText));
        assert_eq!(fields.secret("b").unwrap().expose(), b"\xff");
        assert!(Fields::json(b"{\"a\":\"\xff\"}").is_err());
        assert!(Fields::json(br#"{"a":"\ud800"}"#).is_err());
    }

    #[test]
    fn a_json_field_is_a_string_or_no_text() {
        let fields = Fields::json(br#"{"a":1,"b":[{"c":[]}],"d":{"e":1.5},"f":null,"g":true,"h":-1,"i":"x"}"#).unwrap();
        for name in ["a", "b", "d", "f", "g", "h"] {
            assert_eq!(fields.text(name), Err(FieldFault::NotText), "{name}");
        }
        assert_eq!(fields.text("i"), Ok("x"));
        for body in ["", "[]", "\"a\"", "1", "null", "{", "{}x", "{\"a\":1e999}", "\u{feff}{}"] {
            assert_eq!(Fields::json(body.as_bytes()).err(), Some(Unreadable), "{body}");
        }
    }

    #[test]
    fn only_the_lenient_reader_takes_bytes_behind_the_object() {
        for body in ["{\"a\":\"1\"}}", " {\"a\":\"1\"} x", "{\"a\":\"1\"}\u{0}"] {
            assert_eq!(Fields::json_at_start(body.as_bytes()).unwrap().text("a"), Ok("1"), "{body}");
            assert!(Fields::json(body.as_bytes()).is_err(), "{body}");
        }
        for body in ["", "}", "[]", "{\"a\":\"1\"", "x{\"a\":\"1\"}"] {
            assert!(Fields::json_at_start(body.as_bytes()).is_err(), "{body}");
        }
    }

    #[test]
    fn multipart_has_fields_and_leaves_files_out() {
        let body = "preamble\n--b c \nX: y\ncontent-disposition: Form-Data; name=\"a \\\"q\\\"\"\n\none\ntwo\n\
            --b c\nContent-Disposition: form-data; name=f; filename=\"a.txt\"\n\nfile\n\
            --b c\nContent-Disposition: form-data; name=e\n\n\n--b c--\nepilogue";
        let fields = multipart(body).unwrap();
        assert_eq!(fields.text("a \"q\""), Ok("one\r\ntwo"));
        assert_eq!(fields.text("f"), Err(FieldFault::Missing));
        assert_eq!(fields.text("e"), Ok(""));
    }

    #[test]
    fn broken_multipart_is_unreadable() {
        let whole = "--b c\nContent-Disposition: form-data; name=a\n\n1\n--b c--";
        assert!(multipart(whole).is_ok());
        for cut in 0..whole.len() {
            assert!(multipart(whole.get(..cut).unwrap()).is_err(), "{cut}");
        }
        for head in [
            "Content-Disposition: form-data; name=a; name=b",
            "Content-Disposition: form-data; name=\"a",
            "Content-Disposition: form-data",
            "Content-Disposition: form-data; filler=a",
            "Content-Disposition: attachment; name=a",
            "Content-Disposition: form-data; name=a\nContent-Disposition: form-data; name=b",
            "X: y",
        ] {
            assert!(multipart(&format!("--b c\n{head}\n\n1\n--b c--")).is_err(), "{head}");
        }
        for content_type in
            ["multipart/form-data", "multipart/form-data; boundary=", "multipart/form-data; boundary=a; boundary=b"]
        {
            assert!(read(content_type, b"--a\r\n").is_err(), "{content_type}");
        }
        let long = format!("multipart/form-data; boundary={}", "b".repeat(71));
        assert!(read(&long, b"").is_err());
    }

    #[test]
    fn a_body_needs_one_type_that_is_known() {
        assert!(Fields::read(&HeaderMap::new(), b"a=1").is_err());
        assert!(read("text/plain", b"a=1").is_err());
        assert!(read("APPLICATION/X-WWW-Form-Urlencoded ; charset=utf-8", b"a=1").is_ok());
        let mut two = HeaderMap::new();
        two.append(header::CONTENT_TYPE, HeaderValue::from_static("application/json"));
        two.append(header::CONTENT_TYPE, HeaderValue::from_static("application/json"));
        assert!(Fields::read(&two, b"{}").is_err());
    }

    #[test]
    fn dos_06_too_many_fields_or_levels_are_unreadable() {
        let pairs = |n: usize| "a=1&".repeat(n);
        assert!(read("application/x-www-form-urlencoded", pairs(64).as_bytes()).is_ok());
        assert!(read("application/x-www-form-urlencoded", pairs(65).as_bytes()).is_err());
        assert!(Fields::json(format!("{{{}\"b\":1}}", "\"a\":1,".repeat(64)).as_bytes()).is_err());
        assert!(Fields::json(format!("{{\"a\":{}", "{\"a\":".repeat(100_000)).as_bytes()).is_err());
        let part = "--b c\nContent-Disposition: form-data; name=a\n\n1\n";
        assert!(multipart(&format!("{}--b c--", part.repeat(65))).is_err());
    }

    #[test]
    fn log_05_fields_do_not_print_their_values() {
        assert!(!format!("{:?}", form(b"password=opensesame")).contains("opensesame"));
    }

    proptest! {
        #[test]
        fn any_body_of_any_type_is_read_without_panic(
            kind in "(application/json|application/x-www-form-urlencoded|multipart/form-data; boundary=\"?b\"?)?",
            body in prop_oneof![
                proptest::collection::vec(any::<u8>(), 0..300),
                "(--b|\r\n|\r\n\r\n|Content-Disposition: form-data|; (file)?name=|\"|a|--|\\\\){0,24}".prop_map(String::into_bytes),
            ],
        ) {
            drop(read(&kind, &body));
            drop(Fields::json_at_start(&body));
        }

        #[test]
        fn what_a_form_says_is_what_is_read(value in proptest::collection::vec(any::<u8>(), 0..40)) {
            let escaped: Vec<_> = value.iter().map(|byte| format!("%{byte:02x}")).collect();
            let fields = form(format!("a={}", escaped.concat()).as_bytes());
            prop_assert_eq!(fields.secret("a").unwrap().expose(), &*value);
        }
    }
}
