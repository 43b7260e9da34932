//! Bodies: what is read of a JSON request, and the two styles in which answers are written.

use std::borrow::Cow;
use std::collections::BTreeMap;
use std::fmt::{self, Write as _};

use bytes::Bytes;
use http::{HeaderMap, HeaderValue, Request, Response, StatusCode, header};
use jiff::Timestamp;
use serde::de::{self, DeserializeSeed, Deserializer, IgnoredAny, MapAccess, SeqAccess, Visitor};
use trackgate_schemes::Rejection;
use trackgate_schemes::store::StoreError;

use super::ID;
use crate::message::{self, Body, BodyError};
use crate::trackers::json::{PythonText, Scalar};
use crate::trackers::unavailable;

/// Why a handler stops.
#[derive(Debug)]
pub(super) enum Stop {
    /// This answer, as it is.
    Answer(Box<Response<Bytes>>),
    /// `{"status": "error", "message": …}` with this status.
    Message(StatusCode, Cow<'static, str>),
    /// A small HTML page of this status.
    Page(StatusCode),
    /// A rejection, to be worded by the dialect.
    Rejected(Rejection),
}

impl Stop {
    /// 400 with the message that most faults share.
    pub(super) const PAYLOAD: Self = Self::Message(StatusCode::BAD_REQUEST, Cow::Borrowed("invalid payload"));
    /// 401 for want of a token that can do this.
    pub(super) const TOKEN: Self = Self::Message(StatusCode::UNAUTHORIZED, Cow::Borrowed(PROVIDE_TOKEN));
}

impl From<Response<Bytes>> for Stop {
    fn from(answer: Response<Bytes>) -> Self {
        Self::Answer(Box::new(answer))
    }
}

impl From<Rejection> for Stop {
    fn from(why: Rejection) -> Self {
        Self::Rejected(why)
    }
}

impl From<StoreError> for Stop {
    fn from(error: StoreError) -> Self {
        unavailable(ID)(error).into()
    }
}

/// Reads the wanted members of a JSON object (contract section 2.1).
///
/// # Errors
///
/// 415 for another type, 413, 408 or 400 for a body that cannot be read, 400 JSON for what is no object
/// or an empty one.
pub(super) async fn members(
    request: Request<Body>,
    limit: u64,
    wanted: &'static [&'static str],
) -> Result<Members, Stop> {
    let (head, body) = request.into_parts();
    if !is_json(&head.headers) {
        return Err(Stop::Page(StatusCode::UNSUPPORTED_MEDIA_TYPE));
    }
    let bytes = body.read(limit).await.map_err(|error| match error {
        BodyError::Broken(_) => Stop::Page(StatusCode::BAD_REQUEST),
        BodyError::TimedOut | BodyError::TooLarge => Stop::from(Rejection::new(error.reason(), ID)),
    })?;
    match document(&bytes, wanted) {
        None => Err(Stop::Page(StatusCode::BAD_REQUEST)),
        Some(Document::Empty | Document::Other) => Err(Stop::PAYLOAD),
        Some(Document::Object(members)) => Ok(members),
    }
}

/// `application/json` or `application/*+json`, in any case, with any parameters, on one line.
fn is_json(headers: &HeaderMap) -> bool {
    let mut lines = headers.get_all(header::CONTENT_TYPE).iter();
    let (Some(line), None) = (lines.next(), lines.next()) else { return false };
    let Ok(line) = line.to_str() else { return false };
    let kind = line.split(';').next().unwrap_or_default().trim().to_ascii_lowercase();
    kind == "application/json" || (kind.starts_with("application/") && kind.ends_with("+json"))
}

/// A JSON document by what the original makes of it.
pub(super) enum Document {
    /// False in a condition: `{}`, `[]`, `""`, `0`, `false`, `null`.
    Empty,
    /// An object with members.
    Object(Members),
    /// Anything else.
    Other,
}

/// The wanted members of an object.
#[derive(Clone, Default)]
pub(super) struct Members {
    wanted: BTreeMap<&'static str, Scalar>,
    /// Whether there are members that nobody asked for.
    more: bool,
}

impl Members {
    /// Whether the object has all of these members, be they `null`.
    pub(super) fn have(&self, names: &[&str]) -> bool {
        names.iter().all(|name| self.has(name))
    }

    /// Takes a member out; `Null` if there is none.
    pub(super) fn take(&mut self, name: &str) -> Scalar {
        self.wanted.remove(name).unwrap_or(Scalar::Null)
    }

    /// Whether there is a member of this name, and be it `null`.
    pub(super) fn has(&self, name: &str) -> bool {
        self.wanted.contains_key(name)
    }

    /// Whether there is a member, of any name, but this one.
    pub(super) fn has_beside(&self, name: &str) -> bool {
        self.more || self.wanted.keys().any(|key| *key != name)
    }
}

/// Reads a document, keeping the wanted members alone; `None` if it is no JSON.
pub(super) fn document(bytes: &[u8], wanted: &'static [&'static str]) -> Option<Document> {
    let text = decoded(bytes)?;
    let mut reader = serde_json::Deserializer::from_str(&text);
    let document = Wanted(wanted).deserialize(&mut reader).ok()?;
    reader.end().ok()?;
    Some(document)
}

/// UTF-8, or UTF-16 as told by its mark or by where its first zero byte stands.
fn decoded(bytes: &[u8]) -> Option<Cow<'_, str>> {
    match bytes {
        [0xEF, 0xBB, 0xBF, rest @ ..] => std::str::from_utf8(rest).ok().map(Cow::Borrowed),
        [0xFF, 0xFE, rest @ ..] => utf16(rest, u16::from_le_bytes),
        [0xFE, 0xFF, rest @ ..] => utf16(rest, u16::from_be_bytes),
        [0, second, ..] if *second != 0 => utf16(bytes, u16::from_be_bytes),
        [first, 0, ..] if *first != 0 => utf16(bytes, u16::from_le_bytes),
        _ => std::str::from_utf8(bytes).ok().map(Cow::Borrowed),
    }
}

fn utf16(bytes: &[u8], unit: fn([u8; 2]) -> u16) -> Option<Cow<'_, str>> {
    let (pairs, rest) = bytes.as_chunks::<2>();
    if !rest.is_empty() {
        return None;
    }
    char::decode_utf16(pairs.iter().map(|pair| unit(*pair))).collect::<Result<String, _>>().ok().map(Cow::Owned)
}

struct Wanted(&'static [&'static str]);

impl<'de> DeserializeSeed<'de> for Wanted {
    type Value = Document;

    fn deserialize<D: Deserializer<'de>>(self, reader: D) -> Result<Document, D::Error> {
        reader.deserialize_any(self)
    }
}

impl<'de> Visitor<'de> for Wanted {
    type Value = Document;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a JSON document")
    }

    fn visit_unit<E: de::Error>(self) -> Result<Document, E> {
        Ok(Document::Empty)
    }

    fn visit_bool<E: de::Error>(self, value: bool) -> Result<Document, E> {
        Ok(if value { Document::Other } else { Document::Empty })
    }

    fn visit_i64<E: de::Error>(self, _negative: i64) -> Result<Document, E> {
        Ok(Document::Other)
    }

    fn visit_u64<E: de::Error>(self, value: u64) -> Result<Document, E> {
        Ok(if value == 0 { Document::Empty } else { Document::Other })
    }

    fn visit_f64<E: de::Error>(self, value: f64) -> Result<Document, E> {
        Ok(if value == 0.0 { Document::Empty } else { Document::Other })
    }

    fn visit_str<E: de::Error>(self, text: &str) -> Result<Document, E> {
        Ok(if text.is_empty() { Document::Empty } else { Document::Other })
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut list: A) -> Result<Document, A::Error> {
        let mut document = Document::Empty;
        while list.next_element::<IgnoredAny>()?.is_some() {
            document = Document::Other;
        }
        Ok(document)
    }

    fn visit_map<A: MapAccess<'de>>(self, mut object: A) -> Result<Document, A::Error> {
        let (mut members, mut empty) = (Members::default(), true);
        while let Some(name) = object.next_key::<String>()? {
            empty = false;
            if let Some(wanted) = self.0.iter().find(|wanted| **wanted == name) {
                members.wanted.insert(wanted, object.next_value()?);
            } else {
                object.next_value::<IgnoredAny>()?;
                members.more = true;
            }
        }
        Ok(if empty { Document::Empty } else { Document::Object(members) })
    }
}

/// A value of an answer.
#[derive(Clone, Debug)]
pub(super) enum Json {
    /// `null`.
    Null,
    /// `true` or `false`.
    Bool(bool),
    /// A whole number.
    Int(i64),
    /// A number that always carries a fraction.
    Float(f64),
    /// Text.
    Text(String),
    /// An instant, in microseconds since 1970 (UTC).
    Date(i64),
    /// A list.
    List(Vec<Json>),
    /// An object with these keys in this order.
    Map(Vec<(String, Json)>),
    /// An object; its keys go out sorted.
    Object(BTreeMap<&'static str, Json>),
}

impl Json {
    /// An object of these members.
    pub(super) fn object(members: impl IntoIterator<Item = (&'static str, Self)>) -> Self {
        Self::Object(members.into_iter().collect())
    }

    /// Text, or `null`.
    pub(super) fn text(text: Option<&str>) -> Self {
        text.map_or(Self::Null, |text| Self::Text(text.to_owned()))
    }

    /// As archives have it: four blanks a level, dates as `2026-11-22 01:43:09.715050`.
    pub(super) fn archived(&self) -> String {
        let mut out = String::new();
        self.write_archived(&mut out, 0);
        out
    }

    fn write_archived(&self, out: &mut String, depth: usize) {
        let line = |out: &mut String, depth: usize| {
            out.push('\n');
            out.extend(std::iter::repeat_n("    ", depth));
        };
        match self {
            Self::Date(at) => {
                let at = timestamp(*at);
                let form = if at.subsec_microsecond() == 0 { "" } else { ".%6f" };
                write!(out, "\"{}\"", at.strftime(&format!("%Y-%m-%d %H:%M:%S{form}"))).expect(STRING);
            }
            Self::List(values) if !values.is_empty() => {
                for (n, value) in values.iter().enumerate() {
                    out.push(if n == 0 { '[' } else { ',' });
                    line(out, depth + 1);
                    value.write_archived(out, depth + 1);
                }
                line(out, depth);
                out.push(']');
            }
            Self::Object(members) if !members.is_empty() => {
                for (n, (name, value)) in members.iter().enumerate() {
                    out.push(if n == 0 { '{' } else { ',' });
                    line(out, depth + 1);
                    write!(out, "{}: ", PythonText(name)).expect(STRING);
                    value.write_archived(out, depth + 1);
                }
                line(out, depth);
                out.push('}');
            }
            plain => plain.write(out),
        }
    }

    fn write(&self, out: &mut String) {
        match self {
            Self::Null => out.push_str("null"),
            Self::Bool(value) => out.push_str(if *value { "true" } else { "false" }),
            Self::Int(value) => write!(out, "{value}").expect(STRING),
            Self::Float(value) => write!(out, "{value:?}").expect(STRING),
            Self::Text(text) => write!(out, "{}", PythonText(text)).expect(STRING),
            Self::Date(at) => {
                write!(out, "\"{}\"", timestamp(*at).strftime("%a, %d %b %Y %H:%M:%S GMT")).expect(STRING);
            }
            Self::List(values) => {
                out.push('[');
                for (n, value) in values.iter().enumerate() {
                    if n > 0 {
                        out.push(',');
                    }
                    value.write(out);
                }
                out.push(']');
            }
            Self::Map(members) => {
                out.push('{');
                for (n, (name, value)) in members.iter().enumerate() {
                    if n > 0 {
                        out.push(',');
                    }
                    write!(out, "{}:", PythonText(name)).expect(STRING);
                    value.write(out);
                }
                out.push('}');
            }
            Self::Object(members) => {
                for (n, (name, value)) in members.iter().enumerate() {
                    out.push(if n == 0 { '{' } else { ',' });
                    write!(out, "{}:", PythonText(name)).expect(STRING);
                    value.write(out);
                }
                out.push_str(if members.is_empty() { "{}" } else { "}" });
            }
        }
    }
}

/// An instant; one beyond what a calendar holds is 1970.
fn timestamp(microseconds: i64) -> Timestamp {
    Timestamp::from_microsecond(microseconds).unwrap_or_default()
}

/// An answer in the style of success: keys sorted, no blanks, ASCII, one final newline.
pub(super) fn success(status: StatusCode, members: impl IntoIterator<Item = (&'static str, Json)>) -> Response<Bytes> {
    let mut text = String::new();
    Json::object(members).write(&mut text);
    text.push('\n');
    message::json(status, text)
}

/// An answer in the style of errors: members in the given order, `", "` and `": "`, no newline.
pub(super) fn error(status: StatusCode, members: &[(&str, &str)]) -> Response<Bytes> {
    let mut text = String::new();
    for (n, (name, value)) in members.iter().enumerate() {
        text.push_str(if n == 0 { "{" } else { ", " });
        write!(text, "{}: {}", PythonText(name), PythonText(value)).expect(STRING);
    }
    text.push('}');
    message::json(status, text)
}

/// `{"status": "error", "message": …}`.
pub(super) fn error_message(status: StatusCode, message: &str) -> Response<Bytes> {
    error(status, &[("status", "error"), ("message", message)])
}

/// 204: no body, and yet a type, as the original has it.
pub(super) fn no_content() -> Response<Bytes> {
    message::json(StatusCode::NO_CONTENT, Bytes::new())
}

/// 404 of a thing in a list of this name: `{"status": "not found", "data": {…: []}}`.
pub(super) fn not_found_in(list: &str) -> Response<Bytes> {
    let text = format!("{{\"status\": \"not found\", \"data\": {{{}: []}}}}", PythonText(list));
    message::json(StatusCode::NOT_FOUND, text)
}

/// A small page for faults of HTTP itself, in the shape that the original's framework gives them.
pub(super) fn page(status: StatusCode) -> Response<Bytes> {
    let name = status.canonical_reason().unwrap_or("Error");
    let sentence = match status {
        StatusCode::BAD_REQUEST => "The request cannot be read.",
        StatusCode::METHOD_NOT_ALLOWED => "This path does not take this method.",
        StatusCode::PAYLOAD_TOO_LARGE => "The body is larger than this server takes.",
        StatusCode::UNSUPPORTED_MEDIA_TYPE => "The body must be JSON and say so.",
        _ => "The request cannot be answered.",
    };
    let code = status.as_u16();
    let text =
        format!("<!doctype html>\n<html lang=en>\n<title>{code} {name}</title>\n<h1>{name}</h1>\n<p>{sentence}</p>\n");
    let mut response = Response::new(text.into());
    *response.status_mut() = status;
    let kind = HeaderValue::from_static("text/html; charset=utf-8");
    response.headers_mut().insert(header::CONTENT_TYPE, kind);
    response
}

/// The 401 for want of a usable token.
pub(super) const PROVIDE_TOKEN: &str = "provide a valid auth token";

const STRING: &str = "writing to a string does not fail";
