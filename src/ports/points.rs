//! Samples of accounts: points in measurements, with tags and fields, in time order.
//!
//! The words are those of InfluxDB 1.x: a *point* belongs to a *series* (a measurement and a set of tags), has
//! an instant and *fields*, each of which has one type within its measurement. A point of a series and instant
//! that is written again is merged into the first: field by field, the last value wins.

use std::fmt;
use std::ops::{ControlFlow, RangeInclusive};
use std::sync::Arc;

use tokio::sync::watch;
use trackgate_schemes::AccountId;
use trackgate_schemes::store::{Answer, StoreError};

use super::PointsFigures;

/// The value of a field.
#[derive(Clone, Debug, PartialEq)]
#[expect(clippy::exhaustive_enums, reason = "stores keep each of them")]
pub enum FieldValue {
    /// True or false.
    Boolean(bool),
    /// A number, finite.
    Float(f64),
    /// A whole number.
    Integer(i64),
    /// A text.
    String(Arc<str>),
}

/// The type of a field.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[expect(clippy::exhaustive_enums, reason = "stores keep each of them")]
pub enum FieldType {
    /// True or false.
    Boolean,
    /// A number.
    Float,
    /// A whole number.
    Integer,
    /// A text.
    String,
}

impl FieldType {
    /// Its name in messages and lists.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Boolean => "boolean",
            Self::Float => "float",
            Self::Integer => "integer",
            Self::String => "string",
        }
    }
}

impl fmt::Display for FieldType {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

impl FieldValue {
    /// Its type.
    pub fn kind(&self) -> FieldType {
        match self {
            Self::Boolean(_) => FieldType::Boolean,
            Self::Float(_) => FieldType::Float,
            Self::Integer(_) => FieldType::Integer,
            Self::String(_) => FieldType::String,
        }
    }
}

/// A measurement with one set of tags.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
#[expect(clippy::exhaustive_structs, reason = "a record that whoever writes builds")]
pub struct SeriesKey {
    /// The measurement.
    pub measurement: Arc<str>,
    /// Its tags, sorted by key, each key once, no value empty.
    pub tags: Arc<[(Arc<str>, Arc<str>)]>,
}

/// Points to be written together, in the order in which they came. Names stand once.
#[derive(Clone, Debug, Default, PartialEq)]
#[expect(clippy::exhaustive_structs, reason = "a record that whoever writes builds")]
pub struct Batch {
    /// The series, each once.
    pub series: Vec<SeriesKey>,
    /// The names of fields, each once.
    pub fields: Vec<Arc<str>>,
    /// The points.
    pub rows: Vec<Row>,
    /// The cells of all points, one point after the other.
    pub cells: Vec<(u32, FieldValue)>,
}

/// A point of a [`Batch`].
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[expect(clippy::exhaustive_structs, reason = "a record that whoever writes builds")]
pub struct Row {
    /// Its place in [`Batch::series`].
    pub series: u32,
    /// Its instant, nanoseconds since 1970 (UTC).
    pub at: i64,
    /// How many of the following [`Batch::cells`] are its own, at least one. A cell names its place in
    /// [`Batch::fields`].
    pub cells: u32,
}

/// How a write ended: everything is stored that is not told of here.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
#[expect(clippy::exhaustive_structs, reason = "a record that stores build")]
pub struct PointsWritten {
    /// Points that were not stored since a field of theirs has another type.
    pub dropped: u64,
    /// The first of those.
    pub conflict: Option<Conflict>,
}

/// A field that is written with another type than it has.
#[derive(Clone, Debug, PartialEq, Eq)]
#[expect(clippy::exhaustive_structs, reason = "a record that stores build")]
pub struct Conflict {
    /// The measurement.
    pub measurement: Arc<str>,
    /// The field.
    pub field: Arc<str>,
    /// The type that was written.
    pub written: FieldType,
    /// The type that it has.
    pub existing: FieldType,
}

/// Keeps the points of each account.
pub trait Points: fmt::Debug + Send + Sync + 'static {
    /// Stores points; they are durable, and seen by every [`view`](Self::view) from then on, before it answers.
    /// A point with a field of another type than that has is left out; the others are stored.
    ///
    /// # Errors
    ///
    /// [`StoreError`]: none of the points counts as stored, though some may be found later.
    fn write(&self, account: AccountId, batch: Batch) -> Answer<'_, PointsWritten>;

    /// What there is of an account now; later writes do not change it. Reading it blocks.
    fn view(&self, account: AccountId) -> Arc<dyn PointsView>;

    /// Deletes the points that these series of an account have within a range of time.
    fn delete_points(&self, account: AccountId, series: Vec<SeriesKey>, range: RangeInclusive<i64>) -> Answer<'_, ()>;

    /// Deletes everything of an account.
    fn drop_points(&self, account: AccountId) -> Answer<'_, ()>;

    /// A number that grows whenever points of the account were stored.
    fn changes(&self, account: AccountId) -> watch::Receiver<u64>;

    /// How long points are kept at least, by their own instants; `None` for ever.
    fn retention(&self) -> Option<std::time::Duration>;

    /// Writes out what is only noted and closes; later calls fail as unavailable.
    fn close(&self) -> Answer<'_, ()>;

    /// How it fares; nothing where it does not count.
    fn figures(&self) -> PointsFigures {
        PointsFigures::default()
    }
}

/// The number of a series within a view.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
#[expect(clippy::exhaustive_structs, reason = "a number that stores give")]
pub struct SeriesId(pub u64);

/// The points of one account at one moment. Every call may read files, and so block.
pub trait PointsView: fmt::Debug + Send + Sync {
    /// The measurements that have points, sorted.
    fn measurements(&self) -> Vec<Arc<str>>;

    /// The fields of a measurement, sorted by name.
    fn fields(&self, measurement: &str) -> Vec<(Arc<str>, FieldType)>;

    /// The series of a measurement, sorted by their keys.
    fn series(&self, measurement: &str) -> Vec<(SeriesId, SeriesKey)>;

    /// Shows the values that a series has of a field at instants within `range`, in order of time, each instant
    /// once, in slices of any length; goes on as long as `visit` says so. In descending order the slices come
    /// last one first, and each is ascending in itself.
    ///
    /// # Errors
    ///
    /// [`StoreError`] if a file cannot be read, or not be trusted.
    fn scan(
        &self,
        series: SeriesId,
        field: &str,
        range: RangeInclusive<i64>,
        order: ScanOrder,
        visit: &mut dyn FnMut(Slice<'_>) -> ControlFlow<()>,
    ) -> Result<(), StoreError>;
}

/// From which end a scan begins.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[expect(clippy::exhaustive_enums, reason = "time has two directions")]
pub enum ScanOrder {
    /// The oldest slice first.
    Ascending,
    /// The newest slice first.
    Descending,
}

/// Values of one field with their instants, as many of the one as of the other, at least one.
#[derive(Clone, Copy, Debug, PartialEq)]
#[expect(clippy::exhaustive_structs, reason = "a record that stores build")]
pub struct Slice<'a> {
    /// Nanoseconds since 1970 (UTC), strictly ascending.
    pub times: &'a [i64],
    /// The value at each.
    pub values: Values<'a>,
}

/// Values of one type.
#[derive(Clone, Copy, Debug, PartialEq)]
#[expect(clippy::exhaustive_enums, reason = "stores keep each of them")]
pub enum Values<'a> {
    /// Of a [`FieldType::Boolean`].
    Boolean(&'a [bool]),
    /// Of a [`FieldType::Float`].
    Float(&'a [f64]),
    /// Of a [`FieldType::Integer`].
    Integer(&'a [i64]),
    /// Of a [`FieldType::String`].
    String(&'a [Arc<str>]),
}
