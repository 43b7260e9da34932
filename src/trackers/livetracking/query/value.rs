//! What stands in a cell of an answer.

use std::cmp::Ordering;
use std::sync::Arc;

use crate::ports::{FieldType, FieldValue, Values};

/// A cell.
#[derive(Clone, Debug, Default, PartialEq)]
pub(crate) enum Value {
    Boolean(bool),
    Float(f64),
    Integer(i64),
    #[default]
    Null,
    String(Arc<str>),
    /// Nanoseconds since 1970 (UTC).
    Time(i64),
}

impl Value {
    /// A text.
    pub(crate) fn text(text: &str) -> Self {
        Self::String(Arc::from(text))
    }

    /// Whether nothing stands here.
    pub(crate) fn is_null(&self) -> bool {
        matches!(self, Self::Null)
    }

    /// The value at a place of a slice.
    pub(crate) fn at(values: Values<'_>, place: usize) -> Self {
        match values {
            Values::Boolean(all) => all.get(place).map_or(Self::Null, |value| Self::Boolean(*value)),
            Values::Float(all) => all.get(place).map_or(Self::Null, |value| Self::Float(*value)),
            Values::Integer(all) => all.get(place).map_or(Self::Null, |value| Self::Integer(*value)),
            Values::String(all) => all.get(place).map_or(Self::Null, |value| Self::String(Arc::clone(value))),
        }
    }

    /// It as a number, if it is one.
    #[expect(clippy::cast_precision_loss, reason = "as the original counts")]
    pub(crate) fn number(&self) -> Option<f64> {
        match self {
            Self::Float(value) => Some(*value),
            Self::Integer(value) => Some(*value as f64),
            _ => None,
        }
    }

    /// It as a field of that type would hold it: whole numbers and others turn into each other, nothing else does.
    #[expect(clippy::cast_precision_loss, clippy::cast_possible_truncation, reason = "as the original casts")]
    pub(crate) fn cast(self, kind: FieldType) -> Self {
        match (kind, self) {
            (FieldType::Float, Self::Integer(value)) => Self::Float(value as f64),
            (FieldType::Integer, Self::Float(value)) => Self::Integer(value as i64),
            (FieldType::Boolean, value @ Self::Boolean(_))
            | (FieldType::Float, value @ Self::Float(_))
            | (FieldType::Integer, value @ Self::Integer(_))
            | (FieldType::String, value @ Self::String(_)) => value,
            _ => Self::Null,
        }
    }

    /// It as a field, if a field can hold it.
    pub(crate) fn field(&self) -> Option<FieldValue> {
        match self {
            Self::Boolean(value) => Some(FieldValue::Boolean(*value)),
            Self::Float(value) => value.is_finite().then_some(FieldValue::Float(*value)),
            Self::Integer(value) => Some(FieldValue::Integer(*value)),
            Self::Null => None,
            Self::String(value) => Some(FieldValue::String(Arc::clone(value))),
            Self::Time(at) => Some(FieldValue::Integer(*at)),
        }
    }

    /// Which of two values of one type is the greater.
    pub(crate) fn order(&self, other: &Self) -> Ordering {
        match (self, other) {
            (Self::Boolean(left), Self::Boolean(right)) => left.cmp(right),
            (Self::Integer(left), Self::Integer(right)) => left.cmp(right),
            (Self::String(left), Self::String(right)) => left.cmp(right),
            _ => match (self.number(), other.number()) {
                (Some(left), Some(right)) => left.total_cmp(&right),
                _ => Ordering::Equal,
            },
        }
    }

    /// Bytes that it holds beyond its own place.
    pub(crate) fn held(&self) -> usize {
        match self {
            Self::String(text) => text.len(),
            _ => 0,
        }
    }
}
