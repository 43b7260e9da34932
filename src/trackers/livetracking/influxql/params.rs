//! Values for `$name`.

use std::collections::HashMap;
use std::fmt;
use std::sync::Arc;

use serde_json::{Map, Value};

use super::token::Kind;

/// Values that a statement names as `$name`: the `params` of a request.
///
/// Texts, numbers, booleans, and objects of one entry that say what their text is: `{"duration": "10s"}`,
/// `{"identifier": "hr_bpm"}`, `{"regex": "a.*"}`, `{"string": "x"}`. A value is one token, whatever it holds.
#[derive(Clone, Default)]
pub(crate) struct Params(HashMap<String, Bound>);

/// What stands for a parameter: a token without its place.
#[derive(Clone)]
pub(super) struct Bound {
    pub(super) kind: Kind,
    pub(super) literal: Option<Arc<str>>,
}

impl Params {
    /// Reads the JSON object of a request; an empty text is no parameter.
    ///
    /// # Errors
    ///
    /// [`ParamsError`], whose text is the whole error of the request.
    pub(crate) fn parse(text: &str) -> Result<Self, ParamsError> {
        if text.is_empty() {
            return Ok(Self::default());
        }
        let value = serde_json::from_str(text).map_err(|error| ParamsError(query_parameters(&error)))?;
        match value {
            Value::Null => Ok(Self::default()),
            Value::Object(values) => Ok(Self(values.into_iter().map(|(name, value)| (name, bind(value))).collect())),
            other => Err(ParamsError(format!(
                "error parsing query parameters: json: cannot unmarshal {} into Go value of type map[string]interface {{}}",
                json_kind(&other)
            ))),
        }
    }

    pub(super) fn get(&self, name: &str) -> Option<&Bound> {
        self.0.get(name)
    }
}

/// Values may be private.
impl fmt::Debug for Params {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_set().entries(self.0.keys()).finish()
    }
}

/// Why a text is no set of parameters.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct ParamsError(String);

impl fmt::Display for ParamsError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl std::error::Error for ParamsError {}

fn query_parameters(error: &serde_json::Error) -> String {
    let why = if error.is_eof() { "unexpected EOF".to_owned() } else { error.to_string() };
    format!("error parsing query parameters: {why}")
}

fn bind(value: Value) -> Bound {
    match value {
        Value::Bool(true) => Bound { kind: Kind::True, literal: None },
        Value::Bool(false) => Bound { kind: Kind::False, literal: None },
        Value::Number(number) if number.is_f64() => match number.as_f64() {
            Some(number) => saying(Kind::Number, number.to_string()),
            None => unusable("unable to bind parameter with type float64"),
        },
        Value::Number(number) => saying(Kind::Integer, number.to_string()),
        Value::String(text) => saying(Kind::Text, text),
        Value::Object(object) => bind_object(&object),
        Value::Array(_) => unusable("unable to bind parameter with type []interface {}"),
        Value::Null => unusable("unable to bind parameter with type <nil>"),
    }
}

fn bind_object(object: &Map<String, Value>) -> Bound {
    let mut entries = object.iter();
    let (Some((what, value)), None) = (entries.next(), entries.next()) else {
        return unusable("bound object parameter value must have exactly one entry");
    };
    match (what.as_str(), value) {
        ("duration", Value::String(text)) => saying(Kind::Duration, text.clone()),
        ("duration", Value::Number(number)) if number.is_i64() => saying(Kind::Duration, format!("{number}ns")),
        ("duration", _) => unusable("duration literal must be a string or integer value"),
        ("float", Value::Number(number)) => match number.as_f64() {
            Some(number) => saying(Kind::Number, number.to_string()),
            None => unusable("number literal must be a float value"),
        },
        ("float", _) => unusable("number literal must be a float value"),
        ("identifier", Value::String(text)) => saying(Kind::Name, text.clone()),
        ("identifier", _) => unusable("identifier must be a string value"),
        ("integer", Value::Number(number)) if !number.is_f64() => saying(Kind::Integer, number.to_string()),
        ("integer", _) => unusable("integer literal must be an integer value"),
        ("regex", Value::String(text)) => saying(Kind::Regex, text.clone()),
        ("regex", _) => unusable("regex literal must be a string value"),
        ("string", Value::String(text)) => saying(Kind::Text, text.clone()),
        ("string", _) => unusable("string literal must be a string value"),
        (other, _) => unusable(&format!("unknown bind object type: {other}")),
    }
}

fn saying(kind: Kind, literal: String) -> Bound {
    Bound { kind, literal: Some(literal.into()) }
}

fn unusable(why: &str) -> Bound {
    Bound { kind: Kind::Parameter, literal: Some(why.into()) }
}

fn json_kind(value: &Value) -> &'static str {
    match value {
        Value::Array(_) => "array",
        Value::Bool(_) => "bool",
        Value::Null => "null",
        Value::Number(_) => "number",
        Value::Object(_) => "object",
        Value::String(_) => "string",
    }
}
