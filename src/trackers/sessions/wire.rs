//! Bodies as they come in, JSON as it goes out.

use std::borrow::Cow;
use std::collections::BTreeMap;
use std::fmt::{self, Write as _};

use bytes::Bytes;
use http::{Response, StatusCode};
use serde::de::{DeserializeSeed, Deserializer, IgnoredAny, MapAccess, Visitor};
use trackgate_schemes::Rejection;
use trackgate_schemes::store::StoreError;

use super::ID;
use crate::message::{self, Body, BodyError};
use crate::trackers::json::{PhpText, Scalar};
use crate::trackers::unavailable;

/// Which of the two forms of answers a path has.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Form {
    /// A flat object; errors are `{"error": …}`.
    V1,
    /// The envelope of version 2.
    V2,
}

/// Why a handler stops.
#[derive(Debug, PartialEq)]
pub(super) enum Stop {
    /// 409: the session overlaps another.
    Conflict,
    /// 400, with what is wrong. The text repeats nothing that was sent.
    Fault(Cow<'static, str>),
    /// 404: the account has no such session.
    NotFound,
    /// A rejection, to be worded by the dialect.
    Rejected(Rejection),
}

impl Stop {
    /// 400 with this text.
    pub(super) fn fault(text: impl Into<Cow<'static, str>>) -> Self {
        Self::Fault(text.into())
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

/// Whether a body may have one comma before its last brace.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Commas {
    /// It may: the manual prints its example so.
    Lenient,
    /// It may not: RFC 8259.
    Strict,
}

/// The members of a request's object.
#[derive(Debug)]
pub(super) struct Members(BTreeMap<&'static str, Scalar>);

impl Members {
    /// Reads the wanted members of a body.
    ///
    /// # Errors
    ///
    /// 413, 408 or 400.
    pub(super) async fn read(body: Body, commas: Commas, wanted: &'static [&'static str]) -> Result<Self, Stop> {
        let bytes = body.read(MAX_BODY_BYTES).await.map_err(|error| match error {
            BodyError::Broken(_) => Stop::fault("the body broke off"),
            BodyError::TimedOut | BodyError::TooLarge => Stop::from(Rejection::new(error.reason(), ID)),
        })?;
        Self::parse(&bytes, commas, wanted)
    }

    /// Reads the wanted members of an object.
    ///
    /// # Errors
    ///
    /// 400 if it is no UTF-8, no JSON, no object, or has one of them twice.
    pub(super) fn parse(bytes: &[u8], commas: Commas, wanted: &'static [&'static str]) -> Result<Self, Stop> {
        let bytes = bytes.strip_prefix(b"\xEF\xBB\xBF").unwrap_or(bytes);
        let text = std::str::from_utf8(bytes).map_err(|_| Stop::fault("the body is not UTF-8"))?;
        if text.trim().is_empty() {
            return Err(Stop::fault("the body is empty"));
        }
        let read = match (object(text, wanted), commas) {
            (Err(fault), Commas::Lenient) => match without_last_comma(text) {
                Some(mended) => object(&mended, wanted),
                None => Err(fault),
            },
            (read, _) => read,
        };
        read.map_err(Stop::Fault)
    }

    /// A switch: `0` or `1`.
    ///
    /// # Errors
    ///
    /// 400 for anything else.
    pub(super) fn switch(&self, name: &'static str) -> Result<Option<bool>, Stop> {
        match self.get(name) {
            None => Ok(None),
            Some(Scalar::Bool(value)) => Ok(Some(*value)),
            Some(Scalar::Whole(number @ (0 | 1))) => Ok(Some(*number == 1)),
            Some(Scalar::Text(text)) if text == "1" => Ok(Some(true)),
            Some(Scalar::Text(text)) if text == "0" => Ok(Some(false)),
            Some(_) => Err(Stop::fault(format!("{name} must be 0 or 1"))),
        }
    }

    /// Text.
    ///
    /// # Errors
    ///
    /// 400 for another type.
    pub(super) fn text(&self, name: &'static str) -> Result<Option<&str>, Stop> {
        match self.get(name) {
            None => Ok(None),
            Some(Scalar::Text(text)) => Ok(Some(text)),
            Some(_) => Err(Stop::fault(format!("{name} must be text"))),
        }
    }

    fn get(&self, name: &str) -> Option<&Scalar> {
        self.0.get(name).filter(|value| **value != Scalar::Null)
    }
}

fn object(text: &str, wanted: &'static [&'static str]) -> Result<Members, Cow<'static, str>> {
    let mut reader = serde_json::Deserializer::from_str(text);
    let read = Wanted(wanted).deserialize(&mut reader).and_then(|members| reader.end().map(|()| members));
    match read {
        Ok(Ok(members)) => Ok(members),
        Ok(Err(twice)) => Err(format!("{twice} stands twice").into()),
        Err(error) if error.is_data() => Err("the body must be a JSON object".into()),
        Err(_) => Err("the body is not valid JSON".into()),
    }
}

/// The text without the one comma that stands before its last brace.
fn without_last_comma(text: &str) -> Option<String> {
    let before = text.trim_end_matches(BLANKS).strip_suffix('}')?;
    let before = before.trim_end_matches(BLANKS).strip_suffix(',')?;
    Some(format!("{before}}}"))
}

struct Wanted(&'static [&'static str]);

/// The members, or the name of the one that stands twice.
type Found = Result<Members, &'static str>;

impl<'de> DeserializeSeed<'de> for Wanted {
    type Value = Found;

    fn deserialize<D: Deserializer<'de>>(self, reader: D) -> Result<Found, D::Error> {
        reader.deserialize_map(self)
    }
}

impl<'de> Visitor<'de> for Wanted {
    type Value = Found;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a JSON object")
    }

    fn visit_map<A: MapAccess<'de>>(self, mut object: A) -> Result<Found, A::Error> {
        let mut members = Members(BTreeMap::new());
        let mut twice = None;
        while let Some(name) = object.next_key::<Cow<'de, str>>()? {
            let Some(wanted) = self.0.iter().find(|wanted| **wanted == name) else {
                object.next_value::<IgnoredAny>()?;
                continue;
            };
            if members.0.insert(wanted, object.next_value()?).is_some() {
                twice = Some(*wanted);
            }
        }
        Ok(twice.map_or(Ok(members), Err))
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
    /// Text.
    Text(String),
    /// A list.
    List(Vec<Json>),
    /// An object, in this order.
    Object(Vec<(&'static str, Json)>),
}

impl Json {
    /// Text.
    pub(super) fn text(text: impl Into<String>) -> Self {
        Self::Text(text.into())
    }

    /// `0` or `1`, as this tracker writes truth.
    pub(super) fn digit(value: bool) -> Self {
        Self::Int(value.into())
    }

    fn write(&self, out: &mut String) {
        match self {
            Self::Null => out.push_str("null"),
            Self::Bool(value) => out.push_str(if *value { "true" } else { "false" }),
            Self::Int(value) => write!(out, "{value}").expect(STRING),
            Self::Text(text) => write!(out, "{}", PhpText(text)).expect(STRING),
            Self::List(items) => {
                out.push('[');
                for (n, item) in items.iter().enumerate() {
                    out.push_str(if n == 0 { "" } else { "," });
                    item.write(out);
                }
                out.push(']');
            }
            Self::Object(members) => {
                out.push('{');
                for (n, (name, value)) in members.iter().enumerate() {
                    out.push_str(if n == 0 { "" } else { "," });
                    write!(out, "{}:", PhpText(name)).expect(STRING);
                    value.write(out);
                }
                out.push('}');
            }
        }
    }
}

impl From<Option<String>> for Json {
    fn from(text: Option<String>) -> Self {
        text.map_or(Self::Null, Self::Text)
    }
}

/// An answer that tells what was asked for.
pub(super) fn success(form: Form, status: StatusCode, data: Json) -> Response<Bytes> {
    let answer = match form {
        Form::V1 => data,
        Form::V2 => Json::Object(vec![("ok", Json::Bool(true)), ("data", data), ("meta", meta())]),
    };
    json(status, &answer)
}

/// An answer that tells what went wrong.
pub(super) fn error(form: Form, status: StatusCode, message: &str) -> Response<Bytes> {
    let answer = match form {
        Form::V1 => Json::Object(vec![("error", Json::text(message))]),
        Form::V2 => {
            let error = Json::Object(vec![("code", Json::text(code(status))), ("message", Json::text(message))]);
            Json::Object(vec![("ok", Json::Bool(false)), ("error", error), ("meta", meta())])
        }
    };
    json(status, &answer)
}

fn json(status: StatusCode, answer: &Json) -> Response<Bytes> {
    let mut text = String::new();
    answer.write(&mut text);
    message::json(status, text)
}

fn meta() -> Json {
    Json::Object(vec![("version", Json::Int(2))])
}

fn code(status: StatusCode) -> &'static str {
    match status.as_u16() {
        401 => "unauthorized",
        403 => "forbidden",
        404 => "not_found",
        405 => "method_not_allowed",
        409 => "conflict",
        429 => "rate_limited",
        500.. => "server_error",
        _ => "validation_error",
    }
}

/// Largest request body: the longest that makes sense is under 1 KiB.
pub(super) const MAX_BODY_BYTES: u64 = 64 * 1024;

/// What JSON calls white space.
const BLANKS: [char; 4] = [' ', '\t', '\n', '\r'];

const STRING: &str = "writing to a string does not fail";
