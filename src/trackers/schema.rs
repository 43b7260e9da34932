//! JSON Schemas in few words: what manuals say of bodies and parameters.

use serde_json::Value;
use utoipa::openapi::schema::{AnyOf, ArrayBuilder, Object, ObjectBuilder, SchemaType};
use utoipa::openapi::{Ref, RefOr, Schema, Type};

/// A schema or a reference to one.
pub(super) type Shape = RefOr<Schema>;

/// Any text.
pub(super) fn text() -> ObjectBuilder {
    ObjectBuilder::new().schema_type(Type::String)
}

/// Text of this form, a regular expression of ECMA-262.
pub(super) fn matching(pattern: &str) -> ObjectBuilder {
    text().pattern(Some(pattern))
}

/// Text of so many characters.
pub(super) fn sized(min: usize, max: usize) -> ObjectBuilder {
    text().min_length(Some(min)).max_length(Some(max))
}

/// Text in no more than so many characters.
pub(super) fn up_to(max: usize) -> ObjectBuilder {
    text().max_length(Some(max))
}

/// One of these words.
pub(super) fn word(words: &[&str]) -> ObjectBuilder {
    text().enum_values(Some(words.iter().map(|word| Value::from(*word))))
}

/// A whole number.
pub(super) fn integer() -> ObjectBuilder {
    ObjectBuilder::new().schema_type(Type::Integer)
}

/// A whole number from `min`.
pub(super) fn at_least(min: i64) -> ObjectBuilder {
    integer().minimum(Some(i32::try_from(min).unwrap_or(i32::MIN)))
}

/// A whole number from `min` to `max`.
pub(super) fn between(min: i32, max: i32) -> ObjectBuilder {
    integer().minimum(Some(min)).maximum(Some(max))
}

/// `0` or `1`.
pub(super) fn digit() -> ObjectBuilder {
    integer().enum_values(Some([0, 1]))
}

/// A number with or without a fraction.
pub(super) fn number() -> ObjectBuilder {
    ObjectBuilder::new().schema_type(Type::Number)
}

/// `true` or `false`.
pub(super) fn boolean() -> ObjectBuilder {
    ObjectBuilder::new().schema_type(Type::Boolean)
}

/// Anything at all.
pub(super) fn any() -> ObjectBuilder {
    ObjectBuilder::new().schema_type(SchemaType::AnyValue)
}

/// `null` alone.
pub(super) fn null() -> ObjectBuilder {
    ObjectBuilder::new().schema_type(Type::Null)
}

/// The same, or `null`.
pub(super) fn nullable(shape: ObjectBuilder) -> Object {
    let mut object = shape.build();
    if let SchemaType::Type(own) = &object.schema_type {
        object.schema_type = SchemaType::Array(vec![own.clone(), Type::Null]);
    }
    if let Some(values) = &mut object.enum_values {
        values.push(Value::Null);
    }
    object
}

/// A list of such.
pub(super) fn list(of: impl Into<Shape>) -> ArrayBuilder {
    ArrayBuilder::new().items(of.into())
}

/// Bytes that are no JSON.
pub(super) fn bytes() -> ObjectBuilder {
    text().content_media_type("application/octet-stream")
}

/// The schema that the manual keeps under this name.
pub(super) fn named(name: &str) -> Shape {
    Ref::from_schema_name(name).into()
}

/// One or more of these.
pub(super) fn any_of(shapes: impl IntoIterator<Item = Shape>) -> Shape {
    let mut any = AnyOf::new();
    any.items = shapes.into_iter().collect();
    Schema::from(any).into()
}

/// An object, member by member. Members that are not told of may stand there too.
#[derive(Default)]
pub(super) struct Record(ObjectBuilder);

/// An object without members so far.
pub(super) fn record() -> Record {
    Record(ObjectBuilder::new().schema_type(Type::Object))
}

impl Record {
    /// With a member that is always there.
    pub(super) fn must(self, name: &str, shape: impl Into<Shape>) -> Self {
        Self(self.0.property(name, shape).required(name))
    }

    /// With a member that may be missing.
    pub(super) fn may(self, name: &str, shape: impl Into<Shape>) -> Self {
        Self(self.0.property(name, shape))
    }

    /// With no fewer members than these, known or not.
    pub(super) fn at_least(self, members: usize) -> Self {
        Self(self.0.min_properties(Some(members)))
    }

    /// With an example.
    pub(super) fn example(self, example: Value) -> Self {
        Self(self.0.examples([example]))
    }
}

impl From<Record> for Shape {
    fn from(record: Record) -> Self {
        record.0.into()
    }
}
